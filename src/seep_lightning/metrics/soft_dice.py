"""Losses: (logits, target, valid) to a scalar. Nodata is left out of every sum."""

import torch
from torch import Tensor


def soft_dice(probability: Tensor, target: Tensor, valid: Tensor, eps: float = 1.0) -> Tensor:
    """Soft Dice pooled over a batch, all (B, 1, H, W) in 0..1: a scalar in 0..1, 1 where both are empty."""
    return dice_of(dice_sums(probability, target, valid, (0, 1, 2, 3)), eps)


def dice_sums(probability: Tensor, target: Tensor, valid: Tensor, axes: tuple[int, ...]) -> Tensor:
    """What `dice_of` needs, summed over `axes` of (B, C, H, W): (2, ...), sum(p t) and sum(p) + sum(t)."""
    kept = probability * valid
    return torch.stack([(kept * target).sum(axes), kept.sum(axes) + (target * valid).sum(axes)])


def dice_of(sums: Tensor, eps: float) -> Tensor:
    """Soft Dice (Milletari et al. 2016, arXiv:1606.04797, eq. 1, without squares) of `dice_sums`."""
    return (2 * sums[0] + eps) / (sums[1] + eps)
