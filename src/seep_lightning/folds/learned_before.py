"""Folds whose first weights saw the chips that they test: what they find there is not out of fold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seep_lightning.errors import UserError, shortened
from seep_lightning.runs.directory import Run

LEARNED = "HAS LEARNED FROM"
"""What `runs.lineage` says of first weights."""


@dataclass(frozen=True)
class _TrainedOn:
    """The data set of a run, as its folder tells it: nothing of it is opened."""

    names: Sequence[str]
    fingerprint: str


def warning_of(runs: Iterable[Run]) -> str:
    """Say which runs started from weights that have learned from their validation or test chips.

    Args:
        runs: The folds.

    Returns:
        A line that names them and says what to do; empty where there are none.
    """
    found = {run: clause for run in runs if (clause := _clause(run))}
    if not found:
        return ""
    names = shortened([str(run.dir) for run in found])
    clause = next(iter(found.values()))
    return (
        f"NOT OUT OF FOLD: {names}: {clause}. Their figures are too good, and a judge, a prior or a review of them is "
        "misled. Train the folds with init=null or init=generated, or each from a run of the same fold."
    )


def stored_clause(summary: dict[str, Any]) -> str:
    """What training told of its first weights, of a run's summary; empty for nothing."""
    clauses = str(summary.get("leakage", "")).split("; ")
    return "; ".join(clause for clause in clauses if LEARNED in clause)


def _clause(run: Run) -> str:
    """What the first weights of a run have learned from, of what it validates and tests; empty for nothing."""
    from seep_lightning.runs.lineage import learned_before

    summary = run.summary()
    stored = stored_clause(summary)
    if stored or run.config.init is None:
        return stored
    parts = run.parts()
    trained_on = _TrainedOn(list(parts), str(summary.get("data", {}).get("fingerprint", "")))
    try:
        return learned_before(run.config.init, trained_on, list(parts.values())).removeprefix("; ")
    except UserError:
        # weights that are gone: training looked at them, and told
        return ""
