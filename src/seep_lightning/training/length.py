"""How long a training is and how much of it is done, in the two units that a schedule may count in."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.config.training import TrainConfig
    from seep_lightning.data.datamodule import SeepDataModule

FEW_STEPS = 500
"""Fewer steps than this hardly teach a network with new weights.

The average of the weights alone is over 50 of them, and the default schedule warms up in the first third.
"""


@dataclass(frozen=True)
class TrainingLimits:
    """What ends a training.

    Attributes:
        max_epochs: Below 0: no number of epochs ends it.
        max_steps: Of the optimiser; below 0: no number of steps ends it.
        steps_per_epoch: Steps of the optimiser in a whole epoch.
    """

    max_epochs: int
    max_steps: int
    steps_per_epoch: int


@dataclass(frozen=True)
class TrainingLength:
    """How long a training is, and where in it a session begins.

    The steps of a resumed run are counted as if all its epochs had had as many as they have now. So the share that is
    done stays what it is when the steps of an epoch change.

    Attributes:
        steps: Of the optimiser; infinite where nothing ends the training.
        epochs: None where nothing ends the training.
        steps_done: The part of `steps` before this session.
        epochs_done: The part of `epochs` before this session.
    """

    steps: float
    epochs: int | None
    steps_done: int = 0
    epochs_done: int = 0


def training_length(limits: TrainingLimits, epochs_done: int = 0, steps_done: int = 0) -> TrainingLength:
    """Tell how long a training is.

    A training by epochs is done by the share of its epochs, one by steps (`max_steps`) by the share of its steps. What
    ends it first decides.

    Args:
        limits: What ends it.
        epochs_done: Epochs before this session.
        steps_done: Steps of the optimiser before this session, which may have had another number in an epoch.

    Returns:
        The length of the whole training, not of what is left.
    """
    # with 0 epochs nothing is trained, but a schedule wants a length
    left_by_epochs = math.inf
    if limits.max_epochs >= 0:
        left_by_epochs = (max(limits.max_epochs, 1) - epochs_done) * limits.steps_per_epoch
    left_by_steps = math.inf
    if limits.max_steps >= 0:
        left_by_steps = limits.max_steps - steps_done
    if left_by_steps < left_by_epochs:
        position, left = steps_done, left_by_steps
    else:
        position, left = epochs_done * limits.steps_per_epoch, left_by_epochs
    epochs = None
    if not math.isinf(left):
        epochs = epochs_done + math.ceil(left / max(limits.steps_per_epoch, 1))
    return TrainingLength(position + left, epochs, position, epochs_done)


def limits_of(trainer: "pl.Trainer") -> TrainingLimits:
    """What ends a trainer's training; Lightning knows the number of its batches."""
    return _limits(trainer, trainer.num_training_batches)


def expected_limits(trainer: "pl.Trainer", data: "SeepDataModule") -> TrainingLimits:
    """What is going to end a trainer's training, told before Lightning has made the loaders.

    Args:
        trainer: The Trainer.
        data: The chips, set up.
    """
    batches = _batches(trainer, data)
    limit = trainer.limit_train_batches
    if isinstance(limit, float):
        batches = int(batches * limit)
    elif limit is not None:
        batches = min(batches, limit)
    return _limits(trainer, batches)


def steps_of_all_chips(trainer: "pl.Trainer", data: "SeepDataModule") -> int:
    """Steps of the optimiser in an epoch of all training chips, whatever `trainer.limit_train_batches` says.

    Args:
        trainer: The Trainer.
        data: The chips, set up.
    """
    return _limits(trainer, _batches(trainer, data)).steps_per_epoch


def epochs_of_steps(steps: int, steps_per_epoch: int) -> int:
    """How many epochs have some number of steps, rounded up to tens.

    Args:
        steps: As many at least.
        steps_per_epoch: Of the optimiser.
    """
    return math.ceil(steps / max(steps_per_epoch, 1) / 10) * 10


def validated_chips(trainer: "pl.Trainer", data: "SeepDataModule", config: "TrainConfig") -> list[int]:
    """The chips of validation that `trainer.limit_val_batches` leaves, the first ones of all.

    Args:
        trainer: The Trainer.
        data: The chips, set up.
        config: The run's config.
    """
    chips = data.indices("val")
    limit = trainer.limit_val_batches
    # a dry run validates one batch and judges nothing
    if config.trainer.fast_dev_run:
        return chips
    chips_in_batch = data.batch_size * trainer.world_size
    if isinstance(limit, float):
        batches = -(-len(chips) // chips_in_batch)
        limit = int(batches * limit)
    return chips[: limit * chips_in_batch]


def _batches(trainer: "pl.Trainer", data: "SeepDataModule") -> int:
    """Batches of all training chips, on each process."""
    chips = len(data.indices("train")) // trainer.world_size
    # a last batch that is not full is left out, unless it is the only one
    return max(chips // data.batch_size, 1)


def _limits(trainer: "pl.Trainer", batches: float) -> TrainingLimits:
    steps_per_epoch = math.ceil(batches / trainer.accumulate_grad_batches)
    max_epochs = -1 if trainer.max_epochs is None else trainer.max_epochs
    return TrainingLimits(max_epochs, trainer.max_steps, steps_per_epoch)
