"""Masks of many values around two peaks: what lossy compression, or soft edges, make of sea and seep."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.decoding import decode
from seep_lightning.data.masks import MOST_CLASSES, met_values

# a scattered mask holds at least so many values ...
LEAST_VALUES = 9
# ... and all but this share of its pixels lies within PEAK_WIDTH of its two peaks, unless the values are so many that
# they cannot be classes
FAR_SHARE = 0.02
PEAK_WIDTH = 64
MANY_VALUES = MOST_CLASSES + 2
# the peaks lie farther apart than this share of the range of values
PEAKS_APART = 0.25
# compression leaves most values within NEAR of a peak, an edge that was made soft leaves as many halfway:
# of 10 JPEGs of quality 30 to 95 at most 0.22 lie farther away, of 22 masks that were resampled or blurred 0.24 to 0.85
NEAR = 32
SOFT_SHARE = 0.3
# of masks of 8 bit
LARGEST_VALUE = 255


class Cause(StrEnum):
    """What scatters the values of a mask, as the end of a sentence."""

    COMPRESSION = "lossy compression (JPEG) leaves them"
    SOFT_EDGES = "soft edges leave them (antialiasing, or resampling that was not nearest neighbour)"


@dataclass(frozen=True)
class Scatter:
    """How the values of a mask lie.

    Attributes:
        values: How many there are.
        low: The lower peak.
        high: The upper peak.
        cause: What probably made it.
    """

    values: int
    low: int
    high: int
    cause: Cause


def scatter_of(counts: Mapping[int, int]) -> Scatter | None:
    """Find out whether a mask's values lie scattered around two peaks.

    Args:
        counts: How often each value occurs.

    Returns:
        How they lie; None where they are few, or lie otherwise.
    """
    if len(counts) < LEAST_VALUES:
        return None
    values = np.array(list(counts))
    pixels = np.array(list(counts.values()))
    peaks = _peaks(values, pixels)
    distances = np.abs(values[:, None] - peaks).min(axis=1)
    between = pixels[distances > 0].sum()
    has_peaks = between < pixels.sum() / 2
    lies_near = pixels[distances > PEAK_WIDTH].sum() <= FAR_SHARE * pixels.sum()
    if not has_peaks or not (lies_near or len(values) >= MANY_VALUES):
        return None
    is_soft = pixels[distances > NEAR].sum() > SOFT_SHARE * between
    low, high = sorted(peaks.tolist())
    return Scatter(len(values), low, high, Cause.SOFT_EDGES if is_soft else Cause.COMPRESSION)


def _peaks(values: NDArray[np.int64], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent value, and the most frequent one away from it, (2,)."""
    first = values[pixels.argmax()]
    is_apart = np.abs(values - first) > PEAKS_APART * np.ptp(values)
    second = values[is_apart][pixels[is_apart].argmax()]
    return np.array([first, second])


def scatter_text(path: Path, config: DataConfig) -> str:
    """What to say of a mask's file if its values lie scattered around two peaks; else nothing.

    Args:
        path: A mask that holds values without a meaning.
        config: How masks are read.
    """
    counts: dict[int, int] = {}
    for value, pixels in met_values(decode(path), config).items():
        if not isinstance(value, int) or not 0 <= value <= LARGEST_VALUE:
            return ""
        counts[value] = pixels
    scatter = scatter_of(counts)
    if scatter is None:
        return ""
    threshold = (scatter.low + scatter.high) // 2 + 1
    values = f"{{{scatter.low}-{threshold - 1}: 0, {threshold}-{LARGEST_VALUE}: 1}}"
    return (
        f"data: mask {path} holds {scatter.values} values scattered around {scatter.low} and {scatter.high}, as "
        f"{scatter.cause}. Make the masks anew as PNG or TIFF by nearest neighbour, or take a threshold, for you to "
        f"correct: 'data.mask_values={values}'."
    )
