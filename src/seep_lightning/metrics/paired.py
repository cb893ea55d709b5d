"""The difference of two recipes on the same scenes: each scene is counted for both, and left out for both."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.jackknife import Scale, interval_over_scenes, pixel_weights

Array = NDArray[Any]
FigureFunction = Callable[[Array], Array]


def paired_difference(function: FigureFunction) -> FigureFunction:
    """Make of a figure the difference between two recipes: that of the first less that of the second.

    Args:
        function: The figure (...) of counts (..., columns).

    Returns:
        The difference (...) of counts (..., 2, columns).
    """

    def difference(counts: Array) -> Array:
        return np.asarray(function(counts[..., 0, :]) - function(counts[..., 1, :]))

    return difference


dice_difference = paired_difference(DICE.function)
"""Dice of the first less that of the second, of counts (..., 2, 3): (...)."""


def interval_of_difference(pairs: Array, difference: FigureFunction = dice_difference) -> tuple[float, float] | None:
    """Find the 95 % interval over scenes of a difference.

    Args:
        pairs: What each scene adds, (scenes, 2, columns): right, false and missed pixels, then what else is counted.
        difference: Made by `paired_difference`.

    Returns:
        Its lower and upper end; None with too few scenes.
    """
    return interval_over_scenes(pairs, difference, pixel_weights(pairs[..., :3]), Scale.DIFFERENCE)
