"""Config files whose keys stand at the top of a config: those of `experiment`, `sweep` and `task`.

Hydra puts the keys of a file below its group's name, unless the file begins with `# @package _global_`. Its error for a
file that lacks this line is about a key that the user never wrote.
"""

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from seep_lightning.commands.config_folder import conf_dir
from seep_lightning.commands.path_keys import config_folders
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.documents.text import read_text
from seep_lightning.errors import UserError

HEADER = "# @package _global_"
# groups named like a key of the schema, of which nothing can stand below
GROUPS_OF_TOP_KEYS = ("task",)
# Hydra's words about the file that it was composing
IN_FILE = re.compile(r"In '(?P<group>[^']+)/(?P<name>[^'/]+)'")


def missing_header(text: str, command: str, arguments: Sequence[str]) -> str | None:
    """Say that a file needs the line by which its keys stand at the top.

    Args:
        text: Hydra's message, which names the file's group.
        command: The verb that was composed.
        arguments: Its command line, with the user's folders of configs.

    Returns:
        The message; None where the error is about something else.
    """
    match = IN_FILE.search(text)
    if match is None or _has_keys_of_its_own(match["group"], command):
        return None
    path = _find(match["group"], match["name"], arguments)
    if path is None or _is_global(path):
        return None
    return (
        f"{path}: Hydra looks for its keys below {match['group']}, where there are none. "
        f"Write {HEADER} as the first line of the file."
    )


def _has_keys_of_its_own(group: str, command: str) -> bool:
    """Whether the files of a group belong below a key of the command's config, or are Hydra's."""
    top = group.partition("/")[0]
    keys = [field.name for field in fields(SCHEMAS[command])]
    return top == "hydra" or (top in keys and top not in GROUPS_OF_TOP_KEYS)


def _find(group: str, name: str, arguments: Sequence[str]) -> Path | None:
    """The file of a group, in our folder of configs or in one of the user's."""
    for folder in (conf_dir(), *map(Path, config_folders(arguments))):
        path = folder / group / f"{name.removesuffix('.yaml')}.yaml"
        if path.is_file():
            return path
    return None


def _is_global(path: Path) -> bool:
    """Whether a file begins with the line: Hydra reads such lines up to the first other one, even a comment."""
    try:
        text = read_text(path)
    except UserError:
        # Hydra's own message says what is wrong with it
        return True
    for line in text.splitlines():
        words = line.strip().lstrip("#").split()
        if words == ["@package", "_global_"]:
            return True
        if words and not words[0].startswith("@"):
            return False
    return False
