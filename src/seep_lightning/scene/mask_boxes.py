"""The box around all that a mask holds: beyond it there is nothing to look at."""

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice]


def box_around(mask: NDArray[np.bool_], margin: int = 0) -> Box:
    """Find the smallest box that holds all pixels of a mask.

    Args:
        mask: (H, W).
        margin: Pixels to add on each side, as far as the mask reaches.

    Returns:
        Rows and columns; an empty box for an empty mask.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return slice(0, 0), slice(0, 0)
    top = max(rows[0] - margin, 0)
    left = max(columns[0] - margin, 0)
    return slice(top, rows[-1] + margin + 1), slice(left, columns[-1] + margin + 1)
