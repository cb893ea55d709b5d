"""Functions from pixels to a plane that are fitted to control points, and how well they foretell points left out.

Polynomials; thin-plate splines, which meet every point (Duchon 1977; Wahba 1990, chapter 2); and either with terms for
the height of the points. A radar sees a point at height h as if it lay about h / tan(incidence) nearer to the
satellite, so points on mountains do not lie where the sea of the same pixels lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.projections import Points

Floats = NDArray[np.float64]

MOST_KNOTS = 1000
"""Points of a spline, at most: its solution takes their third power."""
FEWEST_KNOTS = 16
"""Points of a spline, at least: fewer cannot tell whether it foretells better than a polynomial."""
LARGEST_LEVERAGE = 1 - 1e-6
"""A point that alone holds a term of the polynomial cannot be foretold by the others."""
SMALLEST_PIVOT = 1e-8
"""Terms that are such a share of the largest, or less, follow from the others."""
CLOSE_ENOUGH = 1e-3
"""A root mean square of this, px, is as good as none: no further kind is tried."""
GAIN = 0.9
"""A kind with more terms must foretell the points to such a share of the error of a simpler one."""
FOLD_POINTS = 24
"""Points along each side of the scene at which a function is checked for folds."""
EXTRAPOLATION = 0.05
"""Beyond the points' box, widened by such a share, a function goes on along its tangent: polynomials run away."""
HEIGHT_UNIT = 1000.0
"""m: heights in such units are numbers of about 1, as columns and rows are."""
CHUNK = 512
"""Points for which a spline is computed at a time: the table of distances to its knots fits into the cache."""


@dataclass(frozen=True)
class FitKind:
    """A kind of function.

    Attributes:
        name: In words, for people.
        order: Order of the polynomial in column and row.
        height_order: Order of the polynomial in column and row by which the height is multiplied; None without heights.
        stretch: For a spline: how much further apart rows count than columns; None for a polynomial alone.
    """

    name: str
    order: int
    height_order: int | None = None
    stretch: float | None = None

    @property
    def is_isotropic(self) -> bool:
        """Whether it is as smooth along columns as along rows."""
        return self.stretch in (None, 1.0)

    @property
    def terms(self) -> int:
        """Number of terms of the polynomials."""
        heights = 0 if self.height_order is None else _term_count(self.height_order)
        return _term_count(self.order) + heights

    def can_fit(self, points: "ControlPoints") -> bool:
        """Whether it has fewer terms than there are points, and heights only where they differ."""
        if self.height_order is not None and not points.heights_differ:
            return False
        if self.stretch is not None and (not FEWEST_KNOTS <= points.count <= MOST_KNOTS or points.has_equal_pixels):
            return False
        return self.terms < points.count


def _kinds() -> Iterator[FitKind]:
    """All kinds, simplest first."""
    yield from (FitKind(f"polynomial of order {order}", order) for order in (1, 2, 3, 4))
    for order, height_order in ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3)):
        yield FitKind(f"polynomial of order {order} with heights", order, height_order)
    yield FitKind("thin-plate spline", 1, None, 1.0)
    # 16: a product whose ground range follows the terrain is smooth along each line, and rough across lines
    for stretch, direction in ((1.0, ""), (16.0, ", smoother along rows"), (1 / 16, ", smoother along columns")):
        for order in (1, 3):
            yield FitKind(f"thin-plate spline with heights{direction}", order, order, stretch)


FIT_KINDS = tuple(_kinds())
ISOTROPIC_KINDS = tuple(kind for kind in FIT_KINDS if kind.is_isotropic)


@dataclass(frozen=True)
class ControlPoints:
    """Where some pixels lie in a plane.

    Attributes:
        pixels: Column and row, (N, 2).
        plane: Coordinates in the plane, (N, 2).
        heights: Heights, (N,); zeros where none are known.
    """

    pixels: Points
    plane: Points
    heights: Floats

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.pixels)

    @property
    def heights_differ(self) -> bool:
        """Whether heights differ by more than radar pixels notice."""
        return bool(np.ptp(self.heights) > 1)

    @cached_property
    def has_equal_pixels(self) -> bool:
        """Whether two points are of one pixel."""
        return len(np.unique(self.pixels, axis=0)) < self.count

    @cached_property
    def frame(self) -> "PixelFrame":
        """The frame in which their pixels go from -1 to 1."""
        return PixelFrame.around(self.pixels)

    @cached_property
    def affine(self) -> Floats:
        """The affine function nearest to them: rows for 1, column and row; (3, 2)."""
        ones = np.ones((self.count, 1))
        return np.asarray(np.linalg.lstsq(np.hstack((ones, self.pixels)), self.plane, rcond=None)[0], np.float64)

    @property
    def pixel_size(self) -> float:
        """Side of a square as large as a pixel, in units of the plane."""
        return float(np.sqrt(abs(np.linalg.det(self.affine[1:]))))

    def without(self, number: int) -> "ControlPoints":
        """All but one point."""
        return self.select(np.arange(self.count) != number)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "ControlPoints":
        """Those of a mask or of positions."""
        return ControlPoints(self.pixels[chosen], self.plane[chosen], self.heights[chosen])


@dataclass(frozen=True)
class PixelFrame:
    """Pixels on the scale on which functions of them are computed.

    Attributes:
        middle: Column and row of the middle of the points, (2,).
        half: Half of their extent in columns and rows, (2,).
    """

    middle: Floats
    half: Floats

    @classmethod
    def around(cls, pixels: Points) -> Self:
        """The frame of points (N, 2) that do not lie on one line."""
        low = pixels.min(axis=0)
        high = pixels.max(axis=0)
        return cls((low + high) / 2, (high - low) / 2)

    def unit(self, pixels: Points) -> Points:
        """Pixels (N, 2), each axis from -1 to 1 within the points."""
        return np.asarray((pixels - self.middle) / self.half)

    def stretched(self, stretch: float) -> Floats:
        """What pixels from the middle are multiplied by before their distances count, (2,)."""
        return np.asarray(np.array([1.0, stretch]) / self.half.max())

    def inside(self, pixels: Points) -> Points:
        """The nearest pixels (N, 2) that are within the points or little beyond."""
        reach = self.half * (1 + EXTRAPOLATION)
        return np.clip(pixels, self.middle - reach, self.middle + reach)


@dataclass(frozen=True)
class PointFit:
    """A function that was fitted to control points.

    Attributes:
        kind: Its kind.
        frame: The frame of its pixels.
        trend: Coefficients of its polynomials, (T, 2).
        knots: Pixels of the points of a spline, (K, 2); none for a polynomial.
        weights: Their weights, (K, 2).
        misses: How far each point lies from where the others put it, (N, 2), in units of the plane; NaN where unknown.
    """

    kind: FitKind
    frame: PixelFrame
    trend: Floats
    knots: Points
    weights: Floats
    misses: Points

    @property
    def error(self) -> float:
        """Root mean square of the misses, in units of the plane."""
        return float(np.sqrt((self.misses**2).sum(axis=1).mean()))

    def place(self, pixels: Points, heights: Floats) -> Points:
        """Pixels (N, 2) at heights (N,) to the plane, (N, 2)."""
        trend = _design(self.kind, self.frame.unit(pixels), heights) @ self.trend
        if not len(self.knots):
            return np.asarray(trend)
        factors = self.frame.stretched(self.kind.stretch or 1)
        distances = _squared_distances(pixels * factors, self.knots * factors)
        return np.asarray(trend + _thin_plate(distances) @ self.weights)

    def at_height(self, height: float) -> "Surface":
        """The function of pixels alone, at one height."""
        ground_terms = _term_count(self.kind.order)
        table = _as_table(self.trend[:ground_terms], self.kind.order)
        if self.kind.height_order is not None:
            by_height = _as_table(self.trend[ground_terms:], self.kind.height_order)
            size = len(by_height)
            table[:size, :size] += height / HEIGHT_UNIT * by_height
        factors = self.frame.stretched(self.kind.stretch or 1)
        return Surface(self.frame, table, self.knots * factors, self.weights, factors)


@dataclass(frozen=True)
class Surface:
    """A smooth function from pixels to a plane; beyond its points it goes on along its tangent.

    Attributes:
        frame: The frame of its pixels.
        table: Coefficients by powers of column and row, (P, P, 2).
        knots: Knots of a spline, (K, 2); none for a polynomial.
        weights: Their weights, (K, 2).
        factors: What columns and rows are multiplied by before distances to the knots count, (2,).
    """

    frame: PixelFrame
    table: Floats
    knots: Points
    weights: Floats
    factors: Floats

    def __call__(self, pixels: Points) -> Points:
        """Pixels (N, 2) to the plane, (N, 2)."""
        inside = self.frame.inside(pixels)
        placed = self._values(inside)
        beyond = (inside != pixels).any(axis=1)
        if beyond.any():
            step = pixels[beyond] - inside[beyond]
            placed[beyond] += np.einsum("nij,nj->ni", self.slopes(inside[beyond]), step)
        return placed

    def slopes(self, pixels: Points) -> Floats:
        """Derivatives (N, 2, 2) at pixels (N, 2): of x and y by column and row; beyond the points, constant."""
        inside = self.frame.inside(pixels)
        u, v = self.frame.unit(inside).T
        by_column = _polynomial(u, v, _derivative(self.table, axis=0))
        by_row = _polynomial(u, v, _derivative(self.table, axis=1))
        slopes = np.stack((by_column / self.frame.half[0], by_row / self.frame.half[1]), axis=-1)
        if len(self.knots):
            slopes += self._spline_slopes(inside)
        return slopes

    def _values(self, pixels: Points) -> Points:
        u, v = self.frame.unit(pixels).T
        values = _polynomial(u, v, self.table)
        if not len(self.knots):
            return values
        for part in _chunks(len(pixels)):
            distances = _squared_distances(pixels[part] * self.factors, self.knots)
            values[part] += _thin_plate(distances) @ self.weights
        return values

    def _spline_slopes(self, pixels: Points) -> Floats:
        slopes = np.empty((len(pixels), 2, 2))
        for part in _chunks(len(pixels)):
            positions = pixels[part] * self.factors
            # d(r2 log r2)/dx = 2 (x - knot) (log r2 + 1)
            growth = 2 * (_logarithm(_squared_distances(positions, self.knots)) + 1)
            for axis in (0, 1):
                apart = positions[:, axis : axis + 1] - self.knots[:, axis]
                slopes[part, :, axis] = (growth * apart) @ self.weights * self.factors[axis]
        return slopes

    def folds(self) -> bool:
        """Whether two pixels among the points lie at one place: the function turns over, or stands still, somewhere."""
        side = np.linspace(-1, 1, FOLD_POINTS)
        grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        areas = np.linalg.det(self.slopes(grid * self.frame.half + self.frame.middle))
        return bool(areas.min() <= 0 <= areas.max())


def best_fit(points: ControlPoints, height: float, kinds: Sequence[FitKind] = FIT_KINDS) -> PointFit | None:
    """The kind of function that best foretells each point from the others, the simpler one where there is little in it.

    Args:
        points: At least three points that do not lie on one line, in the plane as in the picture.
        height: The height at which the function will be used, and must not fold.
        kinds: The kinds among which is chosen, simplest first.

    Returns:
        The fitted function; None where every kind folds.
    """
    best: PointFit | None = None
    good = CLOSE_ENOUGH * points.pixel_size
    for kind in kinds:
        fit = fit_kind(kind, points)
        if fit is None or fit.at_height(height).folds():
            continue
        if best is None or fit.error < GAIN * best.error:
            best = fit
        if best.error < good:
            break
    if best is None:
        return _unchecked_affine(points)
    return best


def fit_kind(kind: FitKind, points: ControlPoints) -> PointFit | None:
    """Fit one kind of function.

    Args:
        kind: The kind.
        points: The points.

    Returns:
        The function; None where the points do not determine it.
    """
    if not kind.can_fit(points):
        return None
    design = _design(kind, points.frame.unit(points.pixels), points.heights)
    basis, triangle = np.linalg.qr(design)
    pivots = np.abs(np.diag(triangle)) / np.linalg.norm(design, axis=0)
    leverages = (basis**2).sum(axis=1)
    if pivots.min() < SMALLEST_PIVOT or leverages.max() > LARGEST_LEVERAGE:
        return None
    if kind.stretch is not None:
        return _spline(kind, points, design)
    trend = np.asarray(np.linalg.solve(triangle, basis.T @ points.plane), np.float64)
    left = points.plane - design @ trend
    # what a fit without the point would miss it by (Allen's PRESS residual)
    misses = left / (1 - leverages)[:, None]
    return PointFit(kind, points.frame, trend, np.empty((0, 2)), np.empty((0, 2)), misses)


def _spline(kind: FitKind, points: ControlPoints, design: Floats) -> PointFit | None:
    """Fit a thin-plate spline; None where its equations cannot be solved."""
    factors = points.frame.stretched(kind.stretch or 1)
    positions = points.pixels * factors
    bending = _thin_plate(_squared_distances(positions, positions))
    terms = design.shape[1]
    system = np.block([[bending, design], [design.T, np.zeros((terms, terms))]])
    try:
        inverse = np.linalg.inv(system)
    except np.linalg.LinAlgError:
        return None
    count = points.count
    solution = inverse[:, :count] @ points.plane
    weights = solution[:count]
    met = bending @ weights + design @ solution[count:]
    if not np.abs(met - points.plane).max() < CLOSE_ENOUGH * points.pixel_size:
        return None
    # likewise without fitting anew (Wahba 1990, p. 51)
    misses = weights / np.diag(inverse)[:count, None]
    return PointFit(kind, points.frame, solution[count:], points.pixels, weights, misses)


def _unchecked_affine(points: ControlPoints) -> PointFit | None:
    """The affine function through three points, which no further point checks; None for more points: all kinds fold."""
    if points.count > FIT_KINDS[0].terms:
        return None
    design = _design(FIT_KINDS[0], points.frame.unit(points.pixels), points.heights)
    trend = np.asarray(np.linalg.solve(design, points.plane), np.float64)
    nothing = np.empty((0, 2))
    return PointFit(FIT_KINDS[0], points.frame, trend, nothing, nothing, np.full((points.count, 2), np.nan))


def _powers(order: int) -> list[tuple[int, int]]:
    """Powers of column and row in a polynomial."""
    return [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]


def _term_count(order: int) -> int:
    return (order + 1) * (order + 2) // 2


def _design(kind: FitKind, unit: Points, heights: Floats) -> Floats:
    """The terms of the polynomials at each point, (N, T)."""
    u, v = unit.T
    terms = [u**i * v**j for i, j in _powers(kind.order)]
    if kind.height_order is not None:
        scaled = heights / HEIGHT_UNIT
        terms += [scaled * u**i * v**j for i, j in _powers(kind.height_order)]
    return np.column_stack(terms)


def _as_table(coefficients: Floats, order: int) -> Floats:
    """Coefficients (T, 2) by their powers, (order + 1, order + 1, 2)."""
    table = np.zeros((order + 1, order + 1, 2))
    for (i, j), coefficient in zip(_powers(order), coefficients, strict=True):
        table[i, j] = coefficient
    return table


def _polynomial(u: Floats, v: Floats, table: Floats) -> Points:
    """Values (N, 2) of a polynomial in two variables."""
    return np.ascontiguousarray(np.polynomial.polynomial.polyval2d(u, v, table).T)


def _derivative(table: Floats, axis: int) -> Floats:
    """Coefficients of a polynomial's derivative by column (axis 0) or row (axis 1)."""
    return np.asarray(np.polynomial.polynomial.polyder(table, axis=axis), np.float64)


def _squared_distances(positions: Points, knots: Points) -> Floats:
    """(N, K)."""
    squares = positions[:, :1] - knots[:, 0]
    squares *= squares
    rows = positions[:, 1:] - knots[:, 1]
    rows *= rows
    squares += rows
    return squares


def _thin_plate(squares: Floats) -> Floats:
    """The thin-plate spline's function r2 log r2 of squared distances; 0 at 0."""
    values = _logarithm(squares)
    values *= squares
    return values


def _logarithm(squares: Floats) -> Floats:
    """Logarithm of squared distances; that of the smallest number at 0."""
    values = np.maximum(squares, np.finfo(float).tiny)
    return np.log(values, out=values)


def _chunks(count: int) -> Iterator[slice]:
    """Slices of at most `CHUNK` points."""
    for start in range(0, count, CHUNK):
        yield slice(start, start + CHUNK)
