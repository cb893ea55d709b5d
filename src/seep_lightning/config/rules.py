"""The check of a config against the ranges that stand beside the fields of the schema.

A field says what it may be with a function of `ranges`. A dataclass says in `check_together` what must hold across its
fields: Hydra does not run `__post_init__`.
"""

from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from seep_lightning.errors import UserError
from seep_lightning.ranges import EXPECTED, HOLDS, refusal

# whole numbers reach libraries that hold 32 bits
LARGEST_WHOLE = 2**32 - 1


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
    holds = rule.metadata.get(HOLDS)
    if holds is not None and not holds(value):
        raise refusal(key, value, rule.metadata[EXPECTED])
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        raise refusal(key, value, f"a number of at most {LARGEST_WHOLE}")


def _nested_configs(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The dataclasses in a value, alone or in a dict, each with the prefix of its keys."""
    if is_dataclass(value):
        yield f"{key}.", value
    if isinstance(value, dict):
        for name, item in value.items():
            if is_dataclass(item):
                yield f"{key}.{name}.", item
