"""What an archive holds, within bounds: one from a stranger may claim any number of files of any size."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath

from seep_lightning.errors import UserError
from seep_lightning.scene.archive_members import Member, ambiguous, archive_kind, plain_name, read_members

UNREADABLE_ARCHIVE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    OSError,
    EOFError,
    # encrypted, or packed in a way that Python does not know
    RuntimeError,
    NotImplementedError,
    KeyError,
    # damaged names and numbers
    ValueError,
    OverflowError,
)
"""What Python raises for archives, and files in them, that it cannot read."""

MOST_MEMBERS = 20_000
# a product of a satellite is below 10 GB
LARGEST_UNPACKED = 256 << 30
# Deflate packs 1,032 to 1 at most, and rasters without any data come near that; an archive as a whole does not
LARGEST_RATIO = 250
LEAST_TO_DOUBT = 1 << 30
_PART_BYTES = 8 << 20


@lru_cache(maxsize=64)
def names_in(path: Path, changed: int) -> dict[str, str]:
    """The names of all files in an archive, for look-ups; none of one that cannot be read, see `members_of`.

    Args:
        path: The archive.
        changed: See `members_of`.

    Returns:
        The names as they stand in the archive, by their `plain_name`.
    """
    return {plain_name(member.name): member.name for member in members_of(path, changed)}


@lru_cache(maxsize=64)
def members_of(path: Path, changed: int) -> tuple[Member, ...]:
    """What an archive holds. Kept, since all of a compressed one is read for that, and it is asked for several times.

    Args:
        path: The archive.
        changed: When it was changed last (ns); read anew after that.

    Returns:
        Its files; none of an archive that cannot be read.

    Raises:
        UserError: It claims more files, or more bytes, than a scene may have, names that lead out of it, or several
            files of one name.
    """
    try:
        members = _read_within_bounds(path)
    except UNREADABLE_ARCHIVE:
        # GDAL may find more in it than Python does
        return ()
    for member in members:
        _check_name(path, member)
    _check_names_differ(path, members)
    return tuple(members)


def _read_within_bounds(path: Path) -> list[Member]:
    """All files of an archive; `UserError` as soon as they claim too much."""
    members: list[Member] = []
    unpacked = 0
    packed = path.stat().st_size
    for member in read_members(path):
        members.append(member)
        unpacked += member.size
        _check_bounds(path, len(members), unpacked, packed)
    return members


def check_archive(path: Path) -> None:
    """Check an archive before anything in it is read.

    Args:
        path: The archive.

    Raises:
        UserError: See `members_of`; or it needs a password.
    """
    members = members_of(path, path.stat().st_mtime_ns)
    if any(member.is_encrypted for member in members):
        raise UserError(f"{path} is encrypted. Unpack it, and give the folder.")
    if archive_kind(path) == "gzip":
        _check_density(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _check_density(path: Path, changed: int) -> None:
    """Raise `UserError` for a compressed file that packs as no scene does: how large it is, only unpacking tells."""
    unpacked = 0
    with suppress(*UNREADABLE_ARCHIVE), path.open("rb") as packed, gzip.open(packed) as file:
        while unpacked <= LEAST_TO_DOUBT:
            part = file.read(_PART_BYTES)
            if not part:
                return
            unpacked += len(part)
        _check_bounds(path, 1, unpacked, packed.tell())


def _check_bounds(path: Path, count: int, unpacked: int, packed: int) -> None:
    """Raise `UserError` for an archive that claims too much."""
    if count > MOST_MEMBERS:
        raise UserError(f"{path} holds more than {MOST_MEMBERS} files. Unpack it, and give the folder.")
    is_dense = unpacked > LEAST_TO_DOUBT and unpacked > LARGEST_RATIO * packed
    if unpacked > LARGEST_UNPACKED or is_dense:
        raise UserError(
            f"{path} has {packed:,} bytes and claims to hold {unpacked:,}: no scene packs so well. "
            "Unpack it if you know where it comes from."
        )


def _check_name(path: Path, member: Member) -> None:
    """Raise `UserError` for a file whose name leads out of the archive."""
    name = PurePosixPath(member.name.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        raise UserError(f"{path} holds {member.name[:80]!r}, which leads out of it. Unpack it elsewhere, and look.")


def _check_names_differ(path: Path, members: Sequence[Member]) -> None:
    """Raise `UserError` for two files of one name: one would be judged, and the other one opened."""
    names: set[str] = set()
    for member in members:
        name = plain_name(member.name)
        if name in names and not member.is_folder:
            raise ambiguous(path, member.name)
        names.add(name)
