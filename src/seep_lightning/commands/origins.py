"""Where each value of a composed config comes from: a file of configs, the command line, or the schema's default."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from seep_lightning.commands.composition import ConfigFile, compose_arguments, config_files
from seep_lightning.commands.config_folder import conf_dir, groups_of, values_of
from seep_lightning.commands.overrides import key_of, overrides_in
from seep_lightning.commands.path_keys import config_folders
from seep_lightning.files import with_home
from seep_lightning.masking import masked_values

DEFAULT = "default"
TYPED = "command line"
# where the origins stand, beside values that are shorter
COLUMN = 44
KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class ComposedConfig:
    """A composed config, and where it comes from.

    Attributes:
        values: As plain values, references as they are written, what looks like a secret as stars.
        origins: By key path, where a value comes from: a file, `command line`; what is not in it is a default.
        choices: By group, the choice and who made it, such as `model=unet (command line)`.
    """

    values: Mapping[str, Any]
    origins: Mapping[KeyPath, str]
    choices: Mapping[str, str]

    def origin_of(self, path: KeyPath) -> str:
        """Where the value at a path comes from.

        Args:
            path: The names of its keys.
        """
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return DEFAULT


def composed_config(command: str, arguments: Sequence[str]) -> ComposedConfig:
    """Compose a command's config as its command line would.

    Args:
        command: A verb, such as `train`.
        arguments: What would be typed after it.

    Raises:
        HydraException: An override that does not fit.
    """
    cfg = compose_arguments(command, arguments)
    folders = [with_home(folder) for folder in config_folders(arguments)]
    origins: dict[KeyPath, str] = {}
    for file in config_files(command, arguments):
        origins |= _origins_in(file, folders)
    overrides = overrides_in(arguments)
    choices = _choices(command, cfg, overrides)
    typed_keys = {key_of(override) for override in overrides} - set(choices)
    origins |= {tuple(key.split(".")): TYPED for key in typed_keys}
    values = masked_values(OmegaConf.to_container(cfg, resolve=False))
    del values["hydra"]
    return ComposedConfig(values, origins, choices)


def origin_lines(composed: ComposedConfig) -> Iterator[str]:
    """A composed config as YAML, with where each value comes from behind it.

    Args:
        composed: The config.

    Yields:
        Its lines.
    """
    for group, choice in composed.choices.items():
        if group not in composed.values:
            yield f"# {choice}"
    yield from _lines(composed, composed.values, ())


def _lines(composed: ComposedConfig, values: Mapping[str, Any], above: KeyPath) -> Iterator[str]:
    """The lines of a mapping, indented."""
    indent = "  " * len(above)
    for name, value in values.items():
        path = (*above, str(name))
        if isinstance(value, Mapping) and value:
            yield _with_origin(f"{indent}{_written(name)}:", composed.choices.get("/".join(path), ""))
            yield from _lines(composed, value, path)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield _with_origin(f"{indent}{_written(name)}:", composed.origin_of(path))
            yield from (f"{indent}  - {_written(item)}" for item in value)
        else:
            yield _with_origin(f"{indent}{_written(name)}: {_written(value)}", composed.origin_of(path))


def _with_origin(line: str, origin: str) -> str:
    """A line with a comment, in one column with those of other short lines."""
    return f"{line:{COLUMN}} # {origin}" if origin else line


def _written(value: Any) -> str:
    """A value as YAML in one line."""
    document: str = yaml.safe_dump(value, default_flow_style=True, width=1_000_000, allow_unicode=True)
    return document.removesuffix("\n").removesuffix("\n...").strip()


def _origins_in(file: ConfigFile, folders: Sequence[Path]) -> dict[KeyPath, str]:
    """The key paths of the values in a file, each with the file; empty for a schema, which is no file."""
    for folder in (*folders, conf_dir()):
        path = folder / f"{file.name}.yaml"
        if path.is_file():
            shown = f"{folder.name}/{file.name}.yaml" if folder == conf_dir() else str(path)
            package = tuple(part for part in file.package.split(".") if part)
            return {(*package, *key): shown for key in _leaves(values_of([path]))}
    return {}


def _leaves(values: Mapping[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    for name, value in values.items():
        path = (*above, str(name))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path


def _choices(command: str, cfg: DictConfig, overrides: Sequence[str]) -> dict[str, str]:
    """What is chosen of each group, and by whom."""
    typed = {key_of(override) for override in overrides}
    made = cfg.hydra.runtime.choices
    choices: dict[str, str] = {}
    for group, default in groups_of(command).items():
        choice = made.get(group)
        if choice is None:
            continue
        by_file = DEFAULT if choice == default else "a file of configs"
        choices[group] = f"{group}={choice} ({TYPED if group in typed else by_file})"
    return choices
