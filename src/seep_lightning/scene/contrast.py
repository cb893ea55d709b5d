"""Contrast of an object with the sea around it: ratios of radar power, and decibels."""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.boxes import box_around

SEA_DISTANCE = (3, 8)
"""Pixels between an object and the sea that its contrast compares with: nearest and farthest."""
FEWEST_SEA_PIXELS = 20
"""Pixels of such sea below which there is no contrast."""
DECIBELS_PER_DECADE = {"power": 10, "amplitude": 20, "db": 10}
"""Decibels of a tenfold ratio, by what an image's values are (`PolygonOptions.calibration`)."""


def contrast(values: NDArray[Any], core: NDArray[np.bool_], sea: NDArray[np.bool_]) -> float | None:
    """Mean inside an object over the mean of the sea around it.

    Args:
        values: Power or amplitude, (h, w).
        core: Pixels of the object, (h, w).
        sea: Pixels that may count as sea, (h, w). Those at `SEA_DISTANCE` from the object do count.

    Returns:
        The ratio; None where one of the means is not above 0, or too little sea is near.
    """
    if not core.any():
        return None
    # beyond it there is no sea that counts
    near = box_around(core, margin=SEA_DISTANCE[1]).slices
    inside = values[near][core[near]]
    around = values[near][_sea_around(core[near]) & sea[near]]
    if around.size < FEWEST_SEA_PIXELS:
        return None
    if inside.sum() <= 0 or around.sum() <= 0:
        return None
    return float(inside.mean(dtype=float) / around.mean(dtype=float))


def _sea_around(core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels at `SEA_DISTANCE` from an object."""
    nearest, farthest = SEA_DISTANCE
    object_pixels = core.astype(np.uint8)
    squared = _squared_distances(farthest)
    # half the time of a map of distances
    too_near = cv2.dilate(object_pixels, (squared < nearest**2).astype(np.uint8))
    near = cv2.dilate(object_pixels, (squared <= farthest**2).astype(np.uint8))
    return np.asarray(near > too_near)


@cache
def _squared_distances(radius: int) -> NDArray[np.int64]:
    """Squared distances from the middle pixel of a square, (2 radius + 1, 2 radius + 1)."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x**2 + y**2, np.int64)


def linear(values: NDArray[Any], calibration: str | None) -> NDArray[Any]:
    """Values of an image whose ratios mean something: dB become power, others stay.

    Args:
        values: Values as the image stores them, of any shape.
        calibration: What the values are, see `PolygonOptions`.
    """
    if calibration == "db":
        return np.asarray(10 ** (values.astype(np.float64) / 10))
    return values


def decibels(ratio: float, calibration: str) -> float:
    """A ratio above 0 in dB.

    Args:
        ratio: Ratio of two values of `linear`.
        calibration: What the image's values are: power, amplitude or db.
    """
    return DECIBELS_PER_DECADE[calibration] * float(np.log10(ratio))
