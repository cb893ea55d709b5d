"""Chips that cannot be read, grouped by what is wrong with them."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from seep_lightning.data.audit.finding import Finding, Severity
from seep_lightning.errors import shortened

# so many kinds of errors are told one by one
MOST_KINDS = 6
# what differs between messages about one kind of error: paths and file names, numbers
VARIABLE_TEXT = re.compile(r"\S*[/\\]\S+|\S+\.\w{2,5}\b|\d+")


class ReadingError(NamedTuple):
    """Why a chip cannot be read.

    Attributes:
        name: The chip.
        message: What the reader says of it.
    """

    name: str
    message: str


def grouped(errors: Sequence[ReadingError]) -> list[Finding]:
    """Say each kind of error once, the most frequent first, with the number of chips and three examples.

    Args:
        errors: All errors.

    Returns:
        A line for each kind; of many kinds, the rest in one line.
    """
    by_kind: dict[str, list[ReadingError]] = {}
    for error in errors:
        kind = VARIABLE_TEXT.sub("*", error.message.replace(error.name, "*"))
        by_kind.setdefault(kind, []).append(error)
    groups = sorted(by_kind.values(), key=len, reverse=True)
    findings = [_finding(group) for group in groups[:MOST_KINDS]]
    rest = groups[MOST_KINDS:]
    if rest:
        chips = sum(len(group) for group in rest)
        findings.append(Finding(Severity.STOPS, f"{chips} chips have {len(rest)} other kinds of errors"))
    return findings


def _finding(group: Sequence[ReadingError]) -> Finding:
    """The first chip's message, and which other chips it holds for."""
    message = group[0].message.removeprefix("data: ")
    others = [error.name for error in group[1:]]
    if others:
        message += f" (as {len(others)} more: {shortened(others)})"
    return Finding(Severity.STOPS, message)
