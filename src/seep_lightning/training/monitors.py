"""Figures that a training is judged by: the best epoch, early stopping, a plateau's schedule, a search."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

from seep_lightning.config.targets import resolve
from seep_lightning.config.training import TrainConfig, TrainerConfig
from seep_lightning.errors import UserError

EPOCH_FACTS = ("lr", "epoch_seconds", "chips_per_second")
"""What the callback `EpochFacts` logs of each epoch; here, because a command answers without its Lightning."""
LAST_EPOCH = "epoch"
"""The monitor that makes the last epoch the best one."""


def monitor_mode(
    monitor: str, figures: Sequence[str] = (), metrics: Mapping[str, Any] | None = None
) -> Literal["min", "max"]:
    """Whether less of a figure is better, as of a loss, or more, as of most others.

    Args:
        monitor: The figure's name, such as `loss/val`.
        figures: The config's `figures`, some of which may be the run's own.
        metrics: The config's `metrics`.

    Raises:
        UserError: One of these does not exist.
    """
    from torchmetrics import Metric

    from seep_lightning.metrics.figures import lower_is_better
    from seep_lightning.metrics.requested_figures import request_figures

    request_figures(figures)
    name = monitor.removesuffix("/val")
    node = (metrics or {}).get(name)
    if node:
        # torchmetrics has None where neither is better
        kind = resolve(f"metrics.{name}", node, Metric)
        return "min" if kind.higher_is_better is False else "max"
    return "min" if lower_is_better(monitor) else "max"


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
    return monitors


def _check_known(key: str, monitor: str, config: TrainConfig, measured: list[str]) -> None:
    # a callback of the user's may log what it likes
    if monitor in measured or config.callbacks:
        return
    similar = get_close_matches(monitor, measured, 1)
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
