"""Curves of a run, by epoch: TensorBoard with train and validation of one metric on one chart, and `metrics.csv`."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter

from seep_lightning.files import write_table

STAGES = ("train", "val")


class TensorBoard(TensorBoardLogger):
    """Event files in `<run>/train` and `<run>/val`.

    TensorBoard draws one chart for a tag, with a line for each folder: so `dice/train` and `dice/val` become the tag
    `figures/dice` in two folders. What belongs to neither stage (`training/lr`, seconds) goes with training. It opens
    the first two sections, figures and pictures. purge_step: the epoch (the axis) from which a resumed run writes anew.
    """

    def __init__(self, save_dir: str | Path, purge_step: int | None = None) -> None:
        super().__init__(save_dir=save_dir, name="", version="", default_hp_metric=False, purge_step=purge_step)
        self._purge_step = purge_step
        self._stages: dict[str, SummaryWriter] = {}

    def stage(self, name: str) -> SummaryWriter:
        """The writer of `train` or `val`."""
        if name not in self._stages:
            self._stages[name] = SummaryWriter(str(Path(self.log_dir) / name), purge_step=self._purge_step)
        return self._stages[name]

    @property
    @rank_zero_experiment
    def experiment(self) -> SummaryWriter:
        """Where somebody else's callback writes: with training, so that `<run>` itself is no empty line in the list."""
        return self.stage("train")

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Each figure to the folder of its stage."""
        axis = int(metrics.get("epoch", step or 0))
        for key, value in metrics.items():
            name, _, stage = key.rpartition("/")
            if stage in STAGES:
                self.stage(stage).add_scalar(f"figures/{name}", float(value), axis)
            elif key != "epoch":
                self.stage("train").add_scalar(f"training/{key}", float(value), axis)

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing before the end: a point at step 0 would spoil the curves (see `callbacks.py`)."""

    @rank_zero_only
    def save(self) -> None:
        """Flush; our config is in `config.yaml`."""
        for writer in self._stages.values():
            writer.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Flush and close."""
        for writer in self._stages.values():
            writer.close()
        super().finalize(status)


class Csv(Logger):
    """`metrics.csv`: one row an epoch, whole at any moment; a resumed run keeps the rows before it."""

    name = version = ""

    def __init__(self, save_dir: str | Path) -> None:
        super().__init__()
        self.path = Path(save_dir) / "metrics.csv"
        text = self.path.read_text() if self.path.is_file() else ""
        self.rows: dict[int, dict[str, Any]] = {int(row["epoch"]): row for row in csv.DictReader(text.splitlines())}

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """They are in `config.yaml`."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add figures to their epoch's row, and forget later rows: the epoch is being done again."""
        if "epoch" not in metrics:
            return
        epoch = int(metrics["epoch"])
        self.rows = {e: row for e, row in self.rows.items() if e <= epoch}
        self.rows.setdefault(epoch, {}).update({k: float(v) for k, v in metrics.items()} | {"epoch": epoch})
        columns = sorted({key for row in self.rows.values() for key in row} - {"epoch"})
        write_table(self.path, [self.rows[e] for e in sorted(self.rows)], ["epoch", *columns])
