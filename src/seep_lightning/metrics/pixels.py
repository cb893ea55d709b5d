"""The declared figures of pixels as torchmetrics, for training: they add up over batches and processes."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from seep_lightning.metrics.figures import BatchFigure, PixelFigure, mean_pixel_figures, pooled_pixel_figures
from seep_lightning.metrics.histogram import BINS
from seep_lightning.metrics.soft_dice import soft_dice

WITHOUT_DOUBLE = "mps"
"""A kind of device without float64: Apple's GPUs."""


class PooledFigure(Metric):
    """A figure of the pixels above a threshold, of all batches together; 0 where there is nothing to count."""

    full_state_update = False
    counts: Tensor

    def __init__(self, figure: PixelFigure, threshold: float) -> None:
        super().__init__()
        self.figure = figure
        self.threshold = threshold
        # right, predicted and true pixels
        self.add_state("counts", torch.zeros(3, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """Count a batch.

        Args:
            probability: Of seep, (B, 1, H, W) in 0..1.
            target: (B, 1, H, W), above 0 for seep.
            valid: Where there are data, (B, 1, H, W) bool.
        """
        predicted = (probability > self.threshold) & valid
        truth = (target > 0) & valid
        # torchmetrics' own four take 20 ms of 16 chips, this one 1.3: a small net's step is 480
        self.counts += torch.stack([mask.count_nonzero() for mask in (predicted & truth, predicted, truth)])

    def compute(self) -> Tensor:
        """The figure, a scalar."""
        right, predicted, truth = in_double(self.counts)
        counts = torch.stack([right, predicted - right, truth - right])
        value = self.figure.function(counts)
        return torch.where(counts.sum() > 0, value, 0.0).float()


def pixel_metrics(threshold: float = 0.5) -> MetricCollection:
    """All declared figures that are pooled over pixels, by key; they share one state."""
    metrics: dict[str, Metric | MetricCollection] = {
        figure.key: PooledFigure(figure, threshold) for figure in pooled_pixel_figures()
    }
    return MetricCollection(metrics, compute_groups=[list(metrics)])


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
        """Add values of any shape."""
        self.total += in_double(values).sum()
        self.count += values.numel()

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        count = self.count.to(self.total.device)
        return (self.total / count.clamp(min=1)).float()

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> nn.Module:
        """Move the state to a device; the total stays on the CPU where the device has no float64."""
        if _has_double(fn(torch.zeros(0)).device):
            return super()._apply(fn, exclude_state)
        return super()._apply(fn, ["total"])


def in_double(values: Tensor) -> Tensor:
    """Values as float64, on the CPU where their device has none."""
    if not _has_double(values.device):
        values = values.cpu()
    return values.double()


def _has_double(device: torch.device) -> bool:
    """Whether a device knows float64."""
    return device.type != WITHOUT_DOUBLE


class MeanFigures(nn.Module):
    """All figures that are means over chips or batches.

    Args:
        batch_figures: Those of batches that the run asks for.
        threshold: Above which a probability is seep.
    """

    def __init__(self, batch_figures: list[BatchFigure], threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        self.chip_figures = mean_pixel_figures()
        self.batch_figures = batch_figures
        figures = (*self.chip_figures, *batch_figures)
        # any: nn.ModuleDict hides what its modules are
        self.means: Any = nn.ModuleDict({figure.key: Mean() for figure in figures})

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """Add a batch.

        Args:
            probability: Of seep, (B, 1, H, W) in 0..1.
            target: (B, 1, H, W), above 0 for seep.
            valid: Where there are data, (B, 1, H, W) bool.
        """
        truth = target > 0
        counts = count_by_chip((probability > self.threshold) & valid, truth & valid)
        for chip_figure in self.chip_figures:
            self.means[chip_figure.key].update(chip_figure.function(counts))
        if self.batch_figures:
            batch_dice = soft_dice(probability, truth.float(), valid.float())
            for batch_figure in self.batch_figures:
                self.means[batch_figure.key].update(batch_figure.function(batch_dice))

    def metrics(self) -> dict[str, Metric]:
        """The mean of each figure, by key."""
        return dict(self.means.items())


def count_by_chip(predicted: Tensor, truth: Tensor) -> Tensor:
    """Pixel counts (B, 3) of each chip of two bool masks (B, 1, H, W) without nodata."""
    right = (predicted & truth).sum((1, 2, 3))
    false_positive = predicted.sum((1, 2, 3)) - right
    false_negative = truth.sum((1, 2, 3)) - right
    return torch.stack([right, false_positive, false_negative], dim=-1)
