"""`run=` of a folder that holds runs: the newest one with the checkpoint that is wanted."""

import logging
import os
from pathlib import Path

import pytest

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import open_run, runs_below
from seep_lightning.runs.newest import run_or_newest_below


def make_run(directory: Path, age: int, checkpoint: str = "best") -> Path:
    (directory / "checkpoints").mkdir(parents=True)
    (directory / "config.yaml").touch()
    path = directory / "checkpoints" / f"{checkpoint}.ckpt"
    path.touch()
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return directory


def test_of_a_folder_the_run_with_the_newest_checkpoint_is_taken_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = tmp_path / "outputs"
    single = make_run(outputs / "mine" / "monday", age=20)
    job = make_run(outputs / "mine" / "sweep" / "lr-0.1", age=10)
    make_run(outputs / "mine" / "killed", age=0, checkpoint="last")
    make_run(tmp_path / "elsewhere", age=0)
    # a link in a stranger's folder leads nowhere
    (outputs / "mine" / "link").symlink_to(tmp_path / "elsewhere")
    with caplog.at_level(logging.INFO, "seep_lightning"):
        assert run_or_newest_below(outputs) == job
    assert f"run={outputs}: {job} is the newest of 2 run(s) with best.ckpt there" in caplog.text
    assert run_or_newest_below(single) == single
    assert run_or_newest_below(outputs, "last") == outputs / "mine" / "killed"


def test_a_folder_without_such_a_run_is_told_with_the_runs_that_it_holds(tmp_path: Path) -> None:
    make_run(tmp_path / "a", age=0, checkpoint="last")
    make_run(tmp_path / "s" / "b", age=0, checkpoint="last")
    assert run_or_newest_below(tmp_path) == tmp_path
    with pytest.raises(UserError, match=r"no config.yaml.* It holds runs: s/b, a\.$"):
        open_run(tmp_path)


@pytest.mark.skipif(not Path("/proc/1/fdinfo").is_dir(), reason="no such system of files")
def test_a_folder_in_which_nothing_may_be_looked_up_holds_no_run() -> None:
    assert list(runs_below(Path("/proc/1"))) == []
