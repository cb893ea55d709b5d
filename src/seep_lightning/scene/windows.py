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
        is_last = index + 1 == len(self.starts)
        return self.length if is_last else max(self.starts[index + 1], 0)

    def inside(self, index: int) -> slice:
        """The part of a window that lies in the scene, in the window's own positions."""
        start = self.starts[index]
        return slice(max(0, -start), min(self.window, self.length - start))

    def span(self, index: int) -> tuple[int, int]:
        """The part of a window that lies in the scene, in the scene's positions: first, and end."""
        start, inside = self.starts[index], self.inside(index)
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
    pixels = positions.clip(0, length - 1)
    total = np.bincount(pixels.ravel(), weights.ravel(), length)
    return Axis(length, window, starts, (weights / total[pixels]).astype(np.float32))


def _starts(length: int, tiling: Tiling) -> tuple[int, ...]:
    """Where windows begin: at equal steps, but for the last one, which sticks out as far as the first."""
    if length <= tiling.window:
        return (0,)
    margin = tiling.overlap // 2
    last = length + margin - tiling.window
    return (*range(-margin, last, tiling.window - tiling.overlap), last)


def taper(window: int, overlap: int) -> NDArray[np.float64]:
    """A Tukey window at pixel centres: rising over the overlap, 1 beside it, falling over the other overlap.

    Args:
        window: Its length, px.
        overlap: The length of each flank, px; half the window at most counts.

    Returns:
        The weight of each position, (window,), in (0, 1].
    """
    flank = min(overlap, window // 2)
    phase = (np.arange(flank) + 0.5) * (np.pi / 2 / max(flank, 1))
    rise = np.sin(phase) ** 2
    return np.concatenate((rise, np.ones(window - 2 * flank), rise[::-1]))


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
    before, after = max(-start, 0), max(stop - length, 0)
    inside = slice(max(start, 0), min(stop, length))
    part = array[(slice(None),) * dim + (inside,)]
    if not before and not after:
        return part
    pad = [(0, 0)] * array.ndim
    pad[dim] = before, after
    return np.pad(part, pad, mode="reflect")
