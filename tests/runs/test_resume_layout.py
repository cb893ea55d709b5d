"""A run goes on where only the folders' names or the grids of its chips are others: pixels and split are checked."""

from dataclasses import replace
from pathlib import Path

import pytest

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.resume import check_same_config

RUN = Path(__file__).parents[1] / "fixtures" / "run_60f2943"


def test_folders_of_other_names_and_other_grids_are_the_same_run() -> None:
    run = Run(RUN)
    data = replace(run.config.data, images="images", masks="masks", grid={})
    check_same_config(run, replace(run.config, data=data))


def test_other_classes_are_another_run() -> None:
    run = Run(RUN)
    with pytest.raises(UserError, match=r"was started with data\.classes=7, not 1"):
        check_same_config(run, replace(run.config, data=replace(run.config.data, classes=1)))


def test_classes_that_were_moved_are_the_same_run() -> None:
    run = Run(RUN)
    stored = run.config_path.read_text()
    assert "seep_lightning.losses.BCEDice" in stored
    loss = {**run.config.loss, "_target_": "seep_lightning.training.losses.BCEDice"}
    scheduler = {**run.config.scheduler, "_target_": "seep_lightning.training.schedules.WarmupCosine"}
    check_same_config(run, replace(run.config, loss=loss, scheduler=scheduler))
    as_composed_now = {run.config.loss["_target_"], run.config.scheduler["_target_"]}
    assert as_composed_now == {loss["_target_"], scheduler["_target_"]}
    assert run.config.logger["csv"]["_target_"] == "seep_lightning.training.loggers.Csv"
