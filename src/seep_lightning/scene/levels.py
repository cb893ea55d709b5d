"""Classes of seep: which one a pixel is; matrices (N + 1, N + 1) of true and found classes, 0 = sea, which add up."""

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError


def class_numbers(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What `Predictor.probability` gives, (..., 1 + N, H, W), to the most probable class; 1 where N is 0."""
    if probability.shape[-3] == 1:
        return np.ones_like(probability[..., 0, :, :], np.uint8)
    return np.asarray(1 + probability[..., 1:, :, :].argmax(-3), np.uint8)


LEVELS = 254  # 8 bit holds nodata (0) and the probabilities 0/254 .. 254/254 (1..255)
MASK_NODATA = 255


def quantise(probability: NDArray[np.float32], mapped: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Probabilities (n, W) to 8 bit: 0 where not `mapped`, else round(254 p) + 1; `UserError` if one is not finite."""
    if not np.isfinite(probability, where=mapped, out=np.ones(probability.shape, bool)).all():
        raise UserError("The model gave probabilities that are not finite. Its weights are damaged, or it diverged.")
    return np.where(mapped, np.rint(probability.clip(0, 1) * np.float32(LEVELS)) + 1, 0).astype(np.uint8)


def level(probability: float) -> int:
    """The smallest quantised value, 1..255, whose probability is at least this; 1, of 0, for nothing above it."""
    return max(int(np.ceil(probability * LEVELS - 1e-6)), int(probability > 0)) + 1


def classify(quantised: NDArray[np.uint8], numbers: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Quantised probabilities and numbers of classes (n, W) to a mask: 255 nodata, 0 sea, else the number."""
    return np.where(quantised == 0, MASK_NODATA, np.where(quantised >= level(threshold), numbers, 0)).astype(np.uint8)
