"""Where the oil of a source comes up: the end that its slicks of different days share.

Oil rises at one point and drifts away, by another current on another day. The slicks of a source then have one end in
common. The origin is the point with the smallest sum, over days, of the distance to the nearest end on that day. Each
distance counts no more than `REACH` cells, so that a day whose slick begins elsewhere does not pull the point.

Such a point exists for any bundle of lines. It is an origin only if the ends agree better than they would on slicks
that pass through the same place anywhere along their length, and clearly better than the slicks' other ends do.
Otherwise the middle of the recurring core stands for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.projections import Points
from seep_lightning.sources.ends import Ends
from seep_lightning.sources.source import CORE, SHARED_END

Point = NDArray[np.float64]

REACH = 4.0
"""Ends further from the origin than so many cells say nothing about it."""
FEWEST_DAYS = 3
"""The ends of two slicks always agree somewhere."""
TRIALS = 199
"""Bundles of slicks that pass through the place anywhere along their length."""
MOST_CANDIDATES = 64
"""Ends of a bundle that are tried as its shared end, drawn at random of more: half of all lie at one that is shared."""
LEVEL = 0.05
"""Share of such bundles whose ends may agree as well."""
CLEARLY = 1.5
"""How many times worse the other ends must agree,"""
CLEARLY_CELLS = 0.25
"""and by how many cells a day at least."""
ROUNDS = 10
"""Of choosing ends and moving the point."""
STEPS = 30
"""Of finding a median point."""


@dataclass(frozen=True)
class Origin:
    """Where a source lies.

    Attributes:
        point: x, y.
        spread: Median distance of the days' nearest ends, or of the core's cells for a core.
        kind: One of `ORIGIN_KINDS`.
    """

    point: tuple[float, float]
    spread: float
    kind: str


def origin_of(ends: Sequence[Ends], core: Points, size: float, seed: int) -> Origin:
    """Estimate the origin of a source.

    Args:
        ends: Of its slicks that are no blobs.
        core: Middles of the cells of its recurring core, (cells, 2): x, y.
        size: Side of a cell.
        seed: Of the trials.

    Returns:
        The origin, with its spread and kind.
    """
    bundle = Bundle.of(ends, REACH * size)
    middle = core.mean(axis=0)
    point = None
    if bundle.days >= FEWEST_DAYS:
        point = _shared_end(bundle, middle, seed)
    if point is None:
        spread = float(np.median(np.linalg.norm(core - middle, axis=1)))
        return Origin(_pair(middle), spread, CORE)
    return Origin(_pair(point), float(np.median(bundle.distances(point))), SHARED_END)


@dataclass(frozen=True)
class Bundle:
    """The slicks of a source as lines between two ends.

    Attributes:
        day: The day of each line, from 0 without gaps, rising, (lines,).
        ends: (lines, 2, 2): end, x and y.
        whole: Whether each is an end and not the edge of what was looked at, (lines, 2); one or both of each line.
        reach: Larger distances count as this one.
    """

    day: NDArray[np.int64]
    ends: NDArray[np.float64]
    whole: NDArray[np.bool_]
    reach: float

    @classmethod
    def of(cls, ends: Sequence[Ends], reach: float) -> "Bundle":
        """Gather the ends of slicks."""
        with_end = [slick_ends for slick_ends in ends if slick_ends.whole.any()]
        in_order = sorted(with_end, key=lambda slick_ends: slick_ends.day)
        _, day = np.unique([slick_ends.day for slick_ends in in_order], return_inverse=True)
        points = [slick_ends.points for slick_ends in in_order]
        whole = [slick_ends.whole for slick_ends in in_order]
        return cls(
            day.astype(np.int64),
            np.array(points, np.float64).reshape(-1, 2, 2),
            np.array(whole, bool).reshape(-1, 2),
            reach,
        )

    @property
    def days(self) -> int:
        """The number of days."""
        return int(self.day.max(initial=-1)) + 1

    def costs(self, points: Points) -> NDArray[np.float64]:
        """Sum the distances, cut at `reach`, from points (N, 2) to the nearest end of each day, (N,)."""
        offsets = points[:, None, None] - self.ends
        by_line = self._where_whole(np.linalg.norm(offsets, axis=3)).min(axis=2)
        first_of_day = np.searchsorted(self.day, np.arange(self.days))
        by_day = np.minimum.reduceat(by_line, first_of_day, axis=1)
        costs: NDArray[np.float64] = np.minimum(by_day, self.reach).sum(axis=1)
        return costs

    def _where_whole(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(self.whole, distances, np.inf)

    def nearest(self, point: Point) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the line and which of its ends lies nearest to a point, for each day."""
        distances = self._where_whole(np.linalg.norm(self.ends - point, axis=2))
        lines = []
        for day in range(self.days):
            of_day = np.flatnonzero(self.day == day)
            lines.append(of_day[distances[of_day].min(axis=1).argmin()])
        chosen = np.array(lines)
        return chosen, distances[chosen].argmin(axis=1)

    def distances(self, point: Point) -> NDArray[np.float64]:
        """Measure the distance from a point to the nearest end of each day, (days,)."""
        line, end = self.nearest(point)
        distances: NDArray[np.float64] = np.linalg.norm(self.ends[line, end] - point, axis=1)
        return distances

    def best_end(self, tried: NDArray[np.int64] | None = None) -> tuple[Point, float]:
        """Find the end with the smallest cost, and its cost; tried: positions among the whole ends, None for all."""
        candidates = self.ends[self.whole]
        if tried is not None:
            candidates = candidates[tried]
        costs = self.costs(candidates)
        best = int(costs.argmin())
        return candidates[best], float(costs[best])

    def slid(self, through: Point, rng: np.random.Generator) -> "Bundle":
        """Slide each line along itself, so that it passes a point anywhere along its length."""
        first, second = self.ends[:, 0], self.ends[:, 1]
        axis = second - first
        lengths = np.maximum((axis**2).sum(axis=1), np.finfo(float).tiny)
        passed = np.clip(((through - first) * axis).sum(axis=1) / lengths, 0, 1)
        steps = passed - rng.random(len(axis))
        return replace(self, ends=self.ends + (steps[:, None] * axis)[:, None])


def _shared_end(bundle: Bundle, middle: Point, seed: int) -> Point | None:
    """Find the end that the days share; None where it cannot be told."""
    # the same ends of the slid bundles are tried: all pairs of many lines would take too long
    tried = _tried_ends(bundle, seed)
    start, cost_of_end = bundle.best_end(tried)
    rng = np.random.default_rng(seed)
    as_good = sum(bundle.slid(middle, rng).best_end(tried)[1] <= cost_of_end for _ in range(TRIALS))
    if 1 + as_good > LEVEL * (TRIALS + 1):
        return None
    point = _refined(bundle, start)
    cost = float(bundle.costs(point[None])[0])
    clearly = max(CLEARLY * cost, cost + bundle.days * bundle.reach * CLEARLY_CELLS / REACH)
    if _cost_of_other_ends(bundle, point) < clearly:
        return None
    return point


def _tried_ends(bundle: Bundle, seed: int) -> NDArray[np.int64]:
    """Draw which of a bundle's whole ends are tried, in their order; all of a few."""
    count = int(bundle.whole.sum())
    if count <= MOST_CANDIDATES:
        return np.arange(count)
    # a generator of its own: the slides stay those of a bundle of few lines
    drawn = np.random.default_rng((seed, count)).choice(count, MOST_CANDIDATES, replace=False)
    return np.sort(drawn).astype(np.int64)


def _cost_of_other_ends(bundle: Bundle, point: Point) -> float:
    """Find the smallest cost of a point among the other ends of the slicks nearest to a point."""
    line, end = bundle.nearest(point)
    others = np.repeat(bundle.ends[line, 1 - end][:, None], 2, axis=1)
    return Bundle(np.arange(len(line)), others, np.ones((len(line), 2), bool), bundle.reach).best_end()[1]


def _refined(bundle: Bundle, start: Point) -> Point:
    """Move a point to the median of the days' nearest ends within reach, until they stay the same."""
    point = start
    for _ in range(ROUNDS):
        line, end = bundle.nearest(point)
        chosen = bundle.ends[line, end]
        near = chosen[np.linalg.norm(chosen - point, axis=1) < bundle.reach]
        moved = median_point(near, point)
        if np.allclose(moved, point):
            break
        point = moved
    return point


def median_point(points: Points, start: Point) -> Point:
    """Find the point with the smallest sum of distances to others (Weiszfeld 1937).

    Args:
        points: (N, 2), one or more.
        start: Where to begin.

    Returns:
        x, y.
    """
    extent = np.ptp(points, axis=0).max()
    if extent == 0:
        first: Point = points[0]
        return first
    point = start
    # a distance of 0 would divide by 0
    least = 1e-3 * extent
    for _ in range(STEPS):
        weights = 1 / np.maximum(np.linalg.norm(points - point, axis=1), least)
        point = (weights[:, None] * points).sum(axis=0) / weights.sum()
    return point


def _pair(point: Point) -> tuple[float, float]:
    x, y = point.tolist()
    return x, y
