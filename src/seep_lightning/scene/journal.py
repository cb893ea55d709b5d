"""Finished rows of a raster, safe on disk: what a killed run goes on from."""

import errno
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError

FORMAT = 1
Rows = NDArray[np.uint8]
"""(n, bands, width)."""

log = logging.getLogger(__name__)


class Journal:
    """A raster's rows in one flat file that only grows, and a record of how many of them are safe.

    folder: made if it is not there; nobody else may use it at the same time. key: a hash of everything that the rows
    depend on. A folder with another key, or another shape, is begun anew with a warning.

    `rows` is the number of finished rows: those before it never change again. A row counts when it has reached the
    disk and the record after it has too, so a run may be killed, and a machine may stop, at any moment.
    """

    def __init__(self, folder: Path, key: str, bands: int, height: int, width: int) -> None:
        self.folder, self.bands, self.height, self.width = folder, bands, height, width
        self.data = folder / "rows.bin"
        self._record = folder / "journal.jsonl"
        self._row_bytes = bands * width
        header = {"format": FORMAT, "key": key, "bands": bands, "height": height, "width": width}
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
            self.rows = self._finished(header)
            if self.rows == 0:
                self._record.write_text(json.dumps(header) + "\n")
            self._rows_file = self.data.open("r+b" if self.data.exists() else "w+b")
            self._rows_file.truncate(self.rows * self._row_bytes)
            self._rows_file.seek(0, os.SEEK_END)
            self._record_file = self._record.open("a")
        self._check_room()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, rows: Rows) -> None:
        """Add the next finished rows, (n, bands, width), and see them safe."""
        if rows.shape[1:] != (self.bands, self.width):
            raise ValueError(f"rows are {rows.shape}; expected (n, {self.bands}, {self.width})")
        with disk(self.folder):
            self._rows_file.write(np.ascontiguousarray(rows).data)
            self._rows_file.flush()
            os.fsync(self._rows_file.fileno())
            self._record_file.write(json.dumps({"rows": self.rows + len(rows)}) + "\n")
            self._record_file.flush()
            os.fsync(self._record_file.fileno())
        self.rows += len(rows)

    def read(self, start: int, stop: int) -> Rows:
        """Finished rows start..stop, (n, bands, width)."""
        flat = np.fromfile(self.data, np.uint8, (stop - start) * self._row_bytes, offset=start * self._row_bytes)
        return flat.reshape(-1, self.bands, self.width)

    def close(self) -> None:
        """Close the files; what is finished stays."""
        for file in (self._rows_file, self._record_file, self._lock):
            file.close()

    def discard(self) -> None:
        """Close, and remove the folder with all that is in it."""
        self._record.unlink(missing_ok=True)  # first: without it nothing else counts
        self.close()
        shutil.rmtree(self.folder)

    def _finished(self, header: dict[str, Any]) -> int:
        """Rows that the record and the data agree on; 0 if there are none, or they belong to something else."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        records = [record for record in map(_parsed, lines) if record is not None]
        if not records or records[0] != header:
            if lines:
                log.warning(
                    "%s holds part of a map made with another model, input or settings: starting anew.", self.folder
                )
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(exist_ok=True)
                self._lock.close()
                self._lock = _locked(self.folder / "lock")
            return 0
        there = self.data.stat().st_size // self._row_bytes if self.data.exists() else 0
        return max((r["rows"] for r in records[1:] if r.get("rows", 0) <= there), default=0)

    def _check_room(self) -> None:
        needed = (self.height - self.rows) * self._row_bytes
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            self.close()
            raise UserError(
                f"{self.folder.parent} has {free / 1e9:.2f} GB free; the map's rows need {needed / 1e9:.2f} GB before "
                "they are compressed. Make room, or choose another output folder."
            )


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn what a disk refuses into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "Make room and give the same command again: it goes on from the last finished rows."
            raise UserError(f"The disk of {path} is full ({error.strerror}). {advice}") from error
        raise UserError(f"{path} cannot be written: {error.strerror}. Choose another output folder.") from error


def _parsed(line: str) -> dict[str, Any] | None:
    """A line of the record; None for one that was cut off."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _locked(path: Path) -> IO[Any]:
    """Open and lock a file for as long as it is open; the system lets go of it when the process ends, however."""
    file = path.open("w")
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise UserError(f"{path.parent} is in use: another process maps this scene. Wait for it.") from None
    return file
