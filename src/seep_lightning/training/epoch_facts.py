"""What each training epoch took: learning rate, seconds, chips per second, the share of waiting for chips."""

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from seep_lightning.training.monitors import EPOCH_FACTS

# so that an epoch without a batch divides by something
SHORTEST_SECONDS = 1e-9


class EpochFacts(Callback):
    """Logs `EPOCH_FACTS` of each training epoch, validation not counted.

    Chips are counted over all processes. The learning rate is that of the optimiser's first group of parameters. The
    wait share is that of the seconds in which a step could not begin, because its batch was not ready.
    """

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._start = time.perf_counter()
        self._seconds = 0.0
        self._chips = 0
        self._waiting_before = _waiting(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count the chips; the last batch's end is the training epoch's."""
        self._chips += len(batch.image) * trainer.world_size
        self._seconds = time.perf_counter() - self._start

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's facts."""
        chips_per_second = self._chips / max(self._seconds, SHORTEST_SECONDS)
        learning_rate = trainer.optimizers[0].param_groups[0]["lr"]
        waited = _waiting(trainer) - self._waiting_before
        wait_share = waited / max(self._seconds, SHORTEST_SECONDS)
        facts = (learning_rate, self._seconds, chips_per_second, wait_share)
        pl_module.log_dict(dict(zip(EPOCH_FACTS, facts, strict=True)))


def _waiting(trainer: pl.Trainer) -> float:
    """Seconds that the training has waited for batches so far; 0 where its data module does not count them."""
    # the Trainer does not declare the attribute
    clock = getattr(vars(trainer).get("datamodule"), "waiting", None)
    return 0.0 if clock is None else float(clock.seconds)
