"""From a config's `optimizer` and `scheduler` nodes to an optimiser and its learning-rate schedule."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seep_lightning.config.targets import build, is_node, mapped_values, parameters_of, resolve
from seep_lightning.errors import UserError
from seep_lightning.nets.parts import check_parts, part_of

# Keys of an `optimizer` and a `scheduler` node that are ours, not the constructor's
PARTS = "parts"
MONITOR, INTERVAL = "monitor", "interval"

# Strings that a `scheduler` node may hold in the place of a number
STEPS, EPOCHS = "{steps}", "{epochs}"

DEFAULT_MONITOR = "loss/val"
"""What a plateau schedule goes by."""


@dataclass(frozen=True)
class TrainingLength:
    """How long a training is.

    Attributes:
        steps: Of the optimiser; infinite where nothing ends it.
        epochs: None where nothing ends it.
    """

    steps: float
    epochs: int | None


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule.

    Attributes:
        scheduler: Torch's.
        interval: `step` or `epoch`: what it is stepped after.
    """

    scheduler: LRScheduler
    interval: str


def build_optimizer(net: nn.Module, node: Mapping[str, Any]) -> Optimizer:
    """Build the optimiser over all parameters of a network.

    Args:
        net: The network.
        node: `_target_`, keywords, and under `parts` what the learning rate of a part is multiplied with, by its name.

    Returns:
        The optimiser. Its first group holds what belongs to none of the parts.

    Raises:
        UserError: The node names no optimiser, one that refuses its settings, or a part that the network lacks.
    """
    settings = {name: value for name, value in node.items() if name != PARTS}
    factors = node.get(PARTS) or {}
    if not factors:
        return build("optimizer", settings, Optimizer, net.parameters())
    _check_factors(factors)
    check_parts("optimizer.parts", net, list(factors))
    by_part = _parameters_by_part(net, factors)
    groups = [{"params": parameters} for parameters in by_part.values()]
    optimizer = build("optimizer", settings, Optimizer, groups)
    for group, part in zip(optimizer.param_groups, by_part, strict=True):
        if part is not None:
            group["lr"] *= factors[part]
    return optimizer


def _parameters_by_part(net: nn.Module, parts: Mapping[str, Any]) -> dict[str | None, list[nn.Parameter]]:
    """A network's parameters by their part, first those of none of them (None); only parts that have parameters."""
    by_part: dict[str | None, list[nn.Parameter]] = {None: []}
    for part in parts:
        by_part[part] = []
    for name, parameter in net.named_parameters():
        part_name = part_of(name, parts)
        by_part[part_name].append(parameter)
    return {part: parameters for part, parameters in by_part.items() if parameters}


def build_schedule(node: Mapping[str, Any] | None, optimizer: Optimizer, length: TrainingLength) -> Schedule | None:
    """Build the learning-rate schedule.

    Schedules that take `total_steps` (ours, torch's OneCycleLR) get the steps of the whole training and are stepped
    after each; the others after each epoch. `interval` says otherwise.

    Args:
        node: `_target_`, keywords, `interval` and `monitor`; `{steps}` and `{epochs}` stand for the training's length.
        optimizer: Whose learning rates are scheduled.
        length: Of the training.

    Returns:
        The schedule; None where the node is empty.

    Raises:
        UserError: The node names no schedule, or one that refuses its settings or needs a length that is not known.
    """
    settings = dict(node or {})
    settings.pop(MONITOR, None)
    chosen_interval = settings.pop(INTERVAL, None)
    if not settings:
        return None
    keywords: dict[str, Any] = {}
    usual_interval = "epoch"
    if _needs_total_steps(settings):
        keywords = _with_length({"total_steps": STEPS}, length)
        usual_interval = "step"
    interval = str(chosen_interval or usual_interval)
    if interval not in ("step", "epoch"):
        raise UserError(f"scheduler.interval={interval}: expected step or epoch.")
    filled = _with_length(settings, length)
    scheduler = _build_scheduler("scheduler", filled, optimizer, **keywords)
    return Schedule(scheduler, interval)


def check_optimisation(net: nn.Module, optimizer: Mapping[str, Any], scheduler: Mapping[str, Any] | None) -> None:
    """Build optimiser and schedule once, before anything starts.

    Args:
        net: The network.
        optimizer: The `optimizer` node.
        scheduler: The `scheduler` node.

    Raises:
        UserError: One of them cannot be built, or could not be resumed from a checkpoint.
    """
    built = build_optimizer(net, optimizer)
    _check_state("optimizer", built)
    schedule = build_schedule(scheduler, built, TrainingLength(steps=100, epochs=10))
    if schedule is not None:
        _check_state("scheduler", schedule.scheduler)


def epochs_of(max_epochs: int | None, steps: float, steps_per_epoch: float) -> int | None:
    """Epochs of a training that ends by epochs or by steps; None where nothing ends it."""
    if max_epochs is not None and max_epochs >= 0:
        return max_epochs
    if math.isinf(steps):
        return None
    epochs = steps / max(steps_per_epoch, 1)
    return math.ceil(epochs)


def _needs_total_steps(node: Mapping[str, Any]) -> bool:
    """Whether a schedule takes the steps of the whole training, and its node does not give its length."""
    schedule_class = resolve("scheduler", node, LRScheduler)
    gives_length = "total_steps" in node or "epochs" in node
    return "total_steps" in parameters_of(schedule_class) and not gives_length


def _check_factors(factors: Mapping[str, Any]) -> None:
    """Refuse what cannot be multiplied with a learning rate."""
    for part, factor in factors.items():
        if not isinstance(factor, int | float) or factor < 0:
            raise UserError(f"optimizer.parts.{part}={factor}: expected a number, 0 or more.")


def _with_length(settings: Mapping[str, Any], length: TrainingLength) -> dict[str, Any]:
    """A `scheduler` node with the training's length for its placeholders."""

    def number_of(value: Any) -> Any:
        if value not in (STEPS, EPOCHS):
            return value
        if length.epochs is None or math.isinf(length.steps):
            raise UserError("scheduler needs to know the training's length: set trainer.max_epochs or max_steps.")
        if value == EPOCHS:
            return length.epochs
        return int(length.steps)

    filled: dict[str, Any] = mapped_values(settings, number_of)
    return filled


def _build_scheduler(key: str, node: Mapping[str, Any], optimizer: Optimizer, **keywords: Any) -> LRScheduler:
    """A scheduler, after those that it is made of (torch's SequentialLR, ChainedScheduler)."""
    settings: dict[str, Any] = {}
    for name, value in node.items():
        settings[name] = _build_inner(f"{key}.{name}", value, optimizer)
    scheduler_class = resolve(key, node, LRScheduler)
    if "optimizer" in parameters_of(scheduler_class):
        return build(key, settings, LRScheduler, optimizer=optimizer, **keywords)
    return build(key, settings, LRScheduler, optimizer, **keywords)


def _build_inner(key: str, value: Any, optimizer: Optimizer) -> Any:
    """A value of a `scheduler` node, with the schedulers in it built."""
    if is_node(value):
        return _build_scheduler(key, value, optimizer)
    if isinstance(value, list):
        return [_build_inner(f"{key}[{i}]", item, optimizer) for i, item in enumerate(value)]
    return value


def _check_state(key: str, built: Optimizer | LRScheduler) -> None:
    """Refuse what keeps more than numbers: a checkpoint holds nothing else, so that loading it runs no code."""
    buffer = BytesIO()
    try:
        torch.save(built.state_dict(), buffer)
        buffer.seek(0)
        torch.load(buffer, weights_only=True)
    # pickle raises several kinds
    except Exception as error:
        raise UserError(
            f"{key}: {type(built).__name__} keeps more than numbers in its state, so that a run could not be resumed. "
            "Choose another."
        ) from error
