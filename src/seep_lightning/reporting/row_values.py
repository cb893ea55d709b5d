"""What a person asks of a comparison by name: `where=`, `sort=` and `columns=`.

A condition is read by a pattern and compared by an operator of a table; nothing is evaluated.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from seep_lightning.errors import UserError
from seep_lightning.ranges import is_number
from seep_lightning.reporting.comparison import Row, keep_differing_settings
from seep_lightning.runs.settings import default_settings

ABSENT: Final = object()
"""What a run says of a setting that neither it nor the defaults have."""
STATUS = "status"
RUN = "run"
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
ORDERED = ("<=", ">=", "<", ">")
"""Those that only numbers know."""
MOST_NAMES = 3
"""So many names are suggested."""
_CONDITION = re.compile(r"([\w./\[\]-]+?)\s*(<=|>=|!=|=|<|>)=?\s*(.+)")
_WORDS = ("true", "false", "null", "none")


@dataclass(frozen=True)
class Condition:
    """One condition on runs, such as `optimizer.lr>0.001`.

    Attributes:
        name: Of a setting or a figure, or `status`.
        sign: One of `OPERATORS`.
        value: What the run's own value is compared with.
    """

    name: str
    sign: str
    value: Any

    def holds(self, row: Row) -> bool:
        """Whether a run fulfils it; of what is no number, nothing is less or more."""
        value = value_of(row, self.name)
        if self.sign in ORDERED and not is_number(value):
            return False
        if is_number(value) and is_number(self.value):
            return OPERATORS[self.sign](value, self.value)
        return OPERATORS[self.sign](_as_text(value), _as_text(self.value))


def value_of(row: Row, name: str) -> Any:
    """What a run has of a name: its status, a figure, or a setting, which may be the default; else `ABSENT`.

    Args:
        row: The run.
        name: As `full_name` returns it.
    """
    if name == STATUS:
        return row.status
    if name == RUN:
        return str(row.run.dir)
    if name in row.figures:
        return row.figures[name]
    return row.all_settings.get(name, default_settings().get(name, ABSENT))


def full_name(name: str, rows: Sequence[Row], argument: str) -> str:
    """The name of a figure or a setting; the end of a setting's key is enough where one alone ends so.

    Args:
        name: As typed, such as `lr`.
        rows: The runs.
        argument: What was typed, for the message, such as `sort=lr`.

    Raises:
        UserError: Nothing or more than one thing is called so.
    """
    known = _known_names(rows)
    if name in known:
        return name
    endings = sorted(key for key in known if key.endswith(f".{name}"))
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise UserError(f"{argument}: {name} may be {', '.join(endings[:MOST_NAMES])}. Pass one of them.")
    last_parts = {key.rpartition(".")[2]: key for key in known}
    similar = get_close_matches(name, known, MOST_NAMES) or [
        last_parts[part] for part in get_close_matches(name, last_parts, MOST_NAMES)
    ]
    hint = f" Did you mean {', '.join(similar)}?" if similar else " Expected one such as dice, status or optimizer.lr."
    raise UserError(f"{argument}: no run has a figure or a setting called {name}.{hint}")


def parsed_conditions(text: str, rows: Sequence[Row]) -> list[Condition]:
    """The conditions of a `where=`, between commas.

    Args:
        text: Such as `optimizer.lr>0.001,seed=0`.
        rows: The runs.

    Raises:
        UserError: One is none, or is about nothing that a run has.
    """
    conditions = []
    for part in text.split(","):
        matched = _CONDITION.fullmatch(part.strip())
        if matched is None:
            raise UserError(
                f"where={text}: {part.strip()!r} is no condition. Expected NAME, one of = != < <= > >=, and a value, "
                "such as optimizer.lr>0.001; a comma between two of them."
            )
        name, sign, value = matched.groups()
        condition = Condition(full_name(name, rows, f"where={text}"), sign, _parsed_value(value))
        if sign in ORDERED and not is_number(condition.value):
            raise UserError(f"where={text}: expected a number after {sign}, found {value}.")
        conditions.append(condition)
    return conditions


def selected(rows: Sequence[Row], where: str | None, sort: str | None) -> list[Row]:
    """The runs that a person asks for, in the order that is asked for.

    Args:
        rows: All of them, best first.
        where: Conditions; None: all runs.
        sort: What they are sorted by; None: their rank.

    Raises:
        UserError: A name or condition is wrong, or no run is left.
    """
    if where is not None:
        rows = rows_where(rows, where)
        keep_differing_settings(rows)
    return list(rows) if sort is None else rows_sorted(rows, sort)


def rows_where(rows: Sequence[Row], text: str) -> list[Row]:
    """The runs that fulfil all conditions of a `where=`.

    Raises:
        UserError: None does, or a condition is wrong.
    """
    conditions = parsed_conditions(text, rows)
    kept = [row for row in rows if all(condition.holds(row) for condition in conditions)]
    if not kept:
        raise UserError(f"where={text}: none of the {len(rows)} runs is so. Leave it out to see all of them.")
    return kept


def rows_sorted(rows: Sequence[Row], text: str) -> list[Row]:
    """The runs by the value of one name, the least first; the most first where a minus stands before the name.

    Runs without a number come last, in the order of their texts.

    Raises:
        UserError: Nothing is called so.
    """
    name = full_name(text.removeprefix("-"), rows, f"sort={text}")
    numbers = [row for row in rows if _is_in_order(value_of(row, name))]
    others = [row for row in rows if not _is_in_order(value_of(row, name))]
    falls = text.startswith("-")
    numbers.sort(key=lambda row: float(value_of(row, name)), reverse=falls)
    others.sort(key=lambda row: _as_text(value_of(row, name)), reverse=falls)
    return [*numbers, *others]


def _is_in_order(value: Any) -> bool:
    """Whether a value is less or more than any other number, as NaN is not."""
    return is_number(value) and not math.isnan(value)


def chosen_columns(text: str, rows: Sequence[Row]) -> list[str]:
    """The full names of a `columns=`, which stand between commas.

    Raises:
        UserError: Nothing is called so.
    """
    names = [name.strip() for name in text.strip("[]").split(",")]
    return [full_name(name, rows, f"columns={text}") for name in names]


def _known_names(rows: Sequence[Row]) -> set[str]:
    names = {STATUS, RUN, *default_settings()}
    for row in rows:
        names.update(row.figures, row.all_settings)
    return names


def _parsed_value(text: str) -> Any:
    """A value as typed: a number, else a text, whose quotes are taken away."""
    try:
        return float(text)
    except ValueError:
        return text.strip("'\"")


def _as_text(value: Any) -> str:
    """A value as a person may type it, whatever its case where it is true, false or null."""
    if value is ABSENT:
        return "absent"
    if value is None:
        return "none"
    text = str(value)
    lowered = text.lower()
    if lowered in _WORDS:
        return lowered.replace("null", "none")
    return text
