"""Curves of a run in TensorBoard, its row of settings, and loggers of other libraries."""

import errno
import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.trainings import curve
from seep_lightning.errors import DiskError, UserError
from seep_lightning.metrics.figures import before_scaling
from seep_lightning.reporting.panels import trial_id
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_history
from seep_lightning.runs.settings import settings_of
from seep_lightning.training import checkpointing, loggers
from seep_lightning.training.loggers import Csv
from seep_lightning.training.session import train

Compose = Callable[..., object]


def test_tensorboard_has_train_and_validation_of_one_metric_on_one_chart(trained: Path) -> None:
    stages = {}
    for stage in ("train", "val"):
        events = EventAccumulator(str(trained / stage))
        events.Reload()
        stages[stage] = events
        assert [e.step for e in events.Scalars("figures/dice_before_scaling")] == list(range(1, 7))
        names = ("loss", *map(before_scaling, ("jaccard", "precision", "recall")))
        assert {f"figures/{name}" for name in names} <= set(events.Tags()["scalars"])
    facts = {f"training/{name}" for name in ("lr", "epoch_seconds", "chips_per_second", "wait_share")}
    assert facts <= set(stages["train"].Tags()["scalars"])
    assert stages["val"].Scalars("figures/dice")[-1].value == pytest.approx(float(curve(trained)[-1]["dice/val"]))
    pictures = [tag for tag in stages["train"].Tags()["images"] if "augmented" in tag]
    assert pictures == ["pictures/augmented_1", "pictures/augmented_2"]
    assert [picture.step for picture in stages["train"].Images(pictures[0])] == [1]
    assert not list(trained.glob("events*"))  # it would be an empty run in the list


def test_the_row_of_the_hparams_tab_is_a_point_on_the_curve_and_leaves_the_columns_to_all_rows(trained: Path) -> None:
    best = EventAccumulator(str(trained / "best"))
    best.Reload()
    (point,) = best.Scalars("figures/dice")
    assert point.step == Run(trained).summary()["best"]["epoch"] + 1
    assert point.value == pytest.approx(float(curve(trained)[point.step - 1]["dice/val"]), abs=1e-4)
    tags = best.summary_metadata
    assert "_hparams_/session_start_info" in tags
    assert "_hparams_/experiment" not in tags
    assert trial_id(Run(Path("a/lr-0.001"))) == "lr-0.001 a/lr-0.001"
    assert trial_id(Run(Path("a/2026-11-30_22-51-03"))).startswith("22-51-03 2026-11-30 ")
    content = tags["_hparams_/session_start_info"].plugin_data.content
    assert str(trained).encode() in content


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


def logged(folder: Path, epochs: range, **figures: float) -> Csv:
    """A logger that wrote some epochs, as the training does."""
    logger = Csv(folder)
    for epoch in epochs:
        logger.log_metrics({"dice/val": epoch / 7, "epoch": epoch})
        logger.log_metrics({"loss/train": 1 / (1 + epoch), "epoch": epoch, **figures})
        logger.write_row()
    return logger


def test_a_thousand_epochs_are_appended_and_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewriting the table at each epoch wrote 486 MB in 1,000 epochs."""
    written: list[int] = []
    whole = loggers.write_table

    def counted(path: Path, *arguments: object) -> None:
        whole(path, *arguments)
        written.append(path.stat().st_size)

    monkeypatch.setattr(loggers, "write_table", counted)
    logged(tmp_path, range(1000))
    assert len(written) == 1
    assert [row["epoch"] for row in read_history(tmp_path / "metrics.csv")] == list(range(1, 1001))


def test_an_appended_table_is_that_which_is_written_at_once(tmp_path: Path) -> None:
    logger = logged(tmp_path, range(5))
    appended = (tmp_path / "metrics.csv").read_bytes()
    logger._write_anew()
    assert (tmp_path / "metrics.csv").read_bytes() == appended


def test_a_resumed_table_keeps_earlier_rows_and_does_later_ones_again(tmp_path: Path) -> None:
    logged(tmp_path, range(5))
    logged(tmp_path, range(3, 4), extra=1.0)
    rows = read_history(tmp_path / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["extra"] for row in rows][3] == 1 and rows[2]["loss/train"] == 1 / 3


def test_half_a_row_at_the_end_is_no_row(tmp_path: Path) -> None:
    logged(tmp_path, range(3))
    table = tmp_path / "metrics.csv"
    table.write_bytes(table.read_bytes()[:-4])
    assert [row["epoch"] for row in read_history(table)] == [1, 2]
    assert list(Csv(tmp_path).rows) == [1, 2]


def test_a_table_of_an_older_version_counts_from_1_once_its_run_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,loss/train\n0,0.5\n1,0.4\n2,0.3\n")
    assert [row["epoch"] for row in read_history(tmp_path / "metrics.csv")] == [1, 2, 3]
    logged(tmp_path, range(2, 4))
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1].startswith("1,")
    assert [row["epoch"] for row in read_history(tmp_path / "metrics.csv")] == [1, 2, 3, 4]


def test_a_disk_that_fills_leaves_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logged(tmp_path, range(3))
    before = (tmp_path / "metrics.csv").read_bytes()
    logger.log_metrics({"dice/val": 0.5, "epoch": 3})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    with pytest.raises(DiskError, match=r"metrics\.csv is full"):
        logger.write_row()
    monkeypatch.undo()
    assert (tmp_path / "metrics.csv").read_bytes().startswith(before)
    logged(tmp_path, range(3, 4))
    assert [row["epoch"] for row in read_history(tmp_path / "metrics.csv")] == [1, 2, 3, 4]


def test_the_row_of_an_epoch_is_whole_before_its_checkpoint(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process killed after the checkpoint left half a row: 2 of 44 times."""
    rows: list[dict[str, float]] = []
    write = checkpointing.write_checkpoint

    def seen(path: Path, content: dict[str, object]) -> None:
        rows.append(read_history(tmp_path / "run" / "metrics.csv")[-1] | {"of": content["epoch"]})
        write(path, content)

    monkeypatch.setattr(checkpointing, "write_checkpoint", seen)
    train(compose_tiny("monitor=epoch", "trainer.check_val_every_n_epoch=1"), tmp_path / "run")
    assert [row["epoch"] for row in rows] == [row["of"] + 1 for row in rows] == [1, 1, 2, 2]
    table = read_history(tmp_path / "run" / "metrics.csv")
    assert [{**row, "of": row["epoch"] - 1} for row in table] == [rows[0], rows[2]]
    assert {"dice/val", "dice_before_scaling/train", "loss/train", "lr", "epoch_seconds"} <= table[0].keys()
    assert not any(math.isnan(value) for row in table for value in row.values())
