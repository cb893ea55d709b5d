"""From pixels to the ground and back: coordinates, metres, and polygons of a vector file as masks of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.transform import GCPTransformer

from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.raster import ASSIGN, CPLE_BaseError, Raster

Points = NDArray[np.float64]
"""(N, 2): column, row (0, 0 is the outer corner of the first pixel), or x, y."""
Move = Callable[[Points], Points]


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
        problem = f"{raster.path}: PROJ cannot use its coordinate system"
        with as_user_error(problem, pyproj.exceptions.ProjError, advice=ASSIGN):
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
        problem = f"{raster.path}: its {len(gcps)} ground control points do not place it"
        with as_user_error(problem, CPLE_BaseError, advice=ASSIGN):
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
