"""Losses: (logits, target, valid) to a scalar. Nodata is left out of every sum."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.errors import UserError
from seep_lightning.metrics.soft_dice import dice_of, dice_sums
from seep_lightning.nets.outputs import seep_logits


class BCEDice(nn.Module):
    """`bce` x binary cross-entropy + `dice` x Dice loss.

    pool: `batch` (one Dice over all pixels of the batch: thin seeps in near-empty chips do not dominate) or `image`
    (the mean of each image's). positive_weight: weight of seep pixels in the cross-entropy. eps: smooths Dice, and
    makes it 1 where truth and prediction are both empty.
    form: `soft` (1 - S, S the soft Dice coefficient) or `notebook` (1 - 2S / (1 + S), as the reference computes it).
    """

    task = "binary"  # what it is for, a key of the config

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
        self.bce, self.dice, self.eps, self.positive_weight = map(float, (bce, dice, eps, positive_weight))
        self.pool, self.form = pool, form

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """logits: (B, 1, H, W) float; target: (B, 1, H, W) in 0..1; valid: (B, 1, H, W) bool. Returns a scalar >= 0."""
        logits = in_single(logits)
        target, weight = target.to(logits.dtype), valid.to(logits.dtype)
        positive = logits.new_full((), self.positive_weight)  # `tensor` would wait for the GPU
        bce = F.binary_cross_entropy_with_logits(logits, target, weight, pos_weight=positive, reduction="sum")
        bce, pixels = self._over_ranks(torch.stack([bce, weight.sum()]))
        axes = (1, 2, 3) if self.pool == "image" else (0, 1, 2, 3)
        sums = dice_sums(logits.sigmoid(), target, weight, axes)
        s = dice_of(sums if self.pool == "image" else self._over_ranks(sums), self.eps)
        lost = 1 - (2 * s / (1 + s) if self.form == "notebook" else s)
        if self.pool == "image":
            total, images = self._over_ranks(torch.stack([lost.sum(), lost.new_full((), len(lost))]))
            lost = total / images
        value: Tensor = self.bce * bce / pixels.clamp(min=1) + self.dice * lost
        return value

    def _over_ranks(self, sums: Tensor) -> Tensor:
        """Add sums over all processes, differentiably: a mean of ranks' Dice is not the Dice of their batch.

        In training only: in validation ranks may have different numbers of batches, and would wait for each other.
        """
        if not (self.training and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return sums
        from torch.distributed.nn.functional import all_reduce

        total: Tensor = all_reduce(sums)  # type: ignore[no-untyped-call]
        return total


class CEDice(BCEDice):
    """`BCEDice` of seep or sea + `ce` x cross-entropy of the N classes, where there is seep.

    Cross-entropy of sea and classes is -log P(seep) - log P(class | seep); here each part is a mean of its own, since
    the sea is 98 % of all and would drown the second. In it, `tau` x log(share) is added to the logits of the classes
    (logit adjustment, Menon et al. 2021, arXiv:2007.07314), so that with tau = 1 the net itself says how probable each
    class were if all were equally common.
    shares: of the classes, (N,); None: all equal, or those of the training part where `train` makes it.
    """

    task = "classes"
    offset: Tensor

    def __init__(
        self,
        bce: float = 1.0,
        ce: float = 1.0,
        dice: float = 1.0,
        shares: Sequence[float] | None = None,
        tau: float = 0.5,
        eps: float = 1.0,
    ) -> None:
        super().__init__(bce, dice, eps=eps)
        if min(shares or [1]) <= 0:
            raise UserError(f"loss.shares={list(shares or [])}: expected a number above 0 for each class.")
        self.ce = ce
        self.register_buffer("offset", tau * torch.tensor(shares or []).log(), persistent=False)

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """logits: (B, 1 + N, H, W) float; target: (B, 1, H, W) class; valid: (B, 1, H, W) bool. A scalar >= 0."""
        logits = in_single(logits)
        classes, told = logits.shape[1] - 1, len(self.offset)
        if told not in (0, classes):
            raise UserError(f"loss.shares has {told} numbers; the net tells {classes} classes apart.")
        of_class = torch.where(valid & (target > 0), target.long() - 1, -1)[:, 0]
        adjusted = logits[:, 1:] + (self.offset.to(logits).reshape(1, -1, 1, 1) if told else 0)
        ce = F.cross_entropy(adjusted, of_class, ignore_index=-1, reduction="sum")
        ce, inside = self._over_ranks(torch.stack([ce, (of_class >= 0).sum().to(ce)]))
        value: Tensor = super().forward(seep_logits(logits), target > 0, valid) + self.ce * ce / inside.clamp(min=1)
        return value


def in_single(logits: Tensor) -> Tensor:
    """In 32 bit, or in more where they are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
