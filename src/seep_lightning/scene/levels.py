"""Probabilities and classes in 8 bit, as maps store them."""

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.interfaces import Floats, Mask

# 8 bit hold nodata (0) and the probabilities 0/254 to 254/254 (1 to 255).
LEVELS = 254
PROBABILITY_NODATA = 0
MASK_NODATA = 255

# A threshold that is a level but for rounding counts as that level.
LEVEL_TOLERANCE = 1e-6


def class_numbers(probability: Floats) -> NDArray[np.uint8]:
    """The most probable class of every pixel.

    Args:
        probability: (..., 1 + N, H, W): that of a seep, then those of N classes.

    Returns:
        Numbers of classes from 1, (..., H, W); 1 where N is 0.
    """
    if probability.shape[-3] == 1:
        return np.ones_like(probability[..., 0, :, :], np.uint8)
    return np.asarray(1 + probability[..., 1:, :, :].argmax(-3), np.uint8)


def check_finite(probability: Floats, mapped: Mask) -> None:
    """Check that a network gave numbers.

    Args:
        probability: Of any shape.
        mapped: Which pixels count, of the same shape.

    Raises:
        UserError: A probability that counts is not finite.
    """
    is_finite = np.isfinite(probability)
    if not (is_finite.all() or is_finite[mapped].all()):
        raise UserError("The model gave probabilities that are not finite. Its weights are damaged, or it diverged.")


def add_log_odds(probability: Floats, log_odds: Floats) -> Floats:
    """Add log odds to the logits of probabilities.

    Args:
        probability: (n, W), 0 to 1; 0 and 1 stay.
        log_odds: What is added, (n, W).

    Returns:
        The probabilities (n, W) of the sums.
    """
    odds = np.exp(log_odds)
    share = probability.clip(0, 1)
    return np.asarray(share * odds / (1 - share + share * odds), np.float32)


def quantise(probability: Floats, mapped: Mask) -> NDArray[np.uint8]:
    """Probabilities in 8 bit.

    Args:
        probability: (n, W), 0 to 1.
        mapped: Which pixels are mapped, (n, W).

    Returns:
        0 where a pixel is not mapped, else round(254 p) + 1, (n, W).

    Raises:
        UserError: A mapped pixel's probability is not finite.
    """
    check_finite(probability, mapped)
    # in place, which saves a third of the time
    stored = probability.clip(0, 1)
    stored *= np.float32(LEVELS)
    np.rint(stored, out=stored)
    stored += 1
    if not mapped.all():
        stored = np.where(mapped, stored, np.float32(PROBABILITY_NODATA))
    return stored.astype(np.uint8)


def level(probability: float) -> int:
    """The smallest stored value, 1 to 255, whose probability is at least this one.

    Args:
        probability: A threshold, 0 to 1.

    Returns:
        1, the value of probability 0, for nothing above 0 only.
    """
    smallest = int(np.ceil(probability * LEVELS - LEVEL_TOLERANCE))
    above_zero = int(probability > 0)
    return max(smallest, above_zero) + 1


def classify(quantised: NDArray[np.uint8], numbers: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """The mask of a map.

    Args:
        quantised: Probabilities as `quantise` gives them, (n, W).
        numbers: Numbers of classes from 1, (n, W).
        threshold: The least probability of a seep, 0 to 1.

    Returns:
        255 nodata, 0 sea, else the number of the class, (n, W).
    """
    seeps = np.where(quantised >= level(threshold), numbers, 0)
    return np.where(quantised == PROBABILITY_NODATA, MASK_NODATA, seeps).astype(np.uint8)
