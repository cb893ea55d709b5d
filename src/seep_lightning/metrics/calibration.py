"""Probabilities that mean what they say: Platt scaling on held-back pixels, and how far off they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS, REACH = 4096, 12.0  # logits are counted in so many equal steps from -REACH to REACH
FLATTEST = 1e-3  # slope
LEAST = 0.01  # probabilities below it are open sea, of which there is so much that it would hide all else


class Reliability:
    """Counts of sea and seep by logit, (2, LEVELS), from which the scaling and the calibration error follow."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros((2, LEVELS), np.int64)
        self.logits = (np.arange(LEVELS) + 0.5) * (2 * REACH / LEVELS) - REACH

    def add(self, probability: NDArray[Any], truth: NDArray[np.bool_], valid: NDArray[np.bool_]) -> None:
        """Count pixels, all (H, W): probability in 0..1, truth where seep is, valid where data are."""
        p = np.clip(probability[valid], 1e-7, 1 - 1e-7).astype(np.float64)
        step = ((np.log(p / (1 - p)) + REACH) * (LEVELS / (2 * REACH))).astype(int).clip(0, LEVELS - 1)
        self.counts += np.bincount(step + LEVELS * truth[valid], minlength=2 * LEVELS).reshape(2, LEVELS)

    def scaling(self) -> tuple[float, float]:
        """(a, b) that make sigmoid(a x logit + b) the likeliest (Platt 1999); (1, 0) of nothing."""
        a, b = self._likeliest(self.counts) or (1.0, 0.0)
        # again for those that this puts at `LEAST` or above: the open sea would decide it alone
        likely = 1 / (1 + np.exp(-(a * self.logits + b))) >= LEAST
        again = self._likeliest(np.where(likely, self.counts, 0))
        return again if again and again[0] > FLATTEST else (a, b)

    def _likeliest(self, counts: NDArray[np.int64], steps: int = 50) -> tuple[float, float] | None:
        """(a, b) for these counts, by Newton's method; None where all are of one kind."""
        x = np.stack([self.logits, np.ones(LEVELS)])
        total, seep = counts.sum(0), counts[1]
        if not 0 < seep.sum() < total.sum():
            return None
        # Platt's targets instead of 1 and 0: else the slope of a net that is never wrong has no bounds
        high, low = (seep.sum() + 1) / (seep.sum() + 2), 1 / ((total - seep).sum() + 2)
        aim = high * seep + low * (total - seep)
        ab = np.array([1.0, 0.0])
        for _ in range(steps):
            p = 1 / (1 + np.exp(-(ab @ x)))
            bend = (x * (total * p * (1 - p))) @ x.T + 1e-6 * np.eye(2)
            move = np.linalg.solve(bend, x @ (aim - total * p))
            ab += move * min(1, 1 / max(np.abs(move).max(), 1e-12))  # at most 1: far from the optimum it overshoots
            if np.abs(move).max() < 1e-9:
                break
        if ab[0] > FLATTEST:
            return float(ab[0]), float(ab[1])
        # of a net that knows nothing: the share of seep everywhere, but rising, which keeps the order of pixels
        return FLATTEST, float(np.log(seep.sum() / (total - seep).sum()))

    def error(self, bins: int = 15) -> float:
        """Expected calibration error (Naeini et al. 2015) over pixels of at least `LEAST`, in bins of equal mass."""
        p = 1 / (1 + np.exp(-self.logits))
        total, seep = (np.where(p >= LEAST, row, 0) for row in (self.counts.sum(0), self.counts[1]))
        mass = max(total.sum(), 1)
        which = np.minimum(((np.cumsum(total) - total / 2) * bins / mass).astype(int), bins - 1)
        said, found = (np.bincount(which, row, bins) for row in (total * p, seep))
        return float(np.abs(said - found).sum() / mass)


def scaled(probability: NDArray[np.float64] | float, scaling: tuple[float, float]) -> NDArray[np.float64]:
    """sigmoid(a x logit + b) of probabilities strictly between 0 and 1."""
    logit = np.log(probability / (1 - probability))
    return np.asarray(1 / (1 + np.exp(-(scaling[0] * logit + scaling[1]))))
