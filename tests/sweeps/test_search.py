"""Sweeps and searches: what was killed is taken up again, what is hopeless is ended, what is done is left alone."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from optuna.trial import TrialState
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.trainings import curve
from seep_lightning.errors import RunTakenOver, UserError
from seep_lightning.reporting.comparison import compare
from seep_lightning.runs.directory import Run
from seep_lightning.sweeps.search import search
from seep_lightning.sweeps.settings import SearchConfig
from seep_lightning.sweeps.space import split_overrides, values_to_enqueue
from seep_lightning.sweeps.study import Search, open_study
from seep_lightning.sweeps.trial_jobs import run_trial, trial_name
from seep_lightning.training.pruning import Pruning
from seep_lightning.training.trial_storage import STUDY_NAME, open_storage


def start(line: list[str], log: Path) -> subprocess.Popen[bytes]:
    """`python -m seep_lightning.train ...` in the background, its output in `log`."""
    clean = {k: v for k, v in os.environ.items() if k not in ("HYDRA_FULL_ERROR", "SEEP_LIGHTNING_RAISES")}
    command = [sys.executable, "-m", "seep_lightning.train", *line]
    return subprocess.Popen(command, env=clean, stdout=log.open("wb"), stderr=subprocess.STDOUT)


def wait_for(what: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    while not what():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)


def of_this_sweep(folder: Path) -> list[str]:
    """Command lines of processes that name the folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has ended
            continue
    return [line for line in lines if str(folder) in line]


@pytest.mark.slow
def test_a_sweep_killed_in_the_middle_runs_only_what_is_missing(tmp_path: Path) -> None:
    sweep, logs = tmp_path / "sweep", tmp_path / "log"
    line = ["-m", "optimizer.lr=0.0005,0.001,0.005", "model=unet_small", "trainer.max_epochs=3", *TINY]
    line += ["data.synthetic.chips=24", "data.synthetic.scenes=6", f"hydra.sweep.dir={sweep}"]
    process = start(line, logs)
    wait_for((sweep / "lr-0.001" / "checkpoints" / "last.ckpt").is_file, process)
    process.kill()
    process.wait()
    assert not (sweep / "lr-0.005").exists()
    before = {path: path.stat().st_mtime_ns for path in (sweep / "lr-0.0005").rglob("*") if path.suffix != ".log"}
    first = curve(sweep / "lr-0.001")[0]["dice/val"]
    done = seep("train", *line)
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert curve(sweep / "lr-0.001")[0]["dice/val"] == first
    assert (sweep / "lr-0.001" / "train.log").read_text().count("split=scene: ") == 2
    assert "3 of 3 jobs done: lr-0.005  dice " in done.stdout
    assert "3 runs by val dice" in done.stdout and "best: dice " in done.stdout
    assert done.stdout.count("map scenes or chips") == 1
    for rate in ("0.0005", "0.001", "0.005"):
        assert Run(sweep / f"lr-{rate}").summary()["status"] == "finished"
        assert len(curve(sweep / f"lr-{rate}")) == 3


def trial_in_training(folder: Path, log: Path) -> Path | None:
    """The folder of the trial that the process with this log is in the middle of."""
    numbers = re.findall(r"^trial-(\d+): ", log.read_text(), re.MULTILINE)
    if not numbers:
        return None
    run = folder / f"trial-{int(numbers[-1]):03d}"
    has_an_epoch = (run / "metrics.csv").is_file()
    return run if has_an_epoch and Run(run).summary()["status"] == "running" else None


def assert_eight_trials_ended_and_one_was_taken_up(folder: Path, broken: Path) -> None:
    trials = optuna.load_study(study_name=STUDY_NAME, storage=open_storage(folder / "study.db")).get_trials()
    states = Counter(t.state for t in trials)
    assert states[TrialState.COMPLETE] + states[TrialState.PRUNED] == 8
    assert states[TrialState.FAIL] == 1  # the killed one
    assert states[TrialState.RUNNING] + states[TrialState.WAITING] == 0
    [hopeless] = [t for t in trials if t.params["optimizer.lr"] < 1e-8 and t.state != TrialState.FAIL]
    assert hopeless.state == TrialState.PRUNED
    folders = sorted(folder.glob("trial-*"))
    assert len(folders) == 8  # the one that was taken up again is in its first folder, and went on there
    assert Run(broken).summary()["status"] in ("finished", "pruned")
    assert (broken / "train.log").read_text().count("split=scene: ") == 2
    assert Counter(Run(f).summary()["status"] for f in folders)["pruned"] == states[TrialState.PRUNED]


def assert_study_and_hparams_rank_as_compare_does(folder: Path) -> None:
    ranked = [row for row in compare([str(folder)]) if row.status == "finished"]
    study = optuna.load_study(study_name=STUDY_NAME, storage=open_storage(folder / "study.db"))
    assert folder / trial_name(study.best_trial) == ranked[0].run.dir
    values = {trial_name(trial): trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])}
    assert values == {row.run.dir.name: row.figures["dice"] for row in ranked}
    shown = []
    for row in ranked:
        events = EventAccumulator(str(row.run.dir / "best"))
        events.Reload()
        [point] = events.Scalars("figures/dice")
        shown.append(point.value)
    assert shown == pytest.approx([row.figures["dice"] for row in ranked])
    assert shown == sorted(shown, reverse=True)


def assert_given_again_it_changes_nothing(line: list[str], folder: Path) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/summary.json")}
    again = seep("train", *line)
    assert "best: dice " in again.stdout
    assert again.stdout.count("map scenes or chips") == 1
    assert stamps == {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/summary.json")}


@pytest.mark.slow
def test_two_processes_share_a_search_and_one_finishes_what_the_killed_one_left(tmp_path: Path) -> None:
    folder = tmp_path / "search"
    root = make_chips(tmp_path / "chips", scenes=6, tiles=8)
    line = ["sweep=optuna", "data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=8"]
    line += [f"hydra.sweep.dir={folder}", "hydra.sweeper.heartbeat=5"]
    line += ["optimizer.lr=tag(log,interval(0.003,0.03))", "model.width=choice(4,6)"]
    line += ["hydra.sweeper.startup=3", "hydra.sweeper.warmup=1"]
    first = seep("train", *line, "hydra.sweeper.n_trials=3")
    assert first.returncode == 0, first.stderr
    line += ["hydra.sweeper.n_trials=8", "hydra.sweeper.enqueue=[{optimizer.lr: 1e-9}]"]
    logs = [tmp_path / f"log{i}" for i in (0, 1)]
    killed, other = (start(line, log) for log in logs)
    wait_for(lambda: trial_in_training(folder, logs[0]), killed)
    broken = trial_in_training(folder, logs[0])
    killed.kill()
    killed.wait()
    assert broken is not None
    assert other.wait(timeout=300) == 0, logs[1].read_text()
    assert not of_this_sweep(folder)
    assert_eight_trials_ended_and_one_was_taken_up(folder, broken)
    assert_study_and_hparams_rank_as_compare_does(folder)
    assert "pruned: " in seep("compare", f"runs={folder}").stdout
    assert_given_again_it_changes_nothing(line, folder)
    for setting, named in (("loss.dice=0.5", "(loss.dice=0.5)"), ("model.width=choice(4,8)", "(model.width=")):
        refused = seep("train", *line, setting)
        assert refused.returncode == 2
        assert f"holds a search with other settings {named}" in refused.stderr


@pytest.mark.slow
def test_a_failed_trial_is_replaced_and_a_search_without_chips_ends_at_once(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    line = ["sweep=optuna", "data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=1", "hydra.sweeper.startup=2"]
    enqueued = ["hydra.sweeper.enqueue=[{optimizer.lr: 1e6}]", "hydra.sweeper.n_trials=2"]
    done = seep("train", *line, *enqueued, "ema_decay=null", f"hydra.sweep.dir={tmp_path / 'one'}")
    assert "2 trials finished, 0 pruned, 1 failed" in done.stdout, done.stderr
    assert f"failed: {tmp_path / 'one' / 'trial-000'}: the loss is " in done.stdout
    assert done.returncode == 0
    line[2] = f"data.root={tmp_path / 'nowhere'}"
    wrong = seep("train", *line, f"hydra.sweep.dir={tmp_path / 'two'}")
    assert wrong.returncode == 2
    assert wrong.stderr.count("there is no folder") == 1
    # no other trial would find chips either
    assert len(list((tmp_path / "two").glob("trial-*"))) == 1


def test_a_choice_that_always_fails_is_not_drawn_for_ever(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = json.loads((trained / "summary.json").read_text())
    finished = {key: figures[key] for key in ("status", "name", "split", "epochs", "seconds", "best", "figures")}

    def launch(overrides: list[list[str]], initial_job_idx: int) -> list[JobReturn]:
        job = JobReturn()
        job.status, job.return_value = JobStatus.COMPLETED, 0.5
        if "model=wrong" in overrides[0]:
            job.status, job.return_value = JobStatus.FAILED, UserError("model: nothing is called wrong")
        else:
            (tmp_path / f"trial-{initial_job_idx:03d}").mkdir()
            Run(tmp_path / f"trial-{initial_job_idx:03d}").write_summary(finished)
        return [job]

    settings = {"trainer": {"fast_dev_run": False}, "lr_find": False, "monitor": "dice/val"}
    hydra = {"sweep": {"dir": str(tmp_path)}, "sweeper": SearchConfig(n_trials=20, startup=2)}
    launcher: Any = SimpleNamespace(launch=launch)
    search(OmegaConf.create({**settings, "hydra": hydra}), launcher, ["model=choice(wrong,unet)"])
    printed = capsys.readouterr().out
    ended = re.search(r"20 trials finished, 0 pruned, (\d+) failed", printed)
    assert ended
    assert 0 < int(ended[1]) < 8
    named = re.findall(r"^failed: (.*)/trial-\d{3}: model: nothing is called wrong$", printed, re.MULTILINE)
    assert named == int(ended[1]) * [str(tmp_path)]


def test_a_process_that_stood_still_leaves_what_was_taken_up_elsewhere_alone(tmp_path: Path) -> None:
    study = optuna.create_study(storage=open_storage(tmp_path / "study.db", 5), study_name=STUDY_NAME)

    def launch(*_: Any, **more: Any) -> list[JobReturn]:
        study.tell(0, state=TrialState.FAIL)  # as another process does with one that gave no sign of life
        job = JobReturn()
        pruning: Any = Pruning("dice/val", f"{tmp_path / 'study.db'}:0")
        try:
            pruning.on_validation_start(SimpleNamespace(is_global_zero=True), None)
        except RunTakenOver as error:
            job.status, job.return_value = JobStatus.FAILED, error
        return [job]

    launcher: Any = SimpleNamespace(launch=launch)
    search_here = Search(tmp_path, "dice/val", SearchConfig(), fixed=[], space={})
    job = run_trial(search_here, study, study.ask(), launcher)
    assert job.status == JobStatus.FAILED
    assert [t.state.name for t in study.get_trials()] == ["FAIL"] and not study.get_trials()[0].user_attrs


@pytest.mark.slow
def test_ranks_end_a_hopeless_trial_together(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    line = ["sweep=optuna", "data=seeps", f"data.root={root}", *TINY, "trainer=ddp_cpu", "trainer.max_epochs=5"]
    line += ["hydra.sweeper.n_trials=2", "hydra.sweeper.startup=1", "hydra.sweeper.warmup=1", "hydra.sweep.dir=search"]
    done = seep("train", *line, "hydra.sweeper.enqueue=[{optimizer.lr: 0.02},{optimizer.lr: 1e-9}]", cwd=tmp_path)
    assert "1 trials finished, 1 pruned, 0 failed" in done.stdout, done.stderr
    assert "x 2" in Run(tmp_path / "search" / "trial-001").summary()["device"]


def test_an_epoch_without_validation_tells_a_study_nothing() -> None:
    strategy = SimpleNamespace(broadcast=lambda pruned: pruned)
    trainer: Any = SimpleNamespace(
        callback_metrics={"dice/val": 0.5}, is_global_zero=True, strategy=strategy, should_stop=False
    )
    module: Any = SimpleNamespace(validated=False)
    Pruning("dice/val", "/nowhere/study.db:0").on_train_epoch_end(trainer, module)
    assert not trainer.should_stop


def test_ranges_and_choices_of_a_search() -> None:
    lines = ["optimizer.lr=interval(1,2)", "model.width=int(interval(4,8))", "model=choice(unet,unet_small)", "seed=3"]
    fixed, space = split_overrides([*lines, "optimizer.lr=tag(log,interval(0.001,0.01))"])
    assert fixed == ["seed=3"]
    assert space == {
        "optimizer.lr": optuna.distributions.FloatDistribution(0.001, 0.01, log=True),
        "model.width": optuna.distributions.IntDistribution(4, 8),
        "model": optuna.distributions.CategoricalDistribution(["unet", "unet_small"]),
    }
    with pytest.raises(UserError, match=r"optimizer.lr=interval\(2,1\): cannot be searched"):
        split_overrides(["optimizer.lr=interval(2,1)"])


def test_a_search_may_go_over_what_else_may_change_when_it_goes_on(tmp_path: Path) -> None:
    def opened(override: str, trainer: str) -> None:
        fixed, space = split_overrides([override, trainer])
        open_study(Search(tmp_path, "dice/val", SearchConfig(), fixed, space))

    opened("trainer.gradient_clip_val=interval(0.1,1)", "trainer=cpu")
    opened("trainer.gradient_clip_val=interval(0.1,1)", "trainer=gpu")
    with pytest.raises(UserError, match=r"other settings \(trainer.gradient_clip_val="):
        opened("trainer.gradient_clip_val=interval(0,1)", "trainer=cpu")


def test_what_is_tried_first_must_be_of_what_is_searched() -> None:
    _, space = split_overrides(
        ["optimizer.lr=interval(0.001,0.01)", "model.width=choice(4,6)", "compile=choice(true,a)"]
    )
    assert values_to_enqueue({"optimizer.lr": 1e-9, "model.width": 4, "compile": True}, space) == {
        "optimizer.lr": 1e-9,
        "model.width": "4",
        "compile": "True",
    }
    for wrong, said in (
        ({"optimizer.lrr": 0.1}, "is not of what is searched: optimizer.lr, model.width"),
        ({"model.width": 5}, "model.width=5 is none of 4, 6"),
        ({"optimizer.lr": "a"}, "expected a number"),
        (3, "is not of what is searched"),
    ):
        with pytest.raises(UserError, match=said):
            values_to_enqueue(wrong, space)


@pytest.mark.slow
def test_a_range_test_suggests_a_learning_rate_and_trains_nothing(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    run = tmp_path / "run"
    done = seep("train", "lr_find=true", "data=seeps", f"data.root={root}", GRID, *TINY, f"hydra.run.dir={run}")
    assert done.returncode == 0, done.stderr
    suggested = float(re.findall(r"suggested: optimizer.lr=([\d.e-]+),", done.stdout)[0])
    assert 1e-4 < suggested < 0.1
    assert sorted(p.name for p in run.iterdir()) == ["config.yaml", "lr_find.csv", "lr_find.png", "train.log"]
    assert (run / "lr_find.png").read_bytes().startswith(b"\x89PNG")
    assert len((run / "lr_find.csv").read_text().splitlines()) == 101
