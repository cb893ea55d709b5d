"""A sweep tells how far it is, ends with its table, and says how it goes on after Ctrl-C."""

import json
import logging
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from seep_lightning.commands import sweep_progress
from seep_lightning.commands.entry import _error_at_end, _interruption_of_sweep
from seep_lightning.commands.sweep_progress import Sweep, count_jobs, how_to_go_on, job_line, tell_starts_once
from seep_lightning.errors import Interrupted, Preempted, UserError
from seep_lightning.metrics.ranking import ranking_key, ranking_value
from seep_lightning.reporting.comparison import compare
from seep_lightning.runs.directory import Run
from seep_lightning.sweeps.ending import print_jobs
from seep_lightning.training import epoch_lines
from seep_lightning.training.epoch_lines import EpochLines

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def config_of(overrides: list[str], **sweeper: Any) -> Any:
    hydra = {"sweeper": {"_target_": BASIC, "params": None, **sweeper}, "overrides": {"task": overrides}}
    return OmegaConf.create({"monitor": "dice_before_scaling/val", "trusted": [], "hydra": hydra})


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Sweep:
    """Four jobs: one finished before, one finished now, one pruned with the most Dice, one that failed now."""
    folder = tmp_path / "a sweep"
    started = time.time() - 60
    for rate, status, dice in ((1, "finished", 0.3), (2, "finished", 0.4), (3, "pruned", 0.5), (4, "failed", None)):
        run = Run(Path(shutil.copytree(trained, folder / f"lr-{rate}")))
        config = run.config_path.read_text()
        run.config_path.write_text(config.replace("lr: 0.005", f"lr: {rate}"))
        summary = json.loads(run.summary_path.read_text()) | {"status": status}
        summary["figures"]["val"]["dice"] = dice
        if dice is None:
            summary = {"status": status, "error": "no loss"}
        run.summary_path.write_text(json.dumps(summary))
        if rate == 1:
            os.utime(run.summary_path, (started - 60, started - 60))
    return Sweep(folder, config_of(["optimizer.lr=1,2,3,4,5"]), 5, started)


def test_jobs_are_counted(sweep: Sweep) -> None:
    assert count_jobs(sweep.config) == 5
    assert count_jobs(config_of(["a=1,2", "b=3", "seed=range(3)"], params={"a": "1,2,3", "c": "4,5"})) == 12
    assert count_jobs(config_of(["a=interval(1,2)"], n_trials=8)) == 8
    assert count_jobs(config_of(["a=1,2"], _target_="mine.Sweeper")) is None


def test_a_line_a_job_says_what_is_done_what_is_best_and_how_long_still(sweep: Sweep) -> None:
    line = job_line(sweep, Run(sweep.folder / "lr-2"), 18.2, has_failed=False)
    # three of this start in a minute, and one to go
    assert line == "4 of 5 jobs done: lr-2  dice 0.400  best so far  took 18 s  20 s left"
    failed = job_line(sweep, Run(sweep.folder / "lr-4"), 1, has_failed=True)
    assert failed.startswith("4 of 5 jobs done: lr-4  failed  best 0.400 (lr-2)  took 1.0 s")


def test_the_first_job_knows_how_many_come_after_it(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sweep_progress.jobs_after_the_first() is None
    monkeypatch.setattr(sweep_progress, "_sweeps", [sweep])
    # four of five are done
    assert sweep_progress.jobs_after_the_first() == 0
    shutil.rmtree(sweep.folder)
    assert sweep_progress.jobs_after_the_first() == 4
    monkeypatch.setattr(sweep_progress, "_a_job_ended", Event())
    sweep_progress._a_job_ended.set()
    assert sweep_progress.jobs_after_the_first() is None


def test_the_time_of_a_sweep_is_told_once_while_its_first_job_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seep_lightning")
    monkeypatch.setattr(epoch_lines, "jobs_after_the_first", lambda: 3)
    monkeypatch.setattr(epoch_lines, "seconds_left", lambda trainer, pace, epochs: 10.0 * epochs)
    lines = EpochLines("dice/val", Run(tmp_path), 10)
    lines._epochs = 4
    for epoch in range(4):
        lines._tell_sweep(SimpleNamespace(current_epoch=epoch))
    assert caplog.messages == ["sweep: 3 min left, if the 3 other jobs take as long as this one"]


def test_the_best_job_at_the_end_is_the_first_of_compare_and_never_a_pruned_one(
    sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    best = print_jobs(sweep)
    rows = compare([str(sweep.folder)])
    assert best is not None
    assert best.dir == rows[0].run.dir == sweep.folder / "lr-2"
    assert [row.run.dir.name for row in rows] == ["lr-2", "lr-1", "lr-3", "lr-4"]
    shown = capsys.readouterr().out
    assert "4 runs by val dice" in shown
    assert "best: dice 0.400 on validation with optimizer.lr=2" in shown
    assert f"python -m seep_lightning.compare 'runs={sweep.folder}'" in shown
    # the command names failed jobs at its end
    assert "no loss" not in shown


def test_ctrl_c_says_how_the_sweep_goes_on(sweep: Sweep) -> None:
    typed = ["-m", "optimizer.lr=1,2,3,4,5", "hydra.sweep.dir=old", "data.root=/a b"]
    advice = how_to_go_on(sweep, "train", typed)
    assert advice.startswith("4 of 5 jobs are done. Go on, without repeating what is done ")
    command = shlex.split(advice.partition("saved: ")[2])
    assert command == [
        *("python", "-m", "seep_lightning.train", "-m", "optimizer.lr=1,2,3,4,5", "data.root=/a b"),
        f"hydra.sweep.dir={sweep.folder}",
    ]
    stopped = _interruption_of_sweep(Interrupted("stopped by Ctrl-C. Go on with: run=x"), advice)
    assert str(stopped) == f"stopped by Ctrl-C; {advice}"
    assert _interruption_of_sweep(Preempted("x"), "y").exit_code == Preempted.exit_code


@pytest.mark.parametrize("error", [PermissionError("no table for you"), UserError("damaged"), KeyboardInterrupt()])
def test_what_stops_the_table_at_the_end_is_one_line_after_why_jobs_failed(sweep: Sweep, error: BaseException) -> None:
    def end(_: Sweep) -> None:
        raise error

    expected = Interrupted if isinstance(error, KeyboardInterrupt) else type(error)
    assert isinstance(_error_at_end(end, sweep), expected)


def test_a_sweeper_is_told_what_compare_ranks_by() -> None:
    figures = {"dice": 0.6, "macro_dice": 0.2}
    assert ranking_value("dice_before_scaling/val", 0.5, figures) == 0.6
    assert ranking_value("dice/val", 0.5, figures) == 0.6
    assert ranking_value("epoch", 0.5, figures) == 0.6
    assert ranking_value("macro_dice_before_scaling/val", 0.1, figures) == 0.2
    # a loss has no threshold
    assert ranking_value("loss/val", 0.5, figures) == 0.5
    assert ranking_key("loss/val") == "dice"


def test_a_job_tells_at_its_start_what_differs_from_the_last_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = (["net: small", "steps: 6", "epoch 1/1"], ["net: large", "steps: 6", "epoch 1/1"], ["net: small"])
    root = logging.Logger("root")
    monkeypatch.setattr("seep_lightning.commands.sweep_progress.logging.getLogger", lambda: root)
    for lines in jobs:
        # Hydra makes new ones for each job
        root.handlers = [logging.StreamHandler(sys.stdout)]
        tell_starts_once()
        for line in lines:
            root.info(line)
    shown = "net: small, steps: 6, epoch 1/1, net: large, epoch 1/1, net: small"
    assert capsys.readouterr().out.splitlines() == shown.split(", ")
