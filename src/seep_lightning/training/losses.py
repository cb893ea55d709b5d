"""Our losses: (logits, target, valid) to a scalar. Nodata is left out of every sum."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.errors import UserError
from seep_lightning.metrics.soft_dice import dice_of, dice_sums
from seep_lightning.nets.outputs import seep_logits
from seep_lightning.ranges import ABOVE_0, SHARE, Span, check_choice, check_number

NO_CLASS = -1
"""Target of pixels that take no part in the cross-entropy of classes."""


WEIGHT = Span(at_least=0, at_most=10**6)
"""Of a term of a loss: beyond, its sums are infinite in 32 bit."""
FACTOR = Span(above=0, at_most=10**6)


class BCEDice(nn.Module):
    """`bce` x binary cross-entropy + `dice` x Dice loss, of seep or sea.

    Attributes:
        task: The `task` of the config that the loss is for.
    """

    task = "binary"

    def __init__(
        self,
        bce: float = 1.0,
        dice: float = 1.0,
        pool: str = "batch",
        positive_weight: float = 1.0,
        eps: float = 1.0,
        form: str = "soft",
    ) -> None:
        """Choose the form.

        Args:
            bce: Weight of the cross-entropy, 0 or more.
            dice: Weight of the Dice loss, likewise.
            pool: `batch` (one Dice over all pixels of the batch: thin seeps in near-empty chips do not dominate) or
                `image` (the mean of each image's).
            positive_weight: Weight of seep pixels in the cross-entropy, above 0.
            eps: Smooths Dice, and makes it 1 where truth and prediction are both empty; above 0.
            form: `soft` (1 - S, S the soft Dice coefficient) or `notebook` (1 - 2S / (1 + S), as in the reference).

        Raises:
            UserError: `pool` or `form` is not known, or a number is out of its range.
        """
        super().__init__()
        check_choice("loss.pool", pool, ("batch", "image"))
        check_choice("loss.form", form, ("soft", "notebook"))
        check_weights({"loss.bce": bce, "loss.dice": dice})
        check_number("loss.positive_weight", positive_weight, FACTOR)
        check_number("loss.eps", eps, FACTOR)
        self.bce = float(bce)
        self.dice = float(dice)
        self.eps = float(eps)
        self.positive_weight = float(positive_weight)
        self.pool = pool
        self.form = form

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            logits: (B, 1, H, W), float.
            target: (B, 1, H, W), in 0..1.
            valid: (B, 1, H, W), bool; False where there is no data.

        Returns:
            A scalar, 0 at the truth.
        """
        logits = in_single_precision(logits)
        target = target.to(logits.dtype)
        weight = valid.to(logits.dtype)
        cross_entropy = self._weighted_cross_entropy(logits, target, weight)
        dice_loss = self._dice_loss(logits.sigmoid(), target, weight)
        value: Tensor = cross_entropy + self.dice * dice_loss
        return value

    def _weighted_cross_entropy(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """`bce` x binary cross-entropy, the mean over valid pixels."""
        # `torch.tensor` would wait for the GPU
        positive = logits.new_full((), self.positive_weight)
        summed = F.binary_cross_entropy_with_logits(logits, target, weight, pos_weight=positive, reduction="sum")
        summed, pixels = self._over_ranks(torch.stack([summed, weight.sum()]))
        mean: Tensor = self.bce * summed / pixels.clamp(min=1)
        return mean

    def _dice_loss(self, probability: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """The Dice loss over all pixels of the batch, or the mean of each image's."""
        if self.pool == "batch":
            sums = dice_sums(probability, target, weight, (0, 1, 2, 3))
            return self._lost(dice_of(self._over_ranks(sums), self.eps))
        sums = dice_sums(probability, target, weight, (1, 2, 3))
        lost = self._lost(dice_of(sums, self.eps))
        images = lost.new_full((), len(lost))
        summed, images = self._over_ranks(torch.stack([lost.sum(), images]))
        mean: Tensor = summed / images
        return mean

    def _lost(self, dice: Tensor) -> Tensor:
        """What is missing of a soft Dice of 1."""
        if self.form == "notebook":
            return 1 - 2 * dice / (1 + dice)
        return 1 - dice

    def _over_ranks(self, sums: Tensor) -> Tensor:
        """Add sums over all processes, differentiably: a mean of ranks' Dice is not the Dice of their batch.

        In training only: in validation ranks may have different numbers of batches, and would wait for each other.
        """
        distributed = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        if not (self.training and distributed):
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

    Attributes:
        task: The `task` of the config that the loss is for.
        offset: (N,), what is added to the logits of the classes; (0,) where nothing is.
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
        """Choose the weights.

        Args:
            bce: Weight of the cross-entropy of seep or sea, 0 or more.
            ce: Weight of the cross-entropy of the classes, likewise.
            dice: Weight of the Dice loss of seep, likewise.
            shares: (N,), of the classes; None: all equal, or those of the training part where `train` makes the loss.
            tau: How far the classes' shares are evened out, 0 to 1.
            eps: Smooths Dice; above 0.

        Raises:
            UserError: A number is out of its range.
        """
        check_weights({"loss.bce": bce, "loss.ce": ce, "loss.dice": dice})
        # the cross-entropy of the classes may be all that is asked for
        super().__init__(eps=eps)
        self.bce = float(bce)
        self.dice = float(dice)
        self.ce = float(ce)
        check_number("loss.tau", tau, SHARE)
        shares = list(shares or [])
        if not all(ABOVE_0.holds(share) for share in shares):
            raise UserError(f"loss.shares={shares}: expected a number above 0 for each class.")
        self.register_buffer("offset", tau * torch.tensor(shares).log(), persistent=False)

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            logits: (B, 1 + N, H, W), float: of the sea and of each class.
            target: (B, 1, H, W), the class; 0 is the sea.
            valid: (B, 1, H, W), bool; False where there is no data.

        Returns:
            A scalar, 0 at the truth.

        Raises:
            UserError: There are more or fewer shares than classes.
        """
        logits = in_single_precision(logits)
        seep_or_sea = super().forward(seep_logits(logits), target > 0, valid)
        return seep_or_sea + self._weighted_class_cross_entropy(logits[:, 1:], target, valid)

    def _weighted_class_cross_entropy(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`ce` x -log P(class | seep), the mean over valid pixels of seep."""
        classes = logits.shape[1]
        shares = len(self.offset)
        if shares not in (0, classes):
            raise UserError(f"loss.shares has {shares} numbers; the net tells {classes} classes apart.")
        if shares > 0:
            logits = logits + self.offset.to(logits).reshape(1, -1, 1, 1)
        of_class = torch.where(valid & (target > 0), target.long() - 1, NO_CLASS)[:, 0]
        summed = F.cross_entropy(logits, of_class, ignore_index=NO_CLASS, reduction="sum")
        inside = (of_class != NO_CLASS).sum().to(summed)
        summed, inside = self._over_ranks(torch.stack([summed, inside]))
        mean: Tensor = self.ce * summed / inside.clamp(min=1)
        return mean


def check_weights(weights: Mapping[str, Any]) -> None:
    """Check the weights of a loss's terms.

    Args:
        weights: By key of the config.

    Raises:
        UserError: One of them is no number from 0, or all are 0.
    """
    for key, weight in weights.items():
        check_number(key, weight, WEIGHT)
    if not any(weights.values()):
        keys = " and ".join(weights)
        raise UserError(f"{keys} are 0, so that nothing is learned: expected a weight above 0 for one of them.")


def in_single_precision(logits: Tensor) -> Tensor:
    """Logits in 32 bit, or in more where they are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
