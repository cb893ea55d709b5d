"""The search for the best settings, `sweep=optuna`: Optuna asks, Hydra's launcher runs one job, its end is told.

The study is a file in the sweep's folder. Processes started by one command with one `hydra.sweep.dir` share it. A
trial without signs of life is taken up again in its own folder, where training goes on from its last checkpoint.
"""

from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import optuna
from optuna.trial import Trial

from seep_lightning.errors import RunTakenOver
from seep_lightning.training.study import NAME, connect, runs_here


class Pruning(pl.Callback):
    """Tell a trial (`DATABASE:NUMBER`) the monitor of each epoch, and end it on all ranks where it is hopeless."""

    def __init__(self, monitor: str, trial: str) -> None:
        self.monitor, self.trial, self.pruned = monitor, trial, False

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look, on rank 0, whether this process may still write, before the epoch is logged."""
        if trainer.is_global_zero:
            self._study_and_trial()

    def _study_and_trial(self) -> tuple[optuna.Study, Trial]:
        database, _, number = self.trial.rpartition(":")
        study = optuna.load_study(study_name=NAME, storage=connect(Path(database)))
        trial = Trial(study, study.get_trials(deepcopy=False)[int(number)]._trial_id)
        if not runs_here(study, trial):
            raise RunTakenOver(f"trial {number} gave no sign of life and was taken up elsewhere.")
        return study, trial

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report, and ask, on rank 0."""
        value = trainer.callback_metrics.get(self.monitor)  # on all ranks: they work it out together
        if trainer.is_global_zero and value is not None and cast(Any, pl_module).validated:
            study, trial = self._study_and_trial()
            study.pruner = optuna.pruners.MedianPruner(**study.user_attrs["pruner"])
            trial.report(float(value), trainer.current_epoch)
            self.pruned = trainer.current_epoch + 1 != trainer.max_epochs and trial.should_prune()
        self.pruned = trainer.strategy.broadcast(self.pruned)
        trainer.should_stop = trainer.should_stop or self.pruned
