"""A loss before the first epoch: does it train anything, and the right way round?"""

import torch
from torch import Tensor, nn

from seep_lightning.data.sizes import size_text
from seep_lightning.errors import UserError, first_line
from seep_lightning.training.foreign_losses import confident_logits
from seep_lightning.training.loss_sums import WeightedSum

SATURATION = 0.4
"""How much a loss may change between sure logits and those twice as large, of the way from the truth to its opposite.

Label smoothing of 0.4 comes to 0.33; a Dice loss without its sigmoid to 0.5.
"""

LOSS_SIDE = 32
"""Side in pixels of the image by which a loss is tried."""


def check_losses(loss: nn.Module, channels: int) -> None:
    """Try a loss, or each term of a sum, by itself.

    Args:
        loss: Of (logits, target, valid); it is put into training mode.
        channels: How many channels of logits it takes.

    Raises:
        UserError: It gives no scalar, has no gradient, or would train the wrong way round.
    """
    if not isinstance(loss, WeightedSum):
        _check_loss("loss", loss, channels)
        return
    for name, term in zip(loss.names, loss.losses, strict=True):
        _check_loss(f"loss.terms.{name}", term, channels)


def _check_loss(key: str, loss: nn.Module, channels: int) -> None:
    """Refuse a loss that gives no scalar, no gradient, or no less at the truth than at its opposite."""
    loss.train()
    target = torch.zeros(1, 1, LOSS_SIDE, LOSS_SIDE)
    target[..., : LOSS_SIDE // 2] = 1
    if channels > 1:
        target = target.to(torch.uint8)
    truth = confident_logits(target, channels)
    _check_gradient(key, loss, torch.randn_like(truth), target)
    _check_direction(key, loss, truth, target)


def _check_gradient(key: str, loss: nn.Module, logits: Tensor, target: Tensor) -> None:
    """Refuse a loss without a gradient, or that is not finite, at logits as they come from a network."""
    logits.requires_grad_()
    value = _loss_value(key, loss, logits, target)
    gradient = None
    if value.requires_grad:
        (gradient,) = torch.autograd.grad(value, logits, allow_unused=True)
    if gradient is None or not gradient.any():
        raise UserError(f"{key}: {_describe(loss)} has no gradient, so that nothing would be learned.")
    is_finite = torch.isfinite(value) and torch.isfinite(gradient).all()
    if not is_finite:
        raise UserError(f"{key}: {_describe(loss)} is not finite for logits as they come from a network.")


def _check_direction(key: str, loss: nn.Module, truth: Tensor, target: Tensor) -> None:
    """Refuse a loss that is no less at logits of the truth than at its opposite, or that is not one of logits."""
    right = _loss_value(key, loss, truth, target).item()
    wrong = _loss_value(key, loss, -truth, target).item()
    surer = _loss_value(key, loss, 2 * truth, target).item()
    # of logits that are sure of the truth, those twice as large are as good; not so of probabilities
    changes = abs(surer - right) > SATURATION * (wrong - right)
    is_least_at_truth = right < wrong
    if changes or not is_least_at_truth:
        raise UserError(
            f"{key}: {_describe(loss)} is {right:.4g} at the truth, {surer:.4g} at logits twice as sure of it and "
            f"{wrong:.4g} at its opposite. Expected a loss of logits; if it takes probabilities, let it apply the "
            "sigmoid itself (sigmoid=true)."
        )


def _loss_value(key: str, loss: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    """The loss where all pixels are valid."""
    valid = torch.ones_like(target, dtype=torch.bool)
    try:
        value = loss(logits, target, valid)
    except UserError:
        raise
    # whatever a loss of another library raises
    except Exception as error:
        taken = f"logits {size_text(logits.shape)} and target {size_text(target.shape)}"
        raise UserError(f"{key}: {_describe(loss)} refuses {taken} ({first_line(error)}).") from error
    if not isinstance(value, Tensor) or value.ndim > 0:
        raise UserError(f"{key}: {_describe(loss)} gives no scalar. Let it average over the valid pixels.")
    return value


def _describe(loss: nn.Module) -> str:
    """The name of a loss, or of what was put into ours."""
    named = getattr(loss, "loss", loss)
    return type(named).__name__
