"""The folder `conf/` as files: which groups a command has, what may be chosen of each, and what the files say of keys.

Hydra is not imported: completion answers while a person types.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seep_lightning.documents.text import read_text
from seep_lightning.documents.yaml_files import read_yaml

DEFAULTS = "defaults"
# entries of a defaults list that choose nothing
NO_CHOICES = ("override", "optional")
COMMENTED_KEY = re.compile(r"^(\w+):.*\s#\s+(.*)$", re.MULTILINE)
ADVICE = "Correct the file."


def conf_dir() -> Path:
    """The folder `conf/`: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    if installed.is_dir():
        return installed
    return package.parents[1] / "conf"


def groups_of(command: str) -> dict[str, str | None]:
    """The groups of configs that a command has, each with what is chosen by default.

    Args:
        command: A verb, such as `train`.
    """
    choices: dict[str, str | None] = {}
    for entry in _defaults_of(conf_dir() / f"{command}.yaml"):
        if isinstance(entry, Mapping):
            choices |= {str(group): name for group, name in entry.items() if not str(group).startswith(NO_CHOICES)}
    return choices


def choices_of(group: str, folders: Sequence[Path] = ()) -> list[str]:
    """What may be chosen of a group, sorted.

    Args:
        group: Such as `model`.
        folders: The user's own folders of configs, beside `conf/`.
    """
    files = [file for folder in (conf_dir(), *folders) for file in (folder / group).glob("*.yaml")]
    return sorted({file.stem for file in files})


def files_of(group: str, name: str, folders: Sequence[Path] = ()) -> list[Path]:
    """The files that a choice is made from: those of the same group that it starts from, then its own.

    Args:
        group: Such as `model`.
        name: Such as `unet_small`.
        folders: The user's own folders of configs, beside `conf/`.
    """
    for folder in (*folders, conf_dir()):
        file = folder / group / f"{name}.yaml"
        if file.is_file():
            bases = [entry for entry in _defaults_of(file) if isinstance(entry, str) and entry not in ("_self_", name)]
            below = [path for base in bases for path in files_of(group, base, folders)]
            return [*below, file]
    return []


def values_of(files: Sequence[Path]) -> dict[str, Any]:
    """What files hold at the top, a later one over an earlier one.

    Args:
        files: See `files_of`.
    """
    values: dict[str, Any] = {}
    for file in files:
        content = read_yaml(file, advice=ADVICE)
        values |= {str(key): value for key, value in content.items() if key != DEFAULTS} if content else {}
    return values


def comments_of(files: Sequence[Path]) -> dict[str, str]:
    """What stands behind the keys at the top of files, after a `#`.

    Args:
        files: See `files_of`.
    """
    return dict(comment for file in files for comment in _comments_in(file))


def _comments_in(file: Path) -> Iterator[tuple[str, str]]:
    yield from COMMENTED_KEY.findall(read_text(file))


def _defaults_of(file: Path) -> list[Any]:
    """The defaults list of a config file; empty where it has none."""
    content = read_yaml(file, advice=ADVICE)
    return content.get(DEFAULTS, []) if isinstance(content, Mapping) else []
