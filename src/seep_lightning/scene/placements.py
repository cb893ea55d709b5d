"""How a scene's pixels lie in its coordinates: by an affine transform, or by a function fitted to control points."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, Self

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint

from seep_lightning.errors import UserError
from seep_lightning.scene.point_fits import ISOTROPIC_KINDS, ControlPoints, Floats, PointFit, Surface, best_fit
from seep_lightning.scene.point_outliers import fit_without_outliers
from seep_lightning.scene.projections import (
    Points,
    PointTransform,
    Reprojection,
    equal_area_about,
    near_longitude,
    on_one_side_of_the_date_line,
)

FEWEST_POINTS = 3
"""They determine an affine transform, and nothing checks it."""
SMALLEST_WIDTH = 1e-6
"""Points lie on a line if their spread across it is such a share of that along it, or less."""
WATER_SHARE = 10
"""Points at one height are taken for water if they are at least such a part of all points,"""
WATER_HEIGHTS = 5.0
"""and if their heights differ by less than this, m."""
LARGEST_RESIDUAL = 1.0
"""A larger one, px, is told."""
TOLERANCE = 1e-4
"""How closely a place's pixel is found, px."""
MOST_STEPS = 30
"""Steps to a place's pixel."""


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
class Residual:
    """How far control points lie from where the others put them, each left out once.

    Attributes:
        mean_m: Mean, m.
        max_m: Largest, m.
        mean_px: Mean, px.
        max_px: Largest, px.
    """

    mean_m: float
    max_m: float
    mean_px: float
    max_px: float

    def __str__(self) -> str:
        """In words: mean and largest."""
        mean = f"{_short(self.mean_m)} m ({_short(self.mean_px)} px) on average"
        return f"{mean}, {_short(self.max_m)} m ({_short(self.max_px)} px) at most"


@dataclass(frozen=True)
class OutlyingPoint:
    """A control point that is left out, because it contradicts the others.

    Attributes:
        number: Its number in the file, from 1.
        row: Its row.
        column: Its column.
        distance_m: How far it lies from where the others put its pixel, m.
    """

    number: int
    row: float
    column: float
    distance_m: float

    def __str__(self) -> str:
        """In words: which one, and how far off."""
        return f"point {self.number} (row {self.row:g}, column {self.column:g}) by {_short(self.distance_m)} m"


@dataclass(frozen=True)
class Plane:
    """The plane in which points are fitted.

    Attributes:
        to_plane: Coordinates of the scene to the plane.
        from_plane: Back.
        to_metres: The plane to metres about the points.
    """

    to_plane: PointTransform
    from_plane: PointTransform
    to_metres: PointTransform

    @classmethod
    def of(cls, wkt: str, coordinates: Points) -> Self:
        """The plane for points (N, 2) in a CRS: the CRS itself, or a local equal-area one where it is in degrees."""
        crs = pyproj.CRS(wkt)
        if crs.is_geographic:
            together = on_one_side_of_the_date_line(coordinates)
            middle = (together[:, 0].min() + together[:, 0].max()) / 2
            local = equal_area_about(together, wkt)
            return cls(Reprojection(wkt, local), _Degrees(local, wkt, middle), _unchanged)
        geodetic = pyproj.CRS(crs.geodetic_crs).to_wkt()
        local = equal_area_about(Reprojection(wkt, geodetic)(coordinates), geodetic)
        return cls(_unchanged, _unchanged, Reprojection(wkt, local))


@dataclass(frozen=True)
class _Degrees:
    """A plane to degrees about a longitude; a callable on points (N, 2)."""

    plane: str
    geographic: str
    longitude: float

    def __call__(self, points: Points) -> Points:
        degrees = Reprojection(self.plane, self.geographic)(points)
        return near_longitude(degrees, self.longitude)


@dataclass(frozen=True)
class ControlPointPlacement:
    """Placement by a function fitted to ground control points.

    Attributes:
        fit: The function, of pixels and heights.
        water: The height of the water, at which the scene is placed; None where the points show no water: then it is
            placed where they lie, on land, and their heights do not count.
        surface: The function at that height.
        plane: The plane into which it leads.
        backwards: The plane to pixels, roughly: an affine transform.
        residual: How well the points foretell each other, by a function that is as smooth along columns as along rows;
            None for three points.
        outliers: Points that are left out.
        count: Number of points in the file.
    """

    fit: PointFit
    water: float | None
    surface: Surface
    plane: Plane
    backwards: Affine
    residual: Residual | None
    outliers: tuple[OutlyingPoint, ...]
    count: int

    @staticmethod
    def through(points: Sequence[GroundControlPoint], wkt: str) -> "ControlPointPlacement":
        """Choose and fit the function.

        Args:
            points: Ground control points.
            wkt: Their CRS.

        Returns:
            The placement.

        Raises:
            UserError: The points determine no place. The message begins with what is wrong, and names no file.
        """
        rows = tuple((point.col, point.row, point.x, point.y, _height(point)) for point in points)
        return _placement(rows, wkt)

    def place(self, pixels: Points) -> Points:
        """Pixels (N, 2) to coordinates (N, 2)."""
        return self.plane.from_plane(self.surface(pixels))

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to pixels (N, 2), not rounded; NaN for what has no place in the plane.

        Newton's method on the function itself, with the slopes near the goal: there and back agree.
        """
        goal = self.plane.to_plane(coordinates)
        goal[~np.isfinite(goal).all(axis=1)] = np.nan
        # the affine transform twice: the second time from where the first one leads
        pixels = np.column_stack(self.backwards @ tuple(goal.T))
        pixels += self._affine_step(goal - self.surface(pixels))
        inverses = _inverses(self.surface.slopes(pixels))
        unsettled = np.flatnonzero(np.isfinite(pixels).all(axis=1))
        for _ in range(MOST_STEPS):
            now = pixels[unsettled]
            move = _times(inverses[unsettled], goal[unsettled] - self.surface(now))
            pixels[unsettled] = now + move
            unsettled = unsettled[np.abs(move).max(axis=1) > TOLERANCE]
            if not len(unsettled):
                break
        pixels[unsettled] = np.nan
        return pixels

    def _affine_step(self, missing: Points) -> Points:
        """What is missing in the plane, (N, 2), in pixels."""
        a, b, _, d, e, _, *_ = self.backwards
        return _times(np.array([[[a, b], [d, e]]]), missing)

    @property
    def name(self) -> str:
        """The kind of function, in words."""
        return self.fit.kind.name

    @property
    def note(self) -> str:
        """One line about the placement, for people."""
        used = self.count - len(self.outliers)
        note = f"{self.name} through {used} ground control points"
        if self.water is None:
            note += ", on land, since their heights show no water"
        elif self.fit.kind.height_order is not None:
            note += f", at the height of the water, {self.water:g}"
        if self.residual is None:
            return f"{note}; no further point checks them"
        if self.fit.kind.is_isotropic:
            return f"{note}; left out one by one, they are missed by {self.residual}"
        return f"{note}; a function as smooth across would miss them by {self.residual}"

    def covered_share(self, width: int, height: int) -> float:
        """The share of a picture that lies in the box around the points, 0 to 1.

        Args:
            width: Of the picture, px.
            height: Of the picture, px.
        """
        size = np.array([width, height])
        frame = self.surface.frame
        low = np.clip(frame.middle - frame.half, 0, size)
        high = np.clip(frame.middle + frame.half, 0, size)
        return float(np.prod((high - low) / size))

    @property
    def doubts(self) -> list[str]:
        """What people must know before they rely on it, a sentence each."""
        told: list[str] = []
        if self.outliers:
            named = ", ".join(str(point) for point in self.outliers)
            told.append(f"Control points that contradict the others were left out: {named}.")
        if self.residual is not None and self.residual.max_px > LARGEST_RESIDUAL:
            told.append(f"Its place is uncertain by more than a pixel: {self.note}.")
        return told


_PointRow = tuple[float, float, float, float, float]
"""Column, row, x, y, height."""


@lru_cache(maxsize=16)
def _placement(rows: tuple[_PointRow, ...], wkt: str) -> ControlPointPlacement:
    """The placement; kept, since a scene is placed several times while it is mapped."""
    table = np.array(rows, float).reshape(-1, 5)
    # the same point twice tells nothing new, and would foretell itself
    numbers = np.sort(np.unique(table, axis=0, return_index=True)[1])
    table = table[numbers]
    _check_points(table)
    coordinates = table[:, 2:4]
    plane = Plane.of(wkt, coordinates)
    water = water_height(table[:, 4])
    heights = np.zeros(len(table)) if water is None else table[:, 4]
    height = water or 0.0
    points = ControlPoints(table[:, :2], plane.to_plane(coordinates), heights)
    _check_plane(points, coordinates)
    fit, is_kept = fit_without_outliers(points, height)
    kept = points.select(is_kept)
    surface = fit.at_height(height)
    return ControlPointPlacement(
        fit=fit,
        water=water,
        surface=surface,
        plane=plane,
        backwards=~_as_affine(kept.affine),
        residual=_residual(_judge(fit, kept, height), surface, kept, plane),
        outliers=_outliers(fit, points, plane, ~is_kept, numbers),
        count=len(rows),
    )


def water_height(heights: Floats) -> float | None:
    """The height of the water in a scene, where its seeps are.

    Args:
        heights: Of its control points, (N,), at least three.

    Returns:
        The height that a tenth of the points have in common (the narrowest such range); else that of the three lowest,
        if they have one in common; else None.
    """
    ascending = np.sort(heights)
    together = max(FEWEST_POINTS, -(-len(heights) // WATER_SHARE))
    widths = ascending[together - 1 :] - ascending[: len(ascending) - together + 1]
    narrowest = int(widths.argmin())
    for points in (ascending[narrowest : narrowest + together], ascending[:FEWEST_POINTS]):
        if np.ptp(points) < WATER_HEIGHTS:
            return float(np.median(points))
    return None


def _check_points(table: Floats) -> None:
    """Raise `UserError` for too few points, and for numbers that are none."""
    if len(table) < FEWEST_POINTS:
        raise UserError(f"at least {FEWEST_POINTS} different ones are needed")
    if not np.isfinite(table).all():
        raise UserError("some of their numbers are not finite")
    if _is_line(table[:, :2]):
        raise UserError("their pixels lie on one line")


def _check_plane(points: ControlPoints, coordinates: Points) -> None:
    """Raise `UserError` for points that are not on the earth, and for places on one line."""
    is_lost = ~np.isfinite(points.plane).all(axis=1)
    if is_lost.any():
        x, y = coordinates[is_lost][0]
        raise UserError(f"one of them lies at x {x:g}, y {y:g}, which is no place in their coordinate system")
    if _is_line(points.plane):
        raise UserError("their places lie on one line")


def _is_line(points: Points) -> bool:
    """Whether points (N, 2) lie on one line, or all in one place."""
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] <= SMALLEST_WIDTH * spread[0])


def _outliers(
    fit: PointFit, points: ControlPoints, plane: Plane, is_left_out: NDArray[np.bool_], numbers: NDArray[np.int64]
) -> tuple[OutlyingPoint, ...]:
    """The points that were left out; numbers: of all points in the file, from 0."""
    chosen = points.select(is_left_out)
    expected = plane.to_metres(fit.place(chosen.pixels, chosen.heights))
    distances = np.hypot(*(expected - plane.to_metres(chosen.plane)).T)
    rows = zip(numbers[is_left_out].tolist(), chosen.pixels.tolist(), distances.tolist(), strict=True)
    return tuple(OutlyingPoint(number + 1, row, column, distance) for number, (column, row), distance in rows)


def _judge(fit: PointFit, points: ControlPoints, height: float) -> PointFit:
    """The function that tells how uncertain places are: one that is rough across rows of points hides it."""
    if fit.kind.is_isotropic:
        return fit
    return best_fit(points, height, ISOTROPIC_KINDS) or fit


def _residual(fit: PointFit, surface: Surface, points: ControlPoints, plane: Plane) -> Residual | None:
    """How well the points foretell each other; None where none checks the others."""
    if not np.isfinite(fit.misses).all():
        return None
    foretold = points.plane - fit.misses
    metres = np.hypot(*(plane.to_metres(foretold) - plane.to_metres(points.plane)).T)
    in_pixels = np.linalg.solve(surface.slopes(points.pixels), fit.misses[..., None])[..., 0]
    pixels = np.hypot(*in_pixels.T)
    return Residual(float(metres.mean()), float(metres.max()), float(pixels.mean()), float(pixels.max()))


def _height(point: GroundControlPoint) -> float:
    """The height of a point; 0 where it has none."""
    if point.z is None or not np.isfinite(point.z):
        return 0.0
    return float(point.z)


def _as_affine(coefficients: Floats) -> Affine:
    """Coefficients (3, 2) for 1, column and row as an affine transform."""
    (c, f), (a, d), (b, e) = coefficients.tolist()
    return Affine(a, b, c, d, e, f)


def _inverses(matrices: Floats) -> Floats:
    """Inverses of (N, 2, 2); numpy's own take four times as long."""
    a, b = matrices[:, 0, 0], matrices[:, 0, 1]
    c, d = matrices[:, 1, 0], matrices[:, 1, 1]
    adjugates = np.stack((d, -b, -c, a), axis=-1).reshape(-1, 2, 2)
    return np.asarray(adjugates / (a * d - b * c)[:, None, None])


def _times(matrices: Floats, points: Points) -> Points:
    """Matrices (N, 2, 2), or one, times points (N, 2)."""
    x, y = points.T
    by_columns = matrices[:, 0, 0] * x + matrices[:, 0, 1] * y
    by_rows = matrices[:, 1, 0] * x + matrices[:, 1, 1] * y
    return np.column_stack((by_columns, by_rows))


def _unchanged(points: Points) -> Points:
    return points


def _short(number: float) -> str:
    """A number to two digits; small ones to two after the point."""
    return f"{number:.2f}" if number < 1 else f"{number:.2g}" if number < 10 else f"{number:.0f}"
