"""What is done for the sake of GPUs. A recording itself needs one (docs/performance.md says what was seen there)."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn

from seep_lightning.errors import UserError
from seep_lightning.training.averaging import MovingAverage
from seep_lightning.training.cuda_graphs import record_score

SAMPLE = tuple(torch.zeros(2, 1, 4, 4, dtype=kind) for kind in (torch.float32, torch.uint8, torch.bool))
OTHER = tuple(each[:1] + 1 for each in SAMPLE)


@pytest.fixture
def net() -> nn.Module:
    return nn.BatchNorm2d(1)


def as_if_recorded(monkeypatch: pytest.MonkeyPatch, step: Any) -> None:
    """In place of torch's recording, which runs the step a few times on the sample."""

    def record(module: nn.Module, sample: tuple[Tensor, ...]) -> Any:
        module(*sample)
        return step

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)


def test_batches_of_the_samples_shape_are_replayed_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch, net: nn.Module
) -> None:
    as_if_recorded(monkeypatch, lambda image, *_: (torch.tensor(7.0), image))
    replay = record_score(net, lambda image, *_: (net(image).sum(), image), SAMPLE)
    assert replay(*SAMPLE)[0] == 7
    assert replay(*OTHER)[0] != 7


def test_a_recording_leaves_running_means_alone(monkeypatch: pytest.MonkeyPatch, net: nn.Module) -> None:
    as_if_recorded(monkeypatch, None)
    sample = (SAMPLE[0] + 5, *SAMPLE[1:])
    record_score(net, lambda image, *_: (net(image).sum(), image), sample)
    assert float(net.running_mean) == 0.0
    assert int(net.num_batches_tracked) == 0


def test_what_cannot_be_recorded_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, net: nn.Module) -> None:
    def score(*_: Tensor) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore of it")

    as_if_recorded(monkeypatch, None)
    with pytest.raises(UserError, match=r"CUDA graphs \(operation not permitted when stream is capturing\)"):
        record_score(net, score, SAMPLE)


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
