"""How long a training is and how much of it is done, in the two units that a schedule may count in."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule


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
    batch_size = data.batch_size
    chips = len(data.indices("train")) // trainer.world_size
    # a last batch that is not full is left out, unless it is the only one
    batches = max(chips // batch_size, 1)
    limit = trainer.limit_train_batches
    if isinstance(limit, float):
        batches = int(batches * limit)
    elif limit is not None:
        batches = min(batches, limit)
    return _limits(trainer, batches)


def _limits(trainer: "pl.Trainer", batches: float) -> TrainingLimits:
    steps_per_epoch = math.ceil(batches / trainer.accumulate_grad_batches)
    max_epochs = -1 if trainer.max_epochs is None else trainer.max_epochs
    return TrainingLimits(max_epochs, trainer.max_steps, steps_per_epoch)
