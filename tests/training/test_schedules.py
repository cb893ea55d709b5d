"""The learning rate over a training."""

import pytest
import torch

from seep_lightning.training.schedules import WarmupCosine


def test_the_schedule_rises_to_the_peak_and_falls_to_almost_nothing() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = WarmupCosine(optimizer, total_steps=100, warmup=0.3, start=0.04, final=0.001)
    rates = []
    for _ in range(110):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.04)
    assert max(range(110), key=rates.__getitem__) == 30
    assert rates[30] == pytest.approx(1.0)
    assert rates[100] == rates[109] == pytest.approx(0.001)
