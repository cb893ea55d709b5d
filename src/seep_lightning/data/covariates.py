"""What makes a chip's seeps easy or hard to find: their size, width and contrast. Pure numpy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

RING = (3, 8)  # px: the sea this far from any seep is what contrast compares with
FEWEST = 20  # px of ring below which there is no contrast


def covariates(image: NDArray[Any], truth: NDArray[np.bool_], valid: NDArray[np.bool_]) -> dict[str, float | None]:
    """`seep_px`; `width_px`: area / length of the centre lines; `contrast`: mean inside / mean of the ring around.

    All (H, W). Seep and ring are of valid pixels. None where a figure is not defined: no seep, or hardly any ring.
    """
    area = int(truth.sum())
    if not area:
        return {"seep_px": 0, "width_px": None, "contrast": None}
    length = int(skeletonize(np.pad(truth, 1)).sum())  # type: ignore[no-untyped-call]
    distance = ndimage.distance_transform_edt(~truth)
    ring = (distance >= RING[0]) & (distance <= RING[1]) & valid
    sea = float(image[ring].mean()) if ring.sum() >= FEWEST else 0.0
    contrast = float(image[truth].mean()) / sea if sea else None
    return {"seep_px": area, "width_px": area / max(length, 1), "contrast": contrast}
