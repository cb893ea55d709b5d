"""What makes the criterion of a training worthless: parts of the data in which there is nothing to be found."""

import logging
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from seep_lightning.config.training import TrainConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.split import other_parts_cure
from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import DICE_OF_CLASS, key_of
from seep_lightning.training.length import validated_chips
from seep_lightning.training.monitors import LAST_EPOCH, monitors_of, needs_truth

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule

log = logging.getLogger(__name__)

CLEARLY_CONSTANT = 5
"""Validations with the same value of a monitor, after which it is told before the end."""


def check_criterion(trainer: pl.Trainer, data: "SeepDataModule", config: TrainConfig) -> None:
    """Refuse a training that has nothing to learn from, or nothing to be judged by.

    Args:
        trainer: The Trainer, which may validate a part of the validation chips only.
        data: The chips, set up.
        config: The run's config.

    Raises:
        UserError: The training part holds no seep, or no sea; or validation does not, and a figure is the monitor that
            is the same then whatever the network does.
    """
    training = data.indices("train")
    _check_training(data.chips, training, config)
    validated = validated_chips(trainer, data, config)
    lacking = _lacking(data.chips, validated)
    if lacking:
        _check_monitors_without(lacking, len(validated), data, config)
    elif config.task == "classes":
        _check_classes(data.chips, validated, config)


def _check_training(chips: Chips, training: Sequence[int], config: TrainConfig) -> None:
    """Refuse a training part in which all pixels are the same."""
    lacking = _lacking(chips, training)
    if not lacking:
        return
    subject = f"none of the {len(training)} training chips holds {lacking}"
    if _lacking(chips, range(len(chips))) == lacking:
        raise UserError(
            f"{subject}, nor does any other chip of {chips.root}: there is nothing to learn. Look at the masks and at "
            "data.mask_values with `python -m seep_lightning.check`."
        )
    raise UserError(f"{subject}: there is nothing to learn. {_other_split(config).capitalize()}.")


def _lacking(chips: Chips, indices: Sequence[int]) -> str:
    """`seep` or `sea` where no valid pixel of the chips is that; else an empty text."""
    sea, *seep = chips.class_pixels(indices).tolist()
    if indices and not any(seep):
        return "seep"
    return "sea" if indices and not sea else ""


def _check_monitors_without(lacking: str, count: int, data: "SeepDataModule", config: TrainConfig) -> None:
    """Refuse monitors that need what validation lacks; warn where there is none of them."""
    subject = f"none of the {count} validation chips that are used holds {lacking}"
    for key, monitor in monitors_of(config).items():
        if needs_truth(monitor):
            raise UserError(
                f"{subject}, so that {key}={monitor} cannot tell a good epoch from a bad one. Pass {key}=loss/val, "
                f"or {_other_split(config)}{_raise_limit(count, data)}."
            )
    advice = _other_split(config).capitalize()
    log.warning("%s: its figures and its threshold say nothing. %s", subject, advice)


def _other_split(config: TrainConfig) -> str:
    """What to do for other parts, in words that may follow others."""
    split = config.split
    own = f"split={split.kind}"
    # a list has no seed
    if split.kind != "file":
        own += f" with split.seed={split.seed}"
    return f"{other_parts_cure(split.kind)} than {own}"


def _raise_limit(count: int, data: "SeepDataModule") -> str:
    """Advice for a validation that was cut short."""
    if count == len(data.indices("val")):
        return ""
    return ", or raise trainer.limit_val_batches"


def _check_classes(chips: Chips, validated: Sequence[int], config: TrainConfig) -> None:
    """Refuse the Dice of a class that validation lacks as a monitor; tell what a mean over classes leaves out."""
    pixels = chips.class_pixels(validated)
    absent = [number for number in range(1, len(pixels)) if pixels[number] == 0]
    for key, monitor in monitors_of(config).items():
        name = key_of(monitor)
        if name in {f"{DICE_OF_CLASS}{number}" for number in absent}:
            raise UserError(
                f"{key}={monitor}: no validation chip holds that class. Pass {key}=dice/val, or {_other_split(config)}."
            )
        if name == "macro_dice" and absent:
            numbers = ", ".join(str(number) for number in absent)
            log.warning(
                "%s=%s judges nothing about class %s, of which no validation chip has a pixel", key, monitor, numbers
            )


class ConstantMonitors(Callback):
    """Tells of a monitor with the same value after every validation: it chooses no epoch, and stops nothing rightly.

    Checkpoints name callbacks by their class: it keeps its name.
    """

    def __init__(self, monitors: Collection[str]) -> None:
        """Watch figures of validation.

        Args:
            monitors: Their names; the last epoch's, `epoch`, is none of them.
        """
        self.monitors = sorted({*monitors} - {LAST_EPOCH})
        # of each monitor the first value, and how often it came; 0 once another value came
        self.first: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.told: list[str] = []

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run goes on counting from."""
        return {"first": self.first, "counts": self.counts, "told": self.told}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.first = dict(state_dict["first"])
        self.counts = dict(state_dict["counts"])
        self.told = list(state_dict["told"])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare each monitor's value with its first one."""
        if trainer.sanity_checking:
            return
        for monitor in self.monitors:
            value = trainer.callback_metrics.get(monitor)
            if value is not None:
                self._count(monitor, float(value))
            self._tell(monitor, CLEARLY_CONSTANT)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell of what has been constant in a short training, too."""
        for monitor in self.monitors:
            self._tell(monitor, 2)

    def _count(self, monitor: str, value: float) -> None:
        first = self.first.setdefault(monitor, value)
        count = self.counts.get(monitor, 0)
        # a value that is not a number differs from itself
        is_same = value == first or (math.isnan(value) and math.isnan(first))
        has_varied = monitor in self.counts and count == 0
        self.counts[monitor] = count + 1 if is_same and not has_varied else 0

    def _tell(self, monitor: str, least: int) -> None:
        """Tell once of a monitor that had the same value so often."""
        count = self.counts.get(monitor, 0)
        if count < least or monitor in self.told:
            return
        self.told.append(monitor)
        log.warning(
            "monitor=%s was %.4g after each of %d validations: it cannot tell a good epoch from a bad one, and keeps "
            "the first. Pass another monitor, such as dice/val or loss/val, or look at the curves for what went wrong",
            monitor,
            self.first[monitor],
            count,
        )
