"""A run that is broken off, stopped or killed, and resumed, ends where an undisturbed one does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.trainings import StopIn, assert_equal_runs, break_off, curve, weights
from seep_lightning import load
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import Interrupted, Preempted, UserError
from seep_lightning.predictor.exporting import export
from seep_lightning.reporting.panels import Panels
from seep_lightning.runs.directory import Run
from seep_lightning.training.os_signals import preemptible
from seep_lightning.training.session import train

Compose = Callable[..., object]


# with monitor=lr the best epoch is not the last one
@pytest.mark.parametrize(
    "extra",
    [
        ["monitor=lr"],
        ["trainer.max_steps=17", "trainer.max_epochs=9"],
        ["model.dropout=0.3", "ema_decay=null", "scheduler=plateau", "scheduler.patience=0"],
    ],
)
def test_a_run_broken_off_in_an_epoch_and_resumed_is_the_same_run(
    extra: list[str], compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("trainer.max_epochs=4", *extra)
    train(config, tmp_path / "whole")
    for epoch in (0, 3):
        with pytest.raises(RuntimeError, match="power cut"):
            break_off(config, tmp_path / "broken", monkeypatch, epoch, RuntimeError("power cut"))
    train(config, tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_ctrl_c_is_one_sentence_with_the_line_that_resumes(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted, match=f"1 of 2 epochs are saved. Go on with: .*run={tmp_path / 'run'}") as caught:
        break_off(compose_tiny(), tmp_path / "run", monkeypatch, 1, KeyboardInterrupt())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning ignores it from here on
    assert caught.value.exit_code == 130
    assert Run(tmp_path / "run").summary()["status"] == "interrupted"
    assert weights(tmp_path / "run")


def test_a_finished_run_that_goes_on_and_is_stopped_keeps_its_figures(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = train(compose_tiny("trainer.max_epochs=1", "monitor=epoch"), tmp_path / "run").run.summary()["figures"]
    finished = load(tmp_path / "run")
    with pytest.raises(RuntimeError):
        break_off(
            compose_tiny("trainer.max_epochs=3", "monitor=epoch"), tmp_path / "run", monkeypatch, 2, RuntimeError()
        )
    summary = Run(tmp_path / "run").summary()
    assert (summary["status"], summary["epochs"], summary["figures"]) == ("failed", 1, figures)
    export(ExportConfig(str(tmp_path / "run"), str(tmp_path / "seep.pt"), "torch"))
    assert finished.scaling != (1, 0) and finished.min_area is not None
    for newer in (load(tmp_path / "run"), load(tmp_path / "seep.pt")):  # of an epoch that nothing was chosen for yet
        assert newer.scaling == (1, 0) and newer.min_area is None


def test_memory_that_runs_out_is_one_sentence(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="memory ran out with data.batch_size=4.*run="):
        break_off(compose_tiny(), tmp_path / "run", monkeypatch, 1, torch.OutOfMemoryError("CUDA"))
    assert Run(tmp_path / "run").summary()["status"] == "failed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_schedulers_signal_outside_of_the_training_is_one_line_as_well(
    number: signal.Signals, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = compose_tiny("trainer.max_epochs=1"), Run(tmp_path / "run")
    with monkeypatch.context() as patch, pytest.raises(Preempted, match="by a signal. Go on with: .* run=.*/run"):
        patch.setattr("seep_lightning.training.session.measure_outcome", lambda *_: os.kill(os.getpid(), number))
        with preemptible(run):
            train(config, run.dir)
    assert run.summary()["status"] == "interrupted"
    with monkeypatch.context() as patch, pytest.raises(Preempted, match="by a signal"), preemptible(run):
        # before Lightning listens
        patch.setattr(Panels, "setup", lambda *_, **__: os.kill(os.getpid(), number), raising=False)
        train(config, run.dir)
    assert run.summary()["status"] == "interrupted"
    assert train(config, run.dir).run.summary()["status"] == "finished"
    with pytest.raises(Preempted, match="Nothing was begun yet"), preemptible(Run(tmp_path / "new")):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.slow
def test_a_run_stopped_by_two_signals_killed_and_resumed_is_the_same_run(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", scenes=6, tiles=12)
    more = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=12"]
    assert seep("train", *more, f"hydra.run.dir={tmp_path / 'whole'}").returncode == 0
    killed = tmp_path / "killed"
    start = [f"hydra.run.dir={killed}", *more]
    for epoch, number, code in ((2, signal.SIGTERM, 75), (5, signal.SIGUSR1, 75), (8, signal.SIGKILL, -signal.SIGKILL)):
        command = [sys.executable, "-m", "seep_lightning.train", *(start if epoch == 2 else [f"run={killed}"])]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (killed / "metrics.csv").is_file():
            time.sleep(0.01)
        while process.poll() is None and len(curve(killed)) <= epoch:
            time.sleep(0.01)
        assert process.poll() is None, "it finished before it could be stopped"
        process.send_signal(number)
        assert process.wait() == code
        assert len(weights(killed)) > 0  # whole
    done = seep("train", f"run={killed}")
    assert done.returncode == 0, done.stderr
    assert_equal_runs(tmp_path / "whole", killed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_schedulers_signal_ends_the_step_and_the_requeued_job_is_the_same_run(
    number: signal.Signals, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    class Signalled(StopIn):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
            if trainer.current_epoch == self.epoch:
                steps.append(trainer.global_step)
                os.kill(os.getpid(), number)

    config = compose_tiny("trainer.max_epochs=3")
    train(config, tmp_path / "whole")
    monkeypatch.setattr("helpers.trainings.StopIn", Signalled)
    with pytest.raises(Preempted) as caught:
        break_off(config, tmp_path / "broken", monkeypatch, 1, RuntimeError())
    assert caught.value.exit_code == 75
    assert len(steps) == 1  # it ends within the step, in the middle of the epoch
    assert torch.load(tmp_path / "broken" / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 0
    assert len(curve(tmp_path / "broken")) == 1
    train(config, tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")
