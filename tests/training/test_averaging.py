"""The moving average of weights, by which validation and checkpoints go."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from seep_lightning.training.averaging import MovingAverage


def test_weights_are_averaged_with_a_rising_decay_and_counters_are_copied() -> None:
    module = pl.LightningModule()
    module.norm = nn.BatchNorm1d(1)
    module.register_buffer("level", torch.zeros(1))
    trainer: Any = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cpu")), global_step=0)
    average = MovingAverage(0.5)
    average.setup(trainer, module, "fit")
    average.on_train_epoch_start(trainer, module)
    expected = 0.0
    for n, value in enumerate((1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)):
        nn.init.constant_(module.norm.weight, value)
        module.norm.num_batches_tracked += 1
        module.level = torch.full((1,), value)  # another tensor in its place
        trainer.global_step += 1
        average.on_train_batch_end(trainer, module, None, None, n)
        decay = min(0.5, (1 + n) / (10 + n)) if n else 0.0
        expected = decay * expected + (1 - decay) * value
    mean: Any = average._average_model
    assert float(mean.module.norm.weight.detach()) == pytest.approx(expected)
    assert float(mean.module.level) == pytest.approx(expected)
    assert int(mean.module.norm.num_batches_tracked) == int(mean.n_averaged) == 9
