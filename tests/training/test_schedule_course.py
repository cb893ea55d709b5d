"""A resumed run whose epochs have other steps, or another number, goes on at the share of its schedule that is done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.command_line import seep
from helpers.trainings import assert_equal_runs, break_off, curve
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.training.length import TrainingLimits, expected_limits, training_length
from seep_lightning.training.session import train
from seep_lightning.training.trainer import build_trainer

Compose = Callable[..., Any]
TORCH = "torch.optim.lr_scheduler"
ONE_CYCLE = f"{{_target_:{TORCH}.OneCycleLR,max_lr:0.01}}"
WARM_UP = f"{{_target_:{TORCH}.LinearLR,start_factor:0.1,total_iters:'{{0.25*steps}}'}}"
FALL = f"{{_target_:{TORCH}.CosineAnnealingLR,T_max:'{{0.75*steps}}'}}"
IN_SEQUENCE = f"{{_target_:{TORCH}.SequentialLR,milestones:['{{0.25*steps}}'],schedulers:[{WARM_UP},{FALL}]}}"
BY_EPOCHS = f"{{_target_:{TORCH}.CosineAnnealingLR,T_max:'{{epochs}}'}}"
OWN_NUMBERS = f"{{_target_:{TORCH}.StepLR,step_size:3,interval:step}}"


def rates(run: Path) -> list[float]:
    return [float(row["lr"]) for row in curve(run)]


def stop_after_two_epochs(config: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        break_off(config, out, monkeypatch, 2, RuntimeError("power cut"))


CHANGES = {
    "more accumulated": ("trainer.accumulate_grad_batches=1", "trainer.accumulate_grad_batches=2"),
    "less accumulated": ("trainer.accumulate_grad_batches=2", "trainer.accumulate_grad_batches=1"),
    "fewer batches": ("trainer.limit_train_batches=1.0", "trainer.limit_train_batches=1"),
    "more batches": ("trainer.limit_train_batches=0.3", "trainer.limit_train_batches=1.0"),
    "longer": ("trainer.max_epochs=4", "trainer.max_epochs=7"),
    "by epochs": ("trainer.max_steps=14", "trainer.max_steps=-1"),
}


@pytest.mark.parametrize(
    ("node", "change"),
    [
        ("", "fewer batches"),
        pytest.param("", "more batches", marks=pytest.mark.slow),
        pytest.param("", "by epochs", marks=pytest.mark.slow),
        pytest.param(ONE_CYCLE, "more accumulated", marks=pytest.mark.slow),
        (ONE_CYCLE, "longer"),
        pytest.param(IN_SEQUENCE, "less accumulated", marks=pytest.mark.slow),
    ],
)
def test_the_schedule_goes_on_where_it_would_be_if_the_run_had_always_been_so(
    node: str, change: str, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = ["~scheduler", f"+scheduler={node}"] if node else []
    before, now = CHANGES[change]
    stop_after_two_epochs(compose_tiny("trainer.max_epochs=4", *scheduler, before), tmp_path / "changed", monkeypatch)
    then = compose_tiny("trainer.max_epochs=4", *scheduler, now)
    train(then, tmp_path / "changed")
    train(then, tmp_path / "always")
    assert rates(tmp_path / "changed")[2:] == pytest.approx(rates(tmp_path / "always")[2:])


def test_an_older_runs_schedule_is_stepped_as_it_was(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = f"{{_target_:{TORCH}.CyclicLR,base_lr:0.001,max_lr:0.01,step_size_up:4"
    by_epochs = compose_tiny("~scheduler", f"+scheduler={node},interval:epoch}}", "trainer.max_epochs=4")
    train(by_epochs, tmp_path / "whole")
    stop_after_two_epochs(by_epochs, tmp_path / "run", monkeypatch)
    # as an older version left it, to which CyclicLR was a schedule of epochs
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    content = torch.load(last, weights_only=True)
    del content["callbacks"]["ScheduleCourse"]
    del content["hyper_parameters"]["scheduler"]["interval"]
    torch.save(content, last)
    config_file = tmp_path / "run" / "config.yaml"
    config_file.write_text(config_file.read_text().replace("  interval: epoch\n", ""))
    for epochs in (3, 4):
        as_before = compose_tiny("~scheduler", f"+scheduler={node}}}", f"trainer.max_epochs={epochs}")
        train(as_before, tmp_path / "run")
    assert rates(tmp_path / "run") == rates(tmp_path / "whole")


@pytest.mark.slow
def test_the_schedule_goes_on_with_other_devices(compose_tiny: Compose, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=2"), tmp_path / "changed")
    changes = ["trainer=ddp_cpu", "trainer.max_epochs=4"]
    done = seep("train", f"run={tmp_path / 'changed'}", *changes, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    as_many_steps = "trainer.accumulate_grad_batches=2"
    train(compose_tiny("trainer.max_epochs=4", as_many_steps), tmp_path / "always")
    assert rates(tmp_path / "changed")[2:] == pytest.approx(rates(tmp_path / "always")[2:])


def test_a_schedule_of_epochs_follows_a_longer_training(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = ["~scheduler", f"+scheduler={BY_EPOCHS}"]
    stop_after_two_epochs(compose_tiny(*scheduler, "trainer.max_epochs=3"), tmp_path / "changed", monkeypatch)
    longer = compose_tiny(*scheduler, "trainer.max_epochs=6")
    train(longer, tmp_path / "changed")
    train(longer, tmp_path / "always")
    assert rates(tmp_path / "changed")[2:] == pytest.approx(rates(tmp_path / "always")[2:])


@pytest.mark.parametrize("node", [IN_SEQUENCE, BY_EPOCHS, OWN_NUMBERS])
def test_a_resume_without_a_change_is_bit_equal(
    node: str, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("~scheduler", f"+scheduler={node}", "trainer.max_epochs=4")
    train(config, tmp_path / "whole")
    stop_after_two_epochs(config, tmp_path / "broken", monkeypatch)
    train(config, tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_a_schedule_with_numbers_of_steps_of_its_own_refuses_other_steps_in_an_epoch(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = ["~scheduler", f"+scheduler={OWN_NUMBERS}", "trainer.max_epochs=4"]
    stop_after_two_epochs(compose_tiny(*scheduler), tmp_path / "run", monkeypatch)
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    with pytest.raises(UserError, match=r"an epoch of the run had 4 steps and would have 2 now"):
        train(compose_tiny(*scheduler, "trainer.accumulate_grad_batches=2"), tmp_path / "run")
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before
    train(compose_tiny(*scheduler), tmp_path / "run")
    assert len(curve(tmp_path / "run")) == 4


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["data.batch_size=100"],
        ["data.batch_size=5", "trainer.accumulate_grad_batches=2"],
        ["trainer.limit_train_batches=0.6"],
        ["trainer.limit_train_batches=3", "trainer.accumulate_grad_batches=2"],
        ["trainer.max_epochs=-1", "trainer.max_steps=4"],
    ],
)
def test_the_steps_that_are_expected_are_those_that_lightning_counts(
    overrides: list[str], compose_tiny: Compose, tmp_path: Path
) -> None:
    config = compose_tiny("trainer.max_epochs=1", *overrides)
    run = train(config, tmp_path / "run").run
    data = SeepDataModule(config.data, config.split, config.augment)
    expected = expected_limits(build_trainer(config, run), data)
    course = torch.load(run.last, weights_only=True)["callbacks"]["ScheduleCourse"]
    assert course["steps_per_epoch"] == expected.steps_per_epoch
    assert course["steps"] == training_length(expected).steps


def test_a_cycle_that_ends_before_the_training_is_told_before_it(compose_tiny: Compose, tmp_path: Path) -> None:
    node = f"{{_target_:{TORCH}.OneCycleLR,max_lr:0.01,total_steps:5}}"
    with pytest.raises(UserError, match="OneCycleLR ends after 5 of the 8 steps of this training"):
        train(compose_tiny("~scheduler", f"+scheduler={node}"), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_fewer_steps_than_a_run_has_are_refused(compose_tiny: Compose, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run")
    with pytest.raises(UserError, match=r"has 8 steps, more than trainer.max_steps=5"):
        train(compose_tiny("trainer.max_epochs=4", "trainer.max_steps=5"), tmp_path / "run")


def test_what_ends_a_training_first_decides_its_length() -> None:
    by_epochs = training_length(TrainingLimits(max_epochs=10, max_steps=-1, steps_per_epoch=25), 5, 500)
    assert (by_epochs.steps, by_epochs.steps_done, by_epochs.epochs) == (250, 125, 10)
    by_steps = training_length(TrainingLimits(max_epochs=-1, max_steps=1000, steps_per_epoch=25), 5, 500)
    assert (by_steps.steps, by_steps.steps_done, by_steps.epochs) == (1000, 500, 25)
    endless = training_length(TrainingLimits(max_epochs=-1, max_steps=-1, steps_per_epoch=25))
    assert endless.epochs is None
