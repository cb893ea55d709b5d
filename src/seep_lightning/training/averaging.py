"""The exponential moving average of a net's weights (`ema_decay`)."""

from typing import Any, cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from seep_lightning import compat


class MovingAverage(WeightAveraging):
    """Exponential moving average of weights and buffers, by which validation, `best` and `last` go.

    The average of weights of 16 bit (`trainer.precision=bf16-true`) is one of 32: most of its small steps would be lost
    in 16 bit.

    The decay rises from 0.1 to `decay` as (1 + n) / (10 + n), n the number of averaged steps (as in TensorFlow's
    ExponentialMovingAverage): without it a short training would be judged by its first, random weights.

    Checkpoints name callbacks by their class: it keeps its name.
    """

    def __init__(self, decay: float) -> None:
        """Average with this decay.

        Args:
            decay: The share of the old average in the new one, between 0 and 1; about 1 / (1 - decay) steps count.
        """
        super().__init__()
        self.decay = decay
        # the net's own values while it is validated with those of a wider average
        self._net_values: list[Tensor] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Average where the net is going to be: it comes there only later, and each step would copy it to the CPU."""
        # a private attribute of Lightning's class, as two more below: tests/test_compat.py watches them
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None and _is_of_16_bit(self._average.module):
            self._average.module.float()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """List what is averaged: a walk through all modules at each step takes a hundredth of a small net's step."""
        average = self._average.module
        self._mean_parameters = list(average.parameters())
        self._net_parameters = list(pl_module.parameters())
        names = [name for name, _ in pl_module.named_buffers()]
        self._mean_buffers = [_buffer_place(average, name) for name in names]
        self._net_buffers = [_buffer_place(pl_module, name) for name in names]

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Average after a step of the optimiser.

        Torch's own update would wait for a GPU to say how many steps there were.
        """
        steps_averaged = self._latest_update_step
        if trainer.global_step <= steps_averaged:
            return
        means = self._mean_parameters + [buffers[name] for buffers, name in self._mean_buffers]
        values = self._net_parameters + [buffers[name] for buffers, name in self._net_buffers]
        self._update(means, values, steps_averaged)
        self._average.n_averaged += 1
        self._latest_update_step = trainer.global_step

    @torch.no_grad()
    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let the net validate with the average's values.

        Lightning swaps them with the net's own, which would round a wider average to the net's 16 bit.
        """
        if self._average_model is None or not _is_of_16_bit(pl_module):
            super().on_validation_epoch_start(trainer, pl_module)
            return
        self._net_values = [value.clone() for value in _values(pl_module)]
        _copy(_values(self._average.module), _values(pl_module))

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give the net its own values back."""
        if not self._net_values:
            super().on_validation_epoch_end(trainer, pl_module)
            return
        _copy(self._net_values, _values(pl_module))
        self._net_values = []

    def _update(self, means: list[Tensor], values: list[Tensor], steps_averaged: int) -> None:
        """Move the means towards the values; counters, such as batch norm's, are copied."""
        floating: list[tuple[Tensor, Tensor]] = []
        for mean, value in zip(means, values, strict=True):
            if mean.is_floating_point():
                floating.append((mean, value.to(mean.dtype)))
            else:
                mean.copy_(value)
        floating_means = [mean for mean, _ in floating]
        floating_values = [value for _, value in floating]
        compat.lerp_in_place(floating_means, floating_values, self._weight_of_new(steps_averaged))

    def _weight_of_new(self, steps_averaged: int) -> float:
        """The share of the net's weights in the new average; the first step's are taken as they are."""
        if steps_averaged == 0:
            return 1.0
        rising_decay = (1 + steps_averaged) / (10 + steps_averaged)
        return 1 - min(self.decay, rising_decay)

    @property
    def _average(self) -> AveragedModel:
        return cast(AveragedModel, self._average_model)


def _is_of_16_bit(module: torch.nn.Module) -> bool:
    """Whether weights of a module are of 16 bit."""
    return any(parameter.dtype in (torch.float16, torch.bfloat16) for parameter in module.parameters())


def _values(module: torch.nn.Module) -> list[Tensor]:
    """Weights and buffers of a module."""
    return [*module.parameters(), *module.buffers()]


def _copy(values: list[Tensor], into: list[Tensor]) -> None:
    """Put values into other tensors."""
    for value, target in zip(values, into, strict=True):
        target.copy_(value)


def _buffer_place(module: torch.nn.Module, name: str) -> tuple[dict[str, Any], str]:
    """Where a buffer is found by its name: a net may put another tensor in its place."""
    owner, _, buffer_name = name.rpartition(".")
    return module.get_submodule(owner)._buffers, buffer_name
