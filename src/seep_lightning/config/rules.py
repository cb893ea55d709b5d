"""The typed schema of `conf/`: every field that is ours, its type, its default and what it may be, in one place.

`model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes (see `targets.py`).
A class says in `_together` what must hold across its fields: Hydra does not run `__post_init__`.
"""

from collections.abc import Callable
from dataclasses import field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from seep_lightning.errors import UserError


def where(default: Any, holds: Callable[[Any], bool], expected: str) -> Any:
    """A field for which `holds(value)` must be true; `check` says what was `expected` where it is not."""
    return field(default=default, metadata={"holds": holds, "expected": expected})


def one_of(*allowed: str | None, default: str | None = None) -> Any:
    """A field that is one of `allowed`, by default the first."""
    names = ", ".join(value or "null" for value in allowed)
    return where(default or allowed[0], lambda value: value in allowed, f"one of {names}")


def at_least(smallest: int, default: Any) -> Any:
    """A number that is not below `smallest`, or None."""
    return where(default, lambda value: value is None or value >= smallest, f"{smallest} or more")


def inside(value: float | None) -> bool:
    """Whether a number lies between 0 and 1, without these two; None does."""
    return value is None or 0 < value < 1


PROBABILITY = (None, inside, "a probability between 0 and 1")
SEED = (0, lambda value: 0 <= value < 2**32, f"0 to {2**32 - 1}")  # what numpy's generators take


def check(config: Any, prefix: str = "") -> None:
    """Raise `UserError` for a value that may not be, alone or with others, and for a key that `+key=` put in."""
    rules = {each.name: each.metadata for each in fields(config)}
    for name, value in vars(config).items():
        if name not in rules:
            near = get_close_matches(name, rules, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(rules)}."
            raise UserError(f"{prefix}{name} is not a key of this command; {hint}")
        if "holds" in rules[name] and not rules[name]["holds"](value):
            raise UserError(f"{prefix}{name}={value}: expected {rules[name]['expected']}.")
        for key, node in value.items() if isinstance(value, dict) else [("", value)]:
            if is_dataclass(node):
                check(node, f"{prefix}{name}.{key}{'.' * bool(key)}")
    if hasattr(config, "_together"):
        config._together()
