"""Which files and folders a pattern such as `SCENES/**/*.tif` means, and which folders lie below another one.

Folders may be a stranger's: a thousand of them, one in the other, at which `glob` and `os.walk` of Python 3.11 end, or
a dozen with links to each other, between which there are millions of ways.
"""

import glob
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_SEPARATORS = re.escape(os.sep + (os.altsep or ""))
# a whole part of a pattern that stands for any number of folders
_ANY_FOLDERS = re.compile(rf"(?:^|(?<=[{_SEPARATORS}]))\*\*(?:[{_SEPARATORS}]+|$)")


def paths_like(pattern: str, root: Path | None = None) -> list[str]:
    """The files and folders that a pattern means, in no order; those in folders of hidden names are left out.

    Args:
        pattern: As `glob.glob` takes it; `**` stands for any number of folders, each of which is looked into once.
        root: What a relative pattern, and the names that are returned, begin from; None: the working folder.
    """
    head, *tail = _ANY_FOLDERS.split(pattern, maxsplit=1)
    # `Path.glob` takes no absolute pattern
    if not tail:
        return glob.glob(pattern, root_dir=root)  # noqa: PTH207
    found: dict[str, None] = {}
    for start in glob.glob(head, root_dir=root) if head else [""]:  # noqa: PTH207
        folder = Path(root or "", start)
        for place in ["", *(f"{place}/" for place in folders_below(folder, is_left_out=_is_hidden))]:
            inner = glob.escape(f"{start}{place}") + (tail[0] or "*")
            found |= dict.fromkeys(paths_like(inner, root))
    return list(found)


def folders_below(folder: Path, *, is_left_out: Callable[[str], bool]) -> Iterator[str]:
    """The folders at any depth below a folder, relative to it; links are followed, but no folder is given twice.

    Args:
        folder: The folder.
        is_left_out: Whether a folder, by its place below the first one, is not looked into.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    links: list[str] = []
    while waiting or links:
        # first the folders themselves, so that their own names tell what lies in them
        place = waiting.pop() if waiting else links.pop()
        identity = _identity(folder / place)
        if place and identity in seen:
            continue
        seen.add(identity)
        if place:
            yield place
        for name, is_link in sorted(_inner_folders(folder / place), reverse=True):
            inner = f"{place}/{name}" if place else name
            if not is_left_out(inner):
                (links if is_link else waiting).append(inner)


def _inner_folders(folder: Path) -> Iterator[tuple[str, bool]]:
    """The folders in a folder, each with whether it is a link."""
    # where nobody may look
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # a link that leads back to itself is no folder
            with suppress(OSError):
                if entry.is_dir():
                    yield entry.name, entry.is_symlink()


def _identity(folder: Path) -> tuple[int, int]:
    """What tells a folder from others, by whichever link it is reached."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_hidden(place: str) -> bool:
    return place.rpartition("/")[2].startswith(".")
