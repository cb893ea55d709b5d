"""From pixels to the ground and back: coordinates, metres, and polygons of a vector file as masks of rows."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.errors
import pyogrio.raw
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.ground import Ground, _middle, _move, _near
from seep_lightning.scene.interfaces import Area
from seep_lightning.scene.raster import Raster

UNREADABLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError)


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
    problem = f"{path} cannot be read as polygons{f' where {where}' if where else ''}"
    kinds = (*UNREADABLE, pyproj.exceptions.ProjError, ValueError)
    with as_user_error(problem, *kinds, advice="Expected a vector file."):
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
