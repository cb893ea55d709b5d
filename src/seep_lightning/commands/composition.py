"""The config of a command: composed from `conf/` and the overrides, then a typed and checked dataclass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning import compat
from seep_lightning.commands.config_folder import conf_dir
from seep_lightning.commands.home_folder import with_home_folders
from seep_lightning.commands.overrides import overrides_in, quote_override, quote_value
from seep_lightning.commands.path_keys import config_folders
from seep_lightning.config.references import resolved_but_secrets
from seep_lightning.config.rules import check_config
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.config.secrets import check_no_secrets
from seep_lightning.errors import UserError, first_line


def register_schemas() -> None:
    """Tell Hydra the schemas: `TrainConfig` is its `train_schema`, from which `conf/train.yaml` starts."""
    compat.share_config_store()
    store = ConfigStore.instance()
    for command, schema in SCHEMAS.items():
        name = f"{command}_schema"
        # a fifth of the time that a config takes, and the store keeps them
        if f"{name}.yaml" not in store.repo:
            store.store(name=name, node=schema)


def compose_untyped(command: str, overrides: list[str]) -> DictConfig:
    """Compose a command's config outside of a command line.

    Args:
        command: A verb, such as `train`.
        overrides: As on a command line. Paths need no quotes.

    Raises:
        HydraException: An override that does not fit.
    """
    register_schemas()
    quoted = [quote_override(override, multirun=False) for override in overrides]
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return hydra.compose(command, quoted)


def compose_arguments(command: str, arguments: Sequence[str]) -> DictConfig:
    """Compose a command's config as a command line does, with Hydra's own part.

    Args:
        command: A verb, such as `train`.
        arguments: Of one run, also `--config-dir` with a folder of the user's; other flags are left out.

    Raises:
        HydraException: An override that does not fit.
    """
    register_schemas()
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return hydra.compose(command, _overrides_of(arguments), return_hydra_config=True)


@dataclass(frozen=True)
class ConfigFile:
    """One of the files, or schemas, that a config is composed from.

    Attributes:
        name: Below a folder of configs and without its suffix, such as `model/unet`.
        package: The key below which its keys stand; empty: at the top.
    """

    name: str
    package: str


def config_files(command: str, arguments: Sequence[str]) -> list[ConfigFile]:
    """What `compose_arguments` composes a config from, in this order: of two, the later one counts.

    Args:
        command: A verb, such as `train`.
        arguments: See `compose_arguments`.

    Raises:
        HydraException: An override that does not fit.
    """
    register_schemas()
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        composed_from = loader.compute_defaults_list(command, _overrides_of(arguments), RunMode.RUN)
    files = [ConfigFile(default.config_path, default.package or "") for default in composed_from.defaults]
    return [file for file in files if not file.name.startswith("hydra/")]


def _overrides_of(arguments: Sequence[str]) -> list[str]:
    """The overrides in a command line as Hydra takes them, with the user's folders of configs."""
    folders = [f"file://{Path(folder).absolute()}" for folder in config_folders(arguments)]
    overrides = [quote_override(override, multirun=False) for override in overrides_in(arguments)]
    if folders:
        listed = ",".join(quote_value(folder) for folder in folders)
        overrides.append(f"hydra.searchpath=[{listed}]")
    return overrides


def compose(command: str = "train", overrides: list[str] | None = None) -> Any:
    """Compose the typed config of a command, for notebooks and tests.

    Args:
        command: A verb, such as `train`.
        overrides: As on a command line, such as `["model=unet", "optimizer.lr=0.001"]`. Paths need no quotes.

    Returns:
        The dataclass of the command's schema, such as `TrainConfig`.

    Raises:
        UserError: A value that is missing, or that its rule does not allow.
        HydraException: An override that does not fit, such as a misspelt key.
    """
    return typed_config(compose_untyped(command, overrides or []))


def typed_config(cfg: DictConfig) -> Any:
    """Turn a composed config into its dataclass, and check it.

    Args:
        cfg: A config that Hydra has composed from a schema.

    Returns:
        The schema's dataclass, with plain values and dataclasses in it.

    Raises:
        UserError: A value that is missing, or that its rule does not allow.
    """
    with _interpolations_explained():
        missing = sorted(OmegaConf.missing_keys(cfg))
        values = None if missing else resolved_but_secrets(cfg)
    if missing:
        assignments = [f"{key}=..." for key in missing]
        raise UserError(f"{missing[0]} is not set. Pass {' '.join(assignments)} on the command line.")
    config = with_home_folders(values)
    check_config(config)
    check_no_secrets(config)
    return config


@contextmanager
def _interpolations_explained() -> Iterator[None]:
    """Raise what a value such as `${oc.env:HOME}` comes to, and its key does not take, as `UserError`."""
    try:
        yield
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "the config"
        raise UserError(f"{key}: {first_line(error)}.") from error
    except RecursionError as error:
        raise UserError("the config refers to itself without end: look for a key with ${...} of its own.") from error
