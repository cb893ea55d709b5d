"""A histogram of probabilities, from which threshold, Dice by threshold, and precision over recall follow. No torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.counts import values_where

BINS = 256

# a histogram as it is counted, or as summary.json holds it
Counts = NDArray[np.integer[Any]] | Sequence[Sequence[int]]


def count_probabilities(
    probability: NDArray[np.float32], target: NDArray[np.uint8], valid: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Count probabilities as `metrics.pixels.ProbabilityHistogram` does.

    Args:
        probability: Of seep, in 0..1, of any shape.
        target: The same shape, above 0 for seep.
        valid: Where there are data, the same shape.

    Returns:
        (2, BINS): row 0 sea, row 1 seep; valid pixels only.
    """
    known = values_where(valid, probability)
    bins = np.minimum(known * np.float32(BINS), BINS - 1).astype(np.int16)
    keys = bins + BINS * (values_where(valid, target) > 0).astype(np.int16)
    return np.bincount(keys, minlength=2 * BINS).reshape(2, BINS)


def positives_above(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positives at the thresholds k / BINS of a histogram (2, BINS): (BINS,) each."""
    from_the_top = np.asarray(counts, np.float64)[:, ::-1]
    above = from_the_top.cumsum(axis=1)[:, ::-1]
    return above[0], above[1]


def counts_above(counts: Counts, threshold: float) -> NDArray[np.float64]:
    """True positives, false positives and false negatives (3,) at one of the thresholds of a histogram.

    Args:
        counts: A histogram (2, BINS).
        threshold: k / BINS.
    """
    false_positive, true_positive = positives_above(counts)
    level = round(threshold * BINS)
    found = true_positive[level]
    return np.array([found, false_positive[level], true_positive[0] - found])


def dice_by_threshold(counts: Counts) -> NDArray[np.float64]:
    """Pooled Dice at the thresholds k / BINS, k = 0..BINS-1, of a histogram (2, BINS): (BINS,)."""
    false_positive, true_positive = positives_above(counts)
    seep = true_positive[0]
    divisor = np.maximum(true_positive + false_positive + seep, 1)
    dice: NDArray[np.float64] = 2 * true_positive / divisor
    return dice


def best_threshold(counts: Counts) -> float:
    """Find the threshold of the largest pooled Dice.

    Args:
        counts: A histogram (2, BINS).

    Returns:
        k / BINS, 1 <= k < BINS, of several the middle one; 0.5 without seep.
    """
    if not np.asarray(counts)[1].any():
        return 0.5
    dice = dice_by_threshold(counts)[1:]
    best = np.flatnonzero(dice == dice.max())
    middle = int(best[len(best) // 2])
    return (middle + 1) / BINS
