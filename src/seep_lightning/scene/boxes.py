"""A box of pixels: the part of a raster or an array that something lies in."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """Part of a raster: rows top..bottom and columns left..right, px; bottom and right are the first outside."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to take the part out of an array (H, W)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def box_around(mask: NDArray[np.bool_], margin: int = 0) -> Box:
    """Find the smallest box that holds all pixels of a mask: beyond it there is nothing to look at.

    Args:
        mask: (H, W).
        margin: Pixels to add on each side, as far as the mask reaches.

    Returns:
        The box; an empty one for an empty mask.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return Box(0, 0, 0, 0)
    height, width = mask.shape
    return Box(
        top=max(int(rows[0]) - margin, 0),
        bottom=min(int(rows[-1]) + margin + 1, height),
        left=max(int(columns[0]) - margin, 0),
        right=min(int(columns[-1]) + margin + 1, width),
    )
