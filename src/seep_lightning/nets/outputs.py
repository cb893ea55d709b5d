"""What a network gives, brought to one form; and what its logits say: one channel for seep, or sea and classes."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from seep_lightning.errors import UserError

Heads: TypeAlias = Tensor | tuple[Tensor, ...]
"""Logits (B, K, H, W), or those of several heads, the main one first."""

# Where mappings and objects of other libraries keep their logits
LOGIT_NAMES = ("out", "logits")


def heads_at_size(output: Any, size: Sequence[int]) -> Heads:
    """Whatever a network gives as logits of the image's size.

    Args:
        output: Logits (B, K, h, w) or (B, h, w); a list or tuple of them; or a mapping or an object that has them as
            `out` or `logits`.
        size: (H, W) of the image, in pixels. Smaller logits are enlarged bilinearly.

    Returns:
        Logits (B, K, H, W), or a tuple of them.

    Raises:
        UserError: There are no logits in it.
    """
    if isinstance(output, Tensor):
        return _at_size(output, size)
    named = _named_logits(output)
    for name in LOGIT_NAMES:
        if name in named:
            return heads_at_size(named[name], size)
    if isinstance(output, list | tuple):
        heads = [_at_size(head, size) for head in output if isinstance(head, Tensor)]
        if heads:
            return tuple(heads)
    names = " or ".join(LOGIT_NAMES)
    raise UserError(
        f"model: the network gives a {type(output).__name__} without logits. "
        f"Expected a tensor (B, K, H, W), a list of them, or {names} in a mapping or an object."
    )


def main_head(heads: Heads) -> Tensor:
    """The logits that predictions are made from."""
    if isinstance(heads, tuple):
        return heads[0]
    return heads


def seep_logits(logits: Tensor) -> Tensor:
    """Logits of seep.

    Args:
        logits: (B, K, H, W), of one channel (seep) or of 1 + N (the sea and N classes).

    Returns:
        (B, 1, H, W); of 1 + N channels, whose softmax gives P(seep) = 1 - P(sea), the log-odds of that.
    """
    if logits.shape[1] == 1:
        return logits
    sea = logits[:, :1]
    any_class = logits[:, 1:].logsumexp(1, keepdim=True)
    return any_class - sea


def probabilities(logits: Tensor, scaling: tuple[float, float] = (1.0, 0.0)) -> Tensor:
    """Probabilities of seep and, of 1 + N logits, of each class, which add up to that of seep.

    Args:
        logits: (B, 1 or 1 + N, H, W).
        scaling: (a, b) of sigmoid(a x logit + b), see `Predictor`.

    Returns:
        (B, 1 or 1 + N, H, W), float32 in 0..1.
    """
    logits = logits.float()
    slope, offset = scaling
    scaled = slope * seep_logits(logits) + offset
    seep = scaled.sigmoid()
    if logits.shape[1] == 1:
        return seep
    of_classes = seep * logits[:, 1:].softmax(1)
    return torch.cat([seep, of_classes], 1)


def _named_logits(output: Any) -> dict[str, Any]:
    """What a mapping holds, or an object has as attributes, under the names of logits."""
    if isinstance(output, Mapping):
        return {name: output[name] for name in LOGIT_NAMES if name in output}
    return {name: getattr(output, name) for name in LOGIT_NAMES if hasattr(output, name)}


def _at_size(head: Tensor, size: Sequence[int]) -> Tensor:
    """Logits (B, K, h, w) or (B, h, w) as (B, K, H, W)."""
    if head.ndim == 3:
        head = head.unsqueeze(1)
    expected = tuple(size)
    if head.ndim != 4 or tuple(head.shape[-2:]) == expected:
        return head
    return F.interpolate(head, expected, mode="bilinear")
