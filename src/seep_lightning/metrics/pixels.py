"""Metrics: pooled over all valid pixels unless their name says otherwise. Foreground (seep) only."""

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from seep_lightning.metrics.soft_dice import soft_dice

FIGURES = ("dice", "jaccard", "precision", "recall")
MEANS = ("dice_per_chip", "soft_dice_S", "soft_2S_over_1_plus_S")


class Pooled(Metric):
    """One of `FIGURES` of the pixels above a threshold; 0 where there is nothing to count."""

    full_state_update = False
    counts: Tensor

    def __init__(self, figure: str, threshold: float) -> None:
        super().__init__()
        self.figure, self.threshold = figure, threshold
        self.add_state("counts", torch.zeros(3, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """All (B, 1, H, W): probability in 0..1, target > 0 is seep, valid bool."""
        predicted, truth = (probability > self.threshold) & valid, (target > 0) & valid
        # torchmetrics' own four take 20 ms of 16 chips, this one 1.3: a small net's step is 480
        self.counts += torch.stack([x.count_nonzero() for x in (predicted & truth, predicted, truth)])

    def compute(self) -> Tensor:
        """Scalar."""
        both, predicted, truth = self.counts.double()
        total = {"dice": (predicted + truth) / 2, "jaccard": predicted + truth - both}
        total |= {"precision": predicted, "recall": truth}
        share: Tensor = both / total[self.figure].clamp(min=0.5)
        return share.float()


def pixel_metrics(threshold: float = 0.5) -> MetricCollection:
    """`FIGURES`, pooled over all valid pixels; they share one state."""
    return MetricCollection({name: Pooled(name, threshold) for name in FIGURES}, compute_groups=[list(FIGURES)])


class Mean(Metric):
    """Mean of all values, in double: several processes add up to the same (torchmetrics' own rounds each batch)."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, values: Tensor) -> None:
        """Any shape."""
        self.total += values.double().sum()
        self.count += values.numel()

    def compute(self) -> Tensor:
        """Scalar."""
        return (self.total / self.count.clamp(min=1)).float()


def mean_metrics() -> nn.ModuleDict:
    """What is averaged over chips or batches; see `batch_figures`."""
    return nn.ModuleDict({name: Mean() for name in MEANS})


def batch_figures(probability: Tensor, target: Tensor, valid: Tensor, threshold: float = 0.5) -> dict[str, Tensor]:
    """Dice of each chip (B,), and the notebook's two figures of this batch under honest names, by `MEANS`.

    All (B, 1, H, W): probability in 0..1, target > 0 is seep, valid bool. The notebook called the batch's soft Dice S
    "Jaccard", and 2S / (1 + S) "Dice"; both depend on the batch size.
    """
    truth = target > 0
    s = soft_dice(probability, truth.float(), valid.float())
    dice = chip_dice((probability > threshold) & valid, truth & valid)
    return dict(zip(MEANS, (dice, s, 2 * s / (1 + s)), strict=True))


def chip_dice(predicted: Tensor, truth: Tensor) -> Tensor:
    """Dice of each chip of two bool masks (B, 1, H, W): (B,); 1 where both are empty."""
    both = (predicted & truth).sum((1, 2, 3))
    total = predicted.sum((1, 2, 3)) + truth.sum((1, 2, 3))
    return torch.where(total > 0, 2 * both / total.clamp(min=1), 1.0)
