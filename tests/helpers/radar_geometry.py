"""Where a Sentinel-1 product's pixels lie, by range and Doppler: from its orbit, not from its control points."""

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

Floats = NDArray[np.float64]
LIGHT = 299_792_458.0
"""Speed of light, m/s."""
EARTH_TURN = 7.292115e-5
"""Turn of the earth, rad/s."""
GRAVITY = 3.986004418e14
"""GM of the earth, m3/s2."""
INCLINATION = math.radians(98.18)
ORBIT_RADIUS = 7_071_000.0
"""Of Sentinel-1, m."""
NEAR_RANGE = 800_942.0
"""Slant range of the first pixel of IW GRDH, m."""
PIXEL = 10.0
"""Spacing of pixels and lines of IW GRDH, m."""
_TO_ECEF = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


@dataclass(frozen=True)
class Grid:
    """Grid points: column, row (N, 2), longitude, latitude (N, 2), height in m (N,)."""

    pixels: Floats
    degrees: Floats
    heights: Floats

    def select(self, chosen: NDArray[np.bool_]) -> "Grid":
        return Grid(self.pixels[chosen], self.degrees[chosen], self.heights[chosen])


@dataclass(frozen=True)
class Annotation:
    """What a product's annotation tells of its geometry; times in s of one day.

    Attributes:
        width: Samples.
        height: Lines.
        grid: Its geolocation grid.
        grid_times: Azimuth time of each grid point.
        grid_ranges: Slant range of each grid point, m.
        orbit: Position of the satellite (ECEF, m) by time.
        range_times: Azimuth times of the polynomials from ground range to slant range.
        range_polynomials: Their coefficients, lowest power first.
    """

    width: int
    height: int
    grid: Grid
    grid_times: Floats
    grid_ranges: Floats
    orbit: CubicHermiteSpline
    range_times: Floats
    range_polynomials: list[Floats]

    @classmethod
    def read(cls, path: Path) -> "Annotation":
        root = ET.parse(path).getroot()
        points = list(root.iter("geolocationGridPoint"))
        states = list(root.iter("orbit"))
        conversions = [part for part in root.iter("coordinateConversion") if part.find("azimuthTime") is not None]
        grid = Grid(
            _numbers(points, "pixel", "line"),
            _numbers(points, "longitude", "latitude"),
            _numbers(points, "height")[:, 0],
        )
        position = _numbers(states, "position/x", "position/y", "position/z")
        velocity = _numbers(states, "velocity/x", "velocity/y", "velocity/z")
        return cls(
            width=int(root.findtext(".//numberOfSamples") or 0),
            height=int(root.findtext(".//numberOfLines") or 0),
            grid=grid,
            grid_times=_times(points, "azimuthTime"),
            grid_ranges=_numbers(points, "slantRangeTime")[:, 0] * LIGHT / 2,
            orbit=CubicHermiteSpline(_times(states, "time"), position, velocity),
            range_times=_times(conversions, "azimuthTime"),
            range_polynomials=[_coefficients(part) for part in conversions],
        )

    @cached_property
    def line_times(self) -> Floats:
        """Azimuth time of line 0, and s a line."""
        lines = self.grid.pixels[:, 1]
        return np.polyfit(lines, self.grid_times, 1)[::-1]

    def over_sea(self, pixels: Floats) -> Grid:
        """Where pixels would lie if the product had been taken over sea: its orbit and times, no mountains."""
        times = self.line_times[0] + self.line_times[1] * pixels[:, 1]
        below = _degrees(self.orbit(self.grid_times.mean()))
        return _over_sea(pixels, self.orbit(times), self.orbit(times, 1), below, self.grid.degrees.mean(axis=0))

    def at_height(self, pixels: Floats, heights: Floats) -> Grid:
        """Where pixels lie at heights above the ellipsoid, by orbit and range polynomials."""
        times = self.line_times[0] + self.line_times[1] * pixels[:, 1]
        nearest = np.abs(self.range_times[:, None] - times).argmin(axis=0)
        ranges = np.empty(len(pixels))
        for number, coefficients in enumerate(self.range_polynomials):
            chosen = nearest == number
            ranges[chosen] = np.polynomial.polynomial.polyval(pixels[chosen, 0] * PIXEL, coefficients)
        start = self.grid.degrees.mean(axis=0)
        degrees = _meet(self.orbit(times), self.orbit(times, 1), ranges, heights, start)
        return Grid(pixels, degrees, heights)


def grid_over_sea(latitude: float, pixels: Floats, size: tuple[int, int] = (25_788, 16_685)) -> Grid:
    """The grid of a product over open sea: a circular orbit like Sentinel-1's, looking right, ascending.

    Args:
        latitude: Of the satellite at the middle line, degrees.
        pixels: Column and row of the points, (N, 2).
        size: Width and height of the product, px.
    """
    rate = math.sqrt(GRAVITY / ORBIT_RADIUS**3)
    middle = math.asin(math.sin(math.radians(latitude)) / math.sin(INCLINATION)) / rate
    line_time = PIXEL / (rate * 6_371_000.0)
    times = middle + (pixels[:, 1] - size[1] / 2) * line_time
    position, velocity = _circular_orbit(times, rate)
    below = _degrees(_circular_orbit(np.array([middle]), rate)[0][0])
    # from below the satellite to the right of its way
    start = below + np.array([4.0 / math.cos(math.radians(latitude)), 1.0])
    return _over_sea(pixels, position, velocity, below, start)


def _over_sea(pixels: Floats, position: Floats, velocity: Floats, below: Floats, start: Floats) -> Grid:
    """Where pixels (N, 2) lie at height 0, if their ground range follows the sea.

    Args:
        pixels: Column and row.
        position: Of the satellite at each, (N, 3).
        velocity: Of the satellite at each, (N, 3).
        below: Degrees below the satellite at the middle of the product.
        start: Degrees near the pixels.
    """
    # the sphere that fits below the satellite serves well enough to give the pixels their spacing
    radius = _local_radius(below[1])
    orbit = np.linalg.norm(position, axis=1)
    near_angle = np.arccos((orbit**2 + radius**2 - NEAR_RANGE**2) / (2 * radius * orbit))
    angle = near_angle + pixels[:, 0] * PIXEL / radius
    ranges = np.sqrt(orbit**2 + radius**2 - 2 * radius * orbit * np.cos(angle))
    heights = np.zeros(len(pixels))
    return Grid(pixels, _meet(position, velocity, ranges, heights, start), heights)


def grid_pixels(width: int = 25_788, height: int = 16_685) -> Floats:
    """Column and row of the 210 points of a product's grid, (210, 2)."""
    columns = [*range(0, 20 * 1290, 1290), width - 1]
    rows = [*range(0, 9 * 2003, 2003), height - 1]
    return np.array([(column, row) for row in rows for column in columns], float)


def moved_by_longitude(grid: Grid, east: float) -> Grid:
    """A grid turned about the earth's axis; longitudes from -180 to 180."""
    degrees = grid.degrees + np.array([east, 0])
    degrees[:, 0] = (degrees[:, 0] + 180) % 360 - 180
    return replace(grid, degrees=degrees)


def metres_between(first: Floats, second: Floats) -> Floats:
    """Geodesic distance of points in degrees (N, 2), m."""
    geod = pyproj.Geod(ellps="WGS84")
    return np.asarray(geod.inv(first[:, 0], first[:, 1], second[:, 0], second[:, 1])[2])


def _meet(position: Floats, velocity: Floats, ranges: Floats, heights: Floats, start: Floats) -> Floats:
    """Longitude and latitude (N, 2) at a slant range and at zero Doppler, by Newton's method."""
    way = velocity / np.linalg.norm(velocity, axis=1)[:, None]

    def misses(degrees: Floats) -> Floats:
        sight = np.column_stack(_TO_ECEF.transform(degrees[:, 0], degrees[:, 1], heights)) - position
        return np.column_stack((np.linalg.norm(sight, axis=1) - ranges, (sight * way).sum(axis=1)))

    degrees = np.tile(start, (len(ranges), 1))
    step = 1e-5
    for _ in range(20):
        now = misses(degrees)
        by_longitude = (misses(degrees + np.array([step, 0])) - now) / step
        by_latitude = (misses(degrees + np.array([0, step])) - now) / step
        jacobian = np.stack((by_longitude, by_latitude), axis=-1)
        move = np.linalg.solve(jacobian, now[..., None])[..., 0]
        degrees = degrees - move.clip(-1, 1)
    assert np.abs(misses(degrees)).max() < 1e-3
    return degrees


def _circular_orbit(times: Floats, rate: float) -> tuple[Floats, Floats]:
    """Position (N, 3) and velocity (N, 3) in ECEF of a satellite that crosses the equator at time 0."""
    angle = rate * times
    along = np.column_stack((np.cos(angle), np.sin(angle) * np.cos(INCLINATION), np.sin(angle) * np.sin(INCLINATION)))
    ahead = np.column_stack((-np.sin(angle), np.cos(angle) * np.cos(INCLINATION), np.cos(angle) * np.sin(INCLINATION)))
    turn = EARTH_TURN * times
    zero = np.zeros_like(turn)
    spin = np.stack(
        (
            np.column_stack((np.cos(turn), np.sin(turn), zero)),
            np.column_stack((-np.sin(turn), np.cos(turn), zero)),
            np.column_stack((zero, zero, zero + 1)),
        ),
        axis=1,
    )
    position = np.einsum("nij,nj->ni", spin, along * ORBIT_RADIUS)
    inertial = np.einsum("nij,nj->ni", spin, ahead * ORBIT_RADIUS * rate)
    velocity = inertial - np.cross(np.array([0, 0, EARTH_TURN]), position)
    return position, velocity


def _local_radius(latitude: float) -> float:
    """Distance of the ellipsoid's surface from the earth's centre, m."""
    x, y, z = _TO_ECEF.transform(0, latitude, 0)
    return math.hypot(x, y, z)


def _degrees(position: Floats) -> Floats:
    """Longitude and latitude of a point in ECEF."""
    longitude, latitude, _ = _TO_ECEF.transform(*position, direction="INVERSE")
    return np.array([longitude, latitude])


def _numbers(elements: list[ET.Element], *tags: str) -> Floats:
    return np.array([[float(element.findtext(tag) or "nan") for tag in tags] for element in elements])


def _times(elements: list[ET.Element], tag: str) -> Floats:
    """Times in s of their day."""
    stamps = [datetime.fromisoformat(element.findtext(tag) or "") for element in elements]
    midnight = stamps[0].replace(hour=0, minute=0, second=0, microsecond=0)
    return np.array([(stamp - midnight).total_seconds() for stamp in stamps])


def _coefficients(conversion: ET.Element) -> Floats:
    return np.array([float(text) for text in (conversion.findtext("grsrCoefficients") or "").split()])
