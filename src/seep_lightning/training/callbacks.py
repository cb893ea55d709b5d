"""What happens beside the training step: checkpoints, facts of an epoch."""

import logging
import time
from typing import Any, cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from seep_lightning.training.cuda_graphs import recorded

log = logging.getLogger(__name__)


class EarlyStopping(pl.callbacks.EarlyStopping):
    """Ends a training where Lightning's does; that of a resumed run, which had ended so before, at once."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning would look after one more epoch only."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class CudaGraphs(Callback):
    """On one GPU, record the training step (`graphs.recorded`), before the threads of the loaders start."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Record a batch of nothing but nodata."""
        device = trainer.strategy.root_device
        if device.type != "cuda" or trainer.world_size > 1:
            log.info("cuda_graphs=true has no effect: it is for one GPU")
            return
        facts, size = pl_module.hparams["facts"], cast(Any, trainer).datamodule.data.batch_size
        one = torch.zeros(size, 1, *facts["chip_size"], dtype=torch.uint8, device=device)
        image = trainer.precision_plugin.convert_input(one.float().repeat(1, facts["bands"], 1, 1))
        with trainer.precision_plugin.train_step_context():
            pl_module.replay = recorded(pl_module.net, pl_module.score, (image, one, one.bool()))


class EpochFacts(Callback):
    """Learning rate, seconds and chips per second of each training epoch (validation not counted)."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._start, self._spent, self._chips = time.perf_counter(), 0.0, 0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count chips over all processes; the last batch's end is the training epoch's."""
        self._chips += len(batch.image) * trainer.world_size
        self._spent = time.perf_counter() - self._start

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's facts."""
        speed = self._chips / max(self._spent, 1e-9)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        pl_module.log_dict({"lr": rate, "epoch_seconds": self._spent, "chips_per_second": speed})
