"""Where cached results lie: beside the data set, in the user's cache, in a folder of the user's choice, or nowhere."""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from seep_lightning.data.chips import Chips
from seep_lightning.data.layouts.files import CACHE_FOLDER
from seep_lightning.data.pixel_stores.holding import hold
from seep_lightning.errors import UserError
from seep_lightning.files import write_whole

NO_CACHE = "none"
"""The value of `data.cache_folder` with which nothing is kept."""

MOST_KEPT = 4
"""Decoded pixels, and what was measured, are kept of so many ways to read a data set."""

# decoded pixels take at most this share of the free space of their disk
LARGEST_SHARE_OF_DISK = 0.25
_PART_SUFFIX = ".part"


def cache_folder(chips: Chips) -> Path | None:
    """Choose the folder for what is kept of a data set, and make it.

    Args:
        chips: The data set.

    Returns:
        The folder that `data.cache_folder` names; else one beside the chips; or in the user's cache where those cannot
        be written to. None for none.
    """
    chosen = chips.config.cache_folder
    if chosen == NO_CACHE:
        return None
    root = os.path.realpath(chips.root)
    own_name = hashlib.blake2b(root.encode(errors="surrogateescape"), digest_size=8).hexdigest()
    if chosen is not None:
        return _made(Path(chosen) / own_name)
    beside = _made(chips.root / CACHE_FOLDER)
    if beside is not None:
        return beside
    with suppress(RuntimeError):
        return _made(user_cache() / "chips" / own_name)
    return None


def user_cache() -> Path:
    """The folder of this package in the user's cache.

    Raises:
        RuntimeError: The user has no home.
    """
    told = os.environ.get("XDG_CACHE_HOME")
    base = Path(told) if told else Path.home() / ".cache"
    return base / "seep_lightning"


def _made(folder: Path) -> Path | None:
    """A folder that can be written to, made where there is none; None where that is not possible."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # a data set of a stranger may hold a link to a folder of ours
        is_real = not folder.is_symlink()
        if is_real and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


def has_room(folder: Path, size: int) -> bool:
    """Whether a file of so many bytes would take a small share of what is free."""
    try:
        return size <= LARGEST_SHARE_OF_DISK * shutil.disk_usage(folder).free
    except OSError:
        return False


def keep(path: Path, content: bytes) -> None:
    """Write a small file whole, if that is possible; without it, the work is only done again.

    Args:
        path: The file.
        content: Its bytes.
    """
    with suppress(UserError, OSError):
        write_whole(path, content, sync=False)


def part_of(path: Path) -> Path:
    """The name of a file that is still being written; others may write the same one."""
    return path.with_name(f".{path.stem}-{uuid4().hex[:8]}{_PART_SUFFIX}")


def tidy(folder: Path, pattern: str, most: int) -> None:
    """Remove what is no longer of use: parts that nobody writes any more, and the oldest files of a kind.

    Args:
        folder: The cache folder.
        pattern: Of the files of this kind, such as `pixels-*.raw`.
        most: How many of them stay.
    """
    for part in folder.glob(f".{pattern.partition('-')[0]}-*{_PART_SUFFIX}"):
        if _is_abandoned(part):
            _remove(part)
    for old in sorted(folder.glob(pattern), key=_last_use)[:-most]:
        _remove(old)


def mark_used(path: Path) -> None:
    """Note that a file was used, so that others go first."""
    with suppress(OSError):
        os.utime(path)


def _last_use(path: Path) -> float:
    """When a file was used last; 0 where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_abandoned(part: Path) -> bool:
    """Whether the process that wrote a file is gone, with its lock."""
    try:
        descriptor = os.open(part, os.O_RDWR | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        hold(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
