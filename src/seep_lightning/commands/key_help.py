"""The keys in a command's help: each with its value, its range and what it is, in the sections of its config."""

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf

from seep_lightning.commands.config_folder import comments_of, files_of, groups_of
from seep_lightning.config.declared_keys import DeclaredKey, declared_keys
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.config.target_texts import argument_texts
from seep_lightning.config.targets import TARGET
from seep_lightning.ranges import Span

# columns of `  key=value`, before what it is
KEY_WIDTH = 34
# columns where there is no terminal, and the most that a line is read well in
USUAL_WIDTH, WIDEST = 100, 120
# characters of a value that are shown; of a longer list or mapping, that there is something
LONGEST_VALUE = 50
# a larger end of a range is one of the machine
LARGEST_TOLD = 1e6


@dataclass(frozen=True)
class KeyLine:
    """A key as help shows it.

    Attributes:
        path: Such as `data.batch_size`.
        value: What the config holds.
        text: What it is; may be empty.
    """

    path: str
    value: Any
    text: str


@dataclass(frozen=True)
class KeySection:
    """Keys that stand together below one key.

    Attributes:
        title: Above the keys.
        lines: The keys.
    """

    title: str
    lines: tuple[KeyLine, ...]


def keys_help(command: str, *, _root_: DictConfig) -> str:
    """List the keys of a command; a resolver of the help in `conf/*.yaml`.

    Args:
        command: A verb, such as `train`.
        _root_: The composed config.

    Returns:
        The text, in which `$` is doubled for Hydra's template.
    """
    # a config of a verb whose keys cannot all be resolved is shown as it is written
    values = OmegaConf.to_container(_root_, resolve=False)
    assert isinstance(values, dict)
    width = min(shutil.get_terminal_size((USUAL_WIDTH, 0)).columns, WIDEST)
    sections = key_sections(command, {str(key): value for key, value in values.items()})
    text = "\n\n".join(_section_text(section, width) for section in sections)
    return text.replace("$", "$$")


def key_sections(command: str, values: Mapping[str, Any]) -> list[KeySection]:
    """The keys of a command in sections: those at the top first, then those below each of them.

    Args:
        command: A verb, such as `train`.
        values: Its composed config as plain values.
    """
    top: list[KeyLine] = []
    sections: list[KeySection] = []
    groups = groups_of(command)
    for key in declared_keys(SCHEMAS[command]):
        value = values.get(key.name, key.default)
        if key.schema is not None:
            lines = tuple(_lines_of_schema(key.schema, f"{key.name}.", value))
            sections.append(KeySection(_title(key, groups), lines))
        elif isinstance(value, Mapping) and value:
            lines = tuple(_lines_of_node(key.name, value, groups.get(key.name)))
            sections.append(KeySection(_title(key, groups), lines))
        else:
            top.append(KeyLine(key.name, value, _described(key)))
    return [KeySection("Keys, with their values here:", tuple(top)), *sections]


def _title(key: DeclaredKey, groups: Mapping[str, str | None]) -> str:
    chosen = f" ({key.name}={groups[key.name]} unless you choose another)" if groups.get(key.name) else ""
    return f"{key.name}{chosen}: {key.text}" if key.text else f"{key.name}{chosen}:"


def _lines_of_schema(schema: type[Any], prefix: str, values: Mapping[str, Any]) -> Iterator[KeyLine]:
    """The keys of a section that a dataclass declares, with those of sections in it."""
    for key in declared_keys(schema):
        value = values.get(key.name, key.default)
        if key.schema is not None:
            yield from _lines_of_schema(key.schema, f"{prefix}{key.name}.", value)
        else:
            yield KeyLine(f"{prefix}{key.name}", value, _described(key))


def _lines_of_node(path: str, node: Mapping[str, Any], choice: str | None) -> Iterator[KeyLine]:
    """The keys of a section that a config file declares: what its class says of them, and what the file says."""
    texts = dict(argument_texts(str(node.get(TARGET, ""))))
    for name, comment in comments_of(files_of(path, choice)).items() if choice else ():
        said = texts.get(name)
        texts[name] = f"{said} ({comment})" if said else comment
    for name, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _lines_of_node(f"{path}.{name}", value, None)
        else:
            yield KeyLine(f"{path}.{name}", value, texts.get(name, ""))


def _described(key: DeclaredKey) -> str:
    """What a key is, and its range where the text alone does not tell it."""
    limits = key.expected if key.allowed or _is_telling(key.span) else ""
    needed = "needed" if key.default == MISSING else ""
    additions = "; ".join(filter(None, (limits, needed)))
    if not additions:
        return key.text
    return f"{key.text} ({additions})" if key.text else additions


def _is_telling(span: Span | None) -> bool:
    """Whether a range says something about a key, and not only what 32 bits hold."""
    bounds = (span.at_most, span.below) if span is not None else (math.inf,)
    return all(bound is None or bound <= LARGEST_TOLD for bound in bounds)


def _section_text(section: KeySection, width: int) -> str:
    lines = [line for key in section.lines for line in _key_text(key, width)]
    return "\n".join([*wrap(section.title, width, break_long_words=False), *lines])


def _key_text(key: KeyLine, width: int) -> list[str]:
    """A key in as many lines as it takes: the text beside it, or below it where it is long."""
    assignment = f"  {key.path}={_shown(key.value)}"
    indent = " " * KEY_WIDTH
    text = wrap(key.text, max(width - KEY_WIDTH, 20), break_long_words=False, break_on_hyphens=False)
    if not text:
        return [assignment]
    if len(assignment) >= KEY_WIDTH:
        return [assignment, *(indent + line for line in text)]
    return [f"{assignment:{KEY_WIDTH}}{text[0]}", *(indent + line for line in text[1:])]


def _shown(value: Any) -> str:
    """A value as a command line has it; a long one shortened."""
    if value == MISSING:
        return "..."
    if isinstance(value, str):
        return value
    document: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    written = document.removesuffix("\n...\n").strip()
    if len(written) <= LONGEST_VALUE:
        return written
    return "[...]" if isinstance(value, list) else "{...}"
