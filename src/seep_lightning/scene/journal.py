"""Finished rows of a raster, safe on disk: what a killed run goes on from."""

import errno
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError

Rows = NDArray[np.uint8]
"""(n, bands, width)."""

log = logging.getLogger(__name__)


class Journal:
    """A raster's rows in one flat file that only grows, and a record of how many of them are safe.

    folder: made if it is not there; one process at a time. key: a hash of everything that the rows depend on. A folder
    with another key, or another shape, is begun anew with a warning. rows: how many are finished, which never change
    again; a row counts when it and then the record have reached the disk, so that a run may be killed at any moment.
    """

    def __init__(self, folder: Path, key: str, bands: int, height: int, width: int) -> None:
        self.folder, self.bands, self.height, self.width = folder, bands, height, width
        self.data, self._record = folder / "rows.bin", folder / "journal.json"
        self._row_bytes = bands * width
        self._header = {"key": key, "bands": bands, "height": height, "width": width}
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
            record = json.loads(self._record.read_text()) if self._record.exists() else {}
            self.rows = int(record.pop("rows", 0))
            if record and record != self._header:
                log.warning("%s holds part of a map of another model, input or settings: starting anew.", folder)
                self.rows = 0
            self._file = self.data.open("r+b" if self.data.exists() else "w+b")
            self._file.truncate(self.rows * self._row_bytes)
            self._file.seek(0, os.SEEK_END)
            self._save()
        needed, free = (height - self.rows) * self._row_bytes, shutil.disk_usage(folder).free
        if needed > free:
            self.close()
            raise UserError(
                f"{folder.parent} has {free / 1e9:.2f} GB free; the map's rows need {needed / 1e9:.2f} GB before they "
                "are compressed. Make room, or choose another output folder."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, rows: Rows) -> None:
        """Add the next finished rows, (n, bands, width), and see them safe."""
        with disk(self.folder):
            self._file.write(np.ascontiguousarray(rows).data)
            _synced(self._file)
            self.rows += len(rows)
            self._save()

    def read(self, start: int, stop: int) -> Rows:
        """Finished rows start..stop, (n, bands, width)."""
        flat = np.fromfile(self.data, np.uint8, (stop - start) * self._row_bytes, offset=start * self._row_bytes)
        return flat.reshape(-1, self.bands, self.width)

    def close(self) -> None:
        """Close the files; what is finished stays."""
        with suppress(OSError):  # the rest of a write that the disk refused
            self._file.close()
        self._lock.close()

    def discard(self) -> None:
        """Close, and remove the folder with all that is in it."""
        self._record.unlink(missing_ok=True)  # first: without it nothing else counts
        self.close()
        shutil.rmtree(self.folder)

    def _save(self) -> None:
        draft = self._record.with_suffix(".part")
        with draft.open("w") as file:
            json.dump({**self._header, "rows": self.rows}, file)
            _synced(file)
        draft.replace(self._record)


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


def _synced(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _locked(path: Path) -> IO[Any]:
    """Open and lock a file for as long as it is open; the system lets go of it when the process ends, however."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(f"{path.parent} is in use: another process maps this scene. Wait for it.") from None
    return file
