"""A run without TensorBoard writes none of its files, one without any logger trains as well, and reports say so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from seep_lightning import api
from seep_lightning.commands.composition import compose
from seep_lightning.commands.overrides import prepare_arguments
from seep_lightning.config.commands import ReportConfig
from seep_lightning.reporting.page import report
from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train

Compose = Callable[..., object]


def events(run: Path) -> list[Path]:
    return list(run.rglob("events.out.tfevents.*"))


@pytest.mark.parametrize("setting", ["logger.tensorboard=null", "~logger.tensorboard"])
def test_without_tensorboard_there_are_no_events_and_all_else(
    setting: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    run = train(compose_tiny(setting, "trainer.max_epochs=1"), tmp_path / "run").run
    assert events(run.dir) == []
    assert run.metrics_path.is_file()
    page = report(ReportConfig(run=str(run.dir), device="cpu")).read_text()
    assert "<h2>Curves</h2>" in page and "No curves" not in page


@pytest.mark.parametrize("setting", ["logger=null", "logger={}", "~logger"])
def test_each_way_to_have_no_logger_comes_to_the_same(setting: str, compose_tiny: Callable[..., Any]) -> None:
    assert compose_tiny(setting) == compose_tiny("logger=null")
    assert compose_tiny(setting).logger is None


def test_without_any_logger_a_run_is_trained_and_its_report_says_that_curves_are_missing(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    run = train(compose_tiny("logger=null", "trainer.max_epochs=1"), tmp_path / "sweep" / "run").run
    assert run.summary()["status"] == "finished"
    assert events(run.dir) == [] and not run.metrics_path.exists()
    page = report(ReportConfig(run=str(run.dir), device="cpu")).read_text()
    assert "No curves: there is no metrics.csv, which the logger csv writes after each epoch." in page
    of_sweep = report(ReportConfig(run=str(tmp_path / "sweep"), device="cpu")).read_text()
    assert "Without curves, since there is no metrics.csv: run" in of_sweep


@pytest.mark.parametrize("off", [None, {}])
def test_loggers_are_switched_off_from_python_too(off: Any) -> None:
    assert not api.compose("train", logger=off).logger
    assert api.compose("train").logger


def test_an_empty_schedule_is_none() -> None:
    """Hydra would add nothing to the schedule that the default chose."""
    assert not compose("train", ["scheduler={}"]).scheduler


def test_in_a_sweep_the_folders_are_not_named_by_what_is_switched_off() -> None:
    # overrides stand before flags
    *_, excluded, flag = prepare_arguments(["-m", "logger=null", "seed=1,2"])
    assert flag == "-m"
    assert excluded == "hydra.job.config.override_dirname.exclude_keys=['logger']"


def test_the_commands_to_type_next_name_tensorboard_only_where_it_has_something(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    line = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=1", "hydra.run.dir=run"]
    done = seep("train", "logger.tensorboard=null", *line, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "tensorboard" not in done.stdout
    assert "look at the curves:  python -m seep_lightning.report run=run\n" in done.stdout
    assert Run(tmp_path / "run").metrics_path.is_file()
