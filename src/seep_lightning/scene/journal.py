"""The finished rows of a map while it is made: a flat file that only grows, so that a killed run can go on."""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from seep_lightning.documents.regular_files import check_regular, is_there
from seep_lightning.errors import UserError, writing_to
from seep_lightning.files import make_inner_folder, remove_folder
from seep_lightning.scene.raster import READ_ROWS

log = logging.getLogger(__name__)


class Journal:
    """A raster's rows, each (bands, width) uint8, in one flat file.

    Attributes:
        folder: The folder of the file, for one process at a time, and one for each part.
        data: The file.
        rows: How many rows are safe on disk.
        height: Rows of the raster, or of the part.
        bands: Bands of a row.
        width: Columns.
    """

    def __init__(self, folder: Path, key: str, shape: tuple[int, int, int], part: int | None = None) -> None:
        """Open a journal where an earlier call left it, or begin one.

        Args:
            folder: Where it lies; made if need be. Rows of another key there are dropped with a warning, but not by a
                part, since another process may be writing them.
            key: A hash of all that the rows depend on.
            shape: Rows, bands, columns.
            part: The first row of a part of the raster, which lies in a file of its own; None for the whole.

        Raises:
            UserError: Another process writes it, or the disk is too small.
        """
        self.folder, self.key = folder, key
        self.height, self.bands, self.width = shape
        self.data = _rows_file(folder, key, part)
        self._row_bytes = self.bands * self.width
        with writing_to(folder):
            make_inner_folder(folder)
            self._lock = _lock(folder, part)
            if part is None:
                _drop_others(folder, key)
            _check_own(self.data)
            self._file = self.data.open("ab")
            self.rows = self._file.tell() // self._row_bytes
            # half a row, of a process that was killed, does not count
            self._file.truncate(self.rows * self._row_bytes)
        self._check_room()

    def _check_room(self) -> None:
        """Close, and raise `UserError`, where the disk is too small for the rows that are to come."""
        needed = (self.height - self.rows) * self._row_bytes
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            self.close()
            raise UserError(
                f"{self.folder.parent} has {free / 1e9:.2f} GB free; the map's rows need {needed / 1e9:.2f} GB before "
                "they are compressed. Make room, or choose another output folder."
            )

    def append(self, rows: NDArray[np.uint8]) -> None:
        """Add the next finished rows, and see them safe on disk.

        Args:
            rows: (n, bands, width).

        Raises:
            DiskError: The disk is full.
        """
        with writing_to(self.folder):
            self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
            os.fsync(self._file.fileno())
        self.rows += len(rows)

    def take_over(self) -> None:
        """Append what parts hold of the rows that come next, and remove these parts."""
        for path in sorted(self.folder.glob(f"{self.key}.*.rows")):
            start = int(path.name.split(".")[1])
            if start > self.rows:
                # beyond a gap, which a later call may have filled
                break
            self._append_from(path, start)
            path.unlink()

    def _append_from(self, path: Path, start: int) -> None:
        """Append the rows of a part that this journal does not have; start: the part's first row."""
        while True:
            first = self.rows - start
            rows = self._read_file(path, first, first + READ_ROWS)
            if not len(rows):
                return
            self.append(rows)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Read finished rows.

        Args:
            start: The first row.
            stop: The row after the last one.

        Returns:
            (n, bands, width); fewer rows at the end.
        """
        return self._read_file(self.data, start, stop)

    def _read_file(self, path: Path, start: int, stop: int) -> NDArray[np.uint8]:
        """Whole rows start..stop of this journal's file or a part's, counted from that file's first one."""
        _check_own(path)
        count, offset = (stop - start) * self._row_bytes, start * self._row_bytes
        flat = np.fromfile(path, np.uint8, count, offset=offset)
        whole = flat.size // self._row_bytes * self._row_bytes
        return flat[:whole].reshape(-1, self.bands, self.width)

    def close(self) -> None:
        """Close the files; what is finished stays."""
        # the disk may refuse the rest of a write once more
        with suppress(OSError):
            self._file.close()
        self._lock.release()

    def discard(self) -> None:
        """Close, and remove the folder with all that is in it."""
        self.close()
        # first: without it nothing else counts
        self.data.unlink()
        remove_folder(self.folder)


def is_taken_over(folder: Path, key: str, shape: tuple[int, int, int]) -> bool:
    """Whether the journal of the whole raster holds a part already, whose worker died after that.

    Args:
        folder: Where the journal lies.
        key: A hash of all that the rows depend on.
        shape: The row after the part's last one, bands, columns.

    Returns:
        True if it holds all rows up to there.
    """
    whole = _rows_file(folder, key, None)
    rows, bands, width = shape
    return whole.exists() and whole.stat().st_size >= rows * bands * width


def _part_suffix(part: int | None) -> str:
    """What tells the files of a part from those of the whole."""
    return "" if part is None else f".{part:09d}"


def _rows_file(folder: Path, key: str, part: int | None) -> Path:
    """The file of a journal's rows."""
    return folder / f"{key}{_part_suffix(part)}.rows"


def _check_own(path: Path) -> None:
    """Raise `UserError` for what is no file that a journal left: a pipe would block, a link be written through."""
    if path.is_symlink():
        raise UserError(f"{path} is a link; expected a file of an earlier call. Remove it, or choose another output.")
    if is_there(path):
        check_regular(path)


def _lock(folder: Path, part: int | None) -> FileLock:
    """Lock a journal; the system releases the lock when the process ends, in whatever way."""
    path = folder / f"lock{_part_suffix(part)}"
    _check_own(path)
    lock = FileLock(path, fallback_to_soft=False, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{folder} is in use: another process maps this scene. Wait for it.") from None
    return lock


def _drop_others(folder: Path, key: str) -> None:
    """Remove the rows of other keys, with a warning where there are any: a refused scene leaves an empty file."""
    for path in set(folder.glob("*.rows")):
        if path.name.startswith(key):
            continue
        if path.stat().st_size > 0:
            log.warning("%s holds part of a map of another model, input or settings: starting anew.", folder)
        path.unlink()
