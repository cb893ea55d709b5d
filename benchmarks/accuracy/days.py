"""Scenes of one place on their common ground grid, with probabilities of networks that never saw them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pool import predicted

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.data.grid import grid_of_scene
from seep_lightning.evaluation.parts import part_of
from seep_lightning.runs.directory import Run

SIDE = 256
"""Of a chip, px."""
COARSE = 8
"""Recurrence is counted in cells of so many pixels a side."""


@dataclass(frozen=True)
class Day:
    """A scene, whose pixels are placed on the grid of all scenes.

    Attributes:
        name: The scene's.
        fold: The run whose test part it is.
        taught: The scenes that this run trained on.
        left: The column of the ground grid at which its arrays begin, px; its first row is the grid's.
        level: Probabilities, (H, W) uint8: 0 nodata, else 1 + 254 p.
        truth, valid: (H, W) bool.
    """

    name: str
    fold: str
    taught: tuple[str, ...]
    left: int
    level: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    valid: NDArray[np.bool_]

    def cells(self, pixels: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float32]:
        """The share of each cell of the ground grid (of size cells) that some pixels (H, W) cover."""
        shares = np.zeros(size, np.float32)
        height, width = (side // COARSE for side in pixels.shape)
        left = self.left // COARSE
        shares[:height, left : left + width] = cv2.resize(pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return shares

    def seen(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """1 in the cells that an outline touches, as `seep sources` counts them, else 0."""
        return (self.cells(self.truth, size) > 0).astype(np.float32)

    def looked(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """1 in the cells that were looked at, else 0."""
        return (self.cells(self.valid, size) >= 0.5).astype(np.float32)


def days_of(folds: Path, cache: Path) -> list[Day]:
    """The test scenes of all runs in a folder; predicted once, and kept in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    days = [day for path in sorted(folds.glob("*/summary.json")) for day in _days_of_run(Run(path.parent), cache)]
    return sorted(days, key=lambda day: day.name)


def _days_of_run(run: Run, cache: Path) -> Iterator[Day]:
    """The test scenes of a run."""
    parts = {name: part_of(run, EvaluateConfig(run=str(run.dir), part=name)) for name in ("train", "test")}
    grids = parts["test"].chips.config.grid
    taught, tested = ({part.chips.scenes[i] for i in part.indices} for part in parts.values())
    if not all((cache / f"{name}.npz").exists() for name in tested):
        for scene in predicted([run], "test", by_chip=False, flips=""):
            arrays = {"level": scene.probability, "truth": scene.truth, "valid": scene.valid}
            np.savez_compressed(cache / f"{scene.name}.npz", **arrays)
    # the ground grid begins at the scene that reaches furthest to the west
    furthest = max(grid.offset for grid in grids.values())
    for name in sorted(tested):
        grid = grid_of_scene(grids, name)
        assert grid is not None, f"{name} lies on no grid"
        with np.load(cache / f"{name}.npz") as arrays:
            left = (furthest - grid.offset) * SIDE
            yield Day(name, run.dir.name, tuple(sorted(taught)), left, **arrays)
