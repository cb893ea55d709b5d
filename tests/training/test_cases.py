"""What one training command has to do: start, resume, leave a finished run alone, or test learning rates."""

import json
import shutil
from pathlib import Path

import pytest

from helpers.chips import GRID, TINY
from seep_lightning.commands.keywords import compose_keywords
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.training.cases import TrainingCase, TrainingRequest, job_of


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run of six epochs."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def case(directory: Path, *overrides: str, is_multirun: bool = False) -> TrainingCase:
    cfg = compose_keywords("train", list(overrides), {}).cfg
    return job_of(TrainingRequest(cfg, list(overrides), directory, is_multirun)).case


def settings_of_its_training(trained: Path) -> list[str]:
    return ["data=seeps", f"data.root={trained.parent / 'chips'}", GRID, *TINY, "trainer.max_epochs=6"]


def write_status(run: Path, status: str) -> None:
    summary = {**Run(run).summary(), "status": status}
    (run / "summary.json").write_text(json.dumps(summary))


def test_an_empty_directory_starts_a_run(tmp_path: Path) -> None:
    assert case(tmp_path) == TrainingCase.START


def test_a_directory_that_holds_a_run_is_refused(run: Path) -> None:
    with pytest.raises(UserError, match=r"holds a run already. Resume it with run="):
        case(run)


def test_a_finished_job_of_a_sweep_is_left_alone_and_a_broken_one_goes_on(run: Path, trained: Path) -> None:
    settings = settings_of_its_training(trained)
    assert case(run, *settings, is_multirun=True) == TrainingCase.FINISHED_ALREADY
    assert case(run, *settings, "trainer.max_epochs=7", is_multirun=True) == TrainingCase.RESUME
    write_status(run, "interrupted")
    assert case(run, *settings, is_multirun=True) == TrainingCase.RESUME
    (run / "checkpoints" / "last.ckpt").unlink()
    assert case(run, *settings, is_multirun=True) == TrainingCase.START


def test_a_named_run_is_left_alone_where_nothing_is_to_change(run: Path) -> None:
    assert case(run, f"run={run}") == TrainingCase.FINISHED_ALREADY
    assert case(run, f"run={run}", "trainer.max_epochs=7") == TrainingCase.RESUME


def test_what_a_search_ended_as_hopeless_may_be_brought_to_its_end(run: Path) -> None:
    write_status(run, "pruned")
    assert case(run, f"run={run}") == TrainingCase.RESUME


def test_a_range_test_wants_a_directory_without_a_run(run: Path, tmp_path: Path) -> None:
    assert case(tmp_path / "new", "lr_find=true") == TrainingCase.RANGE_TEST
    with pytest.raises(UserError, match="lr_find=true trains nothing"):
        case(run, "lr_find=true")
