"""How long a training still takes, from the epochs that it did last."""

from collections import deque
from typing import TYPE_CHECKING

from lightning.pytorch.callbacks import Timer

from seep_lightning.training.length import limits_of, training_length

if TYPE_CHECKING:
    import lightning.pytorch as pl

# the machine may be busier now than an hour ago
_EPOCHS_REMEMBERED = 10


class Pace:
    """Seconds of the last epochs, validation and checkpoints included."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_EPOCHS_REMEMBERED)

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
    """How long a training still takes, `trainer.max_time` at most; None while nobody knows.

    Args:
        trainer: It trains.
        pace: Of its last epochs.
        epochs_left: Which may be a part of one.
    """
    allowed = [callback.time_remaining() for callback in _callbacks(trainer) if isinstance(callback, Timer)]
    known = [seconds for seconds in (pace.seconds_for(epochs_left), *allowed) if seconds is not None]
    return max(min(known), 0.0) if known else None


def _callbacks(trainer: "pl.Trainer") -> list[object]:
    # the Trainer does not declare the attribute
    callbacks: list[object] = vars(trainer)["callbacks"]
    return callbacks
