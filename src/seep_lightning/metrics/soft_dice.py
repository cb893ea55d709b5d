"""The soft Dice coefficient, for losses and for the notebook's figures. Nodata is left out of every sum."""

import torch
from torch import Tensor


def soft_dice(probability: Tensor, target: Tensor, valid: Tensor, eps: float = 1.0) -> Tensor:
    """Soft Dice pooled over a batch.

    Args:
        probability: (B, 1, H, W) in 0..1.
        target: (B, 1, H, W) in 0..1.
        valid: (B, 1, H, W), 1 or true where data are.
        eps: Is added to numerator and denominator.

    Returns:
        A scalar in 0..1; 1 where both are empty.
    """
    return dice_of(dice_sums(probability, target, valid, (0, 1, 2, 3)), eps)


def dice_sums(probability: Tensor, target: Tensor, valid: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Sum what `dice_of` needs over `axes` of (B, C, H, W): (2, ...), sum(p t) and sum(p) + sum(t)."""
    kept = probability * valid
    overlap = (kept * target).sum(axes)
    both = kept.sum(axes) + (target * valid).sum(axes)
    return torch.stack([overlap, both])


def dice_of(sums: Tensor, eps: float) -> Tensor:
    """Soft Dice (Milletari et al. 2016, arXiv:1606.04797, eq. 1, without squares) of `dice_sums`."""
    overlap, both = sums
    dice: Tensor = (2 * overlap + eps) / (both + eps)
    return dice
