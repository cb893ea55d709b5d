"""What is done for the sake of GPUs. A recording itself needs one (docs/performance.md says what was seen there)."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seep_lightning.errors import UserError
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
