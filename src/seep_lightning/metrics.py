"""Metrics: pooled over all valid pixels unless their name says otherwise. Foreground (seep) only."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import BinaryF1Score, BinaryJaccardIndex, BinaryPrecision, BinaryRecall

from seep_lightning.losses import soft_dice

BINS = 256
IGNORE = -1


def pixel_metrics(threshold: float = 0.5) -> MetricCollection:
    """Pooled Dice (= F1), Jaccard, precision and recall of probabilities at a threshold; nodata has target `IGNORE`.

    torchmetrics 1.9 counts a probability as seep where it is above the threshold.
    """
    settings: dict[str, Any] = {"threshold": threshold, "ignore_index": IGNORE, "validate_args": False}
    return MetricCollection(
        {
            "dice": BinaryF1Score(**settings),
            "jaccard": BinaryJaccardIndex(**settings),
            "precision": BinaryPrecision(**settings),
            "recall": BinaryRecall(**settings),
        }
    )


def with_ignored(target: Tensor, valid: Tensor) -> Tensor:
    """Binary target (B, 1, H, W) as int64 with `IGNORE` where not valid: what `pixel_metrics` takes."""
    return torch.where(valid, (target > 0).long(), IGNORE)


class ChipDice(Metric):
    """Mean over chips of each chip's Dice; a chip where truth and prediction are both empty counts 1, one only: 0."""

    full_state_update = False
    total: Tensor
    chips: Tensor

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("chips", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """All (B, 1, H, W): probability in 0..1, target > 0 is seep, valid bool."""
        scores = chip_dice((probability > self.threshold) & valid, (target > 0) & valid)
        self.total += scores.double().sum()
        self.chips += len(scores)

    def compute(self) -> Tensor:
        """Scalar in 0..1."""
        return (self.total / self.chips.clamp(min=1)).float()


def chip_dice(predicted: Tensor, truth: Tensor) -> Tensor:
    """Dice of each chip of two bool masks (B, 1, H, W): (B,); 1 where both are empty."""
    both = (predicted & truth).sum((1, 2, 3))
    total = predicted.sum((1, 2, 3)) + truth.sum((1, 2, 3))
    return torch.where(total > 0, 2 * both / total.clamp(min=1), 1.0)


class BatchSoftDice(Metric):
    """The notebook's figures under honest names: mean over batches of S, the soft Dice pooled over a batch.

    `boosted` returns 2S / (1 + S) instead, which the notebook printed as "Dice" (and S itself as "Jaccard").
    It depends on the batch size; it is here to be set beside the notebook's, and for nothing else.
    """

    full_state_update = False
    total: Tensor
    batches: Tensor

    def __init__(self, boosted: bool = False) -> None:
        super().__init__()
        self.boosted = boosted
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("batches", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """All (B, 1, H, W): probability in 0..1, target > 0 is seep, valid bool."""
        s = soft_dice(probability, (target > 0).float(), valid.float())
        self.total += (2 * s / (1 + s) if self.boosted else s).double()
        self.batches += 1

    def compute(self) -> Tensor:
        """Scalar in 0..1."""
        return (self.total / self.batches.clamp(min=1)).float()


class ProbabilityHistogram(Metric):
    """Counts of probabilities in `BINS` equal bins, (2, BINS): row 0 sea, row 1 seep; valid pixels only.

    One small state from which threshold, precision-recall curve and calibration follow.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(2, BINS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """All (B, 1, H, W): probability in 0..1, target > 0 is seep, valid bool."""
        kept = valid.flatten()
        bins = (probability.flatten()[kept] * BINS).long().clamp(0, BINS - 1)
        key = bins + BINS * (target.flatten()[kept] > 0).long()
        self.counts += torch.bincount(key, minlength=2 * BINS).view(2, BINS)

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
    """The threshold k / BINS, 1 <= k < BINS, of the largest pooled Dice; 0.5 where no seep was counted."""
    if counts[1].sum() == 0:
        return 0.5
    return (int(dice_by_threshold(counts)[1:].argmax()) + 1) / BINS
