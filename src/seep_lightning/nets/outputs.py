"""What a network's logits say: one channel for seep, or one for the sea and one for each class."""

import torch
from torch import Tensor


def seep_logits(logits: Tensor) -> Tensor:
    """Logits of seep, (B, 1, H, W), of one channel (its own) or of 1 + N, whose softmax gives P(seep) = 1 - P(sea)."""
    return logits if logits.shape[1] == 1 else logits[:, 1:].logsumexp(1, keepdim=True) - logits[:, :1]


def probabilities(logits: Tensor, scaling: tuple[float, float] = (1.0, 0.0)) -> Tensor:
    """P(seep) and, of 1 + N logits, that of each class, which add up to it: (B, 1 or 1 + N, H, W), float32.

    scaling: (a, b) of sigmoid(a x logit + b), see `Predictor`.
    """
    logits = logits.float()
    seep = (scaling[0] * seep_logits(logits) + scaling[1]).sigmoid()
    return seep if logits.shape[1] == 1 else torch.cat([seep, seep * logits[:, 1:].softmax(1)], 1)
