"""The floor under every network: the best single dark threshold, chosen on the very chips that it is scored on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chips import Chips

# pixels; averages some speckle away, and scores best of 1, 1.5, 2 and 3 on the real chips
BLUR_SIGMA = 1.0
# of the value over the chip's median, from 0 to LARGEST_RATIO
RATIO_BINS = 400
LARGEST_RATIO = 2


def dark_threshold(chips: Chips, indices: list[int]) -> tuple[float, float]:
    """Find the best rule of the kind "seep is where the blurred value is below `cut` times the chip's median".

    The cut is the best for these chips themselves, which flatters it. Nodata is left out; seep is any class above 0.

    Args:
        chips: The data set.
        indices: Positions of the chips in it.

    Returns:
        The pooled Dice of the best rule, and its `cut`.
    """
    # row 0 sea, row 1 seep
    counts = np.zeros((2, RATIO_BINS), np.int64)
    for i in indices:
        pixels = chips.read(i)
        valid = pixels.valid
        bins = _ratio_bins(pixels.image[0], pixels.data)
        keys = bins[valid] + RATIO_BINS * (pixels.mask[valid] > 0)
        key_counts = np.bincount(keys, minlength=2 * RATIO_BINS)
        counts += key_counts.reshape(2, RATIO_BINS)
    false_positive, true_positive = counts.cumsum(axis=1)
    seep = counts[1].sum()
    dice = 2 * true_positive / np.maximum(true_positive + false_positive + seep, 1)
    best = int(dice.argmax())
    return float(dice[best]), (best + 1) * LARGEST_RATIO / RATIO_BINS


def _ratio_bins(band: NDArray[np.generic], data: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The bin of each pixel's blurred value over the chip's median, (H, W)."""
    values = band.astype(np.float32)
    median = np.float32(1)
    if data.any():
        median = np.float32(max(float(np.median(values[data])), 1.0))
    # nodata counts as the median
    filled = np.where(data, values, median)
    blurred = cv2.GaussianBlur(filled, (0, 0), BLUR_SIGMA)
    bins = np.minimum(blurred / median * (RATIO_BINS / LARGEST_RATIO), RATIO_BINS - 1)
    return np.asarray(bins, np.int64)
