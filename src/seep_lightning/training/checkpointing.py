"""The two checkpoints of a run: which epochs they are of, and how they reach the disk whole."""

from pathlib import Path
from typing import Any, Literal, cast

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from seep_lightning.errors import writing_to
from seep_lightning.runs.checkpoints import write_checkpoint
from seep_lightning.training.loggers import write_rows_of_epoch

# Lightning's names for what only a resume needs. The last two are the weights as they are, beside their average, and
# the counter of the average.
RESUME_KEYS = ("optimizer_states", "lr_schedulers", "callbacks", "loops", "current_model_state", "averaging_state")
# of the state that Lightning stores of a `ModelCheckpoint`
PATH_KEYS = ("best_model_path", "kth_best_model_path", "last_model_path")


class RunCheckpoint(ModelCheckpoint):
    """Writes `<filename>.ckpt` at the end of each `every`-th epoch and of the last one.

    With a monitor it writes the best of these epochs only. An epoch without validation cannot be the best one: it has
    the figures and the threshold of an earlier one.

    `best` and `last` are two of these callbacks: by itself Lightning writes a last checkpoint only together with a best
    one. Checkpoints name callbacks by their class: it keeps its name.
    """

    def __init__(
        self,
        directory: Path,
        filename: str,
        every: int,
        monitor: str | None = None,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        """Write checkpoints of one name.

        Args:
            directory: Where they go.
            filename: `best` or `last`.
            every: Epochs between two looks.
            monitor: The figure that the best epoch is chosen by; None: the newest epoch is kept.
            mode: Whether less or more of the monitor is better.
        """
        super().__init__(
            directory,
            filename,
            monitor,
            mode=mode,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
            auto_insert_metric_name=False,
        )
        self.every = every
        self._is_due = False

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint where it is due, after the epoch's row of figures."""
        write_rows_of_epoch(trainer)
        is_last_epoch = _is_last_epoch(trainer)
        is_turn = (trainer.current_epoch + 1) % self.every == 0
        self._is_due = self._is_due or is_last_epoch or is_turn
        if self._is_due and self._may_be_judged(pl_module, is_last_epoch):
            self._is_due = False
            super().on_train_epoch_end(trainer, pl_module)

    def _may_be_judged(self, pl_module: pl.LightningModule, is_last_epoch: bool) -> bool:
        if self.monitor is None or cast(Any, pl_module).validated:
            return True
        # better one that was never validated than none
        return is_last_epoch and not self.best_model_path

    def state_dict(self) -> dict[str, Any]:
        """Lightning's state, and whether a look is due."""
        return {**super().state_dict(), "due": self._is_due}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state, with its paths put into this run's directory.

        Lightning stores absolute paths, and forgets the best score where they differ: a run directory that was moved
        keeps it this way.
        """
        self._is_due = state_dict.get("due", False)
        paths = {key: self._in_this_run(state_dict[key]) for key in PATH_KEYS}
        scores = state_dict["best_k_models"]
        scores_here = {self._in_this_run(path): score for path, score in scores.items()}
        moved = {**paths, "best_k_models": scores_here, "dirpath": str(self.dirpath)}
        super().load_state_dict({**state_dict, **moved})

    def _in_this_run(self, stored_path: str) -> str:
        """A stored path as one in this run's directory; an empty one stays empty."""
        if not stored_path:
            return stored_path
        return str(Path(str(self.dirpath)) / Path(stored_path).name)


def _is_last_epoch(trainer: pl.Trainer) -> bool:
    """Whether training ends with this epoch: by its number, by early stopping and the like, or by steps."""
    if trainer.current_epoch + 1 == trainer.max_epochs or trainer.should_stop:
        return True
    has_step_limit = trainer.max_steps >= 0
    return has_step_limit and trainer.global_step >= trainer.max_steps


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint whole, and onto the disk, before it takes the place of the old one.

    Lightning writes it to the system's temporary folder and moves it. Where that is another file system, moving is a
    copy, so that a signal or a full disk leaves half a checkpoint in place of a whole one.

    The best checkpoint is for prediction: it leaves out what only a resume needs, and is a quarter as large.
    """

    def __init__(self, best: Path) -> None:
        """Write checkpoints of a run.

        Args:
            best: The path of its best checkpoint.
        """
        super().__init__()
        self.best = best

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint beside the old one first.

        Args:
            checkpoint: Its content.
            path: Where it goes; an address such as `s3://` is left to Lightning.
            storage_options: Lightning's.

        Raises:
            DiskError: The disk refuses it.
        """
        is_address = "://" in str(path)
        if is_address:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        if Path(path) == self.best:
            checkpoint = {key: value for key, value in checkpoint.items() if key not in RESUME_KEYS}
        with writing_to(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(Path(path), checkpoint)
