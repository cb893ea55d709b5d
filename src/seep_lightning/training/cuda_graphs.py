"""The training step as CUDA graphs: recorded once, then replayed. A net of a million weights is done sooner on a GPU
than its kernels are launched one by one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seep_lightning.errors import UserError

Score = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Image, target and valid pixels of a batch to the loss, and the logits without gradient."""


class _Step(nn.Module):
    """A score as the module that torch records: `net` holds its weights."""

    def __init__(self, net: nn.Module, score: Score) -> None:
        super().__init__()
        self.net, self.score = net, score

    def forward(self, image: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        return self.score(image, target, valid)


def recorded(net: nn.Module, score: Score, sample: Sequence[Tensor]) -> Score:
    """`score` and its backward pass, replayed for batches of the sample's shape. What it returns is overwritten by the
    next call. No other thread may use the GPU meanwhile. Raises `UserError` for what cannot be recorded."""
    buffers = [each.clone() for each in net.buffers()]  # running means, which the sample must leave alone
    dtype, enabled = torch.get_autocast_dtype("cuda"), torch.is_autocast_enabled("cuda")
    try:
        with torch.autocast("cuda", dtype, enabled, cache_enabled=False):  # weights are cast anew at each replay
            step = torch.cuda.make_graphed_callables(_Step(net, score), tuple(sample))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        raise UserError(
            f"model or loss cannot be recorded as CUDA graphs ({said}). Leave out cuda_graphs=true."
        ) from error
    for each, before in zip(net.buffers(), buffers, strict=True):
        each.copy_(before)

    def replay(image: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        chosen: Any = step if image.shape == sample[0].shape else score
        loss, logits = chosen(image, target, valid)
        return loss, logits.detach()

    return replay
