"""From pixels to the ground and back: coordinates, metres, and polygons of a vector file as masks of rows."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyogrio.errors
import pyogrio.raw
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from rasterio.control import GroundControlPoint
from rasterio.transform import GCPTransformer

from seep_lightning.errors import UserError, explained
from seep_lightning.scene.raster import ASSIGN, CPLE_BaseError, Raster
from seep_lightning.scene.strip import Area

Points = NDArray[np.float64]
"""(N, 2): column, row (0, 0 is the outer corner of the first pixel), or x, y."""
Move = Callable[[Points], Points]
UNREADABLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError)


@dataclass(frozen=True)
class Ground:
    """The way from a scene's pixels to its coordinate system (wkt, empty without) and to metres (unit: `m`, or `px`).

    note: on the transform. place, unplace: pixels to coordinates and back; x is the column, y minus the row without a
    transform.
    """

    wkt: str
    unit: str
    note: str
    place: Move
    unplace: Move

    @classmethod
    def of(cls, raster: Raster) -> Self:
        """By the raster's affine transform, else by GDAL's polynomial through its ground control points."""
        if not raster.georeferenced:  # but perhaps placed by a world file
            placed = raster.transform != Affine.identity()
            transform = raster.transform if placed else Affine.scale(1, -1)
            where = "the scene's transform" if placed else "x is the column, y minus the row"
            note = f"no coordinate system: {where}, sizes in pixels"
            return cls("", "px", note, _affine(transform), _affine(~transform))
        wkt = raster.crs.to_wkt()
        said = f"{raster.path}: PROJ cannot use its coordinate system ({{}}). {ASSIGN}"
        with explained(said, pyproj.exceptions.ProjError):
            _transformer(wkt, "EPSG:4326")
        if not raster.placed_by_points:
            ways = _affine(raster.transform), _affine(~raster.transform)
            ground = cls(wkt, "m", "affine transform of the scene", *ways)
            lon, lat = ground.degrees(ground.place(_middle(raster)))[0]
            if not (abs(lon) <= 540 and abs(lat) <= 90):
                said = f"{raster.path}: its transform and its coordinate system put it at longitude {lon:g}, latitude"
                raise UserError(f"{said} {lat:g}, which is not on the ground. {ASSIGN}")
            return ground
        gcps = raster.gcps
        if raster.crs.is_geographic and np.ptp([p.x for p in gcps]) > 180:  # across the date line
            gcps = [GroundControlPoint(p.row, p.col, p.x % 360, p.y, p.z) for p in gcps]
        said = f"{raster.path}: its {len(gcps)} ground control points do not place it ({{}}). {ASSIGN}"
        with explained(said, CPLE_BaseError):
            fit = GCPTransformer(gcps)
        points = np.array([(p.x, p.y, p.col, p.row) for p in gcps])
        place: Move = lambda at: np.column_stack(fit.xy(at[:, 1], at[:, 0], offset="ul"))  # noqa: E731
        unplace: Move = lambda at: np.column_stack(fit.rowcol(*at.T, op=lambda value: value)[::-1])  # noqa: E731
        rms = np.sqrt(((unplace(points[:, :2]) - points[:, 2:]) ** 2).sum(axis=1).mean())
        note = f"polynomial through {len(points)} ground control points, which it meets to {rms:.2f} px (rms)"
        return cls(wkt, "m", note, place, unplace)

    def metres(self, centre: Points) -> Move:
        """Coordinates to metres east and north about `centre` (1, 2), or pixels right and up: Lambert's azimuthal
        equal-area projection (Snyder 1987, p. 185); areas are exact, distances right to 1e-4 within 100 km."""
        if not self.wkt:
            return lambda points: self.unplace(points) * np.array([1, -1])
        lon, lat = np.rint(self.degrees(centre)[0])
        return _move(self.wkt, f"+proj=laea +lon_0={lon} +lat_0={lat} +datum=WGS84 +units=m +no_defs")

    def degrees(self, points: Points) -> Points:
        """Coordinates to longitude and latitude (WGS 84)."""
        return _move(self.wkt, "EPSG:4326")(points)

    def degrees_together(self, points: Points) -> Points:
        """The same, within half a turn of the first point: what crosses the date line must not go round the world."""
        found = self.degrees(points)
        return _near(found, found[0, 0])


@lru_cache(maxsize=256)
def _transformer(source: str, target: str) -> Any:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _move(source: str, target: str) -> Move:
    return lambda points: np.column_stack(_transformer(source, target).transform(points[:, 0], points[:, 1]))


def _affine(matrix: Affine) -> Move:
    return lambda points: np.column_stack(matrix @ tuple(points.T))


def _middle(raster: Raster) -> Points:
    return np.array([[raster.width / 2, raster.height / 2]])


def _near(degrees: Points, longitude: float) -> Points:
    """Points, each moved by whole turns to within half a turn of a longitude."""
    moved, turns = degrees.copy(), np.rint((degrees[:, 0] - longitude) / 360)
    moved[:, 0] -= 360 * np.where(np.isfinite(turns), turns, 0)
    return moved


@dataclass(frozen=True)
class Outlines:
    """Polygons of a vector file in a scene's pixels, their numbers there, attributes by name, and the file's system."""

    shapes: NDArray[np.object_]
    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    crs: str | None

    def burn(self, values: NDArray[np.uint8], start: int, stop: int, width: int) -> NDArray[np.uint8]:
        """Rows start..stop, (n, width): of the last polygon that holds a pixel's centre its value (of N), unless 0."""
        bounds = shapely.bounds(self.shapes).reshape(-1, 4)
        here = (bounds[:, 1] < stop) & (bounds[:, 3] > start) & (values > 0)
        if not here.any():
            return np.zeros((stop - start, width), np.uint8)
        pairs = zip(self.shapes[here], values[here].tolist(), strict=True)
        shape, transform = (stop - start, width), Affine.translation(0, start)
        return np.asarray(features.rasterize(pairs, shape, transform=transform, dtype=np.uint8))


def _cut(shapes: NDArray[np.object_], frame: shapely.Polygon) -> NDArray[np.object_]:
    """What of each polygon (N,) lies within a frame: without lines, empty parts, and crossings of its own outline."""
    parts, whose = shapely.get_parts(shapes, return_index=True)
    odd = ~shapely.is_valid(shapes) | ~np.isin(shapely.get_type_id(shapes), (3, 6))  # no (multi)polygons
    odd[whose[shapely.is_empty(parts)]] = True
    shapes[odd] = shapely.buffer(shapely.make_valid(shapes[odd], method="structure", keep_collapsed=False), 0)
    beyond = ~shapely.covers(frame, shapes)
    shapes[beyond] = shapely.buffer(shapely.intersection(shapes[beyond], frame), 0)
    return shapes


def vector_area(path: Path, raster: Raster, *, inside: bool = True) -> tuple[Area, str]:
    """What is inside the polygons of a vector file, or outside, and a hash of it; `UserError` where none is there."""
    outlines = read_outlines(path, raster)
    if inside and not len(outlines.shapes):
        raise UserError(f"{path} has no polygon within {raster.path}. Check both on a map: which coordinate system?")
    ones = np.ones(len(outlines.shapes), np.uint8)
    key = hashlib.sha256(b"".join(shapely.to_wkb(outlines.shapes)) + bytes([inside])).hexdigest()
    return lambda start, stop: np.asarray(outlines.burn(ones, start, stop, raster.width) == inside), key


def read_outlines(path: Path, raster: Raster, columns: Sequence[str] = (), where: str | None = None) -> Outlines:
    """The polygons of a vector file that lie within a scene; `where`: only those for which this SQL condition holds.

    They are cut off a little beyond it: what lies on the far side of the earth may be folded over the scene by its
    projection. Long edges go in small steps, for ground control points. Without georeference the file must be in pixels
    (x the column, y minus the row). `UserError` for a file that is none, has no coordinate system, not these columns,
    or several layers of polygons.
    """
    ground = Ground.of(raster)
    inner = np.stack(np.meshgrid(*(np.linspace(0, n, 21) for n in (raster.width, raster.height))), -1).reshape(-1, 2)
    there, turns = ground.place(inner), [0]
    said = f"{path} cannot be read as polygons{f' where {where}' if where else ''} ({{}}). Expected a vector file."
    with explained(said, *UNREADABLE, pyproj.exceptions.ProjError, ValueError):
        layers = [name for name, kind in pyogrio.list_layers(path) if kind and not re.search("Point|Line", kind)]
        if len(layers) > 1:
            one = f"ogr2ogr one.gpkg {path.name} {layers[0]}"
            raise UserError(f"{path} has several layers: {', '.join(layers)}. Give a file with one of them: {one}")
        about: dict[str, Any] = {"layer": layers[0] if layers else None}
        info = pyogrio.read_info(path, force_total_bounds=True, **about)
        crs, missing = info["crs"], set(columns) - set(info["fields"])
        if ground.wkt and not crs:
            raise UserError(f"{path} has no coordinate system, the scene has one. Assign it with ogr2ogr -a_srs.")
        if missing:
            known = ", ".join(info["fields"]) or "none"
            raise UserError(f"{path} has no attribute {', '.join(sorted(missing))}; those that it has: {known}.")
        if ground.wkt:
            there = _move(ground.wkt, crs)(there)
            if pyproj.CRS(crs).is_geographic:
                there, turns = _near(there, there[len(there) // 2, 0]), [-360, 0, 360]  # from 0, or from -180
        there = there[np.isfinite(there).all(axis=1)]
        low, high = there.min(axis=0), there.max(axis=0)
        side = (high - low).max()
        frame = shapely.box(*(low - side / 10), *(high + side / 10))
        everything = shapely.box(*(info["total_bounds"] or frame.bounds))
        found = []
        for turn in turns:
            seen = shapely.transform(frame, lambda at, turn=turn: at + np.array([turn, 0]))
            if not seen.intersects(everything):
                continue
            # of columns that are not asked for, some drivers tell a condition nothing
            about |= {"columns": None if where else list(columns), "bbox": seen.bounds, "where": where}
            meta, numbers, geometry, fields = pyogrio.raw.read(path, **about, return_fids=True)
            outlines = _cut(shapely.from_wkb(geometry), seen)
            back = shapely.transform(outlines, lambda at, turn=turn: at - np.array([turn, 0]))
            found.append((back, numbers, *fields))
    if not found:
        none = np.zeros(0, np.int64)
        return Outlines(np.zeros(0, object), none, dict.fromkeys(columns, none), crs)
    outlines, numbers, *fields = (np.concatenate(parts) for parts in zip(*found, strict=True))
    polygons = np.argsort(numbers, kind="stable")  # as in the file, the last one on top
    polygons = polygons[shapely.area(outlines[polygons]) > 0]
    outlines = shapely.segmentize(outlines[polygons], side / 50)
    if ground.wkt:
        outlines = shapely.transform(outlines, _move(crs, ground.wkt))
        if raster.crs.is_geographic:
            longitude = ground.place(_middle(raster))[0, 0]
            outlines = shapely.transform(outlines, lambda at: _near(at, longitude))
    outlines = shapely.transform(outlines, ground.unplace)
    finite = np.isfinite(shapely.bounds(outlines).reshape(-1, 4)).all(axis=1)
    within = finite & shapely.intersects(shapely.envelope(outlines), shapely.box(0, 0, raster.width, raster.height))
    kept = polygons[within]
    table = {name: field[kept] for name, field in zip(meta["fields"], fields, strict=True)}
    return Outlines(outlines[within], numbers[kept], table, crs)
