"""How deep and how large a tree of values may be, so that nothing that walks through it runs out of stack or memory."""

from collections.abc import Mapping
from typing import Any

from seep_lightning.errors import UserError

DEEPEST = 64
"""Mappings and lists within each other; a config has 6."""


def check_depth(value: Any, source: str) -> None:
    """Check that a tree of values is not too deep.

    Args:
        value: Mappings, lists and plain values.
        source: Where it comes from, for messages.

    Raises:
        UserError: It is deeper than `DEEPEST`.
    """
    level = [value]
    for _ in range(DEEPEST):
        level = [item for container in level for item in _items(container)]
        if not level:
            return
    raise too_deep(source)


def too_deep(source: str) -> UserError:
    """The error for a document whose mappings and lists stand within too many others."""
    return UserError(f"{source} is nested deeper than {DEEPEST} levels, as no file of this kind is. Put the file back.")


def _items(value: Any) -> list[Any]:
    """What stands directly in a mapping or list."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    return []
