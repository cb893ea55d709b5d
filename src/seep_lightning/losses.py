"""Losses: (logits, target, valid) to a scalar. Nodata is left out of every sum."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.errors import UserError


class BCEDice(nn.Module):
    """`bce` x binary cross-entropy + `dice` x Dice loss.

    pool: `batch` (one Dice over all pixels of the batch: thin seeps in near-empty chips do not dominate) or `image`
    (the mean of each image's). positive_weight: weight of seep pixels in the cross-entropy. eps: smooths Dice, and
    makes it 1 where truth and prediction are both empty.
    form: `soft` (1 - S, S the soft Dice coefficient) or `notebook` (1 - 2S / (1 + S), as the reference computes it).
    """

    def __init__(
        self,
        bce: float = 1.0,
        dice: float = 1.0,
        pool: str = "batch",
        positive_weight: float = 1.0,
        eps: float = 1.0,
        form: str = "soft",
    ) -> None:
        super().__init__()
        if pool not in ("batch", "image") or form not in ("soft", "notebook"):
            raise UserError(f"loss.pool={pool}, loss.form={form}: expected batch or image, and soft or notebook.")
        self.bce, self.dice, self.pool, self.eps, self.form = bce, dice, pool, eps, form
        self.positive_weight = positive_weight

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """logits: (B, 1, H, W) float; target: (B, 1, H, W) in 0..1; valid: (B, 1, H, W) bool. Returns a scalar >= 0."""
        logits, target, weight = logits.float(), target.float(), valid.float()
        positive = torch.as_tensor(self.positive_weight, device=logits.device)
        bce = F.binary_cross_entropy_with_logits(logits, target, weight, pos_weight=positive, reduction="sum")
        s = soft_dice(logits.sigmoid(), target, weight, self.eps, per_image=self.pool == "image")
        gained = 2 * s / (1 + s) if self.form == "notebook" else s
        return self.bce * bce / weight.sum().clamp(min=1) + self.dice * (1 - gained).mean()


def soft_dice(
    probability: Tensor, target: Tensor, valid: Tensor, eps: float = 1.0, *, per_image: bool = False
) -> Tensor:
    """Soft Dice coefficient, nodata left out (Milletari et al. 2016, arXiv:1606.04797, eq. 1, without squares).

    probability, target, valid: (B, 1, H, W), in 0..1. Returns values in 0..1, pooled over the batch (scalar) or one
    for each image (B,); 1 where both are empty, through `eps`.
    """
    axes = (1, 2, 3) if per_image else (0, 1, 2, 3)
    both = (probability * target * valid).sum(axes)
    total = (probability * valid).sum(axes) + (target * valid).sum(axes)
    return (2 * both + eps) / (total + eps)
