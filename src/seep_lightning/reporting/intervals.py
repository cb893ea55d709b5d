"""95 % intervals of the figures of scored chips."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.bootstrap import interval_over_scenes, sums_by_scene
from seep_lightning.metrics.figures import PixelFigure, declared

COUNT_COLUMNS = ("tp", "fp", "fn")


def intervals(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Find the interval of each declared figure of pixels, by a bootstrap over scenes.

    Args:
        rows: The rows of a chips.csv: `scene` and pixel counts.

    Returns:
        Lower and upper end by the figure's key; nothing where the scenes are too few.
    """
    ends = {}
    for figure in declared(PixelFigure):
        interval = _interval(figure, rows)
        if interval is not None:
            ends[figure.key] = interval
    return ends


def _interval(figure: PixelFigure, rows: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """The interval of one figure; None where the scenes are too few."""
    if not figure.mean_over_chips:
        return interval_over_scenes(sums_by_scene(rows, COUNT_COLUMNS), figure.function)
    values = []
    for row in rows:
        counts = np.array([row[column] for column in COUNT_COLUMNS])
        values.append({"scene": row["scene"], "value": figure.function(counts), "chips": 1})
    return interval_over_scenes(sums_by_scene(values, ("value", "chips")), _mean)


def _mean(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of totals (..., 2) of values and of chips."""
    return totals[..., 0] / totals[..., 1]
