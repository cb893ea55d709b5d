"""Decoded chips in one file. It is read by position, so that its pages are the system's and shared by all processes.

A mapped file would count as memory of each process, and kill it where somebody cuts the file off.
"""

import json
import os
import sys
import weakref
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np

from seep_lightning.data.images import ChipPixels
from seep_lightning.data.pixel_stores.holding import hold
from seep_lightning.data.pixel_stores.layout import DamagedPixelsError, PixelLayout

# the first page of the file says what it holds
_PAGE = 4096
_MAGIC = b"seep_lightning pixels\n"
_NOT_ON_WINDOWS = "Windows reads no files by position"


class PixelFile:
    """Chips in a file that is open for the whole life of this object: it may be removed meanwhile.

    Attributes:
        path: Where it lies.
        layout: How chips lie in it.
    """

    def __init__(self, path: Path, layout: PixelLayout, descriptor: int) -> None:
        """Take an open file."""
        self.path = path
        self.layout = layout
        self._descriptor = descriptor
        self._is_checked = np.zeros(layout.count, bool)
        closing = weakref.finalize(self, os.close, descriptor)
        # the end of a process closes it as well, but not before the threads that still read ahead have ended
        closing.atexit = False

    @classmethod
    def create(cls, path: Path, key: str, layout: PixelLayout) -> Self:
        """Make a file with room for all chips; it is locked as long as anybody may write it.

        Args:
            path: The file, which must not be there yet.
            key: What the pixels depend on.
            layout: How chips lie.

        Raises:
            OSError: It cannot be made, or there is no room for it.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            hold(descriptor)
            _make_room(descriptor, _PAGE + layout.total_bytes)
            _write_at(descriptor, _first_page(key, layout), 0)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                path.unlink()
            raise
        return cls(path, layout, descriptor)

    @classmethod
    def open(cls, path: Path, key: str, layout: PixelLayout) -> Self | None:
        """Open the file of a data set; None where there is none, or another.

        Args:
            path: The file.
            key: What the pixels depend on.
            layout: How chips lie.
        """
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(path, flags)
        except OSError:
            return None
        with suppress(OSError):
            is_whole = os.fstat(descriptor).st_size == _PAGE + layout.total_bytes
            first_page = bytearray(_PAGE)
            if is_whole and _read_at(descriptor, first_page, 0) and first_page == _first_page(key, layout):
                return cls(path, layout, descriptor)
        os.close(descriptor)
        return None

    def write(self, index: int, pixels: ChipPixels) -> None:
        """Keep the chip at a position.

        Raises:
            OSError: The disk is full, or cannot be written.
        """
        record = np.zeros(self.layout.record_bytes, np.uint8)
        self.layout.pack(pixels, record, checked=True)
        written = _write_at(self._descriptor, record.data, self._place(index))
        if written != len(record):
            raise OSError(f"{self.path}: only {written} bytes of a chip could be written")

    def read(self, index: int) -> ChipPixels:
        """Give the chip at a position, in memory of its own. Its checksum is looked at once in each process.

        Raises:
            DamagedPixelsError: The file is damaged there.
        """
        record = np.empty(self.layout.record_bytes, np.uint8)
        try:
            length = _read_at(self._descriptor, record.data, self._place(index))
        except OSError as error:
            raise DamagedPixelsError from error
        if length != len(record):
            raise DamagedPixelsError
        pixels = self.layout.unpack(record, checked=not self._is_checked[index])
        self._is_checked[index] = True
        return pixels

    def publish(self, path: Path) -> None:
        """Give the file, all of which was written, its name.

        Args:
            path: The name; a file that has it already is replaced.

        Raises:
            OSError: It cannot be renamed.
        """
        self.path.replace(path)
        self.path = path

    def discard(self) -> None:
        """Remove the file: it is damaged, or not whole. Another one that has its name by now stays."""
        with suppress(OSError):
            if os.path.samestat(self.path.stat(), os.fstat(self._descriptor)):
                self.path.unlink()

    def _place(self, index: int) -> int:
        return _PAGE + index * self.layout.record_bytes

    def __reduce__(self) -> Any:
        # a process that is not forked opens the file by its name
        return _reopened, (str(self.path), self.layout)


def _make_room(descriptor: int, size: int) -> None:
    """Give a file its size, with room for it on the disk where the system can say that there is any."""
    if sys.platform == "linux":
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def _write_at(descriptor: int, content: bytes | memoryview, place: int) -> int:
    """Write at a place of a file; returns how many bytes."""
    if sys.platform == "win32":
        raise OSError(_NOT_ON_WINDOWS)
    return os.pwrite(descriptor, content, place)


def _read_at(descriptor: int, content: bytearray | memoryview, place: int) -> int:
    """Fill a buffer from a place of a file; returns how many bytes there were."""
    if sys.platform == "win32":
        raise OSError(_NOT_ON_WINDOWS)
    return os.preadv(descriptor, [content], place)


def _first_page(key: str, layout: PixelLayout) -> bytes:
    """What the file holds, padded to a page."""
    text = json.dumps({"key": key, **asdict(layout)})
    return (_MAGIC + text.encode()).ljust(_PAGE, b"\0")


def _reopened(path: str, layout: PixelLayout) -> PixelFile | None:
    """The file in another process; its name holds its key."""
    location = Path(path)
    return PixelFile.open(location, location.stem.rpartition("-")[2], layout)
