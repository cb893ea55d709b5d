"""Coordinates of one system to those of another, longitudes by whole turns, and plane systems about a place."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import LambertAzimuthalEqualAreaConversion

Points = NDArray[np.float64]
"""(N, 2): column, row (0, 0 is the outer corner of the first pixel), or x, y."""
PointTransform = Callable[[Points], Points]
WGS84 = "EPSG:4326"
WHOLE_TURN = 360
"""Degrees of longitude once around the globe."""


@dataclass(frozen=True)
class Reprojection:
    """Coordinates of one CRS to those of another; a callable on points (N, 2)."""

    source: str
    target: str

    def __call__(self, points: Points) -> Points:
        """Points (N, 2) of the source CRS to the target CRS."""
        transformer = transformer_between(self.source, self.target)
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


@lru_cache(maxsize=256)
def transformer_between(source: str, target: str) -> Any:
    """PROJ's way from one CRS to another; making one takes far longer than using it."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


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


def on_one_side_of_the_date_line(degrees: Points) -> Points:
    """Longitude and latitude (N, 2); where longitudes lie on both sides of the date line, from 0 to 360."""
    if np.ptp(degrees[:, 0]) <= WHOLE_TURN / 2:
        return degrees
    turned = degrees.copy()
    turned[:, 0] %= WHOLE_TURN
    return turned


def equal_area_about(degrees: Points, wkt: str) -> str:
    """A plane system in metres about the middle of some points, also across the date line and over a pole.

    The projection is Lambert's azimuthal equal-area one (Snyder 1987, p. 185), on the datum of the points.

    Args:
        degrees: Longitude and latitude (N, 2) in a geographic CRS.
        wkt: That CRS.

    Returns:
        The plane CRS as WKT.
    """
    longitudes, latitudes = np.radians(degrees).T
    # the mean of unit vectors: longitudes jump at the date line and mean little at a pole
    x = float(np.mean(np.cos(latitudes) * np.cos(longitudes)))
    y = float(np.mean(np.cos(latitudes) * np.sin(longitudes)))
    z = float(np.mean(np.sin(latitudes)))
    longitude = np.degrees(np.arctan2(y, x))
    latitude = np.degrees(np.arctan2(z, np.hypot(x, y)))
    conversion = LambertAzimuthalEqualAreaConversion(latitude, longitude)
    plane = ProjectedCRS(conversion, geodetic_crs=pyproj.CRS(wkt))
    return str(plane.to_wkt())
