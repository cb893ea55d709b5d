"""Intervals of figures by a bootstrap over scenes: chips of one scene are alike, so whole scenes are drawn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RESAMPLES = 2000
# below it a bootstrap over scenes says nothing, and none is given
FEWEST_SCENES = 6
# of a 95 % interval
QUANTILES = (0.025, 0.975)


def interval_over_scenes(sums: Array, function: Callable[[Array], Array]) -> tuple[float, float] | None:
    """Find the 95 % percentile interval of a figure over resampled scenes (Efron & Tibshirani 1993, ch. 13).

    Args:
        sums: What each scene adds, (scenes, ...).
        function: The figure (RESAMPLES,) of totals (RESAMPLES, ...).

    Returns:
        Its lower and upper end; None with fewer than `FEWEST_SCENES`.
    """
    scenes = len(sums)
    if scenes < FEWEST_SCENES:
        return None
    draws = np.random.default_rng(0).integers(0, scenes, (RESAMPLES, scenes))
    totals = sums[draws].sum(axis=1)
    low, high = np.quantile(function(totals), QUANTILES)
    return float(low), float(high)


def sums_by_scene(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Array:
    """Add up columns of scored chips.

    Args:
        rows: Chips, each with its `scene`.
        columns: The names of the columns.

    Returns:
        Their sums (scenes, columns), in the order of the scenes' names.
    """
    values: dict[str, list[list[float]]] = {}
    for row in rows:
        scene_values = values.setdefault(row["scene"], [])
        scene_values.append([row[column] for column in columns])
    sums = [np.sum(values[scene], axis=0) for scene in sorted(values)]
    return np.array(sums)
