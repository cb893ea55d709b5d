"""`~` in paths: a shell replaces it at the beginning of a word only, and leaves `data.root=~/chips` as it is."""

import re
from dataclasses import fields, is_dataclass
from typing import Any

from seep_lightning.config.targets import mapped_values
from seep_lightning.files import with_home

# `~`, `~/chips` or `~anna/chips`
FROM_HOME = re.compile(r"~[\w.-]*(/.*)?", re.DOTALL)
# the same as an item without quotes, in a list or between the commas of a sweep
ITEM_FROM_HOME = re.compile(r"(?<![^\[,\s])~[\w.-]*(/[^,\]\s]*)?(?=[,\]\s]|$)")


def starts_from_home(text: str) -> bool:
    """Whether a text is a path that begins with somebody's home folder."""
    return FROM_HOME.fullmatch(text) is not None and not str(with_home(text)).startswith("~")


def with_home_folders(config: Any) -> Any:
    """A config with `~` replaced in each path: no other text of a config begins with somebody's home folder.

    Args:
        config: A dataclass of the schema; changed in place, also what lies in it.

    Returns:
        The same dataclass.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        setattr(config, field.name, _expanded(value))
    return config


def _expanded(value: Any) -> Any:
    """A value of a config with its paths from home replaced."""
    if is_dataclass(value):
        return with_home_folders(value)
    return mapped_values(value, _expanded_leaf)


def _expanded_leaf(value: Any) -> Any:
    """A value that is neither a mapping nor a list."""
    if is_dataclass(value):
        return with_home_folders(value)
    if isinstance(value, str) and starts_from_home(value):
        return str(with_home(value))
    return value
