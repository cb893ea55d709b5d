"""The learning rate over a training."""

from typing import Any

import pytest
import torch

from seep_lightning.errors import UserError
from seep_lightning.training.length import TrainingLength
from seep_lightning.training.optimisation import build_schedule
from seep_lightning.training.schedules import WarmupCosine

TORCH = "torch.optim.lr_scheduler"
ONE_CYCLE = {"_target_": f"{TORCH}.OneCycleLR", "max_lr": 1.0}
CYCLIC = {"_target_": f"{TORCH}.CyclicLR", "base_lr": 0.1, "max_lr": 1.0, "step_size_up": 10}
CONSTANT = {"_target_": f"{TORCH}.ConstantLR", "factor": 0.5, "total_iters": 10}


def optimizer_at_1() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)


def built(node: dict[str, Any]) -> Any:
    return build_schedule(node, optimizer_at_1(), TrainingLength(steps=100, epochs=10))


def test_the_schedule_rises_to_the_peak_and_falls_to_almost_nothing() -> None:
    optimizer = optimizer_at_1()
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


@pytest.mark.parametrize(
    ("node", "interval"),
    [
        (ONE_CYCLE, "step"),
        ({**ONE_CYCLE, "epochs": 10, "steps_per_epoch": 10}, "step"),
        (CYCLIC, "step"),
        ({"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [CONSTANT, CYCLIC]}, "step"),
        ({"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": "{steps}"}, "step"),
        ({"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": "{epochs}"}, "epoch"),
        (CONSTANT, "epoch"),
        ({**ONE_CYCLE, "interval": "epoch"}, "epoch"),
    ],
)
def test_what_a_schedule_is_stepped_after_is_read_from_its_class(node: dict[str, Any], interval: str) -> None:
    assert built(node).interval == interval


def test_the_length_is_filled_in_by_the_unit_that_is_counted() -> None:
    assert built(ONE_CYCLE).scheduler.total_steps == 100
    assert built({**ONE_CYCLE, "interval": "epoch"}).scheduler.total_steps == 10
    cosine = {"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": "{0.35*steps}"}
    assert built(cosine).scheduler.T_max == 35


def test_a_cycle_inside_a_sequence_lasts_as_long_as_its_stretch() -> None:
    node = {
        "_target_": f"{TORCH}.SequentialLR",
        "milestones": ["{0.2*steps}"],
        "schedulers": [CONSTANT, ONE_CYCLE],
    }
    sequence = built(node).scheduler
    assert sequence.state_dict()["_schedulers"][1]["total_steps"] == 80
    with pytest.raises(UserError, match="scheduler: SequentialLR refuses its settings"):
        built({**node, "milestones": []})
