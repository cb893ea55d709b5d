"""The training step as CUDA graphs: recorded once, then replayed.

Launching the kernels of a small net one by one takes longer than a GPU needs to run them.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from seep_lightning.errors import UserError

log = logging.getLogger(__name__)

Score = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Image, target and valid pixels of a batch to the loss, and the logits without gradient."""


class CudaGraphs(Callback):
    """Records the training step on one GPU, before the threads of the loaders start (`cuda_graphs=true`)."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Record the step on a batch of nothing but nodata."""
        device = trainer.strategy.root_device
        if device.type != "cuda" or trainer.world_size > 1:
            log.info("cuda_graphs=true has no effect: it is for one GPU")
            return
        facts = pl_module.hparams["facts"]
        batch_size = cast(Any, trainer).datamodule.batch_size
        mask = torch.zeros(batch_size, 1, *facts["chip_size"], dtype=torch.uint8, device=device)
        bands = mask.float().repeat(1, facts["bands"], 1, 1)
        image = trainer.precision_plugin.convert_input(bands)
        with trainer.precision_plugin.train_step_context():
            pl_module.replay = record_score(pl_module.net, pl_module.score, (image, mask, mask.bool()))


class _Step(nn.Module):
    """A score as the module that torch records: `net` holds its weights."""

    def __init__(self, net: nn.Module, score: Score) -> None:
        super().__init__()
        self.net = net
        self.score = score

    def forward(self, image: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        return self.score(image, target, valid)


def record_score(net: nn.Module, score: Score, sample: Sequence[Tensor]) -> Score:
    """Record a score and its backward pass, to be replayed for batches of the sample's shape.

    No other thread may use the GPU meanwhile.

    Args:
        net: Holds the weights.
        score: What is recorded.
        sample: Image (B, C, H, W), target and valid pixels (B, 1, H, W) of a batch on the GPU.

    Returns:
        A score that replays the recording. The next call overwrites what it returned. Batches of other shapes go
        through `score` itself.

    Raises:
        UserError: Model or loss cannot be recorded.
    """
    # running means, which the sample must leave alone
    buffers_before = [buffer.clone() for buffer in net.buffers()]
    recording = _record(_Step(net, score), sample)
    for buffer, before in zip(net.buffers(), buffers_before, strict=True):
        buffer.copy_(before)
    recorded_shape = sample[0].shape

    def replay(image: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        step = recording if image.shape == recorded_shape else score
        loss, logits = step(image, target, valid)
        return loss, logits.detach()

    return replay


def _record(step: nn.Module, sample: Sequence[Tensor]) -> Any:
    dtype = torch.get_autocast_dtype("cuda")
    is_enabled = torch.is_autocast_enabled("cuda")
    try:
        # without the cache, weights are cast anew at each replay
        with torch.autocast("cuda", dtype, is_enabled, cache_enabled=False):
            return torch.cuda.make_graphed_callables(step, tuple(sample))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"model or loss cannot be recorded as CUDA graphs ({reason}). Leave out cuda_graphs=true."
        ) from error
