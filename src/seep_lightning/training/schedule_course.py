"""Where in its course a schedule is when a run is resumed with other steps in an epoch, or with another length."""

import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from seep_lightning.config.targets import is_node
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError
from seep_lightning.training.length import (
    TrainingLength,
    TrainingLimits,
    expected_limits,
    limits_of,
    training_length,
)
from seep_lightning.training.optimisation import (
    INTERVAL,
    Schedule,
    build_optimizer,
    build_schedule,
    follows_length,
    lacks_total_steps,
)

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule

log = logging.getLogger(__name__)


class ScheduleCourse(Callback):
    """Lets the schedule of a resumed run go on at the share of its course that the training has done.

    A schedule counts its steps. Where other devices, `accumulate_grad_batches` or `limit_train_batches` change how many
    make an epoch, the count of before means nothing in the course of now. Nor does the stored course where the length
    of the training changes. Then the schedule is built anew and brought to its place; where it is there already, it
    stays as Lightning restored it.

    Checkpoints name callbacks by their class: it keeps its name.
    """

    def __init__(self) -> None:
        self.stored: dict[str, Any] | None = None
        self.course: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        """The course, to be compared with that of a later session."""
        return self.course

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the course of an earlier session."""
        self.stored = dict(state_dict)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the course with that of before, now that Lightning has restored the schedule."""
        limits = limits_of(trainer)
        length = training_length(limits, trainer.current_epoch, trainer.global_step)
        self.course = {"steps": length.steps, "steps_per_epoch": limits.steps_per_epoch}
        is_resumed = trainer.current_epoch > 0
        if is_resumed and self.stored != self.course:
            _place_schedule(trainer, pl_module, length)


def check_course(
    trainer: pl.Trainer,
    net: nn.Module,
    data: "SeepDataModule",
    config: TrainConfig,
    checkpoint: dict[str, Any] | None,
) -> None:
    """Refuse a schedule whose own numbers do not fit the training, before anything is written.

    Args:
        trainer: The Trainer.
        net: The network.
        data: The chips, set up.
        config: The run's config.
        checkpoint: What the run resumes from; None for a new run.

    Raises:
        UserError: The schedule ends before the training does, or the run is resumed with other steps in an epoch, and
            the schedule's numbers of steps are the user's own.
    """
    limits = expected_limits(trainer, data)
    length = training_length(limits)
    schedule = build_schedule(config.scheduler, build_optimizer(net, config.optimizer), length)
    if schedule is None:
        return
    _check_end(schedule, length)
    counts_own_steps = schedule.interval == "step" and not follows_length(config.scheduler)
    if checkpoint is not None and counts_own_steps:
        _check_same_steps(checkpoint, limits)


def with_interval_of_before(config: TrainConfig, checkpoint: dict[str, Any] | None) -> TrainConfig:
    """Let the schedule of an older run be stepped as it was: by epochs, unless `total_steps` was filled in.

    Args:
        config: The config to resume with.
        checkpoint: What the run resumes from; None for a new run.

    Returns:
        The config; where the run is older than `ScheduleCourse`, with `scheduler.interval`.
    """
    node = config.scheduler
    if checkpoint is None or not is_node(node) or INTERVAL in node:
        return config
    stored_node = checkpoint["hyper_parameters"].get("scheduler") or {}
    interval = stored_node.get(INTERVAL)
    is_older = ScheduleCourse.__qualname__ not in checkpoint.get("callbacks", {})
    if interval is None and is_older:
        interval = "step" if lacks_total_steps("scheduler", node) else "epoch"
    if interval is None:
        return config
    return replace(config, scheduler={**node, INTERVAL: interval})


def _check_end(schedule: Schedule, length: TrainingLength) -> None:
    """Refuse a OneCycleLR of the user's length that ends first: torch raises an error when it is stepped on."""
    scheduler = schedule.scheduler
    if not isinstance(scheduler, OneCycleLR) or length.epochs is None:
        return
    needed = length.steps if schedule.interval == "step" else length.epochs
    if scheduler.total_steps < needed:
        raise UserError(
            f"scheduler: OneCycleLR ends after {scheduler.total_steps} of the {needed} {schedule.interval}s of this "
            "training. Leave out total_steps (or epochs and steps_per_epoch), so that the length is filled in."
        )


def _check_same_steps(checkpoint: dict[str, Any], limits: TrainingLimits) -> None:
    """Refuse to resume where an epoch has another number of steps than before."""
    course = checkpoint.get("callbacks", {}).get(ScheduleCourse.__qualname__) or {}
    # runs of older versions do not say it
    mean_steps = math.ceil(checkpoint["global_step"] / (checkpoint["epoch"] + 1))
    before = course.get("steps_per_epoch", mean_steps)
    now = limits.steps_per_epoch
    if before != now:
        raise UserError(
            f"an epoch of the run had {before} steps and would have {now} now, but its scheduler has step numbers of "
            "its own. Resume with the trainer.devices, accumulate_grad_batches and limit_train_batches of before, or "
            "start a new run from its weights with init=DIR."
        )


def _place_schedule(trainer: pl.Trainer, module: Any, length: TrainingLength) -> None:
    """Build the schedule of a resumed run anew at the place where the training is, unless it is there already."""
    node = module.hparams["scheduler"]
    if not trainer.lr_scheduler_configs or not follows_length(node):
        return
    restored = trainer.lr_scheduler_configs[0].scheduler
    optimizer_node = module.hparams["optimizer"]
    expected = _schedule_at(node, build_optimizer(module.net, optimizer_node), length)
    # a schedule that is a function of the step and of a length that it does not store, as ours, is where it should be
    if _counters(restored.state_dict()) == _counters(expected.scheduler.state_dict()):
        return
    _forget_schedule(trainer.optimizers[0], build_optimizer(module.net, optimizer_node))
    placed = _schedule_at(node, trainer.optimizers[0], length)
    trainer.lr_scheduler_configs[0].scheduler = placed.scheduler
    done, whole = _position(placed, length)
    log.info("the learning rate goes on at %s %d of %s of its schedule", placed.interval, done, whole)


def _schedule_at(node: Any, optimizer: Optimizer, length: TrainingLength) -> Schedule:
    """A schedule that was stepped as often as it should have been when a session begins."""
    schedule = build_schedule(node, optimizer, length)
    # the node is not empty: it follows the length
    assert schedule is not None
    done, _ = _position(schedule, length)
    # torch warns that the optimiser was not stepped in between
    with warnings.catch_warnings(action="ignore"):
        for _ in range(done):
            schedule.scheduler.step()
    return schedule


def _position(schedule: Schedule, length: TrainingLength) -> tuple[int, float | None]:
    """How much of its course a schedule has done, and the whole, in the unit that it counts in."""
    if schedule.interval == "step":
        return length.steps_done, length.steps
    return length.epochs_done, length.epochs


def _counters(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a schedule, and of those that it is made of, without the rates that came of it."""
    counters: dict[str, Any] = {}
    for name, value in state.items():
        if name == "_schedulers":
            counters[name] = [_counters(inner) for inner in value]
        elif name != "_last_lr":
            counters[name] = value
    return counters


def _forget_schedule(optimizer: Optimizer, fresh: Optimizer) -> None:
    """Give an optimiser the settings of a fresh one: learning rate, momentum, and what schedules add to them."""
    for group, fresh_group in zip(optimizer.param_groups, fresh.param_groups, strict=True):
        parameters = group["params"]
        group.clear()
        group.update(fresh_group)
        group["params"] = parameters
