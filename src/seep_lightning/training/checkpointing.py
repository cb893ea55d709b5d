"""What happens beside the training step: checkpoints, facts of an epoch."""

from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from seep_lightning.errors import writing_to
from seep_lightning.runs.checkpoints import write_checkpoint

# Lightning's names; the last two are the weights as they are, and a counter, beside their average
OF_RESUMES = ("optimizer_states", "lr_schedulers", "callbacks", "loops", "current_model_state", "averaging_state")


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
        with writing_to(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(Path(path), checkpoint)
