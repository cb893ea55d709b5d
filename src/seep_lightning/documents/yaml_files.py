"""YAML as plain values: no tag builds an object, nothing is interpolated, anchors and depth are bounded.

Scalars mean what they mean to OmegaConf, which writes these files: `1e-3` is a number, a date is text, and a key that
stands twice in one mapping is refused.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from seep_lightning.documents.damage import damaged
from seep_lightning.documents.depth import DEEPEST, too_deep
from seep_lightning.documents.regular_files import MEBIBYTE
from seep_lightning.documents.text import read_text
from seep_lightning.errors import UserError

LARGEST_YAML = 4 * MEBIBYTE
"""Bytes of a YAML file; a config has 10 kB."""

MOST_NODES = 100_000
"""Values, mappings and lists, those that aliases repeat counted again; a config has 300."""

# the parser of libyaml is ten times as fast, and not everywhere
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FLOAT = re.compile(
    r"""^(?:
     [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_DATE = "tag:yaml.org,2002:timestamp"


class _PlainLoader(_Loader):  # type: ignore[misc]
    """Plain values alone, with scalars as OmegaConf's own loader takes them."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """A mapping; an error for a key that stands twice."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag != yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG:
                continue
            if key_node.value in seen:
                problem = f"the key {key_node.value!r} stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


_PlainLoader.yaml_implicit_resolvers = {
    character: [(tag, pattern) for tag, pattern in resolvers if tag != _DATE]
    for character, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def read_yaml(path: Path, *, largest: int = LARGEST_YAML, advice: str = "") -> Any:
    """Read a YAML file of one document.

    Args:
        path: The file.
        largest: Bytes that it may have.
        advice: What to do about one that is damaged, a sentence.

    Returns:
        Mappings, lists and plain values; None for an empty file.

    Raises:
        UserError: It cannot be read, is not YAML, or holds more than plain values of a bounded depth and number.
    """
    return parsed_yaml(read_text(path, largest=largest), str(path), advice=advice)


def parsed_yaml(text: str, source: str, *, advice: str = "") -> Any:
    """The value that YAML says.

    Args:
        text: The YAML.
        source: Where it comes from, for messages.
        advice: What to do about one that is damaged, a sentence.

    Raises:
        UserError: It is not YAML, or holds more than plain values of a bounded depth and number.
    """
    try:
        _check_size(text, source)
        return yaml.load(text, _PlainLoader)
    except yaml.YAMLError as error:
        raise damaged(f"{source} is not YAML of plain values ({_reason(error)})", advice) from error
    # numbers and times that only look like ones
    except (ValueError, OverflowError) as error:
        raise damaged(f"{source} holds a value that cannot be read ({error})", advice) from error


def _check_size(text: str, source: str) -> None:
    """Raise `UserError` for a document that is too deep or too large with its aliases written out.

    Events come one by one from a parser that does not recurse, so nothing is built of what is refused.
    """
    sizes = _Sizes()
    for event in yaml.parse(text, _Loader):
        sizes.count(event, source)
        if sizes.depth > DEEPEST:
            raise too_deep(source)
        if sizes.nodes > MOST_NODES:
            raise UserError(
                f"{source} holds more than {MOST_NODES} values, aliases written out, as no file of this kind does. "
                "Put the file back."
            )


class _Sizes:
    """How many nodes a document has with its aliases written out, counted event by event.

    Attributes:
        nodes: So far.
    """

    def __init__(self) -> None:
        self.nodes = 0
        # what each anchor stands for, once it is complete
        self._anchored: dict[str, int] = {}
        # of the mappings and lists that are open: the anchor, and the nodes before it
        self._open: list[tuple[str | None, int]] = []

    @property
    def depth(self) -> int:
        """How many mappings and lists are open."""
        return len(self._open)

    def count(self, event: Any, source: str) -> None:
        """Count what an event adds."""
        match event:
            case yaml.AliasEvent():
                if event.anchor not in self._anchored:
                    raise UserError(f"{source}: the alias *{event.anchor} stands for nothing, or for itself.")
                self.nodes += self._anchored[event.anchor]
            case yaml.ScalarEvent():
                self.nodes += 1
                self._close(event.anchor, self.nodes - 1)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open.append((event.anchor, self.nodes))
                self.nodes += 1
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(*self._open.pop())

    def _close(self, anchor: str | None, before: int) -> None:
        """Note how many nodes an anchor stands for."""
        if anchor is not None:
            self._anchored[anchor] = self.nodes - before


def _reason(error: yaml.YAMLError) -> str:
    """What is wrong, with the line."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    return problem if mark is None else f"line {mark.line + 1}: {problem}"
