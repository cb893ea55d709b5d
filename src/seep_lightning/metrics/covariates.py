"""What makes the seeps of a chip easy or hard to find: their size, their width, their contrast."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.contrast import contrast

Mask = NDArray[np.bool_]


def covariates(image: NDArray[Any], truth: Mask, valid: Mask, lines: Mask) -> dict[str, float | None]:
    """Measure the seeps of a chip.

    Args:
        image: Raw values, (H, W).
        truth: Where seep is, (H, W).
        valid: Where there are data, (H, W).
        lines: `centre_lines` of the seeps, (H, W).

    Returns:
        `seep_px` (pixels), `width_px` (area by the length of the centre lines, pixels) and `contrast` (see
        `scene.contrast.contrast`); the last two are None without seep.
    """
    area = int(np.count_nonzero(truth))
    if area == 0:
        return {"seep_px": 0, "width_px": None, "contrast": None}
    length = max(int(np.count_nonzero(lines)), 1)
    return {"seep_px": area, "width_px": area / length, "contrast": contrast(image, truth, valid & ~truth)}
