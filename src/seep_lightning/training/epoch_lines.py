"""A line for each epoch that stays: on the terminal, in `train.log`, and in the file that the output goes to."""

import logging
import math
import shutil
import time
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Checkpoint

from seep_lightning import compat
from seep_lightning.commands.progress import shows_bars
from seep_lightning.commands.sweep_progress import jobs_after_the_first
from seep_lightning.config.training import DEFAULT_MONITOR
from seep_lightning.durations import in_words
from seep_lightning.metrics.figures import key_of
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_history
from seep_lightning.training.checkpointing import RunCheckpoint
from seep_lightning.training.criterion import ConstantMonitors
from seep_lightning.training.monitors import LAST_EPOCH
from seep_lightning.training.pace import Pace, callbacks_of, epochs_in_all, seconds_left

log = logging.getLogger(__name__)

FEW_EPOCHS = 100
"""A training of so many epochs tells each of them: a few screens."""
MUCH_BETTER = 0.02
"""A tuned Dice that is so much higher than that of the kept epoch is worth another monitor."""
PACED_EPOCHS = 2
"""So many epochs tell how long the others take."""
WORTH_TELLING = 1
"""Seconds; a shorter final scoring is not told at the last epoch."""
DICE = "dice/val"
STILL_READABLE = 0.001
"""Below it, three decimals say nothing."""


class EpochLines(Checkpoint):
    """Logs a line for each epoch, or, in a long training of short epochs, for each that ends after some seconds.

    To Lightning it is a checkpoint: such callbacks come last, when the network's figures and the best one are known.
    """

    def __init__(self, monitor: str, run: Run, every: float) -> None:
        """Tell of a run.

        Args:
            monitor: What the best epoch is chosen by.
            run: The run, whose `metrics.csv` tells when an earlier session had its best epoch.
            every: Seconds between two lines of a training of more than `FEW_EPOCHS`.
        """
        self.monitor = monitor
        self.run = run
        self.every = every
        self.pace = Pace()
        # the tuned Dice, by which runs are ranked, tells more than what the default monitor measures at 0.5
        self.figure = DICE if monitor in (DEFAULT_MONITOR, LAST_EPOCH) else monitor
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.best_figure: float | None = None
        # the highest tuned Dice so far, and its epoch
        self._highest: tuple[float, int] = (-math.inf, 0)
        self._epochs: int | None = None
        self._told = -math.inf
        self._has_told_sweep = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See how long the training is, and what an earlier session left."""
        self._epochs = epochs_in_all(trainer)
        self.best = _best_score(trainer)
        for earlier in read_history(self.run.metrics_path):
            self._note_figure(earlier, int(earlier["epoch"]) - 1)
        row = None if self.best is None else _row_with(self.run, self.monitor, self.best)
        if row is not None:
            self.best_epoch = int(row["epoch"]) - 1
            self.best_figure = row.get(self.figure)
        if trainer.is_global_zero:
            log.info("each epoch: %s", self._columns())

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of validation."""
        self.pace.validation_starts()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See how long validation takes."""
        self.pace.validation_ends(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell of the epoch."""
        seconds = time.monotonic() - self._started
        self.pace.add(seconds)
        # all processes of the training ask, as they may have to agree on a figure
        figures = _figures(trainer, pl_module)
        best = _best_score(trainer)
        if best != self.best:
            self.best, self.best_epoch, self.best_figure = best, trainer.current_epoch, figures.get(self.figure)
        self._note_figure(figures, trainer.current_epoch)
        if trainer.is_global_zero and self._is_due(trainer):
            self._told = time.monotonic()
            log.info("%s", self._line(trainer, figures, seconds))
        if trainer.is_global_zero:
            self._tell_sweep(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell where the monitor kept an epoch that is far from the best one by the figure that runs are ranked by."""
        highest, epoch = self._highest
        is_far = self.best_figure is not None and highest >= self.best_figure + MUCH_BETTER
        if self.figure == self.monitor or not is_far or not trainer.is_global_zero or self._was_constant(trainer):
            return
        kept = "" if self.best_epoch is None else f" of epoch {self.best_epoch + 1}"
        log.info(
            "monitor=%s kept the weights%s (tuned Dice %.3f); epoch %d had %.3f. Try monitor=dice/val.",
            self.monitor,
            kept,
            self.best_figure,
            epoch + 1,
            highest,
        )

    def _tell_sweep(self, trainer: pl.Trainer) -> None:
        """Tell once, while its first job runs, how long a sweep takes, if its other jobs take as long as this one."""
        number = trainer.current_epoch + 1
        # the first epoch takes longer than the others
        is_early = self._epochs is None or number < min(PACED_EPOCHS, self._epochs)
        if self._has_told_sweep or is_early:
            return
        self._has_told_sweep = True
        others = jobs_after_the_first()
        left = seconds_left(trainer, self.pace, self._epochs - number) if self._epochs else None
        job = seconds_left(trainer, self.pace, self._epochs) if self._epochs else None
        if others and left is not None and job is not None:
            further = "the other job takes" if others == 1 else f"the {others} other jobs take"
            log.info("sweep: %s left, if %s as long as this one", in_words(left + others * job), further)

    def _was_constant(self, trainer: pl.Trainer) -> bool:
        """Whether other advice on the monitor was given already."""
        watchers = [callback for callback in callbacks_of(trainer) if isinstance(callback, ConstantMonitors)]
        return any(self.monitor in watcher.told for watcher in watchers)

    def _note_figure(self, figures: Mapping[str, Any], epoch: int) -> None:
        """Take note of an epoch's tuned Dice, where it has one."""
        value = float(figures.get(self.figure, -math.inf))
        if value > self._highest[0]:
            self._highest = (value, epoch)

    def _is_due(self, trainer: pl.Trainer) -> bool:
        """Whether the epoch is told: in a long training the first, the last, and some between."""
        is_short = self._epochs is not None and self._epochs <= FEW_EPOCHS
        is_last = trainer.should_stop or trainer.current_epoch + 1 == self._epochs
        return is_short or is_last or time.monotonic() - self._told >= self.every

    def _columns(self) -> str:
        """What an epoch's line shows, and which epoch is kept."""
        shown = "loss of training | of validation"
        if self._tells_both:
            return f"{shown}, Dice at the tuned (best) threshold | at 0.5; the epoch with the best Dice at 0.5 is kept"
        if self.figure == DICE:
            shown += ", Dice at the tuned (best) threshold"
        kept = "the last epoch" if self.monitor == LAST_EPOCH else f"the epoch with the best {self.monitor}"
        return f"{shown}; {kept} is kept"

    @property
    def _tells_both(self) -> bool:
        """Whether the monitor is another Dice than the figure that runs are ranked by."""
        return self.monitor == DEFAULT_MONITOR and self.figure != self.monitor

    def _line(self, trainer: pl.Trainer, figures: dict[str, Any], seconds: float) -> str:
        """The epoch in one line; on a narrow terminal without what `metrics.csv` has as well."""
        number = trainer.current_epoch + 1
        total = "" if self._epochs is None else f"/{self._epochs}"
        width = max(len(total) - 1, 0)
        parts = [f"epoch {number:>{width}}{total}", _losses(figures), self._monitored(figures)]
        left = self._left(trainer, number)
        best = self._best_so_far()
        lines = [
            [*parts, best, f"took {in_words(seconds)}", left],
            [*parts, best, left],
            [*parts, self._best_so_far(with_value=False), left],
        ]
        texts = ["  ".join(filter(None, line)) for line in lines]
        columns = shutil.get_terminal_size().columns
        fitting = [text for text in texts if not shows_bars() or len(text) <= columns]
        return fitting[0] if fitting else texts[-1]

    def _left(self, trainer: pl.Trainer, number: int) -> str:
        """What is left of the training, with its final scoring; empty where nobody knows, or where it is next to none.

        Args:
            trainer: It trains.
            number: Of the epoch that ends, from 1.
        """
        if self._epochs is None:
            return ""
        has_more = number < self._epochs and not trainer.should_stop
        seconds = seconds_left(trainer, self.pace, self._epochs - number) if has_more else self.pace.scoring
        if seconds is None or (not has_more and seconds < WORTH_TELLING):
            return ""
        return f"{in_words(seconds)} left"

    def _monitored(self, figures: dict[str, Any]) -> str:
        """The figures that are told; empty where this epoch was not validated, or it is the loss."""
        is_told_already = key_of(self.figure) == "loss" or self.figure not in figures
        if is_told_already:
            return ""
        values = [figures[self.figure]]
        if self._tells_both and self.monitor in figures:
            values.append(figures[self.monitor])
        return f"{self.figure.removesuffix('/val')} {' | '.join(map(_number, values))}"

    def _best_so_far(self, *, with_value: bool = True) -> str:
        """The monitor at the epoch that is kept, and that epoch; empty where it is always the last one."""
        if self.monitor == LAST_EPOCH or self.best is None:
            return ""
        epoch = "" if self.best_epoch is None else f"epoch {self.best_epoch + 1}"
        if epoch and not with_value:
            return f"best: {epoch}"
        return f"best {_number(self.best)}" + (f" ({epoch})" if epoch else "")


def _figures(trainer: pl.Trainer, module: Any) -> dict[str, Any]:
    """Figures of the epoch that ends, those of validation where it was validated."""
    figures = compat.figures_of_epoch(trainer)
    if not module.validated:
        return figures
    of_validation = {key: value for key, value in trainer.callback_metrics.items() if key.endswith("/val")}
    return {**figures, **of_validation}


def _losses(figures: dict[str, Any]) -> str:
    """Loss of training and of validation."""
    known = [_number(figures[key]) for key in ("loss/train", "loss/val") if key in figures]
    return f"loss {' | '.join(known)}" if known else ""


def _number(value: Any) -> str:
    """A figure with three decimals, or one digit where these would all be 0."""
    number = float(value)
    return f"{number:.1e}" if 0 < abs(number) < STILL_READABLE else f"{number:.3f}"


def _best_score(trainer: pl.Trainer) -> float | None:
    """The monitor at the best epoch; None before there is one."""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, RunCheckpoint) and callback.monitor and callback.best_model_score is not None:
            return float(callback.best_model_score)
    return None


def _row_with(run: Run, monitor: str, value: float) -> dict[str, float] | None:
    """The first epoch in a run's `metrics.csv` with a value of a figure; None where none has it."""
    for row in read_history(run.metrics_path):
        if math.isclose(row.get(monitor, math.nan), value, rel_tol=1e-6):
            return row
    return None
