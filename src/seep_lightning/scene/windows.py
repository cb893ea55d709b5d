"""Pure geometry: where the windows of a scene lie, and how much each of them counts at each pixel.

Everything is separable: a scene's windows are the product of two axes, and so are their weights. The normaliser of a
pixel is then the product of two one-dimensional sums that are known before the first window is seen, so that the
weights can be divided by it beforehand and no second canvas has to be summed and divided by (an epsilon there is what
ruins the corners of a scene in other tools).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError


@dataclass(frozen=True)
class Tiling:
    """How a scene is cut into windows; all in pixels.

    window: side of a window. overlap: of neighbouring windows. margin: by how much the outer windows stick out of the
    scene (filled by reflection), so that the scene's edge does not lie at a window's edge; None is half the overlap.
    multiple: along an axis that is shorter than a window, the window shrinks to the next multiple of this.
    """

    window: int = 512
    overlap: int = 128
    margin: int | None = None
    multiple: int = 32

    def __post_init__(self) -> None:
        if self.window < 1 or not 0 <= self.overlap < self.window:
            raise UserError(
                f"window is {self.window} and overlap {self.overlap}: the overlap must be at least 0 and less than the "
                "window. A quarter of the window is a good choice."
            )
        if self.multiple < 1 or self.window % self.multiple:
            raise UserError(
                f"window is {self.window}: it must be a multiple of {self.multiple}, the stride of the net."
            )
        if not 0 <= self.edge <= self.overlap / 2:
            raise UserError(f"margin is {self.margin}: it must be between 0 and half the overlap ({self.overlap}).")

    @property
    def edge(self) -> int:
        """The margin in pixels."""
        return self.overlap // 2 if self.margin is None else self.margin


@dataclass(frozen=True)
class Axis:
    """The windows along one axis of a scene.

    length: of the scene. window: of a window along this axis. starts: of the windows, ascending; may be negative and
    windows may end beyond `length`. shares: (windows, window) float32, the part of each window at each of its
    positions in the blended result: at every position of the scene they add up to 1; beyond it they are 0.
    """

    length: int
    window: int
    starts: tuple[int, ...]
    shares: NDArray[np.float32]

    def ends(self, index: int) -> int:
        """The first position that windows after `index` still touch: what lies before it is finished."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else self.length


def axis(length: int, tiling: Tiling) -> Axis:
    """The windows along an axis of `length` pixels.

    Where the scene is no longer than a window there is one window, centred, so that a chip of the net's own size is
    seen as it is. Otherwise windows start `margin` before the scene and follow each other at `window - overlap`; the
    last one is moved back to end `margin` behind it.
    """
    if length < 1:
        raise ValueError(f"an axis needs at least one pixel, got {length}")
    if length <= tiling.window:
        window = min(tiling.window, -(-length // tiling.multiple) * tiling.multiple)
        starts = (-((window - length) // 2),)
    else:
        window = tiling.window
        last = length + tiling.edge - window
        starts = (*range(-tiling.edge, last, window - tiling.overlap), last)
    return Axis(length, window, starts, _shares(length, window, starts, tiling.overlap))


def _shares(length: int, window: int, starts: tuple[int, ...], overlap: int) -> NDArray[np.float32]:
    """Each window's taper over the sum of all tapers, (windows, window)."""
    shares = np.zeros((len(starts), window))
    total = np.zeros(length)
    weight = taper(window, overlap)
    for row, start in zip(shares, starts, strict=True):
        inside = slice(max(0, -start), min(window, length - start))
        row[inside] = weight[inside]
        total[start + inside.start : start + inside.stop] += weight[inside]
    for row, start in zip(shares, starts, strict=True):
        inside = slice(max(0, -start), min(window, length - start))
        row[inside] /= total[start + inside.start : start + inside.stop]
    return shares.astype(np.float32)


def taper(window: int, overlap: int) -> NDArray[np.float64]:
    """Weights of a window's positions, (window,), in (0, 1]: 1 in the middle, a raised cosine over the overlap.

    Taken at pixel centres, so that no weight is 0, and the falling and the rising flank of two neighbours add up to 1
    (a Tukey window; with an overlap of half the window it is Hann's). Overlaps beyond half the window use half of it.
    """
    flank = min(overlap, window // 2)
    weight = np.ones(window)
    if flank:
        rise = np.sin((np.arange(flank) + 0.5) * (np.pi / 2 / flank)) ** 2
        weight[:flank], weight[-flank:] = rise, rise[::-1]
    return weight


def reflect(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Positions start..stop of an endless axis that mirrors 0..length at its first and last pixel: (stop - start,).

    As `numpy.pad(mode="reflect")`: the edge pixel itself is not repeated. One pixel reflects to itself.
    """
    period = max(2 * (length - 1), 1)
    position = np.arange(start, stop, dtype=np.intp) % period
    return np.minimum(position, period - position) if length > 1 else np.zeros(stop - start, np.intp)


def cut(array: NDArray[Any], start: int, stop: int, dim: int) -> NDArray[Any]:
    """`array[start:stop]` along dimension `dim`, reflected where that sticks out. A view where it does not."""
    length = array.shape[dim]
    if start >= 0 and stop <= length:
        return array[(slice(None),) * (dim % array.ndim) + (slice(start, stop),)]
    return np.take(array, reflect(start, stop, length), axis=dim)
