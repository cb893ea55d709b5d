"""Centre lines of the objects of a mask."""

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.compat import thinning
from seep_lightning.scene.boxes import Box, box_around

Mask = NDArray[np.bool_]


def centre_lines(mask: Mask) -> Mask:
    """Find the centre lines of connected objects (8 neighbours), one pixel wide.

    Args:
        mask: (H, W). An object that ends at its edge is thinned as if there were sea beyond it.

    Returns:
        The pixels of the lines, (H, W).
    """
    lines = np.zeros(mask.shape, bool)
    if not mask.any():
        return lines
    thinned = thinning()
    around_all = box_around(mask).slices
    objects = mask[around_all].astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(objects, connectivity=8)
    lines_within = lines[around_all]
    # each in its own box: what does not touch an object does not change its line
    for number, row in enumerate(stats[1:].tolist(), start=1):
        part = _box_of(row).slices
        lines_within[part] |= thinned(labels[part] == number)
    return lines


def _box_of(row: list[int]) -> Box:
    """The box of an object, from its row of OpenCV's statistics."""
    left, top, width, height, _ = row
    return Box(top, top + height, left, left + width)
