"""The files of a product, in a folder or in the archive as it was downloaded."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from seep_lightning.documents.regular_files import LARGEST_DOCUMENT, read_bytes
from seep_lightning.errors import UserError, first_line
from seep_lightning.scene.archive_contents import UNREADABLE_ARCHIVE

MANIFEST = "manifest.safe"
ARCHIVE_SUFFIX = ".zip"
FOLDER_SUFFIX = ".SAFE"


class ProductFiles(Protocol):
    """The files of a product, by their paths below its folder.

    Attributes:
        path: The folder or the archive, for messages.
        name: The product's name.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    def has(self, file: str) -> bool:
        """Whether a file is there."""
        ...

    def read(self, file: str) -> bytes:
        """All bytes of a file; `UserError` where it is not there, or damaged."""
        ...

    def location(self, file: str) -> str:
        """What GDAL opens; `UserError` where the file is not there."""
        ...

    def stamp(self, file: str) -> tuple[int, int]:
        """Size (bytes) and time of change (ns) of what holds a file; `UserError` where it is not there."""
        ...


@dataclass(frozen=True)
class FolderFiles:
    """The files of a product in its folder.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, without `.SAFE`."""
        return product_name(self.path.name)

    def has(self, file: str) -> bool:
        """Whether a file is there."""
        return lies_inside(file) and (self.path / file).is_file()

    def read(self, file: str) -> bytes:
        """All bytes of a file."""
        return read_bytes(self._present(file))

    def location(self, file: str) -> str:
        """What GDAL opens."""
        return str(self._present(file))

    def stamp(self, file: str) -> tuple[int, int]:
        """Size (bytes) and time of change (ns) of a file."""
        status = self._present(file).stat()
        return status.st_size, status.st_mtime_ns

    def _present(self, file: str) -> Path:
        """A file that is there."""
        if not self.has(file):
            raise _missing(self.path, file)
        return self.path / file


@dataclass(frozen=True)
class ArchiveFiles:
    """The files of a product in a zip archive.

    Attributes:
        path: The archive.
        folder: The product's folder in it, with a slash at its end; empty where the manifest lies at the top.
    """

    path: Path
    folder: str

    @classmethod
    def of(cls, path: Path) -> "ArchiveFiles":
        """Find the product in an archive.

        Args:
            path: The archive.

        Raises:
            UserError: It is no zip archive, or holds no product, or several.
        """
        with _open_archive(path) as archive:
            names = archive.namelist()
        manifests = [name for name in names if PurePosixPath(name).name == MANIFEST]
        if len(manifests) != 1:
            raise UserError(
                f"{path} holds {len(manifests)} files {MANIFEST}; expected the one of a Sentinel-1 product. "
                "Unpack it, and give the product's folder."
            )
        return cls(path, manifests[0].removesuffix(MANIFEST))

    @property
    def name(self) -> str:
        """The name of the product's folder, without `.SAFE`."""
        return product_name(PurePosixPath(self.folder).name or self.path.stem)

    def has(self, file: str) -> bool:
        """Whether a file is there."""
        with _open_archive(self.path) as archive:
            return self.folder + file in archive.namelist()

    def read(self, file: str) -> bytes:
        """All bytes of a file."""
        self._check_present(file)
        with _open_archive(self.path) as archive:
            size = archive.getinfo(self.folder + file).file_size
            if size > LARGEST_DOCUMENT:
                raise UserError(f"{self.path}: {file} claims to have {size:,} bytes. Download the product again.")
            return archive.read(self.folder + file)

    def location(self, file: str) -> str:
        """What GDAL opens."""
        self._check_present(file)
        # in braces GDAL takes any name for that of an archive
        return f"/vsizip/{{{self.path}}}/{self.folder}{file}"

    def stamp(self, file: str) -> tuple[int, int]:
        """Size (bytes) and time of change (ns) of the archive."""
        self._check_present(file)
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    def _check_present(self, file: str) -> None:
        """Raise `UserError` for a file that is not there."""
        if not self.has(file):
            raise _missing(self.path, file)


def lies_inside(file: str) -> bool:
    """Whether a path that a manifest names stays below the product's folder."""
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts


@contextmanager
def _open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive, open for reading; `UserError` where it, or a file that is read of it, is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except UNREADABLE_ARCHIVE as error:
        raise UserError(f"{path} is cut off or damaged ({first_line(error)}). Download it again.") from error


def _missing(path: Path, file: str) -> UserError:
    return UserError(f"{path} is not complete: it has no {file}. Download the product again, or unpack all of it.")


def product_name(name: str) -> str:
    """A product's name, of that of its folder or of its archive."""
    for suffix in (ARCHIVE_SUFFIX, FOLDER_SUFFIX, FOLDER_SUFFIX.lower()):
        name = name.removesuffix(suffix)
    return name
