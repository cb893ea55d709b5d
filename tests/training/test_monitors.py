"""A figure that a training is judged by must be one that it measures: told before the training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from helpers.trainings import curve
from seep_lightning.config.trust import trusting
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.training.building import build_module
from seep_lightning.training.epoch_facts import EPOCH_FACTS
from seep_lightning.training.monitors import with_modes
from seep_lightning.training.session import train

Compose = Callable[..., Any]


class OwnFigure(pl.Callback):
    """Logs a figure of its own."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.log("own/val", float(trainer.current_epoch))


class LeastDice(pl.callbacks.EarlyStopping):
    """Knows its monitor and mode by itself."""

    def __init__(self) -> None:
        super().__init__("dice/val", mode="min")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["monitor=dise/val"], r"monitor=dise/val is not measured. Did you mean dice/val\? Known: chips_per_second, "),
        (["monitor=macro_dice/val"], "monitor=macro_dice/val is not measured"),
        (["monitor=dice_per_chip/val"], r"is not measured. Did you mean dice_per_chip_before_scaling/val\?"),
        (["scheduler=plateau", "scheduler.monitor=los/val"], "scheduler.monitor=los/val is not measured"),
        (
            ["trainer.check_val_every_n_epoch=3"],
            "monitor=dice_before_scaling/val is never measured: trainer.check_val_every_n_epoch=3 is beyond trainer",
        ),
        (["trainer.limit_val_batches=0"], "is never measured: trainer.limit_val_batches=0 leaves"),
    ],
)
def test_what_is_never_measured_is_no_monitor(
    overrides: list[str], message: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(compose_tiny(*overrides), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_a_training_without_validation_may_keep_its_last_epoch(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("monitor=epoch", "trainer.check_val_every_n_epoch=3"), tmp_path / "run").run
    assert run.summary()["best"]["epoch"] == 1


def test_what_a_callback_logs_may_be_the_monitor(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny(f"+callbacks.own._target_={__name__}.OwnFigure", "monitor=own/val")
    assert train(config, tmp_path / "run").score == 1


@pytest.mark.parametrize("overrides", [[], ["task=classes"]])
def test_the_names_that_may_be_monitors_are_the_columns_of_the_curve(
    overrides: list[str], compose_tiny: Compose, tmp_path: Path
) -> None:
    config = compose_tiny(*overrides, "trainer.max_epochs=1")
    data = SeepDataModule(config.data, config.split, config.augment)
    names = build_module(config, data).figure_names()
    measured = set(curve(train(config, tmp_path / "run").run.dir)[0])
    of_classes_without_truth = {name for name in {*names} - measured if name.startswith("dice_class_")}
    assert {*names} - of_classes_without_truth == measured - {"epoch", *EPOCH_FACTS}


LIGHTNING = "lightning.pytorch.callbacks"


@pytest.mark.parametrize(
    ("overrides", "mode"),
    [
        (["scheduler=plateau"], "min"),
        (["scheduler=plateau", "scheduler.monitor=dice/val"], "max"),
        (["scheduler=plateau", "scheduler.monitor=dice/val", "scheduler.mode=max"], "max"),
        (["scheduler=plateau", "scheduler.monitor=loss/train"], "min"),
        (["~scheduler", "+scheduler={_target_:torch.optim.lr_scheduler.ReduceLROnPlateau,monitor:recall/val}"], "max"),
    ],
)
def test_a_plateau_takes_its_mode_from_its_monitor(overrides: list[str], mode: str, compose_tiny: Compose) -> None:
    assert with_modes(compose_tiny(*overrides)).scheduler["mode"] == mode


def test_a_schedule_that_is_no_plateau_gets_no_mode(compose_tiny: Compose) -> None:
    config = compose_tiny("scheduler=one_cycle", "+scheduler.monitor=dice/val")
    assert "mode" not in with_modes(config).scheduler


def test_callbacks_take_their_mode_from_their_monitor(compose_tiny: Compose, tmp_path: Path) -> None:
    stop = f"+callbacks.stop={{_target_:{LIGHTNING}.EarlyStopping,monitor:dice/val,patience:1}}"
    keep = f"+callbacks.keep={{_target_:{LIGHTNING}.ModelCheckpoint,monitor:loss/val}}"
    other = f"+callbacks.other._target_={LIGHTNING}.LearningRateMonitor"
    callbacks = train(compose_tiny(stop, keep, other), tmp_path / "run").run.config.callbacks
    assert [callbacks[name].get("mode") for name in ("stop", "keep", "other")] == ["max", "min", None]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["scheduler=plateau", "scheduler.monitor=dice/val", "scheduler.mode=min"],
            "scheduler has mode=min with monitor=dice/val, of which more is better. Leave mode out",
        ),
        (
            [f"+callbacks.stop={{_target_:{LIGHTNING}.EarlyStopping,monitor:loss/val,mode:max}}"],
            "callbacks: EarlyStopping has mode=max with monitor=loss/val, of which less is better",
        ),
        (
            [f"+callbacks.stop._target_={__name__}.LeastDice"],
            "callbacks: LeastDice has mode=min with monitor=dice/val",
        ),
    ],
)
def test_a_mode_that_contradicts_its_figure_is_refused(
    overrides: list[str], message: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(compose_tiny(*overrides), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_the_mode_of_what_only_a_callback_knows_is_the_users(compose_tiny: Compose, tmp_path: Path) -> None:
    own = f"+callbacks.own._target_={__name__}.OwnFigure"
    stop = f"+callbacks.stop={{_target_:{LIGHTNING}.EarlyStopping,monitor:own/val,mode:min}}"
    run = train(compose_tiny(own, stop, "trainer.max_epochs=1"), tmp_path / "run").run
    with trusting([__name__]):
        assert run.config.callbacks.keys() >= {"own", "stop"}
