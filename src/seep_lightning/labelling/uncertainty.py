"""How unsure networks are of a window: entropy of one network, disagreement of several, where slicks may be."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.normalise import Floats

TOP_SHARE = 0.02
"""The part of a window whose most uncertain pixels count: a slick covers a few hundredths, sea must not dilute it."""
# below it a share of a class has no entropy worth a logarithm
LEAST_SHARE = 1e-7


def pixel_uncertainty(by_network: Sequence[Floats]) -> Floats:
    """The uncertainty of each pixel.

    Of one network it is the entropy of its calibrated probabilities. Of several it is the mutual information between
    the class of a pixel and the choice of the network: what they disagree about, not what all of them find hard
    (Houlsby et al. 2011, arXiv:1112.5745).

    Args:
        by_network: Of each network (B, 1 + classes, h, w): the probability of seep, then those of the classes.

    Returns:
        (B, h, w), from 0 to 1.
    """
    shares = [_shares(probabilities) for probabilities in by_network]
    entropy_of_mean = _entropy(np.mean(shares, axis=0))
    if len(shares) == 1:
        return entropy_of_mean
    mean_entropy = np.mean([_entropy(each) for each in shares], axis=0)
    return np.asarray(np.maximum(entropy_of_mean - mean_entropy, 0), np.float32)


def window_uncertainty(pixels: Floats, valid: NDArray[np.bool_]) -> float:
    """The mean uncertainty of a window's most uncertain pixels.

    Args:
        pixels: Uncertainty of each, (h, w).
        valid: Which of them hold data, (h, w). Missing ones count as certain.

    Returns:
        From 0 to 1.
    """
    count = max(1, round(TOP_SHARE * pixels.size))
    values = np.where(valid, pixels, 0).ravel()
    most_uncertain = np.partition(values, values.size - count)[-count:]
    return float(most_uncertain.mean())


def _shares(probabilities: Floats) -> Floats:
    """Probabilities (B, 1 + classes, h, w) as shares that add up to 1: sea, then seep or its classes."""
    seep = probabilities[:, :1]
    parts = probabilities[:, 1:] if probabilities.shape[1] > 1 else seep
    return np.concatenate([1 - seep, parts], axis=1)


def _entropy(shares: Floats) -> Floats:
    """The entropy of shares (B, K, h, w), (B, h, w): 1 where all K are equal."""
    clipped = shares.clip(LEAST_SHARE, 1)
    entropy = -(clipped * np.log(clipped)).sum(axis=1)
    return np.asarray(entropy / math.log(shares.shape[1]), np.float32)
