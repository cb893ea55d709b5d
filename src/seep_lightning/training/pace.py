"""How long a training still takes, from the epochs that it did last."""

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Timer

from seep_lightning.training.length import limits_of, training_length

if TYPE_CHECKING:
    import lightning.pytorch as pl

# the machine may be busier now than an hour ago
_EPOCHS_REMEMBERED = 10


class Pace:
    """Seconds of the last epochs, validation and checkpoints included.

    Attributes:
        scoring: About the seconds that the final scoring of all validation chips takes; 0 before a validation.
    """

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_EPOCHS_REMEMBERED)
        self._validation_started = 0.0
        self.scoring = 0.0

    def validation_starts(self) -> None:
        """Start the clock of an epoch's validation."""
        self._validation_started = time.monotonic()

    def validation_ends(self, trainer: "pl.Trainer") -> None:
        """Take the time of a validation, which may have been of some chips only, for that of the final scoring."""
        if not trainer.sanity_checking:
            self.scoring = (time.monotonic() - self._validation_started) * _validations_of_all_chips(trainer)

    def add(self, seconds: float) -> None:
        """Count an epoch that is done."""
        self._seconds.append(seconds)

    def seconds_for(self, epochs: float) -> float | None:
        """How long so many epochs take; None while none is done."""
        if not self._seconds:
            return None
        return epochs * sum(self._seconds) / len(self._seconds)


def epochs_in_all(trainer: "pl.Trainer") -> int | None:
    """How many epochs a training is going to have, with those of earlier sessions; None where nothing ends it.

    Args:
        trainer: In a callback's `on_train_start`.
    """
    length = training_length(limits_of(trainer), trainer.current_epoch, trainer.global_step)
    return length.epochs


def seconds_left(trainer: "pl.Trainer", pace: Pace, epochs_left: float) -> float | None:
    """How long a training still takes with its final scoring; None while nobody knows.

    Its epochs end after `trainer.max_time` at the latest.

    Args:
        trainer: It trains.
        pace: Of its last epochs.
        epochs_left: Which may be a part of one.
    """
    allowed = [callback.time_remaining() for callback in callbacks_of(trainer) if isinstance(callback, Timer)]
    known = [seconds for seconds in (pace.seconds_for(epochs_left), *allowed) if seconds is not None]
    return max(min(known), 0.0) + pace.scoring if known else None


def _validations_of_all_chips(trainer: "pl.Trainer") -> float:
    """How many times a validation's work it is to score all validation chips in one process."""
    # loaders of one's own need not know their length
    with suppress(TypeError, AttributeError, ZeroDivisionError):
        loader: Any = trainer.val_dataloaders
        return float(len(loader)) * trainer.world_size / sum(trainer.num_val_batches)
    return 1.0


def callbacks_of(trainer: "pl.Trainer") -> list[object]:
    """The callbacks of a training.

    Args:
        trainer: It trains.
    """
    # the Trainer does not declare the attribute
    callbacks: list[object] = vars(trainer)["callbacks"]
    return callbacks
