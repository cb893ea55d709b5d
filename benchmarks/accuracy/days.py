"""Scenes of one place on their common ground grid, with probabilities of networks that never saw them."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.grid import grid_of_scene
from seep_lightning.folds.fold_runs import Fold, find_folds
from seep_lightning.folds.part_maps import PartMaps

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
        image: Logarithms of its values, (H, W) float16.
    """

    name: str
    fold: str
    taught: tuple[str, ...]
    left: int
    level: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    image: NDArray[np.float16]

    def cells(self, pixels: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float32]:
        """The share of each cell of the ground grid (of size cells) that some pixels (H, W) cover."""
        shares = np.zeros(size, np.float32)
        height, width = (side // COARSE for side in pixels.shape)
        left = self.left // COARSE
        shares[:height, left : left + width] = cv2.resize(
            pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
        )
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
    found = []
    for fold in find_folds([folds]):
        scene_of_chip = {name: name.split(".")[0] for name in fold.parts}
        taught, tested = ({scene_of_chip[chip] for chip in fold.chips(part)} for part in ("train", "test"))
        _keep_scenes(fold, tested, cache)
        for name in sorted(tested):
            with np.load(cache / f"{name}.npz") as arrays:
                found.append(Day(name, fold.name, tuple(sorted(taught)), **arrays))
    return sorted(found, key=lambda day: day.name)


def _keep_scenes(fold: Fold, tested: set[str], cache: Path) -> None:
    """Predict the test scenes of a fold, unless they are kept."""
    if all((cache / f"{name}.npz").exists() for name in tested):
        return
    maps = PartMaps(fold, "test")
    grids = maps.chips.config.grid
    # the ground grid begins at the scene that reaches furthest to the west
    furthest = max(grid.offset for grid in grids.values())
    for scene in maps.scenes():
        grid = grid_of_scene(grids, scene.name)
        assert grid is not None, f"{scene.name} lies on no grid"
        image = np.log(scene.image()[0].astype(np.float32) + 1).astype(np.float16)
        arrays = {"level": scene.probability, "truth": scene.seep, "valid": scene.valid, "image": image}
        np.savez_compressed(cache / f"{scene.name}.npz", left=(furthest - grid.offset) * SIDE, **arrays)
