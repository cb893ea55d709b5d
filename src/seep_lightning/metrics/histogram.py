"""A histogram of probabilities, from which threshold, Dice by threshold, and precision over recall follow."""

import torch
from torch import Tensor
from torchmetrics import Metric

BINS = 256


class ProbabilityHistogram(Metric):
    """Counts of probabilities in `BINS` equal bins, (2, BINS): row 0 sea, row 1 seep; valid pixels only."""

    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(2, BINS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """Count a batch.

        Args:
            probability: Of seep, (B, 1, H, W) in 0..1.
            target: (B, 1, H, W), above 0 for seep.
            valid: Where there are data, (B, 1, H, W) bool.
        """
        bins = (probability * BINS).clamp(max=BINS - 1).to(torch.int16)
        keys = bins + BINS * (target > 0).to(torch.int16)
        # nodata in a bin of its own: faster than to pick pixels
        keys = torch.where(valid, keys, 2 * BINS).flatten()
        counts = torch.bincount(keys, minlength=2 * BINS + 1)
        self.counts += counts[:-1].view(2, BINS)

    def compute(self) -> Tensor:
        """The counts, (2, BINS) int64."""
        return self.counts


def positives_above(counts: Tensor) -> tuple[Tensor, Tensor]:
    """False and true positives at the thresholds k / BINS of a histogram (2, BINS): (BINS,) float64 each."""
    from_the_top = counts.double().flip(1)
    above = from_the_top.cumsum(1).flip(1)
    return above[0], above[1]


def dice_by_threshold(counts: Tensor) -> Tensor:
    """Pooled Dice at the thresholds k / BINS, k = 0..BINS-1, of a histogram (2, BINS): (BINS,) float64."""
    false_positive, true_positive = positives_above(counts)
    seep = counts[1].sum().double()
    divisor = (true_positive + false_positive + seep).clamp(min=1)
    dice: Tensor = 2 * true_positive / divisor
    return dice


def best_threshold(counts: Tensor) -> float:
    """Find the threshold of the largest pooled Dice.

    Args:
        counts: A histogram (2, BINS).

    Returns:
        k / BINS, 1 <= k < BINS, of several the middle one; 0.5 without seep.
    """
    if counts[1].sum() == 0:
        return 0.5
    dice = dice_by_threshold(counts)[1:]
    best = (dice == dice.max()).nonzero()
    middle = int(best[len(best) // 2])
    return (middle + 1) / BINS
