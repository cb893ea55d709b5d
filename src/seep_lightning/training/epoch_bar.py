"""The bar of the present epoch, below the lines of earlier ones, with what is left of the whole training."""

import time
from contextlib import ExitStack
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ProgressBar

from seep_lightning.commands.progress import Bar, one_bar, shows_bars
from seep_lightning.durations import in_words
from seep_lightning.training.pace import Pace, epochs_in_all, seconds_left


class EpochBar(ProgressBar):
    """One bar: batches of training, then of validation. There is none where nobody sees it, as in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.pace = Pace()
        self._open = ExitStack()
        self._bar: Bar | None = None
        self._is_shown = shows_bars()

    def __getstate__(self) -> dict[str, Any]:
        """Without the open bar, which belongs to this process."""
        return {**vars(self), "_open": ExitStack(), "_bar": None}

    def disable(self) -> None:
        """Show nothing: Lightning asks for it in all processes of a training but the first."""
        self._is_shown = False

    def enable(self) -> None:
        """Show the bar where somebody sees it."""
        self._is_shown = shows_bars()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See how long the training is."""
        self._epochs = epochs_in_all(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar."""
        self._started = time.monotonic()
        if self._is_shown:
            total = "" if self._epochs is None else f"/{self._epochs}"
            self._name = f"epoch {trainer.current_epoch + 1}{total}"
            self._done = 0
            self._bar = self._open.enter_context(one_bar(self._name, self._batches(trainer)))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        """Move the bar."""
        self._advance(trainer, self._name_with_time(trainer) if self._bar else "")

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of validation."""
        self.pace.validation_starts()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See how long validation takes."""
        self.pace.validation_ends(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        """Move the bar on."""
        self._advance(trainer, f"{self._name}, validation" if self._bar else "")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the bar away, for the line of the epoch."""
        self.pace.add(time.monotonic() - self._started)
        self._close()

    def on_exception(self, trainer: pl.Trainer, *_: Any) -> None:
        """Take the bar away, for the message."""
        self._close()

    def teardown(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        """Take the bar away."""
        self._close()

    def _advance(self, trainer: pl.Trainer, name: str) -> None:
        if self._bar is not None and not trainer.sanity_checking:
            self._done += 1
            self._bar(self._done, name)

    def _name_with_time(self, trainer: pl.Trainer) -> str:
        """The epoch, and what is left of the training once an epoch has told its pace."""
        if self._epochs is None:
            return self._name
        done = trainer.current_epoch + self._done / max(self._batches(trainer), 1)
        left = seconds_left(trainer, self.pace, self._epochs - done)
        return self._name if left is None else f"{self._name}, {in_words(left)} left"

    def _batches(self, trainer: pl.Trainer) -> int:
        """Batches of this epoch, of training and validation."""
        is_validated = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
        of_validation = sum(trainer.num_val_batches) if is_validated else 0
        return int(trainer.num_training_batches + of_validation)

    def _close(self) -> None:
        self._bar = None
        self._open.close()
