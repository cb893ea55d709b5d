"""Control points that contradict the others, and the function that is fitted without them."""

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.point_fits import ControlPoints, PointFit, best_fit

OUTLIER_PIXELS = 1.0
"""A point that is left out lies further than this from where the others put it,"""
OUTLIER_RATIO = 10.0
"""and so many times further than the worse ones of the others, as they lie without it."""
OUTLIER_QUANTILE = 0.9
"""Which of the others are the worse ones."""
OUTLIER_SUSPECTS = 3
"""A wrong point may look better than its neighbours, which it pulls along: so many are tried."""
SHARE_OF_OUTLIERS = 20
"""One of so many points may be left out, and one in any case,"""
MOST_OUTLIERS = 10
"""but no more than this: then the points are of no use."""
FEWEST_JUDGES = 8
"""Fewer points cannot tell which of them is wrong."""


def fit_without_outliers(points: ControlPoints, height: float) -> tuple[PointFit, NDArray[np.bool_]]:
    """Fit the best function to points, without those few that contradict the others.

    Args:
        points: Points that do not lie on one line.
        height: The height at which the function will be used.

    Returns:
        The function, and which of the points it is fitted to, (N,).

    Raises:
        UserError: Every function through the points folds.
    """
    kept = np.ones(points.count, bool)
    fit = _fit_all(points, height)
    allowed = max(1, points.count // SHARE_OF_OUTLIERS)
    for _ in range(min(allowed, MOST_OUTLIERS)):
        used = np.flatnonzero(kept)
        refit, position = _without_worst(points.select(kept), fit, height)
        if refit is None:
            break
        fit = refit
        kept[used[position]] = False
    return fit, kept


def _fit_all(points: ControlPoints, height: float) -> PointFit:
    fit = best_fit(points, height)
    if fit is None:
        raise UserError("they contradict each other: every function through them folds over")
    return fit


def _without_worst(points: ControlPoints, fit: PointFit, height: float) -> tuple[PointFit | None, int]:
    """The function without the one point that contradicts the others, and its position; None where there is none."""
    misses = np.hypot(*fit.misses.T)
    pixel = points.pixel_size
    if points.count <= FEWEST_JUDGES or not misses.max() > OUTLIER_PIXELS * pixel:
        return None, -1
    best: PointFit | None = None
    best_position = -1
    for position in np.argsort(misses)[::-1][:OUTLIER_SUSPECTS]:
        refit = best_fit(points.without(int(position)), height)
        if refit is not None and (best is None or refit.error < best.error):
            best, best_position = refit, int(position)
    if best is None:
        return None, -1
    distance = _distance(best, points, best_position)
    others = float(np.quantile(np.hypot(*best.misses.T), OUTLIER_QUANTILE))
    if distance > OUTLIER_PIXELS * pixel and distance > OUTLIER_RATIO * others:
        return best, best_position
    return None, -1


def _distance(fit: PointFit, points: ControlPoints, position: int) -> float:
    """How far a point lies from where a function puts its pixel, in units of the plane."""
    expected = fit.place(points.pixels[position : position + 1], points.heights[position : position + 1])
    return float(np.hypot(*(expected[0] - points.plane[position])))
