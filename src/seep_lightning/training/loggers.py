"""Where curves go: TensorBoard, with train and validation of one figure on one chart, `metrics.csv`, and others."""

import csv
import errno
import inspect
import io
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter

from seep_lightning import compat
from seep_lightning.config.references import looked_up
from seep_lightning.config.targets import build, resolve
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import as_error_of, writing_to
from seep_lightning.files import write_table
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import metrics_table
from seep_lightning.runs.settings import settings_of
from seep_lightning.training.run_placeholder import fill_in_run

STAGES = ("train", "val")


def build_loggers(config: TrainConfig, run: Run, first_epoch: int) -> list[Logger]:
    """Build and open the loggers that the config names.

    Args:
        config: The run's config; a node of null is one that was switched off.
        run: The run directory.
        first_epoch: The epoch that training begins with; above 0 for a resumed run.

    Returns:
        The loggers; none with `trainer.fast_dev_run`.

    Raises:
        UserError: A node is not a logger, its class refuses its settings, or it cannot be opened.
    """
    if config.trainer.fast_dev_run:
        return []
    loggers: list[Logger] = []
    nodes = config.logger or {}
    for name, node in nodes.items():
        if node:
            logger = _open_logger(f"logger.{name}", node, config, run, first_epoch)
            loggers.append(logger)
    return loggers


def _open_logger(key: str, node: Any, config: TrainConfig, run: Run, first_epoch: int) -> Logger:
    """Build a logger, and let it open whatever it writes to."""
    # whether it is a node at all
    resolve(key, node, Logger)
    filled = fill_in_run(looked_up(node), run)
    added = _added_arguments(key, node, run, first_epoch)
    logger = build(key, filled, Logger, **added)
    # The first call opens it: a missing account is known before the training. A library may raise whatever it likes.
    with as_error_of(key, Exception):
        logger.log_hyperparams(settings_of(config))
    return logger


def _added_arguments(key: str, node: Any, run: Run, first_epoch: int) -> dict[str, Any]:
    """Our arguments for a logger whose class takes them and whose node does not give them."""
    parameters = inspect.signature(resolve(key, node, Logger)).parameters
    ours = {"save_dir": str(run.dir), "purge_step": first_epoch or None}
    added: dict[str, Any] = {}
    for name, value in ours.items():
        if name in parameters and name not in node:
            added[name] = value
    return added


class TensorBoard(TensorBoardLogger):
    """Event files in `<run>/train` and `<run>/val`.

    TensorBoard draws one chart for a tag, with a line for each folder: so `dice/train` and `dice/val` become the tag
    `figures/dice` in two folders. What belongs to neither stage (`training/lr`, seconds) goes with training. It opens
    the first two sections, figures and pictures.
    """

    def __init__(self, save_dir: str | Path, purge_step: int | None = None) -> None:
        """Write into a run directory.

        Args:
            save_dir: The run directory.
            purge_step: The epoch, counted from 0, from which a resumed run writes anew.
        """
        if purge_step is not None:
            # the axis counts from 1
            purge_step += 1
        super().__init__(save_dir=save_dir, name="", version="", default_hp_metric=False, purge_step=purge_step)
        self._purge_step = purge_step
        self._stage_writers: dict[str, SummaryWriter] = {}

    def stage(self, name: str) -> SummaryWriter:
        """The writer of `train` or `val`."""
        if name not in self._stage_writers:
            folder = Path(self.log_dir) / name
            self._stage_writers[name] = SummaryWriter(str(folder), purge_step=self._purge_step)
        return self._stage_writers[name]

    @property
    @rank_zero_experiment
    def experiment(self) -> SummaryWriter:
        """Where a user's callback writes: with training, so that `<run>` itself is no empty line in the list."""
        return self.stage("train")

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write each figure into the folder of its stage, at its epoch, counted from 1."""
        axis = int(metrics.get("epoch", step or 0)) + 1
        for key, value in metrics.items():
            if key == "epoch":
                continue
            stage, tag = _stage_and_tag(key)
            writer = self.stage(stage)
            writer.add_scalar(tag, float(value), axis)

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing before the end: a point at step 0 would spoil the curves (see `panels.write_hparams`)."""

    @rank_zero_only
    def save(self) -> None:
        """Flush; our config is in `config.yaml`."""
        for writer in self._stage_writers.values():
            writer.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Flush and close."""
        for writer in self._stage_writers.values():
            writer.close()
        super().finalize(status)


def _stage_and_tag(key: str) -> tuple[str, str]:
    """The folder of a figure, and its tag there; what belongs to neither stage goes with training."""
    name, _, stage = key.rpartition("/")
    if stage in STAGES:
        return stage, f"figures/{name}"
    return "train", f"training/{key}"


class Csv(Logger):
    """`metrics.csv`: one row an epoch, written once, before the checkpoint of the epoch; a resumed run keeps the rows.

    Epochs count from 1. A row is appended, so that an epoch costs no more in a long training. The table is written
    anew, as a whole, where a column is new or an epoch is done again.
    """

    name = ""
    version = ""

    def __init__(self, save_dir: str | Path) -> None:
        """Go on with the table of a run directory.

        Args:
            save_dir: The run directory.

        Raises:
            UserError: Its table is damaged.
        """
        super().__init__()
        self.path = Path(save_dir) / "metrics.csv"
        self.rows = _rows_by_epoch(self.path)
        self._row: dict[str, Any] = {}
        self._columns: list[str] = []
        # bytes of the file as this logger left it
        self._size = -1

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """They are in `config.yaml`."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add figures to the row of their epoch, which `write_row` writes."""
        if "epoch" not in metrics:
            return
        epoch = int(metrics["epoch"]) + 1
        if self._row.get("epoch") != epoch:
            self._row = {}
        for key, value in metrics.items():
            self._row[key] = float(value)
        self._row["epoch"] = epoch

    @rank_zero_only
    def write_row(self) -> None:
        """Write the row of the present epoch, and forget later ones: they are being done again."""
        if not self._row or self.rows.get(self._row["epoch"]) == self._row:
            return
        epoch = self._row["epoch"]
        earlier = {number: row for number, row in self.rows.items() if number < epoch}
        is_next = len(earlier) == len(self.rows)
        self.rows = {**earlier, epoch: dict(self._row)}
        is_as_left = self.path.is_file() and self.path.stat().st_size == self._size
        if is_next and is_as_left and self._row.keys() <= {*self._columns}:
            self._append()
        else:
            self._write_anew()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what a callback has logged of the last epoch after its row was written."""
        if status == "success" and self._row.get("epoch") in self.rows:
            self.write_row()

    def _append(self) -> None:
        """Append the present row in one go, and see it on the disk."""
        text = io.StringIO()
        csv.DictWriter(text, self._columns, lineterminator="\n").writerow(self._row)
        line = text.getvalue().encode()
        with writing_to(self.path), self.path.open("ab", buffering=0) as file:
            if file.write(line) < len(line):
                file.truncate(self._size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        self._size += len(line)

    def _write_anew(self) -> None:
        """Write all rows as a whole."""
        names: set[str] = set()
        for row in self.rows.values():
            names.update(row)
        names.remove("epoch")
        self._columns = ["epoch", *sorted(names)]
        rows = [self.rows[epoch] for epoch in sorted(self.rows)]
        write_table(self.path, rows, self._columns)
        self._size = self.path.stat().st_size


def write_rows_of_epoch(trainer: pl.Trainer) -> None:
    """Write the row of the epoch that ends into the table of each logger `Csv`; call it on all ranks.

    Lightning hands the figures of training to loggers after the checkpoint was written: a process that is killed in
    between would leave half a row.

    Args:
        trainer: In a callback's `on_train_epoch_end`, after the module's own.
    """
    figures = compat.figures_of_epoch(trainer)
    for logger in trainer.loggers:
        if isinstance(logger, Csv):
            logger.log_metrics({**figures, "epoch": trainer.current_epoch})
            logger.write_row()


def _rows_by_epoch(path: Path) -> dict[int, dict[str, Any]]:
    """The rows of a `metrics.csv` by their epoch; none where there is no file yet. Half a row at its end is no row."""
    return {row.whole_number("epoch"): dict(row.cells) for row in metrics_table(path).rows}
