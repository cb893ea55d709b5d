"""What a search goes over: the overrides that are ranges or choices, and the values to try first."""

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seep_lightning.errors import UserError

Space = dict[str, BaseDistribution]
"""Key of the config to the values that a trial may draw."""


def split_overrides(overrides: list[str]) -> tuple[list[str], Space]:
    """Tell overrides that are the same in all trials from those that are searched.

    Args:
        overrides: As on the command line; of one key the last counts.

    Returns:
        The fixed overrides, and the space.

    Raises:
        UserError: A range cannot be searched.
    """
    parsed = OverridesParser.create().parse_overrides(overrides)
    last_of_key = {override.get_key_element(): override for override in parsed}
    fixed: list[str] = []
    space: Space = {}
    for key, override in last_of_key.items():
        if override.is_sweep_override():
            space[key] = distribution_of(override)
        else:
            fixed.append(str(override.input_line))
    return fixed, space


def distribution_of(override: Override) -> BaseDistribution:
    """Read what a trial may draw.

    Args:
        override: `KEY=interval(a,b)`, `KEY=int(interval(a,b))`, either of them in `tag(log,...)`; anything else that
            Hydra sweeps over, such as `choice(a,b)`, is a choice.

    Returns:
        Optuna's distribution.

    Raises:
        UserError: A range ends before it starts, and the like.
    """
    try:
        if override.is_discrete_sweep():
            choices = list(override.sweep_string_iterator())
            return CategoricalDistribution(choices)
        return _distribution_of_interval(override.value())
    except ValueError as error:
        raise UserError(f"{override.input_line}: cannot be searched ({error}).") from error


def _distribution_of_interval(interval: Any) -> BaseDistribution:
    """Whole numbers if the interval starts with one, on a logarithmic axis if it is tagged so."""
    is_log = "log" in interval.tags
    if isinstance(interval.start, int):
        return IntDistribution(interval.start, interval.end, log=is_log)
    return FloatDistribution(interval.start, interval.end, log=is_log)


def values_to_enqueue(params: Any, space: Space) -> dict[str, Any]:
    """Check settings to try first, and spell them as Optuna takes them.

    Args:
        params: One entry of `hydra.sweeper.enqueue`, keys to values.
        space: What is searched.

    Returns:
        The same keys; a choice as it is spelt in the space.

    Raises:
        UserError: A key is not searched, or a value is none of its choices.
    """
    is_searched = isinstance(params, dict) and params.keys() <= space.keys()
    if not is_searched:
        searched = ", ".join(space)
        raise UserError(f"hydra.sweeper.enqueue: {params} is not of what is searched: {searched}.")
    checked: dict[str, Any] = {}
    for key, value in params.items():
        checked[key] = _value_in_space(key, value, space[key])
    return checked


def _value_in_space(key: str, value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return _choice(key, value, distribution)
    # a bool is an int, but no number here; a number outside of the range may be tried
    if type(value) not in (int, float):
        raise UserError(f"hydra.sweeper.enqueue: {key}={value}: expected a number.")
    return value


def _choice(key: str, value: Any, distribution: CategoricalDistribution) -> Any:
    """The choice that a value stands for: `choice(4,6)` holds the text "4", which 4 means as well."""
    parser = OverridesParser.create()
    for choice in distribution.choices:
        parsed = parser.parse_override(f"{key}={choice}")
        if value in (choice, parsed.value()):
            return choice
    choices = ", ".join(str(choice) for choice in distribution.choices)
    raise UserError(f"hydra.sweeper.enqueue: {key}={value} is none of {choices}.")
