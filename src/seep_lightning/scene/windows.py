"""Where the windows of a scene lie, and how much each counts at each pixel: products of two axes, known beforehand."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Tiling(NamedTuple):
    """How windows cover a scene; the outer ones stick out by half an overlap, where the scene is reflected.

    Attributes:
        window: Side of a window, px.
        overlap: How far neighbours overlap, px; less than the window.
    """

    window: int
    overlap: int


@dataclass(frozen=True)
class Axis:
    """The windows along one axis of a scene.

    Attributes:
        length: Of the scene, px.
        window: Of a window, px.
        starts: Where each window begins, px: ascending from below 0; the last window may end beyond the scene.
        shares: (windows, window), how much each position of each window counts: 1 in sum at every pixel, 0 beyond the
            scene.
    """

    length: int
    window: int
    starts: tuple[int, ...]
    shares: NDArray[np.float32]

    def ends(self, index: int) -> int:
        """The first position that windows after `index` still touch: what lies before it is finished."""
        following = index + 1
        if following == len(self.starts):
            return self.length
        return max(self.starts[following], 0)

    def inside(self, index: int) -> slice:
        """The part of a window that lies in the scene, in the window's own positions."""
        start = self.starts[index]
        first = max(0, -start)
        end = min(self.window, self.length - start)
        return slice(first, end)

    def span(self, index: int) -> tuple[int, int]:
        """The part of a window that lies in the scene, in the scene's positions: first, and end."""
        start = self.starts[index]
        inside = self.inside(index)
        return start + inside.start, start + inside.stop


def axis(length: int, tiling: Tiling) -> Axis:
    """Lay windows along an axis: a single one, of the axis's length, if that is no longer than a window.

    Args:
        length: Of the scene along the axis, px.
        tiling: Size and overlap of the windows.

    Returns:
        The windows, and how much each counts where.
    """
    window = min(tiling.window, length)
    starts = _starts(length, tiling)
    positions = np.add.outer(starts, np.arange(window))
    is_inside = (positions >= 0) & (positions < length)
    weights = np.where(is_inside, taper(window, tiling.overlap), 0)
    # positions beyond the scene count for its outermost pixel, with a weight of 0
    pixels = positions.clip(0, length - 1)
    sums = np.bincount(pixels.ravel(), weights.ravel(), length)
    shares = weights / sums[pixels]
    return Axis(length, window, starts, shares.astype(np.float32))


def _starts(length: int, tiling: Tiling) -> tuple[int, ...]:
    """Where windows begin: at equal steps, but for the last one, which sticks out as far as the first."""
    if length <= tiling.window:
        return (0,)
    margin = tiling.overlap // 2
    step = tiling.window - tiling.overlap
    last = length + margin - tiling.window
    before_last = range(-margin, last, step)
    return (*before_last, last)


def taper(window: int, overlap: int) -> NDArray[np.float64]:
    """A Tukey window at pixel centres: rising over the overlap, 1 beside it, falling over the other overlap.

    Args:
        window: Its length, px.
        overlap: The length of each flank, px; half the window at most counts.

    Returns:
        The weight of each position, (window,), in (0, 1].
    """
    flank = min(overlap, window // 2)
    step = np.pi / 2 / max(flank, 1)
    centres = np.arange(flank) + 0.5
    rise = np.sin(centres * step) ** 2
    middle = np.ones(window - 2 * flank)
    fall = rise[::-1]
    return np.concatenate((rise, middle, fall))


def cut(array: NDArray[Any], start: int, stop: int, dim: int) -> NDArray[Any]:
    """Cut a part along one dimension; it is reflected where it sticks out.

    Args:
        array: Any array.
        start: The first position; below 0 where the part sticks out.
        stop: The position after the last one; above the length where the part sticks out.
        dim: The dimension.

    Returns:
        A view where the part lies inside, else a copy.
    """
    length = array.shape[dim]
    first = max(start, 0)
    end = min(stop, length)
    selection = [slice(None)] * array.ndim
    selection[dim] = slice(first, end)
    part = array[tuple(selection)]
    if first == start and end == stop:
        return part
    padding = [(0, 0)] * array.ndim
    padding[dim] = (first - start, stop - end)
    return np.pad(part, padding, mode="reflect")
