"""Polygons of any vector file, brought into a scene's pixels: areas to map, land to leave out, an analyst's labels."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyogrio.errors
import pyogrio.raw
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.ground import (
    WHOLE_TURN,
    Ground,
    Points,
    Reprojection,
    Shift,
    middle_of,
    near_longitude,
)
from seep_lightning.scene.interfaces import Area
from seep_lightning.scene.raster import Raster

UNREADABLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError)
POLYGON_TYPES = (3, 6)
"""Shapely's numbers of polygon and multipolygon."""
GRID_POINTS = 21
"""Points along each side of a scene by which its extent in another CRS is found."""
MARGINS_PER_SIDE = 10
"""What is read around a scene is such a part of its longer side."""
EDGES_PER_SIDE = 50
"""The longest edge of a polygon is such a part of the scene's longer side: longer ones bend between two CRS."""
Shapes = NDArray[np.object_]
"""Geometries of shapely, (N,)."""


@dataclass(frozen=True)
class Outlines:
    """Polygons of a vector file within a scene.

    Attributes:
        shapes: in pixels of the scene, (N,), in the order of the file.
        numbers: of the polygons in the file, (N,).
        columns: attributes by name, each (N,).
        crs: of the file; None where it has none.
    """

    shapes: Shapes
    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    crs: str | None

    def burn(self, values: NDArray[np.uint8], start: int, stop: int, width: int) -> NDArray[np.uint8]:
        """The polygons as pixels.

        Args:
            values: of each polygon, (N,); polygons of value 0 are left out.
            start: first row.
            stop: row after the last.
            width: of the scene in pixels.

        Returns:
            Rows start..stop, (n, width): the value of the last polygon that holds a pixel's centre, else 0.
        """
        bounds = shapely.bounds(self.shapes).reshape(-1, 4)
        tops, bottoms = bounds[:, 1], bounds[:, 3]
        in_rows = (tops < stop) & (bottoms > start) & (values > 0)
        shape = (stop - start, width)
        if not in_rows.any():
            return np.zeros(shape, np.uint8)
        pairs = zip(self.shapes[in_rows], values[in_rows].tolist(), strict=True)
        transform = Affine.translation(0, start)
        return np.asarray(features.rasterize(pairs, shape, transform=transform, dtype=np.uint8))


@dataclass(frozen=True)
class VectorArea:
    """The pixels inside polygons, or outside of them; a callable that gives rows of a mask.

    Attributes:
        outlines: the polygons.
        width: of the scene in pixels.
        inside: whether the pixels inside are meant.
    """

    outlines: Outlines
    width: int
    inside: bool

    def __call__(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Rows start..stop of the mask, (n, width)."""
        ones = np.ones(len(self.outlines.shapes), np.uint8)
        burnt = self.outlines.burn(ones, start, stop, self.width)
        return np.asarray(burnt == self.inside)

    @property
    def key(self) -> str:
        """A hash of what the mask depends on."""
        shapes = b"".join(shapely.to_wkb(self.outlines.shapes))
        return hashlib.sha256(shapes + bytes([self.inside])).hexdigest()


class VectorLayer(NamedTuple):
    """The layer of polygons in a vector file.

    Attributes:
        path: of the file.
        name: of the layer; None where GDAL lists none.
        crs: of the layer; None where it has none.
        fields: names of its attributes.
        bounds: of all its polygons: west, south, east, north; None of an empty layer.
    """

    path: Path
    name: str | None
    crs: str | None
    fields: list[str]
    bounds: tuple[float, float, float, float] | None


class Frame(NamedTuple):
    """Where a scene lies in the CRS of a vector file.

    Attributes:
        box: around the scene, with a margin.
        side: the scene's longer side, without margin.
        turns: shifts to the east under which the file may hold the same place: longitudes count from 0 or from -180.
    """

    box: shapely.Polygon
    side: float
    turns: tuple[int, ...]

    @classmethod
    def around(cls, points: Points, turns: tuple[int, ...]) -> Self:
        """The frame around points of a scene (N, 2); those that are not finite do not count."""
        finite = points[np.isfinite(points).all(axis=1)]
        low, high = finite.min(axis=0), finite.max(axis=0)
        side = (high - low).max()
        margin = side / MARGINS_PER_SIDE
        return cls(shapely.box(*(low - margin), *(high + margin)), side, turns)


class CutPolygons(NamedTuple):
    """Polygons within a frame, in the CRS of their file, ordered by their numbers in the file.

    Attributes:
        shapes: (N,), each of an area above 0.
        numbers: of the polygons in the file, (N,).
        columns: attributes by name, each (N,).
    """

    shapes: Shapes
    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]

    def select(self, chosen: NDArray[Any]) -> "CutPolygons":
        """Those of a mask or of positions."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return CutPolygons(self.shapes[chosen], self.numbers[chosen], columns)


def vector_area(path: Path, raster: Raster, *, inside: bool = True) -> tuple[Area, str]:
    """The area inside or outside of the polygons of a vector file.

    Args:
        path: any vector file with one layer of polygons.
        raster: the scene.
        inside: whether the pixels inside are meant.

    Returns:
        A function that gives rows of a mask, and a hash of what the mask depends on.

    Raises:
        UserError: no polygon lies within the scene, although the inside is meant; or as `read_outlines`.
    """
    outlines = read_outlines(path, raster)
    if inside and not len(outlines.shapes):
        raise UserError(f"{path} has no polygon within {raster.path}. Check both on a map: which coordinate system?")
    area = VectorArea(outlines, raster.width, inside)
    return area, area.key


def read_outlines(path: Path, raster: Raster, columns: Sequence[str] = (), where: str | None = None) -> Outlines:
    """The polygons of a vector file that lie within a scene, in its pixels.

    They are cut off a little beyond the scene: its projection may fold over it what lies on the far side of the earth.
    Long edges go in small steps, since they bend between two CRS and between ground control points.

    Args:
        path: any vector file with one layer of polygons. For a scene without georeference it must be in pixels (x the
            column, y minus the row).
        raster: the scene.
        columns: names of the attributes that are read.
        where: SQL condition on the attributes; polygons for which it does not hold are left out.

    Returns:
        The polygons, none where none lies within the scene.

    Raises:
        UserError: the file is no vector file, has several layers of polygons, lacks one of the columns, or has no CRS
            although the scene has one.
    """
    ground = Ground.of(raster)
    condition = f" where {where}" if where else ""
    problem = f"{path} cannot be read as polygons{condition}"
    kinds = (*UNREADABLE, pyproj.exceptions.ProjError, ValueError)
    with as_user_error(problem, *kinds, advice="Expected a vector file."):
        layer = _polygon_layer(path)
        _check_layer(layer, ground, columns)
        frame = _frame_of(raster, ground, layer)
        polygons = _read_cut(layer, frame, columns, where)
    if polygons is None:
        none = np.zeros(0, np.int64)
        return Outlines(np.zeros(0, object), none, dict.fromkeys(columns, none), layer.crs)
    shapes = shapely.segmentize(polygons.shapes, frame.side / EDGES_PER_SIDE)
    in_pixels = polygons._replace(shapes=_to_pixels(shapes, layer.crs, raster, ground))
    within = in_pixels.select(_touches(in_pixels.shapes, raster))
    return Outlines(*within, crs=layer.crs)


def _polygon_layer(path: Path) -> VectorLayer:
    """The one layer of polygons in a vector file."""
    layers = [name for name, kind in pyogrio.list_layers(path) if kind and not re.search("Point|Line", kind)]
    if len(layers) > 1:
        command = f"ogr2ogr one.gpkg {path.name} {layers[0]}"
        raise UserError(f"{path} has several layers: {', '.join(layers)}. Give a file with one of them: {command}")
    name = layers[0] if layers else None
    info = pyogrio.read_info(path, layer=name, force_total_bounds=True)
    return VectorLayer(path, name, info["crs"], list(info["fields"]), info["total_bounds"])


def _check_layer(layer: VectorLayer, ground: Ground, columns: Sequence[str]) -> None:
    """Raise `UserError` for a layer without CRS, where the scene has one, or without one of the columns."""
    if ground.wkt and not layer.crs:
        raise UserError(f"{layer.path} has no coordinate system, the scene has one. Assign it with ogr2ogr -a_srs.")
    missing = set(columns) - set(layer.fields)
    if missing:
        fields = ", ".join(layer.fields) or "none"
        raise UserError(f"{layer.path} has no attribute {', '.join(sorted(missing))}; those that it has: {fields}.")


def _frame_of(raster: Raster, ground: Ground, layer: VectorLayer) -> Frame:
    """Where the scene lies in the CRS of the layer."""
    points = ground.place(_grid_over(raster))
    if not ground.wkt:
        return Frame.around(points, turns=(0,))
    points = Reprojection(ground.wkt, str(layer.crs))(points)
    if not pyproj.CRS(layer.crs).is_geographic:
        return Frame.around(points, turns=(0,))
    middle_longitude = points[len(points) // 2, 0]
    return Frame.around(near_longitude(points, middle_longitude), turns=(-WHOLE_TURN, 0, WHOLE_TURN))


def _grid_over(raster: Raster) -> Points:
    """Points all over a raster in pixels, (N, 2); the one in the middle of the list is in the middle of the raster."""
    columns = np.linspace(0, raster.width, GRID_POINTS)
    rows = np.linspace(0, raster.height, GRID_POINTS)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)


def _read_cut(layer: VectorLayer, frame: Frame, columns: Sequence[str], where: str | None) -> CutPolygons | None:
    """The polygons within a frame, in the order of the file, so that the last one is on top; None where none is."""
    turns = [_read_turn(layer, frame, turn, columns, where) for turn in _turns_with_polygons(layer, frame)]
    if not turns:
        return None
    polygons = CutPolygons(
        shapes=np.concatenate([turn.shapes for turn in turns]),
        numbers=np.concatenate([turn.numbers for turn in turns]),
        columns={name: np.concatenate([turn.columns[name] for turn in turns]) for name in turns[0].columns},
    )
    polygons = polygons.select(np.argsort(polygons.numbers, kind="stable"))
    return polygons.select(shapely.area(polygons.shapes) > 0)


def _turns_with_polygons(layer: VectorLayer, frame: Frame) -> Iterator[int]:
    """The turns of the globe at which the frame meets the extent of the layer."""
    extent = frame.box if layer.bounds is None else shapely.box(*layer.bounds)
    for turn in frame.turns:
        if shapely.transform(frame.box, Shift(turn)).intersects(extent):
            yield turn


def _read_turn(layer: VectorLayer, frame: Frame, turn: int, columns: Sequence[str], where: str | None) -> CutPolygons:
    """The polygons that lie within the frame after a turn of the globe, turned back."""
    turned = shapely.transform(frame.box, Shift(turn))
    meta, numbers, geometry, values = pyogrio.raw.read(
        layer.path,
        layer=layer.name,
        # some drivers do not evaluate a condition on columns that are not read
        columns=None if where else list(columns),
        bbox=turned.bounds,
        where=where,
        return_fids=True,
    )
    shapes = shapely.transform(_cut(shapely.from_wkb(geometry), turned), Shift(-turn))
    return CutPolygons(shapes, numbers, dict(zip(meta["fields"], values, strict=True)))


def _cut(shapes: Shapes, frame: shapely.Polygon) -> Shapes:
    """What of each polygon (N,) lies within a frame: without lines, empty parts, and crossings of its own outline."""
    damaged = ~shapely.is_valid(shapes) | ~np.isin(shapely.get_type_id(shapes), POLYGON_TYPES)
    parts, owner = shapely.get_parts(shapes, return_index=True)
    damaged[owner[shapely.is_empty(parts)]] = True
    repaired = shapely.make_valid(shapes[damaged], method="structure", keep_collapsed=False)
    shapes[damaged] = shapely.buffer(repaired, 0)
    beyond = ~shapely.covers(frame, shapes)
    shapes[beyond] = shapely.buffer(shapely.intersection(shapes[beyond], frame), 0)
    return shapes


def _to_pixels(shapes: Shapes, crs: str | None, raster: Raster, ground: Ground) -> Shapes:
    """Shapes (N,) of a CRS in a scene's pixels; without georeference they are in its coordinates already."""
    if ground.wkt:
        shapes = shapely.transform(shapes, Reprojection(str(crs), ground.wkt))
    if ground.wkt and raster.crs.is_geographic:
        longitude = ground.place(middle_of(raster))[0, 0]
        shapes = shapely.transform(shapes, partial(near_longitude, longitude=longitude))
    return np.asarray(shapely.transform(shapes, ground.unplace))


def _touches(shapes: Shapes, raster: Raster) -> NDArray[np.bool_]:
    """Whether each shape (N,) in pixels is finite and its box meets the raster, (N,)."""
    finite = np.isfinite(shapely.bounds(shapes).reshape(-1, 4)).all(axis=1)
    pixels = shapely.box(0, 0, raster.width, raster.height)
    return np.asarray(finite & shapely.intersects(shapely.envelope(shapes), pixels))
