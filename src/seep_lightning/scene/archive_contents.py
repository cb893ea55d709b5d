"""What an archive holds, within bounds: one from a stranger may claim any number of files of any size."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from seep_lightning.errors import UserError

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
GZIP_SUFFIX = ".gz"
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
_ENCRYPTED = 1
_PART_BYTES = 8 << 20


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: As it stands in the archive.
        size: Bytes, unpacked, as the archive says.
        is_encrypted: Whether it needs a password.
    """

    name: str
    size: int
    is_encrypted: bool = False


def archive_kind(path: Path) -> str:
    """How the files of an archive are packed: `zip`, `tar` or `gzip`."""
    name = path.name.lower()
    if name.endswith(ZIP_SUFFIXES):
        return "zip"
    return "tar" if name.endswith(TAR_SUFFIXES) else "gzip"


def names_in(path: Path, changed: int) -> frozenset[str]:
    """The names of all files in an archive, for look-ups; none of one that cannot be read, see `members_of`."""
    return frozenset(member.name for member in members_of(path, changed))


@lru_cache(maxsize=64)
def members_of(path: Path, changed: int) -> tuple[Member, ...]:
    """What an archive holds. Kept, since all of a compressed one is read for that, and it is asked for several times.

    Args:
        path: The archive.
        changed: When it was changed last (ns); read anew after that.

    Returns:
        Its files; none of an archive that cannot be read.

    Raises:
        UserError: It claims more files, or more bytes, than a scene may have, or names that lead out of it.
    """
    members: list[Member] = []
    unpacked = 0
    with suppress(*UNREADABLE_ARCHIVE):
        packed = path.stat().st_size
        for member in _read_members(path):
            members.append(member)
            unpacked += member.size
            _check_bounds(path, len(members), unpacked, packed)
    for member in members:
        _check_name(path, member)
    return tuple(members)


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


def _read_members(path: Path) -> Iterator[Member]:
    """The files of an archive, one after the other."""
    match archive_kind(path):
        case "zip":
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    yield Member(info.filename, info.file_size, bool(info.flag_bits & _ENCRYPTED))
        case "tar":
            with tarfile.open(path) as archive:
                for entry in archive:
                    # a link in it may lead anywhere
                    if entry.isreg() or entry.isdir():
                        yield Member(entry.name, entry.size)
        case _:
            yield Member(path.stem, 0)


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
