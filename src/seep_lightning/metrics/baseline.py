"""The floor under every network: the best single dark threshold, chosen on the very chips that it is scored on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chips import Chips
from seep_lightning.data.images import ChipPixels, covers_all
from seep_lightning.metrics.counts import Value
from seep_lightning.metrics.floors import LARGEST_RATIO, RATIO_BINS, best_dark_cut

# pixels; averages some speckle away, and scores best of 1, 1.5, 2 and 3 on the real chips
BLUR_SIGMA = 1.0


def dark_threshold(chips: Chips, indices: list[int]) -> tuple[float, float]:
    """Find the best rule of the kind "seep is where the blurred value is below `cut` times the chip's median".

    The cut is the best for these chips themselves, which flatters it. Nodata is left out; seep is any class above 0.

    Args:
        chips: The data set.
        indices: Positions of the chips in it.

    Returns:
        The pooled Dice of the best rule, and its `cut`.
    """
    counts = count_by_darkness(chips, indices)
    return best_dark_cut(seep_against_sea(counts))


def count_by_darkness(chips: Chips, indices: list[int]) -> NDArray[np.int64]:
    """Count true pixels by their blurred value over their chip's median.

    Args:
        chips: The data set.
        indices: Positions of the chips in it.

    Returns:
        Counts (1 + classes, RATIO_BINS) of the valid pixels, the sea first, from dark to bright.
    """
    counts = no_pixels(chips.config.classes)
    for index in indices:
        pixels = chips.read(index)
        values = chips.value_range.ratio_values(pixels.image, pixels.data)
        counts += darkness_of_chip(pixels, values[0], chips.config.classes)
    return counts


def no_pixels(classes: int) -> NDArray[np.int64]:
    """Counts (1 + classes, RATIO_BINS) of nothing yet."""
    return np.zeros((1 + classes, RATIO_BINS), np.int64)


def darkness_of_chip(pixels: ChipPixels, band: NDArray[np.generic], classes: int) -> NDArray[np.int64]:
    """Count the true pixels of one chip as `count_by_darkness` does.

    Args:
        pixels: The chip's pixels.
        band: Its first band as `ValueRange.ratio_values` gives it, (H, W).
        classes: How many classes the masks may hold.

    Returns:
        Counts (1 + classes, RATIO_BINS).
    """
    rows = 1 + classes
    bins = _known(_ratio_bins(band, pixels.data), pixels.valid)
    labels = _known(pixels.mask, pixels.valid)
    # most pixels are sea: the few of seep are counted apart
    is_seep = labels > 0
    keys = bins[is_seep] + RATIO_BINS * labels[is_seep].astype(np.int64)
    counts = np.bincount(keys, minlength=rows * RATIO_BINS).reshape(rows, RATIO_BINS)
    counts[0] = np.bincount(bins, minlength=RATIO_BINS) - counts.sum(axis=0)
    return np.asarray(counts, np.int64)


def seep_against_sea(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of seep of any class against the sea, (2, bins), of counts (1 + classes, bins) with the sea first."""
    return np.stack([counts[0], counts[1:].sum(axis=0)])


def _known(values: NDArray[Value], flags: NDArray[np.bool_]) -> NDArray[Value]:
    """The values (N,) of the pixels that are flagged: of most chips all, which their flags tell at once."""
    return values.reshape(-1) if covers_all(flags) else values[flags]


def _ratio_bins(band: NDArray[np.generic], data: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The bin of each pixel's blurred value over the chip's median, (H, W)."""
    values = band.astype(np.float32)
    known = _known(band, data)
    median = np.float32(1)
    if known.size:
        least = np.finfo(np.float32).tiny if band.dtype.kind == "f" else 1.0
        median = np.float32(max(_median(known), least))
    if known.size < values.size:
        # nodata counts as the median
        values = np.where(data, values, median)
    ratios = np.asarray(cv2.GaussianBlur(values, (0, 0), BLUR_SIGMA), np.float32)
    ratios /= median
    ratios *= np.float32(RATIO_BINS / LARGEST_RATIO)
    # floats may lie below 0, where noise was taken off
    np.clip(ratios, 0, RATIO_BINS - 1, out=ratios)
    return ratios.astype(np.int32)


def _median(values: NDArray[np.generic]) -> float:
    """The median of values (N,), of which there must be one at least."""
    if values.dtype not in (np.uint8, np.uint16):
        return float(np.median(values.astype(np.float32)))
    # counted, which takes a third of the time of sorting
    up_to = np.bincount(values).cumsum()
    middle = [(values.size - 1) // 2, values.size // 2]
    return float(np.searchsorted(up_to, middle, side="right").mean())
