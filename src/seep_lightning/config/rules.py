"""Rules that stand beside the fields of the schema, and the check of a config against them.

A field says what it may be with one of the functions here, such as `one_of` or `at_least`. A dataclass says in
`check_together` what must hold across its fields: Hydra does not run `__post_init__`.
"""

from collections.abc import Callable, Iterator
from dataclasses import Field, field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from seep_lightning.errors import UserError

# numpy's generators take 32 bits
LARGEST_SEED = 2**32 - 1


def restricted(default: Any, holds: Callable[[Any], bool], expected: str) -> Any:
    """Declare a field with a rule.

    Args:
        default: The field's default.
        holds: Whether a value is allowed.
        expected: What the value may be, for the message of `check_config`.
    """
    return field(default=default, metadata={"holds": holds, "expected": expected})


def one_of(*allowed: Any, default: Any = None, expected: str = "") -> Any:
    """Declare a field that is one of the allowed values.

    Args:
        allowed: What the field may be.
        default: Its default; by default the first of `allowed`.
        expected: What the value may be, in words; by default the list of `allowed`.
    """
    if default is None:
        default = allowed[0]
    if not expected:
        names = ["null" if value is None else str(value) for value in allowed]
        expected = f"one of {', '.join(names)}"

    def holds(value: Any) -> bool:
        return value in allowed

    return restricted(default, holds, expected)


def at_least(smallest: int, default: Any) -> Any:
    """Declare a number that is not below `smallest`, or None."""

    def holds(value: Any) -> bool:
        return value is None or value >= smallest

    return restricted(default, holds, f"{smallest} or more")


def between_0_and_1(default: float | None, expected: str) -> Any:
    """Declare a number above 0 and below 1, or None."""

    def holds(value: Any) -> bool:
        return value is None or 0 < value < 1

    return restricted(default, holds, expected)


def probability() -> Any:
    """Declare a probability, by default None."""
    return between_0_and_1(None, "a probability between 0 and 1")


def share(default: float) -> Any:
    """Declare a share of a whole: 0 and 1 are allowed."""

    def holds(value: float) -> bool:
        return 0 <= value <= 1

    return restricted(default, holds, "a share, 0 to 1")


def random_seed() -> Any:
    """Declare the seed of a random generator, by default 0."""

    def holds(value: int) -> bool:
        return 0 <= value <= LARGEST_SEED

    return restricted(0, holds, f"0 to {LARGEST_SEED}")


def check_config(config: Any, prefix: str = "") -> None:
    """Check every value of a config and of the dataclasses within it.

    Args:
        config: A dataclass of the schema.
        prefix: Where it stands in the whole config, such as `data.`, for messages.

    Raises:
        UserError: A value that its rule does not allow, alone or together with others, or a key that the schema does
            not have (`+key=` on a command line adds one).
    """
    rules = {rule.name: rule for rule in fields(config)}
    for name, value in vars(config).items():
        if name not in rules:
            raise _unknown_key(name, list(rules), prefix)
        _check_value(f"{prefix}{name}", value, rules[name])
        for path, nested in _nested_configs(f"{prefix}{name}", value):
            check_config(nested, path)
    if hasattr(config, "check_together"):
        config.check_together()


def _unknown_key(name: str, known: list[str], prefix: str) -> UserError:
    """The error for a key that the schema does not have, with the nearest one that it has."""
    nearest = get_close_matches(name, known, 1)
    if nearest:
        return UserError(f"{prefix}{name} is not a key of this command; did you mean {prefix}{nearest[0]}?")
    return UserError(f"{prefix}{name} is not a key of this command; known are {', '.join(known)}.")


def _check_value(key: str, value: Any, rule: Field[Any]) -> None:
    """Raise `UserError` if a field has a rule that does not allow the value."""
    holds = rule.metadata.get("holds")
    if holds is not None and not holds(value):
        raise UserError(f"{key}={value}: expected {rule.metadata['expected']}.")


def _nested_configs(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The dataclasses in a value, alone or in a dict, each with the prefix of its keys."""
    if is_dataclass(value):
        yield f"{key}.", value
    if isinstance(value, dict):
        for name, item in value.items():
            if is_dataclass(item):
                yield f"{key}.{name}.", item
