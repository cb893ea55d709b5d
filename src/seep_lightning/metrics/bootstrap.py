"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RESAMPLES = 2000
FEWEST_SCENES = 6  # below it a bootstrap over scenes says nothing, and none is given


def interval_over_scenes(sums: Array, figures: Callable[[Array], Array]) -> tuple[Array, Array] | None:
    """Lower and upper end of the 95 % percentile interval of figures over resampled scenes; None below `FEWEST_SCENES`.

    sums: (scenes, ...), what each scene adds; figures: (RESAMPLES, ...) totals to (RESAMPLES,) or (RESAMPLES, figures).
    """
    if len(sums) < FEWEST_SCENES:
        return None
    draws = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.quantile(figures(sums[draws].sum(axis=1)), [0.025, 0.975], axis=0)
    return low, high


def sums_by_scene(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Array:
    """Columns of scored chips added up for each scene, in order: (scenes, columns)."""
    chips: dict[str, list[list[float]]] = {}
    for row in rows:
        chips.setdefault(row["scene"], []).append([row[column] for column in columns])
    return np.array([np.sum(chips[scene], axis=0) for scene in sorted(chips)])
