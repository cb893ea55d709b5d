"""Curves of a run in TensorBoard, its row of settings, and loggers of other libraries."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.trainings import curve
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import settings_of
from seep_lightning.training.session import train

Compose = Callable[..., object]


def test_tensorboard_has_train_and_validation_of_one_metric_on_one_chart(trained: Path) -> None:
    stages = {}
    for stage in ("train", "val"):
        events = EventAccumulator(str(trained / stage))
        events.Reload()
        stages[stage] = events
        assert [e.step for e in events.Scalars("figures/dice")] == list(range(6))
        names = ("loss", "jaccard", "precision", "recall")
        assert {f"figures/{name}" for name in names} <= set(events.Tags()["scalars"])
    facts = {f"training/{name}" for name in ("lr", "epoch_seconds", "chips_per_second")}
    assert facts <= set(stages["train"].Tags()["scalars"])
    assert stages["val"].Scalars("figures/dice")[-1].value == pytest.approx(float(curve(trained)[-1]["dice/val"]))
    assert not list(trained.glob("events*"))  # it would be an empty run in the list


def test_the_row_of_the_hparams_tab_is_a_point_on_the_curve_and_leaves_the_columns_to_all_rows(trained: Path) -> None:
    best = EventAccumulator(str(trained / "best"))
    best.Reload()
    (point,) = best.Scalars("figures/dice")
    assert point.step == Run(trained).summary()["best"]["epoch"]
    assert point.value == pytest.approx(float(curve(trained)[point.step]["dice/val"]), abs=1e-4)
    tags = best.summary_metadata
    assert "_hparams_/session_start_info" in tags
    assert "_hparams_/experiment" not in tags


def test_settings_that_are_swept_are_named_also_where_they_are_the_default(compose_tiny: Compose) -> None:
    names = settings_of(compose_tiny("data.batch_size=16", "ema_decay=null", "trainer.max_epochs=30")).items()
    assert {("data.batch_size", 16), ("ema_decay", None), ("trainer.max_epochs", 30)} <= {
        (k, v) for k, v in names if not isinstance(v, list)
    }


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_logger_whose_package_is_missing_names_the_extra(name: str, compose_tiny: Compose, tmp_path: Path) -> None:
    if find_spec(name):
        pytest.skip(f"{name} is installed")
    with pytest.raises(UserError, match=rf"logger.{name} needs.*pip install 'seep_lightning\[{name}\]'"):
        train(compose_tiny(f"logger={name}"), tmp_path / "run")
