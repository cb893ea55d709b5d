"""Whatever ends a training is told in `summary.json`, with its traceback in `train.log`, and costs no other job."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from seep_lightning.commands.entry import tell_mistake
from seep_lightning.commands.failed_jobs import FailedJob, describe_failed_jobs, note_failed_job
from seep_lightning.errors import UserError
from seep_lightning.reporting.comparison import find_runs
from seep_lightning.runs.directory import Run
from seep_lightning.training.failures import in_one_line, is_exit_of_launcher, reason_of
from seep_lightning.training.record import RunRecord
from seep_lightning.training.session import train

Compose = Callable[..., object]

# a callback of a user's, as a file beside the command line
MINE = """
import sys
from lightning.pytorch import Callback

class TwoArguments(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")

class Mine(Callback):
    def __init__(self, kind):
        self.kind = kind

    def on_train_epoch_start(self, trainer, module):
        if self.kind == "zero":
            1 / 0
        if self.kind == "exit":
            sys.exit("no licence")
        if self.kind == "odd":
            raise TwoArguments(1, 2)
"""


class Armed(pl.Callback):
    """Lets the parts below fail once the training has begun: what fails at once is refused before it."""

    error: BaseException | None = None
    is_training = False

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: object) -> None:
        Armed.is_training = True

    @classmethod
    def fire(cls) -> None:
        if cls.error is not None and cls.is_training:
            raise cls.error


class FailingNet(nn.Conv2d):
    stride = 1

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        Armed.fire()
        return super().forward(image)


class FailingLoss(nn.Module):
    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        Armed.fire()
        return nn.functional.binary_cross_entropy_with_logits(logits, target)


class FailingCallback(pl.Callback):
    def on_validation_end(self, *_: object) -> None:
        Armed.fire()


class FailingLogger(Logger):
    name = ""
    version = ""

    def log_hyperparams(self, *_: Any) -> None: ...

    def log_metrics(self, *_: Any, **__: Any) -> None:
        Armed.fire()


class FailingLayout:
    def pairs(self, root: Path) -> Iterable[Any]:
        assert Armed.error is not None
        raise Armed.error


@pytest.fixture(autouse=True)
def unarmed() -> Iterator[None]:
    yield
    Armed.error, Armed.is_training = None, False


def node(key: str, part: type) -> str:
    return f"{key}={{_target_:{__name__}.{part.__name__}}}"


PLACES = {
    "model": FailingNet,
    "loss": FailingLoss,
    "+callbacks.mine": FailingCallback,
    "+logger.mine": FailingLogger,
    "data.layout": FailingLayout,
}


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize(
    "error", [KeyError("gone"), MemoryError("no room"), SystemExit("no licence"), SystemExit(1)], ids=repr
)
def test_an_error_anywhere_is_in_the_summary_and_its_traceback_in_the_log(
    key: str, error: BaseException, compose_tiny: Compose, tmp_path: Path
) -> None:
    part = PLACES[key]
    Armed.error = error
    armed = node("+callbacks.armed", Armed)
    config: Any = compose_tiny(armed)
    setting = {"_target_": f"{__name__}.{part.__name__}"}
    section, _, name = key.lstrip("+").partition(".")
    if section == "data":
        config.data.layout = setting
    elif name:
        setattr(config, section, {**(getattr(config, section) or {}), name: setting})
    else:
        setattr(config, section, setting)
    with pytest.raises((type(error), UserError)):
        train(config, tmp_path / "run")
    summary = Run(tmp_path / "run").summary()
    assert summary["status"] == "failed"
    assert summary["error"]
    log = (tmp_path / "run" / "train.log").read_text()
    assert log.count("Traceback") >= 1
    assert "test_failures.py" in log and type(error).__name__ in log


def test_a_failed_run_goes_on_when_the_error_is_mended(compose_tiny: Compose, tmp_path: Path) -> None:
    Armed.error = KeyError("gone")
    more = [node("+callbacks.armed", Armed), node("+callbacks.mine", FailingCallback)]
    with pytest.raises(KeyError):
        train(compose_tiny(*more), tmp_path / "run")
    Armed.error = None
    summary = train(compose_tiny(*more), tmp_path / "run").run.summary()
    assert summary["status"] == "finished"
    assert "error" not in summary


def test_an_error_after_the_end_leaves_the_run_finished(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise ValueError("no room")

    monkeypatch.setattr("seep_lightning.reporting.panels.write_hparams", no_room)
    with pytest.raises(ValueError, match="no room"):
        train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    summary = Run(tmp_path / "run").summary()
    assert summary["status"] == "finished"
    assert summary["error"].startswith("ValueError: no room (test_failures.py, line ")


def test_a_command_that_does_not_fit_a_run_leaves_it_as_it_was(
    trained: Path, compose_tiny: Compose, tmp_path: Path
) -> None:
    run = shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("train.log"))
    before = Run(run).summary()
    with pytest.raises(UserError, match="was started with"):
        train(compose_tiny("seed=3"), run)
    assert Run(run).summary() == before
    assert not (run / "train.log").exists()


def test_a_reason_is_one_line_with_the_place_in_the_user_s_code() -> None:
    try:
        torch.zeros(2).reshape(3)
    except RuntimeError as error:
        reason = reason_of(error)
    assert reason.startswith("RuntimeError: shape '[3]' is invalid")
    assert "(test_failures.py, line " in reason
    assert reason_of(UserError("said already.")) == "said already."


def test_only_submitit_may_end_the_program_without_a_failure() -> None:
    namespace = {"__name__": "submitit.core.job_environment"}
    exec("import sys\ndef end(): sys.exit(-1)", namespace)
    with pytest.raises(SystemExit) as of_launcher:
        namespace["end"]()  # type: ignore[operator]
    with pytest.raises(SystemExit) as of_others:
        sys.exit(-1)
    assert is_exit_of_launcher(of_launcher.value)
    assert not is_exit_of_launcher(of_others.value)


def test_on_the_command_line_an_error_is_one_line_that_names_the_log(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    root = make_chips(tmp_path / "chips")
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=1", "hydra.run.dir=run"]
    done = seep("train", *tiny, "+callbacks.mine={_target_:mine.Mine,kind:zero}", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stdout
    line = "ZeroDivisionError: division by zero (mine.py, line 15)"
    assert done.stderr == f"seep train: {line}. The traceback is in {tmp_path / 'run' / 'train.log'}.\n"
    assert Run(tmp_path / "run").summary()["error"] == line
    assert (tmp_path / "run" / "train.log").read_text().endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_sweep_goes_on_and_names_its_failed_jobs_at_the_end(launcher: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    root = make_chips(tmp_path / "chips")
    sweep = tmp_path / "sweep"
    line = ["-m", f"hydra/launcher={launcher}", "+callbacks.mine={_target_:mine.Mine}"]
    line += ["+callbacks.mine.kind=odd,none,exit", "data=seeps", f"data.root={root}", GRID, *TINY]
    line += ["trainer.max_epochs=1", f"hydra.sweep.dir={sweep}", "hydra.sweep.subdir=${hydra:job.num}"]
    done = seep("train", *line, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert [Run(sweep / name).summary()["status"] for name in "012"] == ["failed", "finished", "failed"]
    end = done.stderr[done.stderr.index("seep train: ") :].splitlines()
    assert end[0] == "seep train: 2 jobs of the sweep failed:"
    assert sorted(text.partition(" (mine.py")[0] for text in end[1:3]) == [
        f"  {sweep / '0'}: TwoArguments: 1 and 2",
        f"  {sweep / '2'}: SystemExit: no licence",
    ]
    notes = [json.loads(text) for text in (sweep / "failed_jobs.jsonl").read_text().splitlines()]
    assert {note["directory"] for note in notes} == {str(sweep / "0"), str(sweep / "2")}


def test_each_failed_job_has_a_line_of_its_own_whatever_its_name_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "done").mkdir()
    for name in ("a\nb", "c"):
        note_failed_job(tmp_path, FailedJob("now", name, "no licence"))
    tell_mistake("train", describe_failed_jobs(tmp_path, "now"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == ["seep train: 2 jobs of the sweep failed:", "  a\\nb: no licence", "  c: for the same reason"]
    assert len(lines) == 4 and lines[3].startswith("The others have run.")


@pytest.mark.slow
def test_a_fault_of_all_jobs_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "no-chips").mkdir()
    sweep = tmp_path / "sweep"
    line = ["-m", "data=seeps", "seed=0,1", f"hydra.sweep.dir={sweep}"]
    done = seep("train", *line, f"data.root={tmp_path / 'no-chips'}")
    assert (done.returncode, done.stdout.splitlines()) == (2, ["job 1 of 2: seed=0"])
    assert done.stderr.count("holds nothing") == done.stderr.count("\n") == 1
    # one of the folders may hold chips
    several = ",".join(str(tmp_path / name) for name in ("no-chips", "other"))
    done = seep("train", "-m", "data=seeps", f"data.root={several}", f"hydra.sweep.dir={tmp_path / 'two'}")
    assert done.returncode == 2 and "2 jobs of the sweep failed:" in done.stderr
    root = make_chips(tmp_path / "chips")
    done = seep("train", *line, f"data.root={root}", GRID, *TINY, "optimizer.lr=-1")
    assert done.stdout.count("Invalid learning rate: -1") == done.stderr.count("Invalid learning rate: -1") == 1
    assert "2 of 2 jobs done: seed-1  failed  for the same reason as seed-0  took" in done.stdout
    assert done.stderr.count("for the same reason") == 1 and "The others have run" not in done.stderr
    assert "Invalid learning rate: -1" in (sweep / "seed-1" / "train.log").read_text()


def test_a_job_that_fails_before_its_training_is_named_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failed = tmp_path / "a"
    failed.mkdir()
    (failed / "train.log").write_text("")
    Run(failed).write_summary({"status": "failed", "error": "KeyError: 'gone'"})
    with pytest.raises(UserError, match="no run in there"):
        find_runs([str(tmp_path)])
    assert f"left out: {failed}: KeyError: 'gone'" in caplog.text


@pytest.mark.slow
def test_the_job_after_a_failed_one_has_its_memory(tmp_path: Path) -> None:
    """A launcher keeps the error of each job to the end, and an error its frames with all that they hold."""
    (tmp_path / "mine.py").write_text(
        "import weakref\nfrom lightning.pytorch import Callback\n\nNETS = []\n\n"
        "class Mine(Callback):\n"
        "    def on_train_start(self, trainer, module):\n"
        "        import gc\n        gc.collect()\n"
        "        print('NETS', sum(net() is not None for net in NETS))\n"
        "        NETS.append(weakref.ref(module.net))\n"
        "        raise RuntimeError('CUDA out of memory')\n"
    )
    root = make_chips(tmp_path / "chips")
    line = ["-m", "seed=1,2", "+callbacks.mine={_target_:mine.Mine}", "data=seeps", f"data.root={root}", GRID, *TINY]
    done = seep("train", *line, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.stdout.count("NETS 0") == 2, done.stdout + done.stderr


@pytest.mark.slow
def test_a_process_of_a_launcher_that_is_killed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os, signal\nfrom lightning.pytorch import Callback\n\n"
        "class Mine(Callback):\n"
        "    def on_train_start(self, trainer, module):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = make_chips(tmp_path / "chips")
    line = [
        "-m",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "seed=1,2",
        "+callbacks.mine={_target_:mine.Mine}",
    ]
    line += ["data=seeps", f"data.root={root}", GRID, *TINY, "hydra.sweep.dir=sweep"]
    done = seep("train", *line, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "seep train: a process of the launcher was killed" in done.stderr


def test_the_process_that_failed_first_says_why(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_summary({"status": "failed", "error": "ValueError: boom"}, by_any_process=True)
    waiting = RuntimeError("connection closed by peer")
    with pytest.raises(RuntimeError), RunRecord(run, {}, {}, 0.0).of_errors():
        raise waiting
    assert run.summary()["error"] == "ValueError: boom"
    assert str(in_one_line(run, waiting)).startswith("ValueError: boom. The traceback is in")
    assert str(in_one_line(run, OSError(28, "no space left"))).startswith("OSError: [Errno 28] no space left")
