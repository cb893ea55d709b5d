"""From a scene to its map: probability and mask as Cloud Optimized GeoTIFFs, from any point where a run was killed."""

import fcntl
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError, writing_to
from seep_lightning.scene.raster import ROWS

log = logging.getLogger(__name__)


class Journal:
    """A raster's rows, each (bands, width) uint8, in one flat file that only grows.

    folder: for one process at a time, and one for each part. key: a hash of all that the rows depend on; others are
    dropped with a warning, but not by a part, since another process may be writing them. rows: how many are safe on
    disk. part: the first row of a part of a scene, which lies in a file of its own.
    """

    def __init__(self, folder: Path, key: str, bands: int, height: int, width: int, part: int | None = None) -> None:
        self.folder, self.bands, self.height, self.width = folder, bands, height, width
        own = "" if part is None else f".{part:09d}"
        self.key, self.data, self._row_bytes = key, folder / f"{key}{own}.rows", bands * width
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / f"lock{own}").open("w")  # the system lets go of it when the process ends, however
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{folder} is in use: another process maps this scene. Wait for it.") from None
            for other in {p for p in folder.glob("*.rows") if part is None and not p.name.startswith(key)}:
                log.warning("%s holds part of a map of another model, input or settings: starting anew.", folder)
                other.unlink()
            self._file = self.data.open("ab")
            self.rows = self._file.tell() // self._row_bytes
            self._file.truncate(self.rows * self._row_bytes)
        needed, free = (height - self.rows) * self._row_bytes, shutil.disk_usage(folder).free
        if needed > free:
            self.close()
            room = f"has {free / 1e9:.2f} GB free; the map's rows need {needed / 1e9:.2f} GB before they are compressed"
            raise UserError(f"{folder.parent} {room}. Make room, or choose another output folder.")

    def append(self, rows: NDArray[np.uint8]) -> None:
        """Add the next finished rows, (n, bands, width), and see them safe."""
        with writing_to(self.folder):
            self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
            os.fsync(self._file.fileno())
        self.rows += len(rows)

    def take_over(self) -> None:
        """Append what parts hold of the rows that come next, and remove them."""
        for path in sorted(self.folder.glob(f"{self.key}.*.rows")):
            start = int(path.name.split(".")[1])
            if start > self.rows:  # beyond a gap: for a later call
                break
            while len(rows := self.read(self.rows - start, self.rows - start + ROWS, path)):
                self.append(rows)
            path.unlink()

    def read(self, start: int, stop: int, path: Path | None = None) -> NDArray[np.uint8]:
        """Finished rows start..stop, (n, bands, width), fewer at the end; path: of a part, counted from its first."""
        count, offset = (stop - start) * self._row_bytes, start * self._row_bytes
        flat = np.fromfile(path or self.data, np.uint8, count, offset=offset)
        return flat[: flat.size // self._row_bytes * self._row_bytes].reshape(-1, self.bands, self.width)

    def close(self) -> None:
        """Close the files; what is finished stays."""
        with suppress(OSError):  # the rest of a write that the disk refused
            self._file.close()
        self._lock.close()

    def discard(self) -> None:
        """Close, and remove the folder with all that is in it."""
        self.close()
        self.data.unlink()  # first: without it nothing else counts
        shutil.rmtree(self.folder)
