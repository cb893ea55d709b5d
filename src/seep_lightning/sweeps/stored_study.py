"""The database of a search, which may come from somebody else: judged before a trial of it runs.

Optuna takes what a database holds for its own: a queued trial sets any key to any value. So the file is judged before
Optuna opens it, and all trials are judged before Optuna is asked for the next one. A trial sets only keys that are
searched, to values that this search may draw or that `hydra.sweeper.enqueue` holds.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from seep_lightning.documents.regular_files import LARGEST_DOCUMENT, check_regular
from seep_lightning.documents.sqlite_files import (
    check_journal,
    computed_column,
    journals_of,
    limit_queries,
    schema_of,
)
from seep_lightning.errors import LONGEST_REASON, UserError, first_line
from seep_lightning.shortages import shortage_of
from seep_lightning.sweeps.space import Space
from seep_lightning.training.trial_storage import FIRST_NUMBER, MISTAKE, RESTARTS, SECONDS_FOR_LOCK

ANEW = "Search anew, in another folder."
LONGEST_CHECK = 60.0
"""Seconds, for all queries on the tables."""
LONGEST_SETTING = 100
"""Characters of a setting in a message."""
# what Optuna makes, as SQLite writes it: names, types, keys, and one rule
_TABLE = re.compile(r'CREATE TABLE [\w"]+ \([\w\s",()]+\)')
_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX \w+ ON \w+ \(\w+\)")
_RULE_OF_OPTUNA = re.compile(r"CHECK \(version_info_id ?= ?1\)")
_COMPUTING = re.compile(r"\b(AS|CHECK|DEFAULT|COLLATE|GENERATED|SELECT|WITHOUT)\b", re.IGNORECASE)
_NUMBERS = (FIRST_NUMBER, RESTARTS)
# of Optuna: where it keeps the settings of a trial that is queued
_QUEUED = "fixed_params"


def check_study_file(database: Path) -> None:
    """Check the file of a study before Optuna opens it.

    Args:
        database: The file, of which no trial is written meanwhile by this process.

    Raises:
        UserError: It is no regular file, too large or damaged, or holds what no search writes: a query that may never
            end, a column that is computed, a journal that names another file.
    """
    check_regular(database, largest=LARGEST_DOCUMENT)
    for journal in journals_of(database):
        check_regular(journal, largest=LARGEST_DOCUMENT)
    check_journal(database)
    # not read-only: what a process that was killed left half written is undone
    address = f"{database.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=SECONDS_FOR_LOCK)) as connection:
            limit_queries(connection, largest_value=LARGEST_DOCUMENT, seconds=LONGEST_CHECK)
            _check_schema(connection, database)
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise UserError(f"{database} is damaged ({error}). {ANEW}") from error
    if answer != "ok":
        raise UserError(f"{database} is damaged ({answer}). {ANEW}")


def _check_schema(connection: sqlite3.Connection, database: Path) -> None:
    """Raise `UserError` for all but plain tables and their indexes."""
    for name, sql in schema_of(connection):
        without_rule = _RULE_OF_OPTUNA.sub("", sql)
        is_table = _TABLE.fullmatch(without_rule) is not None and _COMPUTING.search(without_rule) is None
        is_plain = is_table or _INDEX.fullmatch(sql) is not None
        if not is_plain or (is_table and computed_column(connection, name) is not None):
            raise UserError(f"{database} holds {name}, which no search writes. {ANEW}")


@contextmanager
def reading_study(database: Path) -> Iterator[None]:
    """Raise in one line what Optuna and its libraries say of a study that they cannot read.

    Args:
        database: The file; it was there before.

    Raises:
        UserError: It holds no study of this version of Optuna, or a damaged one.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        # they raise whatever they come across, from a missing column to a name of a state that there is not
        if isinstance(error, OSError) or shortage_of(error) is not None:
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"[:LONGEST_REASON]
        raise UserError(f"{database} cannot be used as a study ({reason}). {ANEW}") from error


def check_trials(study: optuna.Study, database: Path, space: Space, queued: Sequence[Mapping[str, Any]]) -> None:
    """Check all trials of a study.

    Args:
        study: The study.
        database: Its file.
        space: What is searched.
        queued: What the person has asked to be tried first.

    Raises:
        UserError: A trial sets what is not searched, or has values or attributes that no search gives.
    """
    for trial in study.get_trials(deepcopy=False):
        waiting = trial.system_attrs.get(_QUEUED, {})
        if not isinstance(waiting, dict):
            raise UserError(f"{database} holds a trial of {waiting!r:.{LONGEST_SETTING}}. {ANEW}")
        check_settings({**waiting, **trial.params}, database, space, queued)
        _check_distributions(trial, database, space)
        _check_attributes(trial, database)


def check_settings(
    params: Mapping[str, Any], database: Path, space: Space, queued: Sequence[Mapping[str, Any]]
) -> None:
    """Check what one trial sets.

    Args:
        params: Key of the config to value.
        database: The file of the study.
        space: What is searched.
        queued: What the person has asked to be tried first.

    Raises:
        UserError: A key is not searched, or its value is neither drawn nor asked for.
    """
    for key, value in params.items():
        is_asked_for = any(key in asked and _is_same(asked[key], value) for asked in queued)
        is_drawn = key in space and may_draw(space[key], value)
        if not is_asked_for and not is_drawn:
            found = f"{key}={value}"[:LONGEST_SETTING]
            raise UserError(
                f"{database} holds a trial of {found}, which this search does not try. If you asked for it in "
                f"hydra.sweeper.enqueue, give that again; otherwise search anew, in another folder."
            )


def _is_same(asked: Any, value: Any) -> bool:
    """Whether two values are equal; true is no 1 here."""
    return bool(asked == value) and isinstance(asked, bool) == isinstance(value, bool)


def may_draw(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value is one of those that a trial may draw, which Optuna itself has no public function for.

    Args:
        distribution: What a trial may draw.
        value: Any.
    """
    if isinstance(distribution, CategoricalDistribution):
        return any(type(choice) is type(value) and choice == value for choice in distribution.choices)
    # a bool is an int, but no number here
    if type(value) not in (int, float) or not isinstance(distribution, IntDistribution | FloatDistribution):
        return False
    # nan is not
    is_in_range = distribution.low <= value <= distribution.high
    return is_in_range and (isinstance(distribution, FloatDistribution) or int(value) == value)


def _check_distributions(trial: FrozenTrial, database: Path, space: Space) -> None:
    """Raise `UserError` for a trial that was drawn from other values, which Optuna would trip over."""
    for key, distribution in trial.distributions.items():
        if space.get(key) != distribution:
            found = f"{key}={distribution}"[:LONGEST_SETTING]
            raise UserError(f"{database} holds a trial drawn from {found}, which this search does not try. {ANEW}")


def _check_attributes(trial: FrozenTrial, database: Path) -> None:
    """Raise `UserError` for attributes of ours with values that we do not give."""
    ours = {name: value for name, value in trial.user_attrs.items() if name in (*_NUMBERS, MISTAKE)}
    for name, value in ours.items():
        is_known = _is_number_of(trial, value) if name in _NUMBERS else isinstance(value, str)
        if not is_known:
            found = f"{name}={value!r}"[:LONGEST_SETTING]
            raise UserError(f"{database} holds a trial with {found}, which no search writes. {ANEW}")


def _is_number_of(trial: FrozenTrial, value: Any) -> bool:
    """Whether a value is the number of a trial, or of trials, up to this one; a bool is an int, but no number here."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= trial.number
