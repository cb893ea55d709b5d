"""The callbacks of a training: what each setting brings, and those that the config names."""

import os
from collections.abc import Callable

from lightning.pytorch.callbacks import Callback

from seep_lightning.config.references import looked_up
from seep_lightning.config.targets import build
from seep_lightning.config.training import TrainConfig, ranked_by, seconds_of
from seep_lightning.reporting.panels import Panels
from seep_lightning.runs.directory import Run
from seep_lightning.training.averaging import MovingAverage
from seep_lightning.training.checkpointing import RunCheckpoint
from seep_lightning.training.criterion import ConstantMonitors
from seep_lightning.training.cuda_graphs import CudaGraphs
from seep_lightning.training.early_stopping import EarlyStopping
from seep_lightning.training.epoch_bar import EpochBar
from seep_lightning.training.epoch_facts import EpochFacts
from seep_lightning.training.epoch_lines import EpochLines
from seep_lightning.training.monitors import monitor_mode, monitors_of
from seep_lightning.training.process import TRIAL_VARIABLE
from seep_lightning.training.run_placeholder import fill_in_run
from seep_lightning.training.schedule_course import ScheduleCourse


def build_callbacks(config: TrainConfig, run: Run) -> list[Callback]:
    """Build all callbacks of a training.

    Args:
        config: The run's config.
        run: The run directory.

    Returns:
        Ours, then those of `callbacks` in the config.

    Raises:
        UserError: A node of `callbacks` is not a callback, or its class refuses its settings.
    """
    callbacks: list[Callback] = [EpochFacts(), ScheduleCourse(), ConstantMonitors(monitors_of(config).values())]
    for callback_of in CALLBACKS_BY_SETTING.values():
        callback = callback_of(config, run)
        if callback is not None:
            callbacks.append(callback)
    if TRIAL_VARIABLE in os.environ:
        callbacks.append(_pruning(config))
    return [*callbacks, *_callbacks_of_nodes(config, run)]


def _callbacks_of_nodes(config: TrainConfig, run: Run) -> list[Callback]:
    """The callbacks that the config names; a node of null is one that was switched off."""
    callbacks: list[Callback] = []
    nodes = config.callbacks or {}
    for name, node in nodes.items():
        if node:
            filled = fill_in_run(looked_up(node), run)
            callbacks.append(build(f"callbacks.{name}", filled, Callback))
    return callbacks


def _panels(config: TrainConfig, run: Run) -> Callback:
    return Panels(config.panels)


def _best_checkpoint(config: TrainConfig, run: Run) -> Callback:
    mode = monitor_mode(config.monitor, config.figures, config.metrics)
    return RunCheckpoint(run.checkpoints, "best", config.checkpoint_every, config.monitor, mode)


def _last_checkpoint(config: TrainConfig, run: Run) -> Callback:
    return RunCheckpoint(run.checkpoints, "last", config.checkpoint_every)


def _moving_average(config: TrainConfig, run: Run) -> Callback | None:
    return None if config.ema_decay is None else MovingAverage(config.ema_decay)


def _cuda_graphs(config: TrainConfig, run: Run) -> Callback | None:
    return CudaGraphs() if config.cuda_graphs else None


def _early_stopping(config: TrainConfig, run: Run) -> Callback | None:
    if config.early_stop is None:
        return None
    mode = monitor_mode(config.monitor, config.figures, config.metrics)
    return EarlyStopping(config.monitor, patience=config.early_stop, mode=mode, strict=False)


def _progress_bar(config: TrainConfig, run: Run) -> Callback | None:
    return EpochBar() if config.trainer.enable_progress_bar else None


def _epoch_lines(config: TrainConfig, run: Run) -> Callback:
    return EpochLines(config.monitor, run, seconds_of(config.progress.every))


def _pruning(config: TrainConfig) -> Callback:
    # Optuna is an optional dependency
    from seep_lightning.training.pruning import Pruning

    return Pruning(ranked_by(config.monitor), os.environ[TRIAL_VARIABLE])


CALLBACKS_BY_SETTING: dict[str, Callable[[TrainConfig, Run], Callback | None]] = {
    "panels": _panels,
    "monitor": _best_checkpoint,
    "checkpoint_every": _last_checkpoint,
    "ema_decay": _moving_average,
    "cuda_graphs": _cuda_graphs,
    "early_stop": _early_stopping,
    "progress.every": _epoch_lines,
    "trainer.enable_progress_bar": _progress_bar,
}
"""Which callback each setting brings; None where the setting switches it off. Lightning calls them in this order."""
