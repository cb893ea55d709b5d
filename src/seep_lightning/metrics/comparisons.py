"""Probabilities of several comparisons at once."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct probabilities for their number (Holm 1979): the chance that any is so small by chance alone.

    Args:
        p_values: One for each comparison, 0..1.

    Returns:
        The corrected ones, in the same order: the least is multiplied by their number, the next one by one less, and
        so on; none is below that of a smaller one, or above 1.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return [float(value) for value in corrected]
