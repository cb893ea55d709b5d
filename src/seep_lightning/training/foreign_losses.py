"""Losses of other libraries, called with (logits, target), among our own, which also take the valid pixels.

How nodata is kept out of a loss that does not know of it:
- Logits and target of nodata are filled with a truth that the net is sure of, without gradient: sea, at a logit of
  -`CONFIDENT`. So they add nearly nothing to a sum over pixels.
- A loss that gives a map, one value a pixel (`reduction="none"`), is averaged over the valid pixels alone. Torch's own
  losses with `reduction="mean"` are asked for their map, so that they are exact.
- Any other loss keeps its own reduction: a mean over all pixels counts those of nodata as right, and a Dice of the
  sea as a class of its own counts them as sea that was found.
"""

import inspect
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.config.targets import build
from seep_lightning.errors import UserError
from seep_lightning.training.losses import in_single_precision

CONFIDENT = 20.0
"""Logit of a net that is sure: the probability of its opposite is 2e-9."""

TORCH_LOSSES = "torch.nn.modules.loss"


@runtime_checkable
class ValidPixelLoss(Protocol):
    """A loss that takes the valid pixels, as ours do; any `nn.Module` whose `forward` has a parameter `valid`."""

    def __call__(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            logits: (B, K, H, W), float.
            target: (B, 1, H, W); float in 0..1 for `task=binary`, the class (uint8) for `task=classes`.
            valid: (B, 1, H, W), bool; False where there is no data.

        Returns:
            A scalar.
        """
        ...


class ForeignLoss(nn.Module):
    """A loss of (logits, target) as one of (logits, target, valid).

    It gets logits in 32 bit, and of one channel a float target (B, 1, H, W); of more channels the class index, int64,
    (B, H, W), or (B, 1, H, W) where the loss makes it one-hot itself (MONAI's `to_onehot_y`).
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss
        self.keeps_channel = any(getattr(module, "to_onehot_y", False) for module in loss.modules())
        _ask_for_map(loss)

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """The loss of a batch; see `ValidPixelLoss`."""
        logits = in_single_precision(logits)
        if logits.shape[1] == 1:
            value = self._of_seep(logits, target, valid)
        else:
            value = self._of_classes(logits, target, valid)
        if not isinstance(value, Tensor):
            raise UserError(f"loss: {type(self.loss).__name__} gives a {type(value).__name__}, expected a tensor.")
        return _averaged(value, logits, valid)

    def _of_seep(self, logits: Tensor, target: Tensor, valid: Tensor) -> Any:
        """What the loss says of seep or sea."""
        filled_logits = torch.where(valid, logits, -CONFIDENT)
        filled_target = torch.where(valid, target, 0).to(logits.dtype)
        return self.loss(filled_logits, filled_target)

    def _of_classes(self, logits: Tensor, target: Tensor, valid: Tensor) -> Any:
        """What the loss says of the sea and the classes."""
        sea = logits.new_full((logits.shape[1],), -CONFIDENT)
        sea[:1].fill_(CONFIDENT)
        filled_logits = torch.where(valid, logits, sea.reshape(1, -1, 1, 1))
        filled_target = torch.where(valid, target, 0).long()
        if not self.keeps_channel:
            filled_target = filled_target[:, 0]
        return self.loss(filled_logits, filled_target)


def build_loss(node: dict[str, Any], task: str) -> nn.Module:
    """Build the loss that a `loss` node names.

    Args:
        node: `_target_` and keywords; any `nn.Module` of (logits, target), or of (logits, target, valid).
        task: The `task` of the config.

    Returns:
        A `ValidPixelLoss`.

    Raises:
        UserError: The node names no loss, or one of another signature or for another task.
    """
    loss = build("loss", node, nn.Module)
    for module in loss.modules():
        made_for = getattr(module, "task", task)
        if made_for != task:
            raise UserError(f"loss={type(module).__name__} is for task={made_for}, not {task}. Choose another.")
    return for_valid_pixels("loss", loss)


def for_valid_pixels(key: str, loss: nn.Module) -> nn.Module:
    """A loss as one that takes the valid pixels.

    Args:
        key: Where its node stands in the config, for messages.
        loss: Takes (logits, target), or also `valid`.

    Returns:
        The loss itself where it takes `valid`, else a `ForeignLoss`.

    Raises:
        UserError: It takes other arguments.
    """
    signature = inspect.signature(loss.forward)
    if "valid" in signature.parameters:
        return loss
    if _takes_two(signature):
        return ForeignLoss(loss)
    names = ", ".join(signature.parameters)
    raise UserError(
        f"{key}: {type(loss).__name__} is called with ({names}). "
        "Expected a loss of (logits, target), or of (logits, target, valid)."
    )


def _takes_two(signature: inspect.Signature) -> bool:
    """Whether a function can be called with two positional arguments."""
    try:
        signature.bind("logits", "target")
    except TypeError:
        return False
    return True


def _ask_for_map(loss: nn.Module) -> None:
    """Let one of torch's own losses give one value a pixel; we average over the valid ones.

    A mean that weighs the classes is left alone: it divides by the sum of these weights.
    """
    of_torch = type(loss).__module__ == TORCH_LOSSES
    if of_torch and getattr(loss, "reduction", None) == "mean" and getattr(loss, "weight", None) is None:
        loss.reduction = "none"  # type: ignore[assignment]


def _averaged(value: Tensor, logits: Tensor, valid: Tensor) -> Tensor:
    """A scalar of whatever a loss gives: a map's mean over valid pixels, the mean of anything else."""
    if value.ndim == 0:
        return value
    batch, channels, height, width = logits.shape
    if value.shape == (batch, height, width):
        value = value.unsqueeze(1)
    if value.ndim == 4 and value.shape[2:] == (height, width) and value.shape[1] in (1, channels):
        weight = valid.to(value.dtype).expand_as(value)
        return (value * weight).sum() / weight.sum().clamp(min=1)
    return value.mean()


def confident_logits(target: Tensor, channels: int) -> Tensor:
    """Logits of a net that is sure of the truth.

    Args:
        target: (B, 1, H, W), 0 or 1, or the class.
        channels: Of the logits.

    Returns:
        (B, channels, H, W), at -`CONFIDENT` and `CONFIDENT`.
    """
    if channels == 1:
        return (2 * target.float() - 1) * CONFIDENT
    one_hot = F.one_hot(target[:, 0].long(), channels).movedim(-1, 1).float()
    return (2 * one_hot - 1) * CONFIDENT
