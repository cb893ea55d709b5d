"""The floor under every network: the best single dark threshold, chosen on the very chips that it is scored on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chips import Chips, valid_pixels

SIGMA = 1.0  # pixels; averages some speckle away, and scores best of 1, 1.5, 2 and 3 on the real chips
BINS = 400  # of the value over the chip's median, 0..2


def dark_threshold(chips: Chips, indices: list[int]) -> tuple[float, float]:
    """Best pooled Dice of "seep is where the blurred value is below `cut` times the chip's median", and that cut.

    The cut is the best for these chips themselves, which flatters it. Nodata is left out; seep is any class above 0.
    """
    counts = np.zeros((2, BINS), np.int64)  # row 0 sea, row 1 seep
    for i in indices:
        image, mask = chips.read(i)
        valid = valid_pixels(image, chips.config.nodata)
        bins = np.minimum(_relative(image[0], valid) * (BINS / 2), BINS - 1).astype(np.int64)
        counts += np.bincount(bins[valid] + BINS * (mask[valid] > 0), minlength=2 * BINS).reshape(2, BINS)
    false_positive, true_positive = counts.cumsum(axis=1)
    dice = 2 * true_positive / np.maximum(true_positive + false_positive + counts[1].sum(), 1)
    best = int(dice.argmax())
    return float(dice[best]), (best + 1) * 2 / BINS


def _relative(image: NDArray[np.generic], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Blurred value over the median of valid pixels, (H, W); nodata counts as the median."""
    values = image.astype(np.float32)
    median = np.float32(max(float(np.median(values[valid])), 1.0)) if valid.any() else np.float32(1)
    blurred = cv2.GaussianBlur(np.where(valid, values, median), (0, 0), SIGMA)
    return np.asarray(blurred / median, np.float32)
