"""What values may be: ranges that stand beside the fields of the schema, and beside the arguments of our own classes.

A field of a dataclass says what it may be with one of the functions here that give a field, such as `at_least` or
`path`; `config.rules.check_config` checks them. A field of which anything is taken, because something else judges it,
says so with `anything`. A class that a config names checks its arguments with `check_number` and `check_choice`.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seep_lightning.errors import UserError

# numpy's generators take 32 bits
LARGEST_SEED = 2**32 - 1
# characters of a path that Linux takes
LONGEST_PATH = 4096
# characters of a value that a message tells
LONGEST_SHOWN = 80

# the keys of a field's metadata
HOLDS, EXPECTED, JUDGED_BY, ALLOWED, SPAN = "holds", "expected", "judged_by", "allowed", "span"


@dataclass(frozen=True)
class Span:
    """A range of numbers. Infinity and NaN are in none.

    Attributes:
        at_least: The least number; None: there is none.
        above: A number below the least one.
        at_most: The largest number; None: there is none.
        below: A number above the largest one.
        whole: Whether it holds whole numbers only.
    """

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    whole: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value is a number in the range."""
        if not is_number(value) or not math.isfinite(value):
            return False
        if self.whole and not isinstance(value, int):
            return False
        is_high_enough = (self.at_least is None or value >= self.at_least) and (
            self.above is None or value > self.above
        )
        is_low_enough = (self.at_most is None or value <= self.at_most) and (self.below is None or value < self.below)
        return is_high_enough and is_low_enough

    def __str__(self) -> str:
        """The range in words, such as `0 or more`."""
        number = "a whole number" if self.whole else "a number"
        match (self.at_least, self.above, self.at_most, self.below):
            case (None, None, None, None):
                return number
            case (least, None, None, None):
                return f"{least} or more"
            case (least, None, most, None) if least is not None:
                return f"{least} to {most}"
        bounds = {
            "of at least": self.at_least,
            "above": self.above,
            "of at most": self.at_most,
            "below": self.below,
        }
        words = [f"{word} {bound}" for word, bound in bounds.items() if bound is not None]
        return f"{number} {' and '.join(words)}"


COUNT = Span(at_least=1, whole=True)
"""How many there are of something that there has to be."""
PROCESSES = Span(at_least=1, at_most=1024, whole=True)
"""How many processes or threads are started: more would bring a machine down."""
NOT_NEGATIVE = Span(at_least=0)
ABOVE_0 = Span(above=0)
SHARE = Span(at_least=0, at_most=1)


def is_number(value: Any) -> bool:
    """Whether a value is a number; Python takes true and false for numbers too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    """Whether a value is a text with something in it that a system call takes."""
    return isinstance(value, str | Path) and str(value).strip() != "" and "\0" not in str(value)


def is_path(value: Any) -> bool:
    """Whether a value may be the path of a file or folder."""
    return is_text(value) and len(str(value)) <= LONGEST_PATH


def are_paths(value: Any) -> bool:
    """Whether a value is a path, or a list of at least one."""
    items = value if isinstance(value, list | tuple) else [value]
    return bool(items) and all(is_path(item) for item in items)


def restricted(
    default: Any,
    holds: Callable[[Any], bool],
    expected: str,
    *,
    in_repr: bool = True,
    or_null: bool = True,
    declared: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a field with a rule.

    Args:
        default: The field's default; a list or dictionary is copied.
        holds: Whether a value is allowed.
        expected: What the value may be, for the message of `check_config`.
        in_repr: Whether the field stands in the dataclass's repr.
        or_null: Whether None is allowed too; where the type excludes it, Hydra refuses it before.
        declared: The rule as values, for editors and completion: `ALLOWED` or `SPAN`.
    """

    def is_allowed(value: Any) -> bool:
        return (or_null and value is None) or holds(value)

    metadata = {HOLDS: is_allowed, EXPECTED: expected, **(declared or {})}
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata=metadata, repr=in_repr)
    return field(default=default, metadata=metadata, repr=in_repr)


def anything(default: Any, judged_by: str, *, in_repr: bool = True) -> Any:
    """Declare a field that takes anything here, because something else judges it.

    Args:
        default: The field's default; a list or dictionary is copied.
        judged_by: What refuses a wrong value, in words.
        in_repr: Whether the field stands in the dataclass's repr.
    """
    metadata = {JUDGED_BY: judged_by}
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata=metadata, repr=in_repr)
    return field(default=default, metadata=metadata, repr=in_repr)


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
        expected = _listed(allowed)

    def holds(value: Any) -> bool:
        return value in allowed

    return restricted(default, holds, expected, or_null=False, declared={ALLOWED: allowed})


def within(span: Span, default: Any) -> Any:
    """Declare a number in a range, or None."""
    return restricted(default, span.holds, str(span), declared={SPAN: span})


def at_least(smallest: int, default: Any) -> Any:
    """Declare a number that is not below `smallest`, or None."""
    return within(Span(at_least=smallest), default)


def between_0_and_1(default: float | None, expected: str) -> Any:
    """Declare a number above 0 and below 1, or None."""
    span = Span(above=0, below=1)
    return restricted(default, span.holds, expected, declared={SPAN: span})


def probability() -> Any:
    """Declare a probability, by default None."""
    return between_0_and_1(None, "a probability between 0 and 1")


def share(default: float) -> Any:
    """Declare a share of a whole: 0 and 1 are allowed."""
    return restricted(default, SHARE.holds, "a share, 0 to 1", declared={SPAN: SHARE})


def random_seed() -> Any:
    """Declare the seed of a random generator, by default 0."""
    return within(Span(at_least=0, at_most=LARGEST_SEED), 0)


def text(default: Any, expected: str = "a text that is not empty") -> Any:
    """Declare a text that is not empty, or None.

    Args:
        default: The field's default.
        expected: What the text is, in words.
    """
    return restricted(default, is_text, expected)


def path(default: Any) -> Any:
    """Declare the path of a file or folder, or None."""
    return restricted(default, is_path, "the path of a file or folder")


def paths(default: Any, *, or_null: bool = False) -> Any:
    """Declare a path, or a list of them.

    Args:
        default: The field's default.
        or_null: Whether None is allowed too.
    """
    return restricted(default, are_paths, "a path, or a list of paths such as [A,B]", or_null=or_null)


def texts() -> Any:
    """Declare a list of texts that are not empty, by default an empty list."""

    def holds(value: Any) -> bool:
        return isinstance(value, list) and all(is_text(item) for item in value)

    return restricted([], holds, "a list of names such as [a,b]", or_null=False)


def node(default: Any) -> Any:
    """Declare a `_target_` node, or None; it is judged where it is built.

    Args:
        default: The field's default; `MISSING` of OmegaConf for one that a config has to name.
    """

    def holds(value: Any) -> bool:
        return value == default or isinstance(value, Mapping)

    return restricted(default, holds, "a node with _target_ (a class) and its arguments")


def by_name(default: Any = None) -> Any:
    """Declare a dictionary of `_target_` nodes by name, or None; each node is judged where it is built."""

    def holds(value: Any) -> bool:
        return isinstance(value, Mapping)

    return restricted(default, holds, "nodes by name, such as {mine: {_target_: my_module.Mine}}")


def check_number(key: str, value: Any, span: Span) -> None:
    """Raise `UserError` about an argument that is no number in a range.

    Args:
        key: Where the argument stands in a config, such as `loss.bce`.
        value: The argument.
        span: The range.
    """
    if not span.holds(value):
        raise refusal(key, value, str(span))


def check_choice(key: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise `UserError` about an argument that is none of the allowed ones.

    Args:
        key: Where the argument stands in a config.
        value: The argument.
        allowed: What it may be.
    """
    if value not in allowed:
        raise refusal(key, value, _listed(allowed))


def refusal(key: str, value: Any, expected: str) -> UserError:
    """The error about a value that is out of its range.

    Args:
        key: Where the value stands in a config.
        value: The value.
        expected: What it may be, in words.
    """
    return UserError(f"{key}={shown(value)}: expected {expected}.")


def shown(value: Any) -> str:
    """A value as a message tells it: in one line, and of a long one the beginning."""
    match value:
        case None:
            written = "null"
        case bool():
            written = str(value).lower()
        case _:
            written = str(value)
    line = " ".join(written.replace("\0", "\\0").split())
    if len(line) <= LONGEST_SHOWN:
        return line
    return f"{line[:LONGEST_SHOWN]}... ({len(line)} characters)"


def _listed(allowed: Collection[Any]) -> str:
    """Values that are allowed, in words."""
    return f"one of {', '.join(shown(value) for value in allowed)}"
