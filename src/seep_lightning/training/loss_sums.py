"""Weighted sums of losses (`loss=sum`), and what each of their terms came to in an epoch."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from seep_lightning.errors import UserError
from seep_lightning.ranges import check_number
from seep_lightning.training.foreign_losses import for_valid_pixels
from seep_lightning.training.losses import WEIGHT


class WeightedSum(nn.Module):
    """The sum of other losses, each times its weight.

    Attributes:
        names: Of the terms, in the order of the config.
        weights: Of the terms, in the same order.
        losses: The terms' own losses, as (logits, target, valid) to a scalar.
    """

    def __init__(self, terms: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the terms apart.

        Args:
            terms: By name: `loss`, an `nn.Module`, and `weight`, 0 or more, by default 1. A term that is null is
                left out.

        Raises:
            UserError: There is no term, or one of them has no loss or no number as its weight.
        """
        super().__init__()
        chosen = {name: term for name, term in terms.items() if term is not None}
        if not chosen:
            raise UserError(
                "loss.terms: expected at least one term, such as bce: {weight: 1.0, loss: {_target_: ...}}."
            )
        self.names = list(chosen)
        self.weights = [_weight_of(name, term) for name, term in chosen.items()]
        losses = [_loss_of(name, term) for name, term in chosen.items()]
        self.losses = nn.ModuleList(losses)
        if not any(self.weights):
            raise UserError(
                "loss.terms: all weights are 0, so that nothing is learned. Give one term a weight above 0."
            )

    def terms(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Each term's loss, without its weight.

        Args:
            logits: (B, K, H, W), float.
            target: (B, 1, H, W).
            valid: (B, 1, H, W), bool; False where there is no data.

        Returns:
            (T,), one value for each term.
        """
        values = [loss(logits, target, valid) for loss in self.losses]
        return torch.stack(values)

    def total(self, terms: Tensor) -> Tensor:
        """The weighted sum of the terms (T,): a scalar."""
        weighted: list[Tensor] = []
        for weight, term in zip(self.weights, terms.unbind(), strict=True):
            weighted.append(weight * term)
        return torch.stack(weighted).sum()

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """The weighted sum of all terms; see `terms`."""
        terms = self.terms(logits, target, valid)
        return self.total(terms)


class TermMeans(Metric):
    """Mean of each term of a `WeightedSum` over the images of an epoch, and over all processes.

    A recorded CUDA graph writes into these tensors, so they stay where they are when they are reset.
    """

    full_state_update = False
    sums: Tensor
    images: Tensor

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names
        self.add_state("sums", torch.zeros(len(names)), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, terms: Tensor, images: int) -> None:
        """Add a batch.

        Args:
            terms: (T,), means over the batch, without gradient.
            images: How many images the batch has.
        """
        self.sums.add_(terms * images)
        self.images.add_(images)

    def compute(self) -> Tensor:
        """The means, (T,)."""
        return self.sums / self.images.clamp(min=1)

    def reset(self) -> None:
        """Begin a new epoch."""
        sums = self.sums
        images = self.images
        super().reset()
        self.sums = sums.zero_()
        self.images = images.zero_()

    def named_means(self, stage: str) -> dict[str, Tensor]:
        """The means as they are logged, such as `loss_bce/train`."""
        means = self.compute()
        named: dict[str, Tensor] = {}
        for name, mean in zip(self.names, means, strict=True):
            named[f"loss_{name}/{stage}"] = mean
        return named


def _weight_of(name: str, term: Mapping[str, Any]) -> float:
    """A term's weight."""
    weight = term.get("weight", 1.0)
    check_number(f"loss.terms.{name}.weight", weight, WEIGHT)
    return float(weight)


def _loss_of(name: str, term: Mapping[str, Any]) -> nn.Module:
    """A term's loss as one of valid pixels."""
    loss = term.get("loss")
    unknown = set(term) - {"weight", "loss"}
    if unknown or not isinstance(loss, nn.Module):
        raise UserError(f"loss.terms.{name}: expected weight (a number) and loss (a node with _target_).")
    return for_valid_pixels(f"loss.terms.{name}.loss", loss)
