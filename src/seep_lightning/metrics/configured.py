"""Metrics that a config names (`metrics: {NAME: {_target_: ...}}`): any torchmetrics `Metric`, on validation."""

import inspect
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from seep_lightning.config.targets import build
from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import FIGURES


class ConfiguredMetrics(nn.Module):
    """Metrics by name, each tried out on a small example first.

    A metric's `update` is given the probabilities (n,) float32 and the targets (n,) int64, 0 or 1, of the valid pixels
    of a batch: so nodata counts nowhere, whatever the metric knows of it. A metric whose `update` has a parameter
    `valid` sees whole chips instead: probability, target and valid, (B, 1, H, W) each. `compute` returns one number.

    Args:
        nodes: `_target_` nodes by name.

    Raises:
        UserError: A name is a figure's, or a metric does not take or return what is said above.
    """

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        super().__init__()
        self.nodes = nn.ModuleDict()
        for name, node in nodes.items():
            if not node:
                continue
            if any(figure.key == name for figure in FIGURES) or name in ("loss", "threshold"):
                raise UserError(f"metrics.{name}: {name} is one of our own figures. Choose another name.")
            metric = build(f"metrics.{name}", node, Metric)
            _try_out(name, metric)
            # the ending keeps names such as `keys`, which a ModuleDict has itself, apart
            self.nodes[f"{name}_metric"] = metric

    def update(self, probability: Tensor, target: Tensor, valid: Tensor) -> None:
        """Add a batch.

        Args:
            probability: Of seep, (B, 1, H, W) in 0..1.
            target: (B, 1, H, W), above 0 for seep.
            valid: Where there are data, (B, 1, H, W) bool.
        """
        for metric in self.metrics().values():
            _update(metric, probability, target, valid)

    def metrics(self) -> dict[str, Metric]:
        """The metrics by name."""
        return {name.removesuffix("_metric"): cast(Metric, metric) for name, metric in self.nodes.items()}


def _update(metric: Metric, probability: Tensor, target: Tensor, valid: Tensor) -> None:
    """Give a metric a batch: its valid pixels, or whole chips where it takes `valid`."""
    truth = (target > 0).long()
    if "valid" in inspect.signature(metric.update).parameters:
        metric.update(probability, truth, valid)
        return
    metric.update(probability[valid], truth[valid])


def _try_out(name: str, metric: Metric) -> None:
    """Raise `UserError` where a metric fails on a small example, or does not give one number."""
    probability = torch.linspace(0, 1, 2 * 16 * 16).view(2, 1, 16, 16)
    target = (probability > 0.3).to(torch.uint8)
    valid = torch.ones_like(target, dtype=torch.bool)
    kind = type(metric).__name__
    expected = (
        "Expected a metric for binary pixels, such as those of torchmetrics.classification that begin with Binary"
    )
    # some of these take probabilities for numbers of classes, without a word
    if kind.startswith(("Multiclass", "Multilabel")):
        raise UserError(f"metrics.{name}: {kind} does not take probabilities of seep. {expected}.")
    try:
        _update(metric, probability, target, valid)
        value = metric.compute()
    except Exception as error:  # whatever another library's metric raises
        message = str(error).strip().partition("\n")[0]
        raise UserError(
            f"metrics.{name}: {kind} does not take probabilities in 0..1 and targets 0 or 1 ({message}). {expected}."
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise UserError(f"metrics.{name}: {kind} does not give one number. Choose one whose result is a single value.")
    metric.reset()
