"""The end of a training that no longer improves (`early_stop`)."""

import lightning.pytorch as pl


class EarlyStopping(pl.callbacks.EarlyStopping):
    """Lightning's, which also ends a resumed run at once where it had ended so before.

    Checkpoints name callbacks by their class: it keeps its name.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End a run that ran out of patience before: Lightning would look only after one more epoch."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True
