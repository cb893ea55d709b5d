"""Figures of pixel counts, int arrays (..., 3): true positive, false positive, false negative."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def count_pixels(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Counts:
    """Counts (3,) of two bool masks (H, W) from which nodata was taken out."""
    both = (predicted & truth).sum()
    return np.array([both, predicted.sum() - both, truth.sum() - both])


def pixel_figures(counts: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Dice, Jaccard, precision, recall (...) of counts (..., 3); the first two are 1 where both masks are empty."""
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    empty, union = tp + fp + fn == 0, np.maximum(tp + fp + fn, 1)
    return {
        "dice": 2 * tp / (tp + union) + empty,
        "jaccard": tp / union + empty,
        "precision": tp / np.maximum(tp + fp, 1),
        "recall": tp / np.maximum(tp + fn, 1),
    }


def pooled_figures(chips: Sequence[Counts]) -> dict[str, float]:
    """Figures over all pixels of all chips, and the mean over chips of each chip's Dice; without chips that is 0."""
    table = np.reshape(chips, (-1, 3))
    per_chip = pixel_figures(table)["dice"].mean() if len(table) else 0
    return {name: float(value) for name, value in (pixel_figures(table.sum(0)) | {"dice_per_chip": per_chip}).items()}
