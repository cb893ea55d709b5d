"""The ground under a scene: pixels to coordinates and back, to longitude and latitude, and to metres."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.transform import GCPTransformer

from seep_lightning import compat
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.georeference import CRS_ADVICE
from seep_lightning.scene.raster import Raster

Points = NDArray[np.float64]
"""(N, 2): column, row (0, 0 is the outer corner of the first pixel), or x, y."""
PointTransform = Callable[[Points], Points]
WGS84 = "EPSG:4326"
WHOLE_TURN = 360
"""Degrees of longitude once around the globe."""


class Placement(Protocol):
    """A scene's pixels to coordinates and back."""

    def place(self, pixels: Points) -> Points:
        """Pixels (N, 2) to coordinates (N, 2)."""

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to pixels (N, 2)."""


@dataclass(frozen=True)
class AffinePlacement:
    """Placement by an affine geotransform."""

    transform: Affine

    def place(self, pixels: Points) -> Points:
        """Pixels (N, 2) to coordinates (N, 2)."""
        return np.column_stack(self.transform @ tuple(pixels.T))

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to pixels (N, 2)."""
        return np.column_stack(~self.transform @ tuple(coordinates.T))


@dataclass(frozen=True)
class ControlPointPlacement:
    """Placement by GDAL's polynomial through ground control points."""

    points: Sequence[GroundControlPoint]
    polynomial: GCPTransformer

    @classmethod
    def through(cls, points: Sequence[GroundControlPoint]) -> Self:
        """Fit the polynomial.

        Args:
            points: Ground control points whose longitudes do not jump at the date line.

        Returns:
            The placement.

        Raises:
            GDAL's error (`compat.gdal_error`): GDAL finds no polynomial through the points.
        """
        return cls(points, GCPTransformer(points))

    def place(self, pixels: Points) -> Points:
        """Pixels (N, 2) to coordinates (N, 2)."""
        columns, rows = pixels.T
        return np.column_stack(self.polynomial.xy(rows, columns, offset="ul"))

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to pixels (N, 2), not rounded."""
        x, y = coordinates.T
        rows, columns = self.polynomial.rowcol(x, y, op=_unrounded)
        return np.column_stack((columns, rows))

    def misfit(self) -> float:
        """Distance between the polynomial and its own points: root mean square, in pixels."""
        coordinates = np.array([(point.x, point.y) for point in self.points])
        pixels = np.array([(point.col, point.row) for point in self.points])
        squares = (self.unplace(coordinates) - pixels) ** 2
        mean_square = squares.sum(axis=1).mean()
        return float(np.sqrt(mean_square))


@dataclass(frozen=True)
class Reprojection:
    """Coordinates of one CRS to those of another; a callable on points (N, 2)."""

    source: str
    target: str

    def __call__(self, points: Points) -> Points:
        """Points (N, 2) of the source CRS to the target CRS."""
        transformer = _transformer(self.source, self.target)
        x, y = points.T
        return np.column_stack(transformer.transform(x, y))


@dataclass(frozen=True)
class Shift:
    """Coordinates moved to the east; a callable on points (N, 2)."""

    east: float

    def __call__(self, points: Points) -> Points:
        """Points (N, 2), moved."""
        moved: Points = points + np.array([self.east, 0])
        return moved


@dataclass(frozen=True)
class Ground:
    """The way from a scene's pixels to its coordinates and to metres.

    Attributes:
        wkt: The scene's CRS; empty where it has none.
        unit: Unit of sizes: `m`, or `px` without a CRS.
        note: One line about the placement, for people.
        placement: How pixels lie in the coordinates. Without CRS and transform x is the column and y minus the row.
    """

    wkt: str
    unit: str
    note: str
    placement: Placement

    @classmethod
    def of(cls, raster: Raster) -> Self:
        """The ground of a raster, by its affine transform or else by its ground control points.

        Args:
            raster: A raster with any georeference, or none.

        Returns:
            The ground.

        Raises:
            UserError: PROJ cannot use the CRS, or the place is not on the ground.
        """
        if not raster.georeferenced:
            return cls._without_crs(raster)
        _check_crs(raster)
        if raster.placed_by_points:
            return cls._by_control_points(raster)
        ground = cls(raster.crs.to_wkt(), "m", "affine transform of the scene", AffinePlacement(raster.transform))
        _check_on_the_globe(ground, raster)
        return ground

    @classmethod
    def _without_crs(cls, raster: Raster) -> Self:
        # a world file may have given the raster a transform all the same
        transform, source = raster.transform, "the scene's transform"
        if transform == Affine.identity():
            transform, source = Affine.scale(1, -1), "x is the column, y minus the row"
        note = f"no coordinate system: {source}, sizes in pixels"
        return cls("", "px", note, AffinePlacement(transform))

    @classmethod
    def _by_control_points(cls, raster: Raster) -> Self:
        points = raster.gcps
        if raster.crs.is_geographic:
            points = _on_one_side_of_the_date_line(points)
        problem = f"{raster.path}: its {len(points)} ground control points do not place it"
        with as_user_error(problem, compat.gdal_error(), advice=CRS_ADVICE):
            placement = ControlPointPlacement.through(points)
        misfit = placement.misfit()
        note = f"polynomial through {len(points)} ground control points, which it meets to {misfit:.2f} px (rms)"
        return cls(raster.crs.to_wkt(), "m", note, placement)

    def place(self, pixels: Points) -> Points:
        """Pixels (N, 2) to coordinates (N, 2)."""
        return self.placement.place(pixels)

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to pixels (N, 2)."""
        return self.placement.unplace(coordinates)

    def metres_about(self, centre: Points) -> PointTransform:
        """Coordinates to metres east and north about a centre; without CRS to pixels right and up.

        The projection is Lambert's azimuthal equal-area one (Snyder 1987, p. 185): areas are exact, distances right to
        1e-4 within 100 km.

        Args:
            centre: Coordinates (1, 2) of the point around which the projection is made.

        Returns:
            A function of coordinates (N, 2).
        """
        if not self.wkt:
            return self._right_and_up
        longitude, latitude = np.rint(self.degrees(centre)[0])
        projection = f"+proj=laea +lon_0={longitude} +lat_0={latitude} +datum=WGS84 +units=m +no_defs"
        return Reprojection(self.wkt, projection)

    def degrees(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to longitude and latitude (WGS 84)."""
        return Reprojection(self.wkt, WGS84)(coordinates)

    def degrees_together(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to longitude and latitude, all within half a turn of the first point.

        An outline that crosses the date line must not go round the world.
        """
        degrees = self.degrees(coordinates)
        return near_longitude(degrees, degrees[0, 0])

    def _right_and_up(self, coordinates: Points) -> Points:
        pixels: Points = self.unplace(coordinates) * np.array([1, -1])
        return pixels


def middle_of(raster: Raster) -> Points:
    """The middle of a raster in pixels, (1, 2)."""
    return np.array([[raster.width / 2, raster.height / 2]])


def near_longitude(degrees: Points, longitude: float) -> Points:
    """Move points by whole turns of the globe to within half a turn of a longitude.

    Args:
        degrees: Longitude and latitude (N, 2); points that are not finite stay.
        longitude: A longitude in degrees.

    Returns:
        The moved points, (N, 2).
    """
    turns = np.rint((degrees[:, 0] - longitude) / WHOLE_TURN)
    moved = degrees.copy()
    moved[:, 0] -= WHOLE_TURN * np.where(np.isfinite(turns), turns, 0)
    return moved


def _on_one_side_of_the_date_line(points: Sequence[GroundControlPoint]) -> Sequence[GroundControlPoint]:
    """Ground control points in degrees; where they lie on both sides of the date line, from 0 to 360."""
    longitudes = [point.x for point in points]
    if np.ptp(longitudes) <= WHOLE_TURN / 2:
        return points
    return [GroundControlPoint(point.row, point.col, point.x % WHOLE_TURN, point.y, point.z) for point in points]


def _check_crs(raster: Raster) -> None:
    """Raise `UserError` for a CRS from which PROJ knows no way to longitude and latitude."""
    problem = f"{raster.path}: PROJ cannot use its coordinate system"
    with as_user_error(problem, pyproj.exceptions.ProjError, advice=CRS_ADVICE):
        _transformer(raster.crs.to_wkt(), WGS84)


def _check_on_the_globe(ground: Ground, raster: Raster) -> None:
    """Raise `UserError` where transform and CRS do not belong together, such as metres under a CRS in degrees."""
    middle = ground.place(middle_of(raster))
    longitude, latitude = ground.degrees(middle)[0]
    # one and a half turns: longitudes may count from -180, from 0, or across the date line
    if abs(longitude) <= 1.5 * WHOLE_TURN and abs(latitude) <= 90:
        return
    message = f"{raster.path}: its transform and its coordinate system put it at longitude {longitude:g}, latitude"
    raise UserError(f"{message} {latitude:g}, which is not on the ground. {CRS_ADVICE}")


@lru_cache(maxsize=256)
def _transformer(source: str, target: str) -> Any:
    """PROJ's way from one CRS to another; making one takes far longer than using it."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _unrounded(value: Any) -> Any:
    return value
