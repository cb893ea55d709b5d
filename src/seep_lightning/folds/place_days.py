"""Days of one place in cells of the ground grid that scenes share, and how often slicks recur on some of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.grid import grid_of_scene
from seep_lightning.errors import UserError
from seep_lightning.folds.part_maps import FoldScene
from seep_lightning.sources.history_odds import Floats, MeanRate, log_odds_over_mean

CELL = 8
"""Side of a cell, px, as `seep sources` has it."""
MOST_CELLS = 2**26
"""Of the rectangle around all scenes: more is a mistake in `data.grid`."""


@dataclass(frozen=True)
class PlaceDay:
    """The outlines of a scene in cells.

    Attributes:
        left: Its first column on the ground grid; its first row is the grid's.
        seen: 1 where an outline touches a cell, else 0, (H, W).
        looked: 1 where a cell was looked at, else 0, (H, W).
    """

    left: int
    seen: Floats
    looked: Floats

    @classmethod
    def of(cls, scene: FoldScene) -> Self:
        """The outlines of a scene.

        Args:
            scene: As the chips know it.

        Raises:
            UserError: It lies on no ground grid.
        """
        grid = grid_of_scene(scene.chips.config.grid, scene.name)
        if grid is None:
            raise UserError(f"{scene.name} lies on no ground grid that scenes share: set data.grid in the training.")
        width = scene.chips.size[1]
        seen = _shares(scene.seep & scene.valid) > 0
        looked = _shares(scene.valid) >= 0.5
        return cls(-grid.offset * width // CELL, seen.astype(np.float32), looked.astype(np.float32))

    def log_odds(self, days: Sequence["PlaceDay"], smoothings: Sequence[float]) -> Iterator[Floats]:
        """Log odds of recurrence in the cells of this scene, over those of the mean rate.

        Args:
            days: The days that are known, this one's own not among them; 0 everywhere where there are none.
            smoothings: Standard deviations of the Gaussian, px.

        Yields:
            (H, W) for each smoothing.

        Raises:
            UserError: The days lie too far apart.
        """
        left = min(day.left for day in (self, *days))
        height = max(len(day.seen) for day in (self, *days))
        width = max(day.left + day.seen.shape[1] for day in (self, *days)) - left
        if height * width > MOST_CELLS:
            raise UserError(
                f"the scenes lie {width * CELL:,} px apart on the ground that they share. Correct data.grid in the "
                "training's config."
            )
        seen, looked = np.zeros((2, height, width), np.float32)
        for day in days:
            part = day.cells_from(left)
            seen[part] += day.seen
            looked[part] += day.looked
        mean = MeanRate.of(seen, looked)
        for smoothing in smoothings:
            yield log_odds_over_mean(seen, looked, smoothing / CELL, mean)[self.cells_from(left)]

    def cells_from(self, left: int) -> tuple[slice, slice]:
        """Rows and columns of its cells in an array that begins at a column of the ground grid."""
        rows, columns = self.seen.shape
        return slice(rows), slice(self.left - left, self.left - left + columns)


def _shares(pixels: NDArray[np.bool_]) -> Floats:
    """The share of each cell that some pixels (H, W) cover."""
    height, width = (max(1, side // CELL) for side in pixels.shape)
    shares = cv2.resize(pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(shares, np.float32)
