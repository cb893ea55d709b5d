"""A training that has nothing to learn from, or nothing to be judged by, is told so before its first step."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from helpers.chips import MASKS
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.training.criterion import ConstantMonitors
from seep_lightning.training.session import train

Compose = Callable[..., Any]
LIGHTNING = "lightning.pytorch.callbacks"
CONSTANT = "it cannot tell a good epoch from a bad one"


def fill_masks(config: Any, part: str, value: int, first: int = 0) -> None:
    """Write one value into all masks of a part, from its `first` chip on."""
    data = SeepDataModule(config.data, config.split, [], config.seed)
    for index in data.indices(part)[first:]:
        path = Path(config.data.root) / MASKS / data.chips.names[index]
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert cv2.imwrite(str(path), np.full_like(mask, value))


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        ([], "monitor=dice_before_scaling/val"),
        (["monitor=recall/val"], "monitor=recall/val"),
        (["monitor=loss/val", "scheduler=plateau", "scheduler.monitor=dice/val"], "scheduler.monitor=dice/val"),
        (
            ["monitor=loss/val", f"+callbacks.stop={{_target_:{LIGHTNING}.EarlyStopping,monitor:dice/val}}"],
            "callbacks.stop.monitor=dice/val",
        ),
    ],
)
@pytest.mark.parametrize(("value", "lacking"), [(0, "seep"), (1, "sea")])
def test_a_validation_that_cannot_judge_is_refused(
    overrides: list[str], key: str, value: int, lacking: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    config = compose_tiny(*overrides)
    fill_masks(config, "val", value)
    with pytest.raises(UserError, match=rf"validation chips that are used holds {lacking}, so that {key} cannot tell"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_a_validation_without_seep_may_be_judged_by_its_loss(
    compose_tiny: Compose, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = compose_tiny("monitor=loss/val", "trainer.max_epochs=1")
    fill_masks(config, "val", 0)
    train(config, tmp_path / "run")
    assert "its figures and its threshold say nothing" in caplog.text


def test_only_the_chips_that_are_validated_count(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("data.batch_size=2", "trainer.limit_val_batches=1")
    fill_masks(config, "val", 0)
    data = SeepDataModule(config.data, config.split, [], config.seed)
    shown = Path(config.data.root) / MASKS / data.chips.names[data.indices("val")[-1]]
    mask = np.zeros(data.chips.size, np.uint8)
    mask[5:9] = 1
    assert cv2.imwrite(str(shown), mask)
    with pytest.raises(UserError, match=r"none of the 2 validation chips .* or raise trainer.limit_val_batches"):
        train(config, tmp_path / "run")
    whole = compose_tiny("data.batch_size=2", "trainer.max_epochs=1")
    train(whole, tmp_path / "run")


@pytest.mark.parametrize(("value", "lacking"), [(0, "seep"), (1, "sea")])
def test_a_training_part_of_one_kind_is_refused(
    value: int, lacking: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    config = compose_tiny()
    fill_masks(config, "train", value)
    with pytest.raises(UserError, match=rf"training chips holds {lacking}: there is nothing to learn. Pass another"):
        train(config, tmp_path / "run")
    for part in ("val", "test"):
        fill_masks(config, part, value)
    with pytest.raises(UserError, match=rf"holds {lacking}, nor does any other chip of .*seep_lightning.check"):
        train(config, tmp_path / "run")


def test_a_class_that_validation_lacks_is_no_monitor_and_is_told(
    compose_tiny: Compose, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classes = ["task=classes", "trainer.max_epochs=1"]
    config = compose_tiny(*classes, "monitor=dice_class_2_before_scaling/val")
    fill_masks(config, "val", 3)
    fill_masks(config, "val", 0, first=3)
    with pytest.raises(
        UserError, match=r"monitor=dice_class_2_before_scaling/val: no validation chip holds that class"
    ):
        train(config, tmp_path / "run")
    train(compose_tiny(*classes, "monitor=macro_dice_before_scaling/val"), tmp_path / "run")
    assert "monitor=macro_dice_before_scaling/val judges nothing about class 1, 2, 4, 5, 6, 7" in caplog.text


class SameAlways(pl.Callback):
    """Logs a figure that never changes."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.log("own/val", 0.25)


def test_a_monitor_that_never_changes_is_told(
    compose_tiny: Compose, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(compose_tiny(f"+callbacks.own._target_={__name__}.SameAlways", "monitor=own/val"), tmp_path / "run")
    [told] = [record.getMessage() for record in caplog.records if CONSTANT in record.getMessage()]
    assert told.startswith("monitor=own/val was 0.25 after each of 2 validations")


@pytest.mark.parametrize(
    ("values", "told_after"),
    [([0.0] * 6, 5), ([float("nan")] * 6, 5), ([0.0, 0.1, *[0.0] * 6], None), ([0.0, 0.0], "the end"), ([0.0], None)],
)
def test_a_constant_monitor_is_told_once_it_has_shown_itself(
    values: list[float], told_after: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ConstantMonitors(["dice/val", "epoch"])
    moments: list[Any] = []
    for number, value in enumerate(values, 1):
        resumed = ConstantMonitors(["dice/val", "epoch"])
        resumed.load_state_dict(watch.state_dict())
        watch = resumed
        watch.on_validation_end(trainer_that_measured(value), Any)
        moments += [number] * len(caplog.records)
        caplog.clear()
    watch.on_train_end(trainer_that_measured(0.0), Any)
    moments += ["the end"] * len(caplog.records)
    assert moments == ([] if told_after is None else [told_after])


def trainer_that_measured(value: float) -> Any:
    return SimpleNamespace(sanity_checking=False, callback_metrics={"dice/val": torch.tensor(value)})


def test_a_monitor_that_changes_is_not_told(
    compose_tiny: Compose, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(compose_tiny("monitor=loss/val"), tmp_path / "run")
    assert CONSTANT not in caplog.text
