"""The floor under every network: the best single dark threshold, chosen on the very chips that it is scored on."""

import cv2
import numpy as np

from seep_lightning.data.chips import Chips
from seep_lightning.data.images import valid_pixels

SIGMA = 1.0  # pixels; averages some speckle away, and scores best of 1, 1.5, 2 and 3 on the real chips
BINS = 400  # of the value over the chip's median, 0..2


def dark_threshold(chips: Chips, indices: list[int]) -> tuple[float, float]:
    """Best pooled Dice of "seep is where the blurred value is below `cut` times the chip's median", and that cut.

    The cut is the best for these chips themselves, which flatters it. Nodata is left out; seep is any class above 0.
    """
    counts = np.zeros((2, BINS), np.int64)  # row 0 sea, row 1 seep
    for i in indices:
        image, mask = chips.read(i)
        valid, values = valid_pixels(image, chips.config.nodata), image[0].astype(np.float32)
        median = np.float32(max(float(np.median(values[valid])), 1.0)) if valid.any() else np.float32(1)
        blurred = cv2.GaussianBlur(np.where(valid, values, median), (0, 0), SIGMA)  # nodata counts as the median
        bins = np.minimum(blurred / median * (BINS / 2), BINS - 1).astype(np.int64)
        counts += np.bincount(bins[valid] + BINS * (mask[valid] > 0), minlength=2 * BINS).reshape(2, BINS)
    false_positive, true_positive = counts.cumsum(axis=1)
    dice = 2 * true_positive / np.maximum(true_positive + false_positive + counts[1].sum(), 1)
    best = int(dice.argmax())
    return float(dice[best]), (best + 1) * 2 / BINS
