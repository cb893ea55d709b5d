"""What happens beside the training step: checkpoints, facts of an epoch."""

import logging
import time
from operator import add
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.optim.swa_utils import AveragedModel

from seep_lightning.errors import disk
from seep_lightning.graphs import recorded
from seep_lightning.predictor import write_checkpoint

# Lightning's names; the last two are the weights as they are, and a counter, beside their average
OF_RESUMES = ("optimizer_states", "lr_schedulers", "callbacks", "loops", "current_model_state", "averaging_state")

log = logging.getLogger(__name__)


class MovingAverage(WeightAveraging):
    """Exponential moving average of weights and buffers, by which validation, `best` and `last` go.

    The decay rises from 0.1 to `decay` as (1 + n) / (10 + n), n the number of averaged steps (as in TensorFlow's
    ExponentialMovingAverage): without it a short training would be judged by its first, random weights.
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Average where the net is going to be: it comes there only later, and each step would copy it to the CPU."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """List what is averaged: to walk through all modules at each step takes a hundredth of a small net's."""
        both = (cast(AveragedModel, self._average_model).module, pl_module)
        self._parameters = [list(module.parameters()) for module in both]
        names = [name.rpartition(".") for name, _ in pl_module.named_buffers()]
        self._buffers = [[(module.get_submodule(owner)._buffers, n) for owner, _, n in names] for module in both]

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After a step of the optimiser. Torch's own update would wait for a GPU to say how many there were."""
        n = self._latest_update_step
        if trainer.global_step <= n:
            return
        # buffers by their names: a net may put another tensor in the place of one
        now: list[list[Any]] = [[owner[name] for owner, name in each] for each in self._buffers]
        pairs = list(zip(*map(add, self._parameters, now), strict=True))
        floating = [pair for pair in pairs if pair[0].is_floating_point()]
        means, values = map(list, zip(*floating, strict=True))
        torch._foreach_lerp_(means, values, 1 - min(self.decay, (1 + n) / (10 + n)) if n else 1.0)
        for mean, counter in pairs:
            if not mean.is_floating_point():
                mean.copy_(counter)
        cast(AveragedModel, self._average_model).n_averaged += 1
        self._latest_update_step = trainer.global_step


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


class RunCheckpoint(ModelCheckpoint):
    """`<filename>.ckpt` at the end of each `every`-th and of the last epoch, or, with a monitor, of the best of these.

    The best one is looked for in epochs with validation: one without has the figures and the threshold of another.
    `best` and `last` are two of them: by itself Lightning writes a last one only together with a best one. A run
    directory that was moved keeps its best score: Lightning stores absolute paths, and forgets it where they differ.
    """

    def __init__(self, dirpath: Path, filename: str, every: int, monitor: str | None = None, mode: str = "min") -> None:
        self.every, self._due = every, False
        plain: dict[str, Any] = {"enable_version_counter": False, "auto_insert_metric_name": False}
        super().__init__(dirpath, filename, monitor, mode=mode, save_on_train_epoch_end=True, **plain)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write, where it is due."""
        epoch = trainer.current_epoch + 1
        ends = epoch == trainer.max_epochs or trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step
        self._due = self._due or ends or epoch % self.every == 0
        judged = self.monitor is None or cast(Any, pl_module).validated or (ends and not self.best_model_path)
        if self._due and judged:
            self._due = False
            super().on_train_epoch_end(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """And whether a look is due."""
        return {**super().state_dict(), "due": self._due}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the stored paths into this run's directory."""
        self._due = state_dict.get("due", False)
        here = Path(str(self.dirpath))
        best = {str(here / Path(path).name): score for path, score in state_dict["best_k_models"].items()}
        keys = ("best_model_path", "kth_best_model_path", "last_model_path")
        paths = {key: path and str(here / Path(path).name) for key in keys for path in [state_dict[key]]}
        super().load_state_dict({**state_dict, **paths, "best_k_models": best, "dirpath": str(here)})


class WholeFiles(TorchCheckpointIO):
    """A checkpoint is complete, and on the disk, before it takes the place of the old one.

    That at `best` is for prediction: it leaves out what only a resume needs, and is a quarter as large.

    Lightning writes it to the system's temporary folder and moves it: a copy, where that is another file system, so
    that a signal or a full disk leaves half a checkpoint in place of a whole one.
    """

    def __init__(self, best: Path) -> None:
        super().__init__()
        self.best = best

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write it beside the old one first. `DiskError` where the disk refuses it."""
        if "://" in str(path):  # of a callback of the user's
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        if Path(path) == self.best:
            checkpoint = {key: value for key, value in checkpoint.items() if key not in OF_RESUMES}
        with disk(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(Path(path), checkpoint)


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
