"""Where the sea lies in a product's pixels, by range and Doppler: the points of its grid lie on the land there.

The grid gives the place of each point at the height of the terrain, and ground range itself follows the mean height of
the terrain, anew for each second of flight. Near mountains the points of ten lines therefore do not tell where the sea
between them lies. The orbit and the polynomials of ground range do.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import numpy as np
from rasterio.control import GroundControlPoint

from seep_lightning.scene.inputs.sentinel1.bounds import (
    MOST_COEFFICIENTS,
    MOST_CONVERSIONS,
    MOST_GRID_POINTS,
    MOST_STATES,
    check_count,
    elements,
)
from seep_lightning.scene.placements import water_height
from seep_lightning.scene.point_fits import Floats
from seep_lightning.scene.projections import Points, transformer_between

if TYPE_CHECKING:
    from scipy.interpolate import CubicHermiteSpline

LIGHT = 299_792_458.0
"""Speed of light, m/s."""
GEOGRAPHIC = "EPSG:4979"
GEOCENTRIC = "EPSG:4978"
FLAT = 5.0
"""Points whose heights differ by less, m, lie at sea: the grid itself is right there."""
LARGEST_MISS = 5.0
"""The orbit must put the grid's points at their own heights to within this, m; else the grid is taken as it is."""
COLUMNS = 21
"""Points in a line, as in the grid."""
STEP = 1e-5
"""Degrees by which derivatives are taken."""
NEWTON_STEPS = 12
"""Steps to a place."""


@dataclass(frozen=True)
class _Geometry:
    """How a product was taken; times in s since its first state vector.

    Attributes:
        pixels: Column and row of the grid's points, (N, 2).
        degrees: Their longitude and latitude, (N, 2).
        heights: Their heights, m, (N,).
        times: Their azimuth times, (N,).
        orbit: Position of the satellite by time, geocentric, m.
        range_times: Times of the polynomials of slant range, (K,).
        range_polynomials: Their coefficients for ground range, lowest power first.
        spacing: Ground range from pixel to pixel, m.
    """

    pixels: Points
    degrees: Points
    heights: Floats
    times: Floats
    orbit: "CubicHermiteSpline"
    range_times: Floats
    range_polynomials: tuple[Floats, ...]
    spacing: float

    @classmethod
    def read(cls, root: Element) -> "_Geometry":
        """Read an annotation; ValueError where something is missing, or there is too much of it."""
        points = elements(root, ".//geolocationGridPoint", MOST_GRID_POINTS)
        states = elements(root, ".//orbit", MOST_STATES)
        conversions = elements(root, ".//coordinateConversionList/coordinateConversion", MOST_CONVERSIONS)
        if not conversions or len(states) < 2:
            raise ValueError("no orbit, or no ground range")
        start = _time(states[0], "time")
        position = _numbers(states, "position/x", "position/y", "position/z")
        velocity = _numbers(states, "velocity/x", "velocity/y", "velocity/z")
        # it takes longer to import than all else here, and only products need it
        from scipy.interpolate import CubicHermiteSpline

        return cls(
            pixels=_numbers(points, "pixel", "line"),
            degrees=_numbers(points, "longitude", "latitude"),
            heights=_numbers(points, "height")[:, 0],
            times=_seconds(points, "azimuthTime", start),
            orbit=CubicHermiteSpline(_seconds(states, "time", start), position, velocity),
            range_times=_seconds(conversions, "azimuthTime", start),
            range_polynomials=tuple(_coefficients(conversion) for conversion in conversions),
            spacing=_number(root, ".//rangePixelSpacing"),
        )

    def sea_pixels(self) -> Points:
        """Pixels (M, 2) on the lines at which ground range is told, and on the first and the last line."""
        last_column, last_line = self.pixels.max(axis=0)
        seconds_per_line, first_time = np.polyfit(self.pixels[:, 1], self.times, 1)
        told_lines = (self.range_times - first_time) / seconds_per_line
        inside = told_lines[(told_lines > 0) & (told_lines < last_line)]
        lines = np.concatenate(([0.0], inside, [last_line]))
        grid = np.meshgrid(np.linspace(0, last_column, COLUMNS), lines)
        return np.stack(grid, axis=-1).reshape(-1, 2)

    def place(self, pixels: Points, heights: Floats) -> Points:
        """Longitude and latitude (N, 2) of pixels (N, 2) at heights (N,), by Newton's method."""
        times = self._times_of(pixels)
        position = self.orbit(times)
        velocity = self.orbit(times, 1)
        way = velocity / np.linalg.norm(velocity, axis=1)[:, None]
        ranges = self._slant_ranges(pixels[:, 0] * self.spacing, times)
        to_geocentric = transformer_between(GEOGRAPHIC, GEOCENTRIC)

        def misses(degrees: Points) -> Points:
            places = np.column_stack(to_geocentric.transform(degrees[:, 0], degrees[:, 1], heights))
            sight = places - position
            along = (sight * way).sum(axis=1)
            return np.column_stack((np.linalg.norm(sight, axis=1) - ranges, along))

        degrees = self._nearest_degrees(pixels)
        for _ in range(NEWTON_STEPS):
            now = misses(degrees)
            by_longitude = (misses(degrees + np.array([STEP, 0])) - now) / STEP
            by_latitude = (misses(degrees + np.array([0, STEP])) - now) / STEP
            slopes = np.stack((by_longitude, by_latitude), axis=-1)
            degrees = degrees - np.linalg.solve(slopes, now[..., None])[..., 0]
        return degrees

    def largest_miss(self) -> float:
        """How far the orbit puts the grid's points from where the grid has them, at most, m."""
        to_geocentric = transformer_between(GEOGRAPHIC, GEOCENTRIC)
        places = [
            np.column_stack(to_geocentric.transform(degrees[:, 0], degrees[:, 1], self.heights))
            for degrees in (self.place(self.pixels, self.heights), self.degrees)
        ]
        return float(np.linalg.norm(places[0] - places[1], axis=1).max())

    def _times_of(self, pixels: Points) -> Floats:
        """Azimuth times of pixels (N, 2): nearly linear in the line, and a little different along it."""
        scale = self.pixels.max(axis=0)
        terms = _bilinear(self.pixels / scale)
        coefficients = np.linalg.lstsq(terms, self.times, rcond=None)[0]
        return np.asarray(_bilinear(pixels / scale) @ coefficients)

    def _slant_ranges(self, ground_ranges: Floats, times: Floats) -> Floats:
        """Slant ranges, m: by the polynomial that is nearest in time, as the product's own grid has them."""
        nearest = np.abs(self.range_times[:, None] - times).argmin(axis=0)
        ranges = np.empty(len(times))
        for number, coefficients in enumerate(self.range_polynomials):
            chosen = nearest == number
            ranges[chosen] = np.polynomial.polynomial.polyval(ground_ranges[chosen], coefficients)
        return ranges

    def _nearest_degrees(self, pixels: Points) -> Points:
        """Degrees of the grid's point that is nearest to each pixel: where the search begins."""
        apart = np.linalg.norm(pixels[:, None] - self.pixels, axis=2)
        return np.asarray(self.degrees[apart.argmin(axis=1)])


def sea_points(root: Element) -> list[GroundControlPoint]:
    """Control points at the height of the water, for a product with land in it.

    Args:
        root: The annotation of a band.

    Returns:
        The points; none where the grid's own points serve: at sea, without water, or where the annotation tells too
        little.
    """
    try:
        geometry = _Geometry.read(root)
    except ValueError:
        return []
    height = water_height(geometry.heights)
    if height is None or np.ptp(geometry.heights) < FLAT or not geometry.largest_miss() < LARGEST_MISS:
        return []
    pixels = geometry.sea_pixels()
    degrees = geometry.place(pixels, np.full(len(pixels), height))
    rows = zip(pixels.tolist(), degrees.tolist(), strict=True)
    return [GroundControlPoint(row, column, x, y, height) for (column, row), (x, y) in rows]


def _bilinear(unit: Points) -> Floats:
    """1, column, row and their product, (N, 4)."""
    u, v = unit.T
    return np.column_stack((np.ones_like(u), u, v, u * v))


def _number(element: Element, tag: str) -> float:
    """The number at a tag; ValueError where there is none."""
    return float(element.findtext(tag) or "missing")


def _numbers(elements: list[Element], *tags: str) -> Floats:
    """Numbers of elements by tags, (N, T); ValueError where one is missing."""
    return np.array([[_number(element, tag) for tag in tags] for element in elements])


def _time(element: Element, tag: str) -> datetime:
    return datetime.fromisoformat(element.findtext(tag) or "")


def _seconds(elements: list[Element], tag: str, start: datetime) -> Floats:
    """Times of elements in s since a start, (N,)."""
    return np.array([(_time(element, tag) - start).total_seconds() for element in elements])


def _coefficients(conversion: Element) -> Floats:
    """The polynomial from ground range to slant range; ground range counts from the first pixel."""
    if _number(conversion, "gr0") != 0:
        raise ValueError("ground range does not begin at the first pixel")
    texts = (conversion.findtext("grsrCoefficients") or "missing").split()
    check_count(len(texts), "grsrCoefficients", MOST_COEFFICIENTS)
    return np.array([float(text) for text in texts])
