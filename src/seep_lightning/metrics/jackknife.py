"""Intervals of figures over scenes: chips of one scene are alike, so whole scenes are left out, one at a time.

A percentile bootstrap over 6 to 14 scenes promises 95 % and holds 83 to 90 %; Hesterberg's (2015) expanded percentiles
hold 89 to 94 %. Two things are too narrow there: the spread of so few scenes, and the number of them, since a few large
scenes decide a pooled figure. `benchmarks/accuracy/coverage.py` measures these and the interval that is used here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.logistic import logistic

Array = NDArray[Any]

# below it the spread between scenes is not known, and no interval is given
FEWEST_SCENES = 6
# the upper quantile of a 95 % interval
UPPER_QUANTILE = 0.975


class Scale(Enum):
    """On which scale a figure is spread evenly to both sides."""

    SHARE = "a share in 0..1: its logit, so that the ends stay within"
    DIFFERENCE = "the difference of two shares, in -1..1"
    UNBOUNDED = "any number"


def interval_over_scenes(
    sums: Array, function: Callable[[Array], Array], weights: Array, scale: Scale = Scale.SHARE
) -> tuple[float, float] | None:
    """Find the 95 % interval of a figure of pooled scenes.

    The standard error is the jackknife's over scenes (Efron & Tibshirani 1993, ch. 11). It is multiplied by the
    quantile of Student's t with the effective number of scenes less 1 as degrees of freedom (Carter, Schnepel &
    Steigerwald 2017, "Asymptotic behavior of a t-test robust to cluster heterogeneity"; the number is Kish's).

    Args:
        sums: What each scene adds, (scenes, ...).
        function: The figure (n,) of totals (n, ...).
        weights: How much each scene decides, such as its pixels of seep, (scenes,).
        scale: What kind of figure it is.

    Returns:
        Its lower and upper end; None with fewer than `FEWEST_SCENES`.
    """
    from scipy.special import stdtrit

    if len(sums) < FEWEST_SCENES:
        return None
    value, error = _value_and_error(sums, function)
    if error == 0:
        return value, value
    reach = float(stdtrit(degrees_of_freedom(weights), UPPER_QUANTILE)) * error
    return _ends(value, reach, scale)


def p_over_scenes(sums: Array, function: Callable[[Array], Array], weights: Array) -> float | None:
    """Find how likely a figure is to be this far from 0 by the draw of scenes alone, in either direction.

    It is Student's t with the error and the degrees of freedom of `interval_over_scenes`: below 0.05 where the 95 %
    interval of a difference leaves out 0.

    Args:
        sums: What each scene adds, (scenes, ...).
        function: The figure (n,) of totals (n, ...), such as a difference.
        weights: How much each scene decides, (scenes,).

    Returns:
        p, 0..1; None with fewer than `FEWEST_SCENES`.
    """
    from scipy.special import stdtr

    if len(sums) < FEWEST_SCENES:
        return None
    value, error = _value_and_error(sums, function)
    if error == 0:
        return float(value == 0)
    return float(2 * stdtr(degrees_of_freedom(weights), -abs(value) / error))


def degrees_of_freedom(weights: Array) -> float:
    """Those of Student's t for scenes of such weights (scenes,)."""
    return max(effective_scenes(weights) - 1, 1.0)


def _value_and_error(sums: Array, function: Callable[[Array], Array]) -> tuple[float, float]:
    """A figure of all scenes, and its standard error by the jackknife over them."""
    scenes = len(sums)
    total = sums.sum(axis=0)
    value = float(function(total[None])[0])
    without_one = np.asarray(function(total - sums), np.float64)
    squares = (without_one - without_one.mean()) ** 2
    return value, float(np.sqrt((scenes - 1) / scenes * squares.sum()))


def effective_scenes(weights: Array) -> float:
    """How many scenes of equal weight would say as much (Kish 1965): (sum w)^2 / sum w^2 of weights (scenes,)."""
    squares = np.square(weights, dtype=np.float64)
    if squares.sum() == 0:
        return float(len(weights))
    return float(weights.sum() ** 2 / squares.sum())


def pixel_weights(counts: Array) -> Array:
    """How much scenes decide figures of pixels: true and predicted pixels (scenes,) of counts (scenes, ..., 3)."""
    true_positive, false_positive, false_negative = np.moveaxis(counts, -1, 0)
    pixels = 2 * true_positive + false_positive + false_negative
    return np.asarray(pixels.reshape(len(counts), -1).sum(axis=1))


def added_by_scene(scenes: Iterable[str], counts: Iterable[Array]) -> dict[str, Array]:
    """Add up what was counted of the pieces of scenes, such as those that a split cut through.

    Args:
        scenes: The scene of each piece.
        counts: What each adds, (...).

    Returns:
        The sums by scene, in the order of the scenes' names.
    """
    sums: dict[str, Array] = {}
    for scene, own in zip(scenes, counts, strict=True):
        sums[scene] = sums.get(scene, 0) + np.asarray(own)
    return dict(sorted(sums.items()))


def sums_by_scene(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Array:
    """Add up columns of scored chips.

    Args:
        rows: Chips, each with its `scene`.
        columns: The names of the columns.

    Returns:
        Their sums (scenes, columns), in the order of the scenes' names.
    """
    rows = list(rows)
    sums = added_by_scene([row["scene"] for row in rows], [np.array([row[key] for key in columns]) for row in rows])
    return np.array(list(sums.values()))


def _ends(value: float, reach: float, scale: Scale) -> tuple[float, float]:
    """The ends of an interval that reaches as far to both sides on its scale."""
    match scale:
        case Scale.SHARE if 0 < value < 1:
            logit = np.log(value / (1 - value))
            # the slope of the logit is 1 / (p (1 - p))
            logit_reach = reach / (value * (1 - value))
            low, high = float(logistic(logit - logit_reach)), float(logistic(logit + logit_reach))
        case Scale.SHARE:
            low, high = max(value - reach, 0.0), min(value + reach, 1.0)
        case Scale.DIFFERENCE:
            low, high = max(value - reach, -1.0), min(value + reach, 1.0)
        case Scale.UNBOUNDED:
            low, high = value - reach, value + reach
    return low, high
