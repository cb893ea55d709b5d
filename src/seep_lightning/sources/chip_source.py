"""A look from the masks of a data set: the chips of one scene, laid where the data set's grid says."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.config.data import DataConfig
from seep_lightning.data.cache.keys import pixel_settings
from seep_lightning.data.chip_sequence import open_chips
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import Cell, place
from seep_lightning.data.mosaic import lay
from seep_lightning.errors import UserError
from seep_lightning.scene.datasets import silent_about_georeference
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vector_layers import Shapes
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.dates import date_in
from seep_lightning.sources.drawing import ScenePixels, looked_cells
from seep_lightning.sources.look_sources import LookGround, key_of, parts_beside, state_of
from seep_lightning.sources.looks import Look, LookFacts, LookSlicks, measured_slicks, whole_look
from seep_lightning.sources.map_source import check_same_kind
from seep_lightning.sources.outline_reading import FileOutlines, on_grid, projected

UPRIGHT = Affine.scale(1, -1)
"""Of pixels without a coordinate system: x is the column, y minus the row."""


@dataclass(frozen=True)
class ChipSource:
    """The chips of one scene of a data set.

    Attributes:
        name: Name of the scene.
        chips: All chips of the data set.
        indices: Which of them are of the scene.
    """

    name: str
    chips: Chips
    indices: tuple[int, ...]

    @property
    def path(self) -> Path:
        """The first of its images."""
        return self.chips.image_paths[self.indices[0]]

    def key(self) -> str:
        """A hash of the files' names, sizes and times of change, of how they are read, and of where the chips lie."""
        images = [self.chips.image_paths[index] for index in self.indices]
        masks = [path for index in self.indices if (path := self.chips.mask_paths[index]) is not None]
        states = state_of(*images, *masks, *parts_beside(*images, *masks))
        cells = [self._cells[index] for index in self.indices]
        return key_of("chips", states, cells, pixel_settings(self.chips.config))

    def ground(self) -> LookGround:
        """Where it lies."""
        wkt, transform = self._place()
        return LookGround(wkt, np.array([transform @ (0.0, 0.0)]))

    def read(self, grid: CellGrid) -> Look:
        """Read it."""
        wkt, transform = self._place()
        check_same_kind(self.path, wkt, grid)
        classes, valid, corner = self._laid()
        placed = transform @ Affine.translation(*corner)
        looked = looked_cells(_scene_pixels(valid, wkt, placed, grid, self.path), grid)
        slicks = _slicks_of(classes, wkt, placed, grid, self.path)
        date = date_in(self.name)
        facts = LookFacts(self.name, date, date, self.key(), str(self.path.parent.absolute()))
        return whole_look(facts, looked, slicks)

    def _laid(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[float, float]]:
        """Classes and valid pixels of the scene from its first row and column of chips on; column and row of these."""
        cells = self._cells
        top = min(cells[index][0] for index in self.indices)
        left = min(cells[index][1] for index in self.indices)
        masks: dict[Cell, NDArray[np.uint8]] = {}
        valids: dict[Cell, NDArray[np.bool_]] = {}
        for index in self.indices:
            pixels = self.chips.read(index)
            row, column = cells[index]
            masks[row - top, column - left] = np.where(pixels.valid, pixels.mask, 0).astype(np.uint8)
            valids[row - top, column - left] = pixels.valid
        height, width = pixels.mask.shape
        return lay(masks), lay(valids, nodata=False), (left * width, top * height)

    @cached_property
    def _cells(self) -> dict[int, Cell]:
        """Row and column of each chip on the ground that scenes share; `UserError` where one is not known."""
        known: dict[int, Cell] = {}
        for index in self.indices:
            at = place(self.chips.config, self.chips.scenes[index], self.chips.tiles[index])
            if at is None:
                raise UserError(
                    f"{self.chips.names[index]}: where it lies in its scene is not known. Say how many chips a row of "
                    f"the scene has: data.grid={{{self.name}: {{columns: 20}}}}, or choose data=seeps."
                )
            known[index] = at
        return known

    def _place(self) -> tuple[str, Affine]:
        """The scene's coordinate system, and the transform of its cell (0, 0); empty and upright where it has none."""
        with Raster(self.path) as chip:
            if not chip.georeferenced:
                return "", UPRIGHT
            if chip.placed_by_points:
                raise UserError(f"{self.path} is placed by control points. Make sources of maps of its scene instead.")
            row, column = self._cells[self.indices[0]]
            origin = chip.transform @ Affine.translation(-column * chip.width, -row * chip.height)
            return chip.crs.to_wkt(), origin


def chip_sources(config: DataConfig) -> list[ChipSource]:
    """The looks of a data set: one for each scene.

    Args:
        config: The data set.

    Raises:
        UserError: It holds no chips.
    """
    chips = open_chips(config).chips
    indices: dict[str, list[int]] = defaultdict(list)
    for index, scene in enumerate(chips.scenes):
        indices[scene].append(index)
    return [ChipSource(scene, chips, tuple(listed)) for scene, listed in sorted(indices.items())]


def _scene_pixels(valid: NDArray[np.bool_], wkt: str, transform: Affine, grid: CellGrid, path: Path) -> ScenePixels:
    """The pixels of a laid scene on the grid."""

    def read_valid(top: int, bottom: int, left: int, right: int) -> NDArray[np.bool_]:
        return valid[top:bottom, left:right]

    back = ~transform
    height, width = valid.shape
    if not wkt:
        return ScenePixels(height, width, read_valid, lambda p: _moved(transform, p), lambda p: _moved(back, p))
    there = projected(wkt, grid.wkt, path)
    back_there = projected(grid.wkt, wkt, path)
    return ScenePixels(
        height,
        width,
        read_valid,
        to_grid=lambda pixels: there(_moved(transform, pixels)),
        from_grid=lambda points: _moved(back, back_there(points)),
    )


def _moved(transform: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, 2) by an affine transform."""
    columns, rows = points.T
    x = transform.a * columns + transform.b * rows + transform.c
    y = transform.d * columns + transform.e * rows + transform.f
    return np.column_stack([x, y])


def _slicks_of(classes: NDArray[np.uint8], wkt: str, transform: Affine, grid: CellGrid, path: Path) -> LookSlicks:
    """The slicks of a laid scene: pixels of any class that touch each other, by a side or a corner."""
    count, labelled = cv2.connectedComponents((classes > 0).astype(np.uint8), connectivity=8)
    labels = np.asarray(labelled, np.int32)
    shapes = _traced(labels, count - 1, transform)
    columns = {"class": _commonest(labels, classes, count)}
    placed = on_grid(FileOutlines(path, wkt or None, shapes, columns), grid)
    return measured_slicks(placed.shapes, grid, placed.columns)


def _traced(labels: NDArray[np.int32], count: int, transform: Affine) -> Shapes:
    """The outlines of labels 1..count, (count,)."""
    shapes = np.empty(count, object)
    with silent_about_georeference():
        for shape, label in features.shapes(labels, labels > 0, connectivity=8, transform=transform):
            shapes[int(label) - 1] = _polygon(shape)
    # pixels that touch by a corner give rings that touch themselves
    return np.asarray(shapely.make_valid(shapes, method="structure", keep_collapsed=False))


def _polygon(shape: dict[str, Any]) -> shapely.Polygon:
    shell, *holes = shape["coordinates"]
    return shapely.Polygon(shell, holes)


def _commonest(labels: NDArray[np.int32], classes: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    """The commonest class of each label from 1 on, (count - 1,)."""
    largest = int(classes.max(initial=0))
    is_seep = labels > 0
    pairs = labels[is_seep].astype(np.int64) * (largest + 1) + classes[is_seep]
    table = np.bincount(pairs, minlength=count * (largest + 1)).reshape(count, largest + 1)
    return table[1:, 1:].argmax(axis=1) + 1.0 if largest else np.zeros(0)
