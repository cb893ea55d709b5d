"""Figures that a training is judged by: the best epoch, early stopping, a plateau's schedule, a search."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Literal

from seep_lightning.config.targets import is_node, parameters_of, resolve
from seep_lightning.config.training import TrainConfig, TrainerConfig
from seep_lightning.errors import UserError

EPOCH_FACTS = ("lr", "epoch_seconds", "chips_per_second", "wait_share")
"""What the callback `EpochFacts` logs of each epoch; here, because a command answers without its Lightning."""
DEFAULT_PLATEAU_MONITOR = "loss/val"
"""What a plateau schedule goes by."""
LAST_EPOCH = "epoch"
"""The monitor that makes the last epoch the best one."""

Mode = Literal["min", "max"]
BETTER = {"min": "less", "max": "more"}
"""What is better in each mode, in words."""


def monitor_mode(monitor: str, figures: Sequence[str] = (), metrics: Mapping[str, Any] | None = None) -> Mode:
    """Whether less of a figure is better, as of a loss, or more, as of most others.

    Args:
        monitor: The figure's name, such as `loss/val`.
        figures: The config's `figures`, some of which may be the run's own.
        metrics: The config's `metrics`.

    Raises:
        UserError: One of these does not exist.
    """
    return known_mode(monitor, figures, metrics) or "max"


def known_mode(monitor: str, figures: Sequence[str] = (), metrics: Mapping[str, Any] | None = None) -> Mode | None:
    """Which way a figure is better, where that is declared: of losses, our figures, and metrics that say it.

    Args:
        monitor: The figure's name, such as `loss/val`.
        figures: The config's `figures`, some of which may be the run's own.
        metrics: The config's `metrics`.

    Returns:
        None for what nothing declares: learning rate, threshold, what a callback of the user's logs.

    Raises:
        UserError: A figure or metric does not exist.
    """
    from torchmetrics import Metric

    from seep_lightning.metrics.figures import key_of, lower_is_better
    from seep_lightning.metrics.requested_figures import request_figures

    request_figures(figures)
    name = monitor.removesuffix("/val")
    node = (metrics or {}).get(name)
    if node:
        # torchmetrics has None where neither is better
        higher_is_better = resolve(f"metrics.{name}", node, Metric).higher_is_better
        if higher_is_better is None:
            return None
        return "max" if higher_is_better else "min"
    if lower_is_better(monitor):
        return "min"
    return "max" if _is_declared(key_of(monitor)) else None


def needs_truth(monitor: str) -> bool:
    """Whether a monitor is a figure of validation that says nothing where the truth is empty: not a loss.

    Args:
        monitor: The figure's name, such as `dice/val`.
    """
    from seep_lightning.metrics.figures import key_of

    return monitor.endswith("/val") and _is_declared(key_of(monitor))


def _is_declared(key: str) -> bool:
    """Whether a figure is one of ours, or of the user's `figures`."""
    from seep_lightning.metrics.figures import DICE_OF_CLASS, FIGURES

    return key.startswith(DICE_OF_CLASS) or any(figure.key == key for figure in FIGURES)


def with_modes(config: TrainConfig) -> TrainConfig:
    """The config with the mode of each monitor that does not say its own: of a plateau schedule, and of callbacks.

    Torch and Lightning would take `min` for any figure.

    Args:
        config: As composed.

    Raises:
        UserError: A node with a monitor names no class.
    """
    scheduler = config.scheduler
    if _lacks_mode(scheduler) and _is_plateau(scheduler):
        monitor = scheduler.get("monitor") or DEFAULT_PLATEAU_MONITOR
        scheduler = {**scheduler, "mode": monitor_mode(monitor, config.figures, config.metrics)}
    callbacks = config.callbacks
    for name, node in (callbacks or {}).items():
        if _lacks_mode(node) and _callback_takes_mode(f"callbacks.{name}", node):
            mode = monitor_mode(node["monitor"], config.figures, config.metrics)
            callbacks = {**callbacks, name: {**node, "mode": mode}}
    return replace(config, scheduler=scheduler, callbacks=callbacks)


def _lacks_mode(node: Any) -> bool:
    """Whether a node may want a mode that it does not have; torch is imported for none of the others."""
    return is_node(node) and node.get("mode") is None and ("monitor" in node or "mode" in node)


def _is_plateau(node: Mapping[str, Any]) -> bool:
    from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

    return issubclass(resolve("scheduler", node, LRScheduler), ReduceLROnPlateau)


def _callback_takes_mode(key: str, node: Mapping[str, Any]) -> bool:
    from lightning.pytorch.callbacks import Callback

    takes_mode = "mode" in parameters_of(resolve(key, node, Callback))
    return takes_mode and node.get("monitor") is not None


def check_modes(config: TrainConfig, callbacks: Iterable[Any]) -> None:
    """Refuse a mode that contradicts what its monitor is: a schedule or callback that takes worse for better.

    Args:
        config: The run's config.
        callbacks: All callbacks of the training.

    Raises:
        UserError: One of them does.
    """
    scheduler = config.scheduler or {}
    if "monitor" in scheduler and scheduler.get("mode") in BETTER:
        _check_mode("scheduler", scheduler["monitor"], scheduler["mode"], config)
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        mode = getattr(callback, "mode", None)
        if isinstance(monitor, str) and mode in BETTER:
            _check_mode(f"callbacks: {type(callback).__name__}", monitor, mode, config)


def _check_mode(subject: str, monitor: str, mode: str, config: TrainConfig) -> None:
    right_mode = known_mode(monitor, config.figures, config.metrics)
    if right_mode is None or right_mode == mode:
        return
    raise UserError(
        f"{subject} has mode={mode} with monitor={monitor}, of which {BETTER[right_mode]} is better. "
        "Leave mode out: it is taken from the figure."
    )


def check_monitors(config: TrainConfig, figure_names: Collection[str]) -> None:
    """Refuse a monitor that a new training would never measure.

    Args:
        config: The run's config.
        figure_names: What the module logs (`SeepModule.figure_names`).

    Raises:
        UserError: A monitor is no figure of this training, or one of validation, and no epoch is validated.
    """
    never_validated = reason_for_no_validation(config.trainer)
    for key, monitor in monitors_of(config).items():
        _check_known(key, monitor, config, [LAST_EPOCH, *EPOCH_FACTS, *figure_names])
        if monitor.endswith("/val") and never_validated is not None:
            raise UserError(
                f"{key}={monitor} is never measured: {never_validated}. "
                "Let at least one epoch be validated, or pass monitor=epoch."
            )


def monitors_of(config: TrainConfig) -> dict[str, str]:
    """The monitors of a config, by their keys."""
    monitors = {"monitor": config.monitor}
    scheduler = config.scheduler or {}
    if "monitor" in scheduler:
        monitors["scheduler.monitor"] = scheduler["monitor"]
    for name, node in (config.callbacks or {}).items():
        if is_node(node) and isinstance(node.get("monitor"), str):
            monitors[f"callbacks.{name}.monitor"] = node["monitor"]
    return monitors


def _check_known(key: str, monitor: str, config: TrainConfig, measured: list[str]) -> None:
    from seep_lightning.metrics.figures import before_scaling

    # a callback of the user's may log what it likes
    if monitor in measured or config.callbacks:
        return
    figure, _, stage = monitor.partition("/")
    called_now = f"{before_scaling(figure)}/{stage}"
    similar = [called_now] if called_now in measured else get_close_matches(monitor, measured, 1)
    hint = f"Did you mean {similar[0]}? " if similar else ""
    known = ", ".join(sorted(measured))
    raise UserError(f"{key}={monitor} is not measured. {hint}Known: {known}.")


def reason_for_no_validation(trainer: TrainerConfig) -> str | None:
    """Why a training validates no epoch at all, in words; None if it does.

    Args:
        trainer: The settings; `max_epochs` of -1 is endless.
    """
    if trainer.fast_dev_run:
        # one batch of each, whatever the other settings are
        return None
    if trainer.limit_val_batches == 0:
        return "trainer.limit_val_batches=0 leaves nothing to validate"
    every = trainer.check_val_every_n_epoch
    if every is not None and 0 <= trainer.max_epochs < every:
        return f"trainer.check_val_every_n_epoch={every} is beyond trainer.max_epochs={trainer.max_epochs}"
    return None
