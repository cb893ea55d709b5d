"""From a config's `optimizer` and `scheduler` nodes to an optimiser and its learning-rate schedule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, SequentialLR

from seep_lightning.config.targets import build, is_node, mapped_values, parameters_of, resolve
from seep_lightning.errors import UserError
from seep_lightning.nets.parts import check_parts, part_of
from seep_lightning.ranges import NOT_NEGATIVE, Span, check_number, is_number, shown
from seep_lightning.training.length import TrainingLength

# Keys of an `optimizer` and a `scheduler` node that are ours, not the constructor's
PARTS = "parts"
MONITOR, INTERVAL = "monitor", "interval"

# What a `scheduler` node may hold in the place of a number: `{steps}`, `{epochs}`, or a share such as `{0.05*steps}`
PLACEHOLDER = re.compile(r"\{(?:(?P<share>\d*\.?\d+)\s*\*\s*)?(?P<unit>steps|epochs)\}")

# The unit of each interval: a schedule that counts in one unit must not be given its length in the other
UNIT_OF_INTERVAL = {"step": "steps", "epoch": "epochs"}

# Classes that are stepped after each step of the optimiser, beside those that take `total_steps`
STEP_WISE = (CyclicLR,)

# Beyond it no number of the network's stays finite
LEARNING_RATE = Span(above=0, at_most=10**6)
FINITE = Span(at_least=-(10**6), at_most=10**6)

# With which a schedule is tried before the length of the training is known
EXAMPLE_LENGTH = TrainingLength(steps=100, epochs=10)


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
        optimizer = build("optimizer", settings, Optimizer, net.parameters())
        _check_numbers(optimizer)
        return optimizer
    _check_factors(factors)
    check_parts("optimizer.parts", net, list(factors))
    by_part = _parameters_by_part(net, factors)
    groups = [{"params": parameters} for parameters in by_part.values()]
    optimizer = build("optimizer", settings, Optimizer, groups)
    _check_numbers(optimizer)
    for group, part in zip(optimizer.param_groups, by_part, strict=True):
        if part is not None:
            group["lr"] *= factors[part]
    return optimizer


def _check_numbers(optimizer: Optimizer) -> None:
    """Refuse numbers with which an optimiser trains nothing: torch takes a learning rate of 0, infinity and NaN."""
    for name, value in optimizer.defaults.items():
        is_rate = name == "lr"
        span = LEARNING_RATE if is_rate else FINITE
        for number in value if isinstance(value, list | tuple) else [value]:
            # a rate of true is 1; other switches are no numbers
            if is_number(number) or (is_rate and isinstance(number, bool)):
                check_number(f"optimizer.{name}", number, span)


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
    """Build the learning-rate schedule, at the beginning of its course.

    Schedules that take `total_steps` (ours, torch's OneCycleLR) get the length of the whole training where the node
    does not say it. They, CyclicLR, and nodes that hold `{steps}` are stepped after each step, the others after each
    epoch. `interval` says otherwise.

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
    units = _units_of(settings)
    usual_interval = "step" if "steps" in units or _is_step_wise("scheduler", settings) else "epoch"
    interval = str(chosen_interval or usual_interval)
    if interval not in UNIT_OF_INTERVAL:
        raise UserError(f"scheduler.interval={interval}: expected step or epoch.")
    _check_units(units, interval)
    whole = None
    if follows_length(settings):
        whole = _whole_length(length, interval)
    filled = _with_length(settings, whole)
    scheduler = _build_scheduler("scheduler", filled, optimizer, whole)
    return Schedule(scheduler, interval)


def follows_length(node: Mapping[str, Any] | None) -> bool:
    """Whether a schedule is stretched to the training's length, by `total_steps` or by a placeholder.

    Args:
        node: The `scheduler` node.

    Raises:
        UserError: It names no schedule.
    """
    if node is None or not is_node(node):
        return False
    return bool(_units_of(node)) or _takes_length("scheduler", node)


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
    schedule = build_schedule(scheduler, built, EXAMPLE_LENGTH)
    if schedule is not None:
        _check_state("scheduler", schedule.scheduler)


def _is_step_wise(key: str, node: Mapping[str, Any]) -> bool:
    """Whether a schedule's class, or that of one which it is made of, is meant to be stepped after each step."""
    schedule_class = resolve(key, node, LRScheduler)
    if issubclass(schedule_class, STEP_WISE) or "total_steps" in parameters_of(schedule_class):
        return True
    return any(_is_step_wise(inner_key, inner) for inner_key, inner in _inner_nodes(key, node))


def _takes_length(key: str, node: Mapping[str, Any]) -> bool:
    """Whether a schedule, or one that it is made of, takes `total_steps`, and its node does not give them."""
    if lacks_total_steps(key, node):
        return True
    return any(_takes_length(inner_key, inner) for inner_key, inner in _inner_nodes(key, node))


def lacks_total_steps(key: str, node: Mapping[str, Any]) -> bool:
    """Whether a schedule takes the steps of the whole training, and its node does not give its length.

    Args:
        key: Where the node stands in the config, for messages.
        node: Of a schedule.
    """
    gives_length = "total_steps" in node or "epochs" in node
    return "total_steps" in parameters_of(resolve(key, node, LRScheduler)) and not gives_length


def _inner_nodes(key: str, node: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The schedules that a schedule is made of, with their keys."""
    inner: list[tuple[str, Mapping[str, Any]]] = []
    for name, value in node.items():
        items = value if isinstance(value, list) else [value]
        inner += [(f"{key}.{name}", item) for item in items if is_node(item)]
    return inner


def _units_of(node: Mapping[str, Any]) -> set[str]:
    """The units in which a node asks for the training's length: `steps`, `epochs`."""
    units: set[str] = set()

    def note(value: Any) -> Any:
        placeholder = PLACEHOLDER.fullmatch(str(value))
        if placeholder is not None:
            units.add(placeholder["unit"])
        return value

    mapped_values(node, note)
    return units


def _check_units(units: set[str], interval: str) -> None:
    """Refuse the training's length in another unit than the one that the schedule counts in."""
    own_unit = UNIT_OF_INTERVAL[interval]
    for unit in sorted(units - {own_unit}):
        raise UserError(
            f"scheduler holds {{{unit}}}, but it is stepped after each {interval} and counts {own_unit}. "
            f"Write {{{own_unit}}}, or choose the other scheduler.interval."
        )


def _whole_length(length: TrainingLength, interval: str) -> int:
    """The training's length in the unit that a schedule counts in."""
    if length.epochs is None:
        raise UserError("scheduler needs to know the training's length: set trainer.max_epochs or max_steps.")
    return length.epochs if interval == "epoch" else int(length.steps)


def _check_factors(factors: Mapping[str, Any]) -> None:
    """Refuse what cannot be multiplied with a learning rate."""
    if not isinstance(factors, Mapping):
        raise UserError(f"optimizer.parts={shown(factors)}: expected such as {{encoder: 0.1}}, a tenth of the rate.")
    for part, factor in factors.items():
        if not NOT_NEGATIVE.holds(factor):
            raise UserError(f"optimizer.parts.{part}={factor}: expected a number, 0 or more.")


def _with_length(settings: Mapping[str, Any], whole: int | None) -> dict[str, Any]:
    """A `scheduler` node with the training's length, or a share of it, for its placeholders."""

    def number_of(value: Any) -> Any:
        placeholder = PLACEHOLDER.fullmatch(str(value))
        if placeholder is None or whole is None:
            return value
        share = placeholder["share"]
        return whole if share is None else round(float(share) * whole)

    filled: dict[str, Any] = mapped_values(settings, number_of)
    return filled


def _build_scheduler(key: str, node: Mapping[str, Any], optimizer: Optimizer, total_steps: int | None) -> LRScheduler:
    """A scheduler, after those that it is made of (torch's SequentialLR, ChainedScheduler).

    `total_steps` is the length of its course, for classes that take it.
    """
    scheduler_class = resolve(key, node, LRScheduler)
    milestones: Sequence[int] = ()
    if issubclass(scheduler_class, SequentialLR):
        milestones = node.get("milestones") or ()
    settings: dict[str, Any] = {}
    for name, value in node.items():
        inner_key = f"{key}.{name}"
        if isinstance(value, list):
            settings[name] = _build_list(inner_key, value, optimizer, _courses(milestones, len(value), total_steps))
        else:
            settings[name] = _build_inner(inner_key, value, optimizer, total_steps)
    if lacks_total_steps(key, node):
        settings["total_steps"] = total_steps
    if "optimizer" in parameters_of(scheduler_class):
        return build(key, settings, LRScheduler, optimizer=optimizer)
    return build(key, settings, LRScheduler, optimizer)


def _build_list(key: str, items: list[Any], optimizer: Optimizer, courses: list[int | None]) -> list[Any]:
    """A list in a `scheduler` node, with the schedulers in it built, each with the length of its course."""
    built = []
    for number, (item, course) in enumerate(zip(items, courses, strict=True)):
        built.append(_build_inner(f"{key}[{number}]", item, optimizer, course))
    return built


def _build_inner(key: str, value: Any, optimizer: Optimizer, total_steps: int | None) -> Any:
    """A value of a `scheduler` node; the scheduler that it names, if it is a node."""
    if not is_node(value):
        return value
    return _build_scheduler(key, value, optimizer, total_steps)


def _courses(milestones: Sequence[int], count: int, total_steps: int | None) -> list[int | None]:
    """The lengths of the courses of `count` schedulers: side by side, or one after the other between milestones."""
    courses: list[int | None] = []
    begin = 0
    for end in milestones[: count - 1]:
        courses.append(end - begin)
        begin = end
    rest = None if total_steps is None else total_steps - begin
    # a wrong number of milestones is torch's to refuse
    return courses + [rest] * (count - len(courses))


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
