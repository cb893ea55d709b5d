"""One batch before the first epoch: it changes nothing of the run, and tells in one line what does not fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers.trainings import assert_equal_runs
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.training import trial_batch
from seep_lightning.training.module import SeepModule
from seep_lightning.training.session import train
from seep_lightning.training.trial_batch import check_trial_batch

Compose = Callable[..., Any]


@pytest.fixture
def data(compose_tiny: Compose) -> SeepDataModule:
    config = compose_tiny()
    module = SeepDataModule(config.data, config.split, config.augment)
    module.setup()
    return module


def module_of(config: Any, data: SeepDataModule, net: nn.Module | None = None) -> SeepModule:
    module = SeepModule(config.model, config.loss, config.optimizer, facts={**data.facts(), "task": config.task})
    if net is not None:
        module.net = net
    return module


def test_it_leaves_weights_running_means_and_random_numbers_alone(compose_tiny: Compose, data: SeepDataModule) -> None:
    module = module_of(compose_tiny("model.dropout=0.5"), data)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state, modes = torch.get_rng_state(), [part.training for part in module.modules()]
    check_trial_batch(module, data)
    assert torch.equal(torch.get_rng_state(), state)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_training_is_the_same_with_and_without_it(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("model.dropout=0.3")
    train(config, tmp_path / "with")
    monkeypatch.setattr(trial_batch, "check_trial_batch", lambda *_: None)
    train(config, tmp_path / "without")
    assert_equal_runs(tmp_path / "with", tmp_path / "without")


class Zeros(nn.Module):
    """Begins with a head of zeros, as some nets do."""

    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(1, 1, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(image)


class Deep(Zeros):
    """Takes multiples of 64 only."""

    stride: Any = None

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.shape[-1] % 64 or image.shape[-2] % 64:
            raise RuntimeError("sides must be multiples of 64")
        return super().forward(image)


class Infinite(Zeros):
    """Gives no finite numbers."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image) / 0


def test_a_head_of_zeros_is_not_taken_for_probabilities(compose_tiny: Compose, data: SeepDataModule) -> None:
    check_trial_batch(module_of(compose_tiny(), data, Zeros()), data)


def test_the_stride_of_a_net_that_does_not_say_it_is_found(compose_tiny: Compose, data: SeepDataModule) -> None:
    module = module_of(compose_tiny(), data, Deep())
    module.stride = 32
    check_trial_batch(module, data)
    assert module.stride == 64
    assert module(torch.zeros(1, 1, 40, 70)).shape == (1, 1, 40, 70)


def test_numbers_that_are_not_finite_are_refused(compose_tiny: Compose, data: SeepDataModule) -> None:
    with pytest.raises(UserError, match="the loss of the first batch is nan, expected a finite number"):
        check_trial_batch(module_of(compose_tiny(), data, Infinite()), data)


@pytest.mark.parametrize(
    "augment",
    ["{_target_:albumentations.RandomCrop,height:16,width:16}", "{_target_:albumentations.pytorch.ToTensorV2}"],
)
def test_an_augmentation_that_changes_the_chips_form_is_one_line(
    augment: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="augment") as error:
        train(compose_tiny(f"augment=[{augment}]"), tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "config.yaml").exists()
