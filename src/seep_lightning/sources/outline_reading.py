"""Outlines of a vector file as polygons in the coordinates of the grid."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.projections import Points, Reprojection, Shift
from seep_lightning.scene.vector_layers import (
    Shapes,
    VectorLayer,
    damaged,
    polygon_layer,
    read_as_polygons,
    read_features,
    repaired,
)
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.drawing import box_of_bounds

EDGE_CELLS = 10
"""The longest edge of a polygon in cells: longer ones bend between two coordinate systems."""
MOST_POINTS = 20_000_000
"""Of all outlines of a file."""
# columns of `predict` by what they are called here; `{unit}` as in `scene.polygon_attributes`
MEASURES = {"area": "area_{unit}2", "length": "length_{unit}", "p_mean": "p_mean", "class": "class"}


@dataclass(frozen=True)
class FileOutlines:
    """Polygons of a file, those without an area left out.

    Attributes:
        path: The file.
        crs: Its coordinate system; None where it has none.
        shapes: The polygons as they were drawn, (N,).
        columns: The attributes that were asked for and are there, each (N,).
    """

    path: Path
    crs: str | None
    shapes: Shapes
    columns: dict[str, NDArray[Any]]

    def select(self, chosen: NDArray[np.bool_]) -> "FileOutlines":
        """Some of them."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return FileOutlines(self.path, self.crs, self.shapes[chosen], columns)

    def measures(self, unit: str) -> dict[str, NDArray[Any]]:
        """Area, length, mean probability and class, where the file tells them.

        Args:
            unit: m or px.
        """
        names = {name: column.replace("{unit}", unit) for name, column in MEASURES.items()}
        return {name: self.columns[column] for name, column in names.items() if column in self.columns}


def measure_columns() -> list[str]:
    """The columns that `FileOutlines.measures` looks for."""
    return [column.replace("{unit}", unit) for unit in ("m", "px") for column in MEASURES.values()]


def layer_of(path: Path) -> VectorLayer:
    """The one layer of polygons of a file.

    Raises:
        UserError: It cannot be read, or has several.
    """
    with read_as_polygons(path):
        return polygon_layer(path)


def read_file_outlines(path: Path, columns: list[str]) -> FileOutlines:
    """The polygons of a file.

    Args:
        path: Any vector file with one layer of polygons.
        columns: Attributes to read, of those that are there.

    Raises:
        UserError: It cannot be read.
    """
    layer = layer_of(path)
    with read_as_polygons(path):
        features = read_features(layer, [name for name in columns if name in layer.fields])
        shapes = features.shapes
        is_damaged = damaged(shapes)
        shapes[is_damaged] = repaired(shapes[is_damaged], path)
    whole = FileOutlines(path, layer.crs, shapes, features.columns)
    return whole.select(shapely.area(shapes) > 0)


def on_grid(outlines: FileOutlines, grid: CellGrid, shift: float = 0.0) -> FileOutlines:
    """Polygons in the coordinates of the grid.

    Args:
        outlines: Polygons of a file.
        grid: The grid.
        shift: Pixels by which they move to the right, where there is no coordinate system.

    Raises:
        UserError: They have no coordinate system although the grid has one, or none of their places is on it.
    """
    if not grid.wkt:
        moved = shapely.transform(outlines.shapes, Shift(shift))
        return FileOutlines(outlines.path, None, np.asarray(moved), outlines.columns)
    if outlines.crs is None:
        raise UserError(
            f"{outlines.path} has no coordinate system, other days have one. Assign the one that it was drawn in: "
            f"ogr2ogr -a_srs EPSG:NUMBER placed.gpkg {quote(outlines.path.name)}."
        )
    to_grid = projected(outlines.crs, grid.wkt, outlines.path)
    shapes = shapely.transform(outlines.shapes, to_grid)
    return _finite(FileOutlines(outlines.path, outlines.crs, np.asarray(shapes), outlines.columns), grid)


def _finite(outlines: FileOutlines, grid: CellGrid) -> FileOutlines:
    """Polygons in the coordinates of the grid with edges that do not bend; `UserError` for too far or too long ones."""
    if not np.isfinite(shapely.bounds(outlines.shapes)).all():
        raise UserError(f"{outlines.path} lies too far from the other days. Give the days of one region at a time.")
    if len(outlines.shapes):
        box_of_bounds(shapely.total_bounds(outlines.shapes), grid)
    edge = EDGE_CELLS * grid.size
    if shapely.length(outlines.shapes).sum() / edge > MOST_POINTS:
        raise UserError(
            f"{outlines.path} has outlines that are longer than {MOST_POINTS:,} x {EDGE_CELLS} cells. Correct them, or "
            "give larger cells (cell=)."
        )
    shapes = shapely.segmentize(outlines.shapes, edge)
    return FileOutlines(outlines.path, outlines.crs, np.asarray(shapes), outlines.columns)


def projected(source: str, target: str, path: Path) -> Callable[[Points], Points]:
    """The way from one coordinate system to another.

    Raises:
        UserError: PROJ knows none.
    """
    reprojection = Reprojection(source, target)
    try:
        reprojection(np.zeros((1, 2)))
    except pyproj.exceptions.ProjError as error:
        raise UserError(f"{path}: PROJ cannot use its coordinate system. Assign the right one.") from error
    return reprojection
