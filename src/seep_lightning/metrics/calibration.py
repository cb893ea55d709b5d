"""Probabilities that mean what they say: Platt scaling on held-back pixels, and how far off they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.logistic import logistic
from seep_lightning.metrics.counts import values_where

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Scaling = tuple[float, float]

# logits are counted in so many equal steps from -LARGEST_LOGIT to LARGEST_LOGIT
LOGIT_STEPS = 4096
LARGEST_LOGIT = 12.0
# the least slope of a scaling: it must rise, so that it keeps the order of pixels
LEAST_SLOPE = 1e-3
# probabilities below it are open sea, of which there is so much that it would hide all else
LEAST_PROBABILITY = 0.01
NEWTON_STEPS = 50


class Reliability:
    """Counts of sea and seep by logit, from which the scaling and the calibration error follow.

    Attributes:
        counts: Pixels, (2, LOGIT_STEPS) int64: row 0 sea, row 1 seep.
        logits: The middle of each step, (LOGIT_STEPS,).
    """

    def __init__(self) -> None:
        self.counts: Ints = np.zeros((2, LOGIT_STEPS), np.int64)
        step = 2 * LARGEST_LOGIT / LOGIT_STEPS
        from_lowest = (np.arange(LOGIT_STEPS) + 0.5) * step
        self.logits: NDArray[Any] = from_lowest - LARGEST_LOGIT

    def add(self, probability: NDArray[Any], truth: Mask, valid: Mask) -> None:
        """Count pixels.

        Args:
            probability: Of seep, (H, W) in 0..1.
            truth: Where seep is, (H, W).
            valid: Where there are data, (H, W).
        """
        p = np.clip(values_where(valid, probability), 1e-7, 1 - 1e-7).astype(np.float64)
        steps_per_logit = LOGIT_STEPS / (2 * LARGEST_LOGIT)
        # in place, which saves a third of the time
        logits = p / (1 - p)
        np.log(logits, out=logits)
        logits += LARGEST_LOGIT
        logits *= steps_per_logit
        keys = logits.astype(np.int64)
        np.clip(keys, 0, LOGIT_STEPS - 1, out=keys)
        # the steps of seep follow those of the sea
        keys[values_where(valid, truth)] += LOGIT_STEPS
        pixels = np.bincount(keys, minlength=2 * LOGIT_STEPS)
        self.counts += pixels.reshape(2, LOGIT_STEPS)

    def scaling(self) -> Scaling:
        """Find (a, b) that make logistic(a x logit + b) the likeliest (Platt 1999); (1, 0) of nothing."""
        first = self._likeliest(self.counts)
        if first is None:
            return 1.0, 0.0
        # again for those that this puts at `LEAST_PROBABILITY` or above: the open sea would decide it alone
        a, b = first
        likely = logistic(a * self.logits + b) >= LEAST_PROBABILITY
        second = self._likeliest(np.where(likely, self.counts, 0))
        if second is None or second[0] <= LEAST_SLOPE:
            return first
        return second

    def calibration_error(self, bins: int = 15) -> float:
        """Expected calibration error (Naeini et al. 2015) over pixels of at least `LEAST_PROBABILITY`.

        Args:
            bins: How many bins of equal mass the pixels are put into.

        Returns:
            The mean over pixels of the difference between their bin's mean probability and its share of seep, 0..1.
        """
        p = logistic(self.logits)
        counted = p >= LEAST_PROBABILITY
        total = np.where(counted, self.counts.sum(axis=0), 0)
        seep = np.where(counted, self.counts[1], 0)
        pixels = max(total.sum(), 1)
        middle = np.cumsum(total) - total / 2
        bin_of_step = (middle * bins / pixels).astype(int)
        bin_of_step = np.minimum(bin_of_step, bins - 1)
        expected_seep = np.bincount(bin_of_step, total * p, bins)
        true_seep = np.bincount(bin_of_step, seep, bins)
        differences = np.abs(expected_seep - true_seep)
        return float(differences.sum() / pixels)

    def _likeliest(self, counts: Ints) -> Scaling | None:
        """(a, b) for these counts, by Newton's method; None where all are of one kind."""
        pixels = counts.sum()
        seep_pixels = counts[1].sum()
        if not 0 < seep_pixels < pixels:
            return None
        a, b = _PlattFit.of(self.logits, counts).solve()
        if a > LEAST_SLOPE:
            return a, b
        # of a net that knows nothing: the share of seep everywhere
        odds = seep_pixels / (pixels - seep_pixels)
        return LEAST_SLOPE, float(np.log(odds))


@dataclass(frozen=True)
class _PlattFit:
    """Maximum likelihood of logistic(a x logit + b).

    Attributes:
        inputs: Logits and ones, (2, steps).
        total: Pixels by logit, (steps,).
        target: The sum of the pixels' targets by logit, (steps,).
    """

    inputs: Floats
    total: Ints
    target: Floats

    @classmethod
    def of(cls, logits: Floats, counts: Ints) -> "_PlattFit":
        """The fit of counts (2, steps) of sea and seep."""
        sea, seep = counts
        # Platt's targets instead of 1 and 0: else the slope of a net that is never wrong has no bounds
        high = (seep.sum() + 1) / (seep.sum() + 2)
        low = 1 / (sea.sum() + 2)
        inputs = np.stack([logits, np.ones(len(logits))])
        return cls(inputs, counts.sum(axis=0), high * seep + low * sea)

    def solve(self) -> Scaling:
        """(a, b) by Newton's method, from (1, 0)."""
        coefficients = np.array([1.0, 0.0])
        for _ in range(NEWTON_STEPS):
            move = self._newton_move(coefficients)
            largest = np.abs(move).max()
            # at most 1: far from the optimum it overshoots
            share = min(1, 1 / max(largest, 1e-12))
            coefficients += move * share
            if largest < 1e-9:
                break
        a, b = coefficients
        return float(a), float(b)

    def _newton_move(self, coefficients: Floats) -> Floats:
        """How far the whole Newton step goes."""
        p = logistic(coefficients @ self.inputs)
        residuals = self.target - self.total * p
        gradient = self.inputs @ residuals
        weights = self.total * p * (1 - p)
        curvature = (self.inputs * weights) @ self.inputs.T
        # where all probabilities are 0 or 1 there is no curvature
        regularised = curvature + 1e-6 * np.eye(2)
        return np.asarray(np.linalg.solve(regularised, gradient), np.float64)


def scaled(probability: Floats | float, scaling: Scaling) -> Floats:
    """Scale probabilities.

    Args:
        probability: Strictly between 0 and 1.
        scaling: (a, b), see `Reliability.scaling`.

    Returns:
        logistic(a x logit + b) of them.
    """
    a, b = scaling
    logit = np.log(probability / (1 - probability))
    return logistic(a * logit + b)
