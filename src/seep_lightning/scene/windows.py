"""Pure geometry: where the windows of a scene lie, and how much each of them counts at each pixel.

Windows and weights are products of two axes. A pixel's normaliser is then known before the first window is seen, and
no second canvas has to be summed and divided by (an epsilon there is what ruins the corners of a scene elsewhere).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError


@dataclass(frozen=True)
class Tiling:
    """How a scene is cut into windows; all in pixels.

    window: side of a window. overlap: of neighbouring windows; the outer ones stick out of the scene by half of it
    (filled by reflection), so that the scene's edge does not lie at a window's edge. multiple: along an axis that is
    shorter than a window, the window shrinks to the next multiple of this.
    """

    window: int = 512
    overlap: int = 128
    multiple: int = 32

    def __post_init__(self) -> None:
        if self.window < 1 or not 0 <= self.overlap < self.window:
            raise UserError(
                f"window is {self.window} and overlap {self.overlap}: the overlap must be at least 0 and less than the "
                "window. A quarter of the window is a good choice."
            )
        if self.multiple < 1 or self.window % self.multiple:
            raise UserError(f"window is {self.window}: it must be a multiple of {self.multiple}, the net's stride.")

    @property
    def edge(self) -> int:
        """By how much the outer windows stick out."""
        return self.overlap // 2


@dataclass(frozen=True)
class Axis:
    """The windows along one axis of a scene.

    length: of the scene. window: of a window along this axis. starts: of the windows, ascending; the first may be
    negative and the last may end beyond `length`. shares: (windows, window) float32, the part of each window at each
    of its positions in the blended result: at every position of the scene they add up to 1; beyond it they are 0.
    """

    length: int
    window: int
    starts: tuple[int, ...]
    shares: NDArray[np.float32]

    def ends(self, index: int) -> int:
        """The first position that windows after `index` still touch: what lies before it is finished."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else self.length

    def inside(self, index: int) -> slice:
        """The part of a window that lies in the scene, in the window's own positions."""
        return slice(max(0, -self.starts[index]), min(self.window, self.length - self.starts[index]))


def axis(length: int, tiling: Tiling) -> Axis:
    """The windows along an axis of `length` pixels.

    No longer than a window: one window, centred, so that a chip of the net's own size is seen as it is. Otherwise
    they follow each other at `window - overlap` from `edge` before the scene; the last ends `edge` behind it.
    """
    if length <= tiling.window:
        window = min(tiling.window, -(-length // tiling.multiple) * tiling.multiple)
        starts: tuple[int, ...] = (-((window - length) // 2),)
    else:
        window = tiling.window
        last = length + tiling.edge - window
        starts = (*range(-tiling.edge, last, window - tiling.overlap), last)
    weight, positions = taper(window, tiling.overlap), np.add.outer(starts, np.arange(window))
    weights = np.where((positions >= 0) & (positions < length), weight, 0)
    positions = positions.clip(0, length - 1)
    total = np.bincount(positions.ravel(), weights.ravel(), length)
    return Axis(length, window, starts, (weights / total[positions]).astype(np.float32))


def taper(window: int, overlap: int) -> NDArray[np.float64]:
    """Weights of a window's positions, (window,), in (0, 1]: 1 in the middle, a raised cosine over the overlap.

    Taken at pixel centres, so that no weight is 0, and the falling and the rising flank of two neighbours add up to 1
    (a Tukey window; with an overlap of half the window it is Hann's). Overlaps beyond half the window use half of it.
    """
    flank = min(overlap, window // 2)
    rise = np.sin((np.arange(flank) + 0.5) * (np.pi / 2 / max(flank, 1))) ** 2
    return np.concatenate((rise, np.ones(window - 2 * flank), rise[::-1]))


def cut(array: NDArray[Any], start: int, stop: int, dim: int) -> NDArray[Any]:
    """`array[start:stop]` along dimension `dim`, reflected where that sticks out. A view where it does not."""
    length, pad = array.shape[dim], [(0, 0)] * array.ndim
    pad[dim] = max(-start, 0), max(stop - length, 0)
    part = array[(slice(None),) * dim + (slice(max(start, 0), min(stop, length)),)]
    return np.pad(part, pad, mode="reflect") if any(pad[dim]) else part
