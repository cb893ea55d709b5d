"""The end of a search's trial that is hopeless beside the others."""

from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import optuna
from optuna.trial import Trial

from seep_lightning import compat
from seep_lightning.errors import RunTakenOver
from seep_lightning.training.trial_storage import STUDY_NAME, is_ours, open_storage


class Pruning(pl.Callback):
    """Tells a search the monitor of each validated epoch, and ends a hopeless trial on all ranks.

    Attributes:
        pruned: Whether the trial was ended; the run's status goes by it.
    """

    def __init__(self, monitor: str, trial_address: str) -> None:
        """Report to a trial.

        Args:
            monitor: The figure that the search goes by.
            trial_address: `DATABASE:NUMBER`.
        """
        database, _, number = trial_address.rpartition(":")
        self.monitor = monitor
        self.database = Path(database)
        self.number = int(number)
        self.pruned = False

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before an epoch is logged, make sure that this process may still write. On rank 0."""
        if trainer.is_global_zero:
            self._open_trial()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch, and end the trial on all ranks where rank 0 finds it hopeless."""
        # on all ranks: they work the figure out together
        value = trainer.callback_metrics.get(self.monitor)
        if trainer.is_global_zero:
            was_validated = cast(Any, pl_module).validated
            if was_validated and value is not None:
                self.pruned = self._is_hopeless(float(value), trainer)
        self.pruned = trainer.strategy.broadcast(self.pruned)
        if self.pruned:
            trainer.should_stop = True

    def _is_hopeless(self, value: float, trainer: pl.Trainer) -> bool:
        """Report an epoch's value, and ask the study; a training is not ended in its last epoch."""
        study, trial = self._open_trial()
        study.pruner = optuna.pruners.MedianPruner(**study.user_attrs["pruner"])
        trial.report(value, trainer.current_epoch)
        is_last_epoch = trainer.current_epoch + 1 == trainer.max_epochs
        return not is_last_epoch and bool(trial.should_prune())

    def _open_trial(self) -> tuple[optuna.Study, Trial]:
        study = optuna.load_study(study_name=STUDY_NAME, storage=open_storage(self.database))
        trial: Trial = compat.running_trial(study, self.number)
        if not is_ours(study, trial):
            raise RunTakenOver(f"trial {self.number} gave no sign of life and was taken up elsewhere.")
        return study, trial
