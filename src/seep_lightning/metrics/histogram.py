"""Metrics: pooled over all valid pixels unless their name says otherwise. Foreground (seep) only."""

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
        """All (B, 1, H, W): probability in 0..1, target > 0 is seep, valid bool."""
        key = (probability * BINS).clamp(max=BINS - 1).to(torch.int16) + BINS * (target > 0).to(torch.int16)
        key = torch.where(valid, key, 2 * BINS).flatten()  # nodata in a bin of its own: faster than to pick pixels
        self.counts += torch.bincount(key, minlength=2 * BINS + 1)[:-1].view(2, BINS)

    def compute(self) -> Tensor:
        """(2, BINS) int64."""
        return self.counts


def positives_above(counts: Tensor) -> tuple[Tensor, Tensor]:
    """False and true positives at the thresholds k / BINS of a histogram (2, BINS): (BINS,) float64 each."""
    false_positive, true_positive = counts.double().flip(1).cumsum(1).flip(1)
    return false_positive, true_positive


def dice_by_threshold(counts: Tensor) -> Tensor:
    """Pooled Dice at the thresholds k / BINS, k = 0..BINS-1, of a histogram (2, BINS): (BINS,) float64."""
    false_positive, true_positive = positives_above(counts)
    seep = counts[1].sum().double()
    dice: Tensor = 2 * true_positive / (true_positive + false_positive + seep).clamp(min=1)
    return dice


def best_threshold(counts: Tensor) -> float:
    """The threshold k / BINS, 1 <= k < BINS, of the largest pooled Dice (of several the middle); 0.5 without seep."""
    if counts[1].sum() == 0:
        return 0.5
    dice = dice_by_threshold(counts)[1:]
    best = (dice == dice.max()).nonzero()
    return (int(best[len(best) // 2]) + 1) / BINS
