"""The logistic function: log odds to probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_LOG_ODDS = 700.0
"""Beyond it the exponential function overflows; the probability there is 0 or 1 in all digits that anyone reads."""


def logistic(log_odds: NDArray[Any] | float) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow.

    Args:
        log_odds: Of any shape.

    Returns:
        Probabilities of the same shape.
    """
    within = np.clip(log_odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
    return np.asarray(1 / (1 + np.exp(-within)), np.float64)
