"""The odds of a slick where slicks lay before, as something to add to the logits of a network."""

from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MEAN_DAYS = 1.0
"""How many days of the mean rate are added to what was seen at each place, so that a place looked at once or twice
stays near the mean."""
CUT_OFF = 3.0
"""A Gaussian is cut off at so many standard deviations."""


class MeanRate(NamedTuple):
    """How often slicks were seen, on the mean of all cells: both counts are sums over cells and days."""

    seen: float
    looked: float

    @classmethod
    def of(cls, seen: Floats, looked: Floats) -> Self:
        """The mean rate of cells (H, W)."""
        return cls(0.0, 0.0).with_days(seen, looked)

    def with_days(self, seen: Floats, looked: Floats) -> Self:
        """The mean rate with further cells (H, W)."""
        return type(self)(
            self.seen + float(seen.sum(dtype=np.float64)), self.looked + float(looked.sum(dtype=np.float64))
        )


def log_odds_over_mean(seen: Floats, looked: Floats, smoothing: float, mean: MeanRate) -> Floats:
    """Work out how much likelier a slick is at each place than on the mean of all places, from days of history.

    Both counts are smoothed apart, so that the end of what was looked at is no edge. The rate is the mean of a beta
    distribution (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.4) whose prior is the mean rate with the
    weight of `MEAN_DAYS` days.

    Args:
        seen: Days with a slick, (H, W).
        looked: Days looked at, (H, W).
        smoothing: Standard deviation of the Gaussian, in cells; 0 for none.
        mean: The mean rate.

    Returns:
        log(odds there) - log(odds of the mean rate), (H, W): 0 where nobody looked, and at the mean rate; 0 everywhere
        where no slick was seen at all, or nothing but slicks.
    """
    if not 0 < mean.seen < mean.looked:
        return np.zeros(seen.shape, np.float32)
    rate = mean.seen / mean.looked
    smooth_seen = smoothed(seen, smoothing)
    smooth_unseen = smoothed(looked, smoothing) - smooth_seen
    # rounding may leave less than nothing
    odds_seen = smooth_seen.clip(0) / rate + MEAN_DAYS
    odds_unseen = smooth_unseen.clip(0) / (1 - rate) + MEAN_DAYS
    return np.asarray(np.log(odds_seen / odds_unseen), np.float32)


def smoothed(counts: Floats, smoothing: float) -> Floats:
    """Smooth counts (H, W) by a Gaussian of a standard deviation in cells; beyond their ends nothing was counted."""
    if smoothing <= 0 or not counts.size:
        return counts
    side = 2 * int(np.ceil(CUT_OFF * smoothing)) + 1
    blurred = cv2.GaussianBlur(counts, (side, side), smoothing, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred, np.float32)
