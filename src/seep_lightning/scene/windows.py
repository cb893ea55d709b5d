"""Where the windows of a scene lie, and how much each counts at each pixel: products of two axes, known beforehand."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Tiling(NamedTuple):
    """Side of a window and overlap of neighbours (less than it), px; outer ones stick out by half of it, reflected."""

    window: int
    overlap: int


@dataclass(frozen=True)
class Axis:
    """The windows along one axis; starts: ascending from below 0, the last window may end beyond the scene.

    shares: (windows, window), how much each position of each window counts: 1 in sum at every pixel, 0 beyond `length`.
    """

    length: int
    window: int
    starts: tuple[int, ...]
    shares: NDArray[np.float32]

    def ends(self, index: int) -> int:
        """The first position that windows after `index` still touch: what lies before it is finished."""
        return max(self.starts[index + 1], 0) if index + 1 < len(self.starts) else self.length

    def inside(self, index: int) -> slice:
        """The part of a window that lies in the scene, in the window's own positions."""
        return slice(max(0, -self.starts[index]), min(self.window, self.length - self.starts[index]))


def axis(length: int, tiling: Tiling) -> Axis:
    """The windows along an axis: a single one of its length if that is no longer than a window."""
    window, edge = min(tiling.window, length), tiling.overlap // 2
    last = length + edge - window
    starts = (*range(-edge, last, tiling.window - tiling.overlap), last) if length > tiling.window else (0,)
    weight, positions = taper(window, tiling.overlap), np.add.outer(starts, np.arange(window))
    weights = np.where((positions >= 0) & (positions < length), weight, 0)
    positions = positions.clip(0, length - 1)
    total = np.bincount(positions.ravel(), weights.ravel(), length)
    return Axis(length, window, starts, (weights / total[positions]).astype(np.float32))


def taper(window: int, overlap: int) -> NDArray[np.float64]:
    """Weights of a window's positions, (window,), in (0, 1]: a Tukey window at pixel centres, 1 beside the overlap."""
    flank = min(overlap, window // 2)
    rise = np.sin((np.arange(flank) + 0.5) * (np.pi / 2 / max(flank, 1))) ** 2
    return np.concatenate((rise, np.ones(window - 2 * flank), rise[::-1]))


def cut(array: NDArray[Any], start: int, stop: int, dim: int) -> NDArray[Any]:
    """`array[start:stop]` along dimension `dim`, reflected where that sticks out. A view where it does not."""
    length, pad = array.shape[dim], [(0, 0)] * array.ndim
    pad[dim] = max(-start, 0), max(stop - length, 0)
    part = array[(slice(None),) * dim + (slice(max(start, 0), min(stop, length)),)]
    return np.pad(part, pad, mode="reflect") if any(pad[dim]) else part
