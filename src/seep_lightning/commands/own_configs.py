"""Config files of the user's own, in the folders that a command line names, read before Hydra reads them.

Hydra opens them by itself: at one that is no YAML it raises what its parser raised, without the file's name.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from seep_lightning.commands.overrides import overrides_in
from seep_lightning.commands.path_keys import config_folders
from seep_lightning.documents.regular_files import MEBIBYTE, check_regular
from seep_lightning.documents.yaml_files import read_yaml

LARGEST_SETTINGS = MEBIBYTE
"""Bytes of matplotlib's settings; its own have 40 kB."""
CONFIG_NAME_FLAGS = ("--config-name", "-cn")
SUFFIX = ".yaml"


def check_settings_of_working_folder() -> None:
    """Check what matplotlib reads in the working folder as soon as it is imported, whatever a command draws.

    Raises:
        UserError: It is a pipe or the like, which would block, or far larger than settings are.
    """
    settings = Path("matplotlibrc")
    if settings.exists() and not settings.is_dir():
        check_regular(settings.absolute(), largest=LARGEST_SETTINGS)


def check_own_configs(arguments: Sequence[str]) -> None:
    """Read the user's own files that a command line chooses, and those that these choose in turn.

    Args:
        arguments: The command line after the verb.

    Raises:
        UserError: One cannot be read; the message names it.
    """
    folders = [Path(folder) for folder in config_folders(arguments)]
    waiting = list(_chosen(arguments))
    seen: set[tuple[str, str]] = set()
    while folders and waiting:
        choice = waiting.pop()
        if choice in seen:
            continue
        seen.add(choice)
        group, name = choice
        for folder in folders:
            path = folder / group / f"{name.removesuffix(SUFFIX)}{SUFFIX}"
            if path.is_file():
                waiting += _defaults(read_yaml(path), group)


def _chosen(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Group and name of the files that a command line chooses; a key that is no group leads to no file."""
    for override in overrides_in(arguments):
        key, _, values = override.lstrip("+~").partition("=")
        group = key.partition("@")[0]
        # of a sweep, or a list of files, each
        for value in values.strip("[]").split(","):
            yield group, value.strip(" \"'")
    for flag, name in pairwise(arguments):
        if flag in CONFIG_NAME_FLAGS:
            yield "", name


def _defaults(content: Any, group: str) -> Iterator[tuple[str, str]]:
    """Group and name of the files in a file's own list of defaults."""
    listed = content.get("defaults") if isinstance(content, dict) else None
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, str):
            yield group, item.partition("@")[0]
        elif isinstance(item, dict):
            for key, value in item.items():
                inner = str(key).removeprefix("override ").removeprefix("optional ").partition("@")[0]
                parent = "" if inner.startswith("/") else group
                for name in value if isinstance(value, list) else [value]:
                    yield f"{parent}/{inner}".strip("/"), str(name)
