"""What happens beside the training step: checkpoints, facts of an epoch."""

from operator import add
from typing import Any, cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch.optim.swa_utils import AveragedModel


class MovingAverage(WeightAveraging):
    """Exponential moving average of weights and buffers, by which validation, `best` and `last` go.

    The decay rises from 0.1 to `decay` as (1 + n) / (10 + n), n the number of averaged steps (as in TensorFlow's
    ExponentialMovingAverage): without it a short training would be judged by its first, random weights.
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Average where the net is going to be: it comes there only later, and each step would copy it to the CPU."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """List what is averaged: to walk through all modules at each step takes a hundredth of a small net's."""
        both = (cast(AveragedModel, self._average_model).module, pl_module)
        self._parameters = [list(module.parameters()) for module in both]
        names = [name.rpartition(".") for name, _ in pl_module.named_buffers()]
        self._buffers = [[(module.get_submodule(owner)._buffers, n) for owner, _, n in names] for module in both]

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After a step of the optimiser. Torch's own update would wait for a GPU to say how many there were."""
        n = self._latest_update_step
        if trainer.global_step <= n:
            return
        # buffers by their names: a net may put another tensor in the place of one
        now: list[list[Any]] = [[owner[name] for owner, name in each] for each in self._buffers]
        pairs = list(zip(*map(add, self._parameters, now), strict=True))
        floating = [pair for pair in pairs if pair[0].is_floating_point()]
        means, values = map(list, zip(*floating, strict=True))
        torch._foreach_lerp_(means, values, 1 - min(self.decay, (1 + n) / (10 + n)) if n else 1.0)
        for mean, counter in pairs:
            if not mean.is_floating_point():
                mean.copy_(counter)
        cast(AveragedModel, self._average_model).n_averaged += 1
        self._latest_update_step = trainer.global_step
