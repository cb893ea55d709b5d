"""The history of a place, from a raster of recurrence: days with a slick and days looked at, in equal-area cells."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy import ndimage

from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset
from seep_lightning.scene.projections import Points
from seep_lightning.sources.history_odds import CUT_OFF, Floats, MeanRate, log_odds_over_mean
from seep_lightning.sources.recurrence_file import (
    READ_ROWS,
    check_recurrence,
    name_of_history,
    recurrence_strips,
    rows_at_once,
    whole_window,
)

CELLS_PER_SMOOTHING = 8
"""Cells are put together until so many lie in a standard deviation of the smoothing: finer ones cost time only."""
MOST_TOGETHER = 512
"""Of these: a smoothing over more cells would take memory that no history is worth."""


@dataclass(frozen=True)
class History:
    """A raster of recurrence.

    Attributes:
        path: The file.
        wkt: Its CRS, in metres; empty where it has none: x is then the column and y minus the row of pixels.
        transform: From column and row to coordinates; rows go down, cells are squares.
        shape: Rows and columns.
        mean: The mean rate of all cells.
        key: A hash of all that is in it.
    """

    path: Path
    wkt: str
    transform: Affine
    shape: tuple[int, int]
    mean: MeanRate
    key: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a raster of recurrence once.

        Args:
            path: A raster with the bands `days_seen` and `days_looked`.

        Raises:
            UserError: It cannot be read, or is something else.
        """
        name = name_of_history(path)
        unreadable = as_user_error(f"{name.text} cannot be read", *UNREADABLE_RASTER, OSError, advice=name.advice)
        with unreadable, open_dataset(path) as dataset:
            check_recurrence(dataset, name)
            wkt = dataset.crs.to_wkt() if dataset.crs else ""
            digest = hashlib.sha256(f"{wkt} {dataset.transform} {dataset.shape}".encode())
            mean = MeanRate(0.0, 0.0)
            for strip in recurrence_strips(dataset, whole_window(dataset), rows_at_once(dataset.width), name):
                mean = mean.with_days(strip.seen, strip.looked)
                digest.update(strip.seen.tobytes() + strip.looked.tobytes())
            return cls(path, wkt, dataset.transform, dataset.shape, mean, digest.hexdigest())

    @property
    def unit(self) -> str:
        """Unit of its coordinates: m, or px without a CRS."""
        return "m" if self.wkt else "px"

    def around(self, points: Points, smoothing: float) -> "LocalHistory":
        """The history around some points.

        Args:
            points: Coordinates of the history (N, 2), such as those of the edge of a scene.
            smoothing: Standard deviation of the Gaussian, in `unit`.

        Raises:
            UserError: The raster cannot be read any more.
        """
        size = self.transform.a
        together = max(1, math.floor(smoothing / size / CELLS_PER_SMOOTHING))
        if together > MOST_TOGETHER:
            raise UserError(
                f"history={self.path} has cells of {size:g} {self.unit}: history_smoothing={smoothing:g} is "
                f"{smoothing / size:,.0f} of them, expected {MOST_TOGETHER * CELLS_PER_SMOOTHING:,} at most. "
                "Give a smaller one, or larger cells (cell= of seep sources)."
            )
        window = self._window(points, margin=CUT_OFF * smoothing / size, multiple=together)
        seen, looked = np.zeros((2, 0, 0), np.float32)
        if window.width and window.height:
            seen, looked = self._read(window, together)
        log_odds = log_odds_over_mean(seen, looked, smoothing / size / together, self.mean)
        corner = self.transform @ Affine.translation(window.col_off, window.row_off)
        return LocalHistory(log_odds, looked > 0, corner @ Affine.scale(together))

    def _window(self, points: Points, margin: float, multiple: int) -> Window:
        """The cells around some points; no rows and columns where they lie beside the raster."""
        finite = points[np.isfinite(points).all(axis=1)]
        if not len(finite):
            return Window(0, 0, 0, 0)
        columns, rows = ~self.transform @ tuple(finite.T)
        top, bottom = _span(rows, margin, multiple, self.shape[0])
        left, right = _span(columns, margin, multiple, self.shape[1])
        return Window(left, top, right - left, bottom - top)

    def _read(self, window: Window, together: int) -> tuple[Floats, Floats]:
        """Means of `together` x `together` cells of a window."""
        parts = []
        rows = max(1, READ_ROWS // together) * together
        name = name_of_history(self.path)
        unreadable = as_user_error(f"{name.text} cannot be read", *UNREADABLE_RASTER, OSError, advice=name.advice)
        with unreadable, open_dataset(self.path) as dataset:
            for strip in recurrence_strips(dataset, window, rows, name):
                parts.append(_means(np.stack([strip.seen, strip.looked]), together))
        seen, looked = np.concatenate(parts, axis=1)
        return seen, looked


@dataclass(frozen=True)
class LocalHistory:
    """What the history says around a scene.

    Attributes:
        log_odds: Of its cells, over those of the mean rate, (H, W).
        is_known: Which of them were looked at, (H, W).
        transform: From column and row of a cell to coordinates.
    """

    log_odds: Floats
    is_known: NDArray[np.bool_]
    transform: Affine

    def at(self, points: Points) -> Floats:
        """Log odds at points (N, 2), between the middles of cells; 0 where nothing is known."""
        return self._sampled(self.log_odds, points, order=1)

    def covers(self, points: Points) -> NDArray[np.bool_]:
        """Which of some points (N, 2) lie where somebody looked."""
        return self._sampled(self.is_known.astype(np.float32), points, order=0) > 0

    def _sampled(self, cells: Floats, points: Points, order: int) -> Floats:
        if not cells.size:
            return np.zeros(len(points), np.float32)
        # what cannot be placed lies nowhere
        placed = np.where(np.isfinite(points), points, np.float64(1e30))
        columns, rows = ~self.transform @ tuple(placed.T)
        positions = np.stack([rows, columns]) - 0.5
        return np.asarray(ndimage.map_coordinates(cells, positions, np.float32, order=order, mode="grid-constant"))


def _span(positions: NDArray[np.float64], margin: float, multiple: int, length: int) -> tuple[int, int]:
    """First cell, a multiple, and end of what lies within a margin of some positions along an axis of a raster."""
    first = math.floor(max(float(positions.min()) - margin, 0) / multiple) * multiple
    end = math.ceil(min(float(positions.max()) + margin, length))
    return first, max(first, end)


def _means(counts: Floats, together: int) -> Floats:
    """Means of squares of cells of counts (C, H, W); beyond their end nothing was counted."""
    if together == 1:
        return counts
    channels, height, width = counts.shape
    padded = np.pad(counts, [(0, 0), (0, -height % together), (0, -width % together)])
    _, rows, columns = padded.shape
    squares = padded.reshape(channels, rows // together, together, columns // together, together)
    return np.asarray(squares.mean(axis=(2, 4)), np.float32)
