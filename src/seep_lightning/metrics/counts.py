"""Pixel counts: int arrays (..., 3) of true positives, false positives and false negatives, which add up."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
Value = TypeVar("Value", bound=np.generic)


def values_where(valid: Mask, values: NDArray[Value]) -> NDArray[Value]:
    """The values of valid pixels in their order, (N,): all of them, as in most chips, at no cost.

    Args:
        valid: Mask of any shape.
        values: Of the same shape.
    """
    if valid.all():
        return values.reshape(-1)
    return values[valid]


def count_pixels(predicted: Mask, truth: Mask) -> Counts:
    """Count right, false and missed pixels.

    Args:
        predicted: Mask (H, W) without nodata.
        truth: Mask (H, W) without nodata.

    Returns:
        Counts (3,).
    """
    # ten times as fast as the sum of a mask
    true_positive = np.count_nonzero(predicted & truth)
    false_positive = np.count_nonzero(predicted) - true_positive
    false_negative = np.count_nonzero(truth) - true_positive
    return np.array([true_positive, false_positive, false_negative], np.int64)
