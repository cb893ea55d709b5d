"""The files in an archive, as GDAL finds them.

GDAL reads archives by code of its own, and takes other names out of some than Python does. Such an archive is refused:
what is judged by Python would not be what GDAL opens.
"""

import posixpath
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from seep_lightning.errors import UserError
from seep_lightning.scene.sidecars import raster_of

ZIP_SUFFIXES = (".zip",)
# of archives of another use, which are zip
OTHER_ZIP_SUFFIXES = (".kmz",)
PACKED_TAR_SUFFIXES = (".tar.gz", ".tgz")
TAR_SUFFIXES = (".tar", *PACKED_TAR_SUFFIXES)
GZIP_SUFFIX = ".gz"
_ENCRYPTED = 1
# of a zip: the number of the extra field with a second name, which GDAL prefers; and what stands before that name
_SECOND_NAME = 0x7075
_BEFORE_SECOND_NAME = 5
_EXTRA_HEADER = struct.Struct("<HH")
# of a tar: where the parts of a header lie
_NAME = slice(0, 100)
_MAGIC = slice(257, 263)
_FOLDER = slice(345, 500)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: As it stands in the archive.
        size: Bytes, unpacked, as the archive says.
        is_encrypted: Whether it needs a password.
        is_folder: Whether it is a folder.
    """

    name: str
    size: int
    is_encrypted: bool = False
    is_folder: bool = False


def archive_kind(path: Path) -> str:
    """How the files of an archive are packed: `zip`, `tar` or `gzip`."""
    name = path.name.lower()
    if name.endswith((*ZIP_SUFFIXES, *OTHER_ZIP_SUFFIXES)):
        return "zip"
    return "tar" if name.endswith(TAR_SUFFIXES) else "gzip"


def plain_name(name: str) -> str:
    """The one way to write the name of a file in an archive: GDAL takes `./A.TIF.OVR` for `a.tif.ovr`."""
    return posixpath.normpath(name.replace("\\", "/")).lower()


def read_members(path: Path) -> Iterator[Member]:
    """The files of an archive, one after the other.

    Args:
        path: The archive.

    Yields:
        Its files and folders.

    Raises:
        UserError: A file of it has two names.
    """
    match archive_kind(path):
        case "zip":
            yield from _read_zip(path)
        case "tar":
            yield from _read_tar(path)
        case _:
            yield Member(path.stem, 0)


def ambiguous(path: Path, name: str) -> UserError:
    """The error for an archive in which a name may mean one file or another."""
    return UserError(
        f"{path} is not opened: it holds {name[:80]!r} twice, or by two names. Unpack it, look, and give the folder."
    )


def _read_zip(path: Path) -> Iterator[Member]:
    """The files of a zip; `UserError` for one with two names."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if _second_name(info.extra) not in (None, info.filename.encode()):
                raise ambiguous(path, info.filename)
            is_encrypted = bool(info.flag_bits & _ENCRYPTED)
            yield Member(info.filename, info.file_size, is_encrypted, is_folder=info.is_dir())


def _second_name(extra: bytes) -> bytes | None:
    """The name that an extra field of a zip gives a file; None where there is none."""
    while len(extra) >= _EXTRA_HEADER.size:
        number, size = _EXTRA_HEADER.unpack_from(extra)
        end = _EXTRA_HEADER.size + size
        if number == _SECOND_NAME:
            return extra[_EXTRA_HEADER.size + _BEFORE_SECOND_NAME : end]
        extra = extra[end:]
    return None


def _read_tar(path: Path) -> Iterator[Member]:
    """The files of a tar; `UserError` where GDAL would find others in it."""
    headers: list[_TarHeader] = []

    class RememberedEntry(tarfile.TarInfo):
        """An entry whose headers are remembered as they stand in the file."""

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            try:
                entry = super().frombuf(buf, encoding, errors)
            except tarfile.HeaderError as error:
                if any(buf):
                    # Python takes it for the end, and GDAL goes on
                    raise tarfile.ReadError("a header is damaged") from error
                raise
            headers.append(_TarHeader.of(bytes(buf), entry.size))
            return entry

    names = _TarNames(set(), set())
    is_packed = path.name.lower().endswith(PACKED_TAR_SUFFIXES)
    with tarfile.open(path, "r:gz" if is_packed else "r:", tarinfo=RememberedEntry) as archive:
        for entry in archive:
            _check_size(path, entry, headers[-1])
            names.add(entry.name, headers)
            headers.clear()
            # a link in it may lead anywhere
            if entry.isreg() or entry.isdir():
                yield Member(entry.name, entry.size, is_folder=entry.isdir())
    names.check(path)


@dataclass(frozen=True)
class _TarHeader:
    """What GDAL reads in a header of a tar.

    Attributes:
        name: Of a file, unless another header says another one.
        folder: What GDAL puts before the name.
        size: Bytes that follow.
    """

    name: str
    folder: str
    size: int

    @classmethod
    def of(cls, header: bytes, size: int) -> "_TarHeader":
        """Of the 512 bytes of a header."""
        has_folder = header[_MAGIC] == b"ustar\0"
        return cls(_text_of(header[_NAME]), _text_of(header[_FOLDER]) if has_folder else "", size)

    @property
    def path(self) -> str:
        """The name with its folder."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


def _text_of(field: bytes) -> str:
    """The text in a field of a header: it ends at the first zero."""
    text, _, _ = field.partition(b"\0")
    return text.decode(errors="surrogateescape")


def _check_size(path: Path, entry: tarfile.TarInfo, header: _TarHeader) -> None:
    """Raise `UserError` where GDAL would look for the next file at another place than Python does."""
    expected = entry.size if entry.isreg() else 0
    if header.size != expected:
        raise ambiguous(path, entry.name)


@dataclass(frozen=True)
class _TarNames:
    """The names in a tar.

    Attributes:
        known: Those that Python gives to files.
        others: Those that stand in headers beside them: GDAL may give them to files.
    """

    known: set[str]
    others: set[str]

    def add(self, name: str, headers: list[_TarHeader]) -> None:
        """Add a file's name, and those of all of its headers."""
        plain = plain_name(name)
        renamed = replace(headers[-1], name=name)
        to_gdal = {plain_name(header.path) for header in (*headers, renamed)}
        self.known.add(plain)
        self.others.update(to_gdal - {plain})

    def check(self, path: Path) -> None:
        """Raise `UserError` where GDAL may find another file by a name that Python knows, or one beside it."""
        for name in self.others:
            if name in self.known or raster_of(name) in self.known:
                raise ambiguous(path, name)
