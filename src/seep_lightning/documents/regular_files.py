"""Regular files within a size: a pipe, a device or a folder of the same name is refused, and none of them blocks."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seep_lightning.errors import UserError

MEBIBYTE = 1024**2
LARGEST_DOCUMENT = 64 * MEBIBYTE
"""Bytes of a text, JSON or XML file, unless its reader says otherwise: far above any that this package writes."""

# waiting for the other end of a pipe is never wanted; Windows has no pipes in folders
_OPENING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

# files of /proc have no size
_SHORTEST_READ = 64 << 10

_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "you may not read it",
    errno.EPERM: "you may not read it",
    errno.ELOOP: "it is a link that leads back to itself",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ESTALE: "it has vanished",
}


def is_there(path: Path) -> bool:
    """Whether anything has this name, be it a pipe or a link that leads nowhere: what is there is not passed over."""
    return os.path.lexists(path)


def entries_below(folder: Path) -> Iterator[Path]:
    """All files, folders and links at any depth below a folder, in no order; links are not followed.

    `os.walk` and `Path.rglob` of Python 3.11 call themselves, so that a folder of a thousand folders, one in the other,
    ends them.

    Args:
        folder: The folder; what is none, or cannot be read, has no entries.
    """
    waiting = [str(folder)]
    while waiting:
        entries: list[os.DirEntry[str]] = []
        # below a path that is too long nothing can be reached by its name
        with suppress(OSError), os.scandir(waiting.pop()) as found:
            entries = list(found)
        for entry in entries:
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)


def is_regular(path: Path) -> bool:
    """Whether a path leads to a regular file, also by links; false for one that cannot be reached."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def check_regular(path: Path, *, largest: int | None = None) -> os.stat_result:
    """Check a path before another library opens it.

    Args:
        path: The file; links are followed.
        largest: Bytes that it may have; None: any number.

    Returns:
        What the file system says of it.

    Raises:
        UserError: It is no regular file, cannot be reached, or is larger.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    _check_kind(path, status)
    _check_size(path, status.st_size, largest)
    return status


def read_bytes(path: Path, *, largest: int = LARGEST_DOCUMENT) -> bytes:
    """Read a regular file whole.

    Args:
        path: The file; links are followed.
        largest: Bytes that it may have.

    Returns:
        All its bytes.

    Raises:
        UserError: It is no regular file, cannot be read, or is larger.
    """
    check_regular(path, largest=largest)
    try:
        with open(os.open(path, _OPENING), "rb") as file:  # noqa: PTH123
            # what was a file a moment ago may be a pipe by now
            status = os.fstat(file.fileno())
            _check_kind(path, status)
            # as much memory as it needs: what is asked for is allocated at once
            asked = min(largest, max(status.st_size, _SHORTEST_READ)) + 1
            content = file.read(asked)
            if len(content) == asked:
                content += file.read(largest + 1 - asked)
    except OSError as error:
        raise _unreadable(path, error) from error
    # it may have grown
    _check_size(path, len(content), largest)
    return content


def _check_kind(path: Path, status: os.stat_result) -> None:
    """Raise `UserError` for what is no regular file."""
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is {_kind(status.st_mode)}; expected a regular file.")


def _check_size(path: Path, size: int, largest: int | None) -> None:
    """Raise `UserError` for a file of more bytes than it may have."""
    if largest is not None and size > largest:
        raise UserError(f"{path} is larger than {_in_words(largest)}; expected a file of at most that size.")


def _in_words(size: int) -> str:
    """A number of bytes."""
    return f"{size / MEBIBYTE:.0f} MiB" if size >= MEBIBYTE else f"{size} bytes"


def _unreadable(path: Path, error: OSError | ValueError) -> UserError:
    """The error for a file that the system does not give."""
    if not isinstance(error, OSError):
        # a name with NUL in it
        return UserError(f"{path!r} cannot be the name of a file ({error}).")
    reason = _REASONS.get(error.errno or 0, str(error.strerror))
    return UserError(f"{path} cannot be read: {reason}. Expected a regular file.")


def _kind(mode: int) -> str:
    """What a path leads to, in words."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "no file")
