"""95 % intervals of the figures of scored chips."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.figures import Figure, PixelFigure, ToleranceFigure, declared
from seep_lightning.metrics.jackknife import Scale, interval_over_scenes, pixel_weights, sums_by_scene

COUNT_COLUMNS = ("tp", "fp", "fn")


def intervals(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Find the interval of each declared figure of pixels, by a jackknife over scenes.

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


def tolerance_intervals(scenes: Mapping[str, Sequence[int]]) -> dict[str, tuple[float, float]]:
    """Find the interval of each figure of pixels that are right within the tolerance.

    Args:
        scenes: The counts (4,) of each scene, see `metrics.tolerance`.

    Returns:
        Lower and upper end by the figure's key; nothing where the scenes are too few.
    """
    counts = np.array(list(scenes.values())).reshape(-1, 4)
    # predicted and true pixels
    weights = counts[:, 1] + counts[:, 3]
    ends = {}
    for figure in declared(ToleranceFigure):
        interval = interval_over_scenes(counts, figure.function, weights, scale_of(figure))
        if interval is not None:
            ends[figure.key] = interval
    return ends


def scale_of(figure: Figure) -> Scale:
    """The scale on which a figure's interval is worked out."""
    return Scale.SHARE if figure.unit == "0 to 1" else Scale.UNBOUNDED


def _interval(figure: PixelFigure, rows: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """The interval of one figure; None where the scenes are too few."""
    if not figure.mean_over_chips:
        counts = sums_by_scene(rows, COUNT_COLUMNS)
        return interval_over_scenes(counts, figure.function, pixel_weights(counts), scale_of(figure))
    values = []
    for row in rows:
        chip_counts = np.array([row[column] for column in COUNT_COLUMNS])
        values.append({"scene": row["scene"], "value": figure.function(chip_counts), "chips": 1})
    sums = sums_by_scene(values, ("value", "chips"))
    return interval_over_scenes(sums, _mean, sums[:, 1], scale_of(figure))


def _mean(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of totals (..., 2) of values and of chips."""
    return totals[..., 0] / totals[..., 1]
