"""From pixels to the ground: coordinates in the scene's system, and metres in an equal-area one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.transform import GCPTransformer

from seep_lightning.errors import UserError
from seep_lightning.scene.raster import Raster

Points = NDArray[np.float64]
"""(N, 2): column, row (0, 0 is the outer corner of the first pixel), or x, y."""
Move = Callable[[Points], Points]


@dataclass(frozen=True)
class Ground:
    """The way from a scene's pixels to its coordinate system and to metres.

    crs: the scene's, None without. unit: `m` or, without georeference, `px`. note: one sentence on the transform, for
    the metadata of what is written. place and unplace: pixels to coordinates in `crs` and back; without georeference
    x is the column and y minus the row, as GIS programs lay such pictures out.
    """

    crs: pyproj.CRS | None
    unit: str
    note: str
    place: Move
    unplace: Move

    @classmethod
    def of(cls, raster: Raster, tps: bool = False) -> Self:
        """The ground of a raster: its affine transform, else a surface through its ground control points.

        tps: a thin plate spline through the points instead of GDAL's polynomial (second order for 10 points or more).
        """
        if not raster.georeferenced:
            note = "no georeference: x is the column, y minus the row, sizes in pixels"
            return cls(None, "px", note, _flip, _flip)
        try:
            crs = pyproj.CRS.from_wkt(raster.crs.to_wkt())
            pyproj.Transformer.from_crs(crs, 4326)
        except pyproj.exceptions.ProjError as error:
            raise UserError(
                f"{raster.path}: PROJ cannot use its coordinate system ({str(error)[:80]}). Assign the right one with "
                "gdal_edit.py -a_srs."
            ) from error
        if not raster.placed_by_points:
            return cls(crs, "m", "affine transform of the scene", *_affine(raster.transform))
        return cls(crs, "m", *_points(raster, tps))

    @cached_property
    def wkt(self) -> str:
        """`crs` as text; empty without."""
        return "" if self.crs is None else self.crs.to_wkt()

    def metres(self, centre: Points) -> Move:
        """Coordinates in `crs` to metres east and north in an equal-area projection near `centre` (1, 2).

        Lambert's azimuthal equal-area projection (Snyder 1987, p. 185) on WGS 84 about the next whole degree: areas are
        exact, distances right to 1e-4 within 100 km. Without georeference nothing changes: pixels.
        """
        if self.crs is None:
            return lambda points: points
        lon, lat = self.degrees(centre)[0]
        project = _laea(self.wkt, round(lon), round(lat))
        return lambda points: np.column_stack(project.transform(points[:, 0], points[:, 1]))

    def degrees(self, points: Points) -> Points:
        """Coordinates in `crs` to longitude and latitude (WGS 84)."""
        if self.crs is None:
            raise ValueError("a scene without georeference has no longitude and latitude")
        return np.column_stack(_wgs84(self.wkt).transform(points[:, 0], points[:, 1]))


@lru_cache(maxsize=256)
def _laea(wkt: str, lon: int, lat: int) -> Any:
    target = f"+proj=laea +lon_0={lon} +lat_0={lat} +datum=WGS84 +units=m +no_defs"
    return pyproj.Transformer.from_crs(wkt, target, always_xy=True)


@lru_cache(maxsize=16)
def _wgs84(wkt: str) -> Any:
    return pyproj.Transformer.from_crs(wkt, 4326, always_xy=True)


def _flip(points: Points) -> Points:
    return np.column_stack((points[:, 0], -points[:, 1]))


def _affine(transform: Affine) -> tuple[Move, Move]:
    def apply(matrix: Affine) -> Move:
        linear = np.array([[matrix.a, matrix.d], [matrix.b, matrix.e]])
        offset = np.array([matrix.c, matrix.f])
        return lambda points: points @ linear + offset

    return apply(transform), apply(~transform)


def _points(raster: Raster, tps: bool) -> tuple[str, Move, Move]:
    fit = GCPTransformer(raster.gcps, tps=tps)

    def place(points: Points) -> Points:
        return np.column_stack(fit.xy(points[:, 1], points[:, 0], offset="ul"))

    def unplace(points: Points) -> Points:
        rows, columns = fit.rowcol(points[:, 0], points[:, 1], op=lambda value: value)
        return np.column_stack((columns, rows))

    pixels = np.array([(point.col, point.row) for point in raster.gcps])
    known = np.array([(point.x, point.y) for point in raster.gcps])
    error = unplace(known) - pixels
    rms = float(np.sqrt((error**2).sum(axis=1).mean()))
    kind = "thin plate spline" if tps else "polynomial"
    return f"{kind} through {len(pixels)} ground control points, which it meets to {rms:.2f} px (rms)", place, unplace
