"""A look from a map that `predict` wrote: its probabilities tell where was looked, its outlines what was seen."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.ground import Ground, middle_of
from seep_lightning.scene.polygons import scene_time
from seep_lightning.scene.projections import Points, Shift
from seep_lightning.scene.raster import Raster
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.dates import date_in, date_of
from seep_lightning.sources.drawing import ScenePixels, looked_cells
from seep_lightning.sources.look_sources import LookGround, key_of, state_of
from seep_lightning.sources.looks import Look, LookFacts, measured_slicks, whole_look
from seep_lightning.sources.outline_reading import (
    FileOutlines,
    measure_columns,
    on_grid,
    projected,
    read_file_outlines,
)

TIME = "time"


@dataclass(frozen=True)
class MapSource:
    """A map of one scene.

    Attributes:
        name: Name of the scene.
        path: Its raster of probabilities, or its mask.
        outlines: Its vector file.
        shift: Pixels by which it moves to the right on the ground that scenes without coordinates share.
    """

    name: str
    path: Path
    outlines: Path
    shift: float = 0.0

    def key(self) -> str:
        """A hash of the files' names, sizes and times of change."""
        return key_of("map", state_of(self.path, self.outlines), self.shift)

    def ground(self) -> LookGround:
        """Where it lies."""
        with Raster(self.path, as_stored=True) as raster:
            ground = _ground_of(raster)
            return LookGround(ground.wkt, ground.place(middle_of(raster)))

    def read(self, grid: CellGrid) -> Look:
        """Read it, the raster by blocks."""
        outlines = read_file_outlines(self.outlines, [*measure_columns(), TIME])
        with Raster(self.path, as_stored=True) as raster:
            ground = _ground_of(raster)
            check_same_kind(self.path, ground.wkt, grid)
            looked = looked_cells(scene_pixels(raster, ground, grid, self.shift), grid)
            time = _time_of(outlines, raster)
        placed = on_grid(outlines, grid, self.shift)
        slicks = measured_slicks(placed.shapes, grid, placed.measures(grid.unit))
        date = date_in(time) or date_in(self.name)
        return whole_look(LookFacts(self.name, date, time, self.key(), str(self.path.absolute())), looked, slicks)


def _time_of(outlines: FileOutlines, raster: Raster) -> str:
    """The time as the outlines, or else the raster and its name, tell it; empty where none of them does."""
    column = outlines.columns.get(TIME, np.zeros(0, object))
    told = [str(time) for time in column.tolist() if date_of(time)]
    return told[0] if told else scene_time(raster.tags, raster.name) or ""


def _ground_of(raster: Raster) -> Ground:
    """The ground of a map; `UserError` for a transform of which nobody knows the coordinate system."""
    ground = Ground.of(raster)
    if not ground.wkt and raster.transform != Affine.identity():
        raise UserError(
            f"{raster.path} has a transform but no coordinate system. Assign it: gdal_edit.py -a_srs EPSG:NUMBER "
            f"{quote(raster.path.name)}."
        )
    return ground


def check_same_kind(path: Path, wkt: str, grid: CellGrid) -> None:
    """Raise `UserError` where one of a look and the grid has a coordinate system, and the other has none."""
    if bool(wkt) == bool(grid.wkt):
        return
    found, others = ("no", "one") if grid.wkt else ("a", "none")
    raise UserError(
        f"{path} has {found} coordinate system, other days have {others}: they share no ground. Give each kind an "
        "output of its own."
    )


def scene_pixels(raster: Raster, ground: Ground, grid: CellGrid, shift: float) -> ScenePixels:
    """The pixels of a map on the grid.

    Args:
        raster: The map.
        ground: Its ground.
        grid: The grid.
        shift: Pixels by which it moves to the right, where there is no coordinate system.
    """
    read_valid = partial(_read_valid, raster)
    if not grid.wkt:
        return ScenePixels(
            raster.height,
            raster.width,
            read_valid,
            to_grid=lambda pixels: Shift(shift)(ground.place(pixels)),
            from_grid=lambda points: ground.unplace(Shift(-shift)(points)),
        )
    there = projected(ground.wkt, grid.wkt, raster.path)
    back = projected(grid.wkt, ground.wkt, raster.path)

    def to_grid(pixels: Points) -> Points:
        return there(ground.place(pixels))

    def from_grid(points: Points) -> Points:
        return ground.unplace(back(points))

    return ScenePixels(raster.height, raster.width, read_valid, to_grid, from_grid)


def _read_valid(raster: Raster, top: int, bottom: int, left: int, right: int) -> NDArray[np.bool_]:
    _, valid = raster.read(top, bottom, left, right)
    return np.asarray(valid)
