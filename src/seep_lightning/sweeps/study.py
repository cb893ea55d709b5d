"""The study of a search: made or found again in the sweep's folder, and asked for the next trial."""

import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import optuna
from filelock import FileLock
from optuna.samplers import TPESampler
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, Trial

from seep_lightning import compat
from seep_lightning.errors import UserError
from seep_lightning.runs.resume import MAY_CHANGE
from seep_lightning.sweeps.space import Space, values_to_enqueue
from seep_lightning.training.trial_storage import MISTAKE, SECONDS_FOR_LOCK, STUDY_NAME, open_storage

if TYPE_CHECKING:
    from seep_lightning.sweeps.settings import SearchConfig

ANEW = "Search anew, in another folder."
# what Optuna makes, as SQLite writes it
_PLAIN_SQL = re.compile(r"CREATE (TABLE|(UNIQUE )?INDEX)\b")
SECONDS_BETWEEN_LOOKS = 5
"""At trials that run elsewhere, when there is nothing else to do."""
SEED_STEP = 1000
"""Between the seeds of two trials."""


@dataclass(frozen=True)
class Search:
    """A search as one process takes part in it.

    Attributes:
        folder: The sweep's folder.
        monitor: The figure that the search goes by.
        settings: Those of `hydra.sweeper`.
        fixed: Overrides that are the same in all trials.
        space: What is searched.
        mode: `min` where less of the monitor is better, else `max`.
    """

    folder: Path
    monitor: str
    settings: "SearchConfig"
    fixed: list[str]
    space: Space
    mode: Literal["min", "max"] = "max"

    @property
    def database(self) -> Path:
        """The file that holds the study."""
        return self.folder / "study.db"

    @property
    def lock(self) -> FileLock:
        """Held by the one process that changes the study or asks it for a trial."""
        return FileLock(self.folder / "study.lock")


def open_study(search: Search) -> optuna.Study:
    """Open the study in a sweep's folder, or make one.

    Args:
        search: The search; its lock is held.

    Returns:
        The study, with what is to be tried first in its queue.

    Raises:
        UserError: The folder holds a search with other settings, or a database that is damaged or not of a search.
    """
    settings = search.settings
    if search.database.exists():
        _check_tables(search.database)
    study = optuna.create_study(
        storage=open_storage(search.database, settings.heartbeat),
        study_name=STUDY_NAME,
        direction="minimize" if search.mode == "min" else "maximize",
        load_if_exists=True,
    )
    _check_same_search(study, search)
    study.set_user_attr("pruner", {"n_startup_trials": settings.startup, "n_warmup_steps": settings.warmup})
    for params in settings.enqueue:
        study.enqueue_trial(values_to_enqueue(params, search.space), skip_if_exists=True)
    return study


def _check_tables(database: Path) -> None:
    """Raise `UserError` for a database with queries of its own, which may never end: views and triggers."""
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=SECONDS_FOR_LOCK)) as connection:
            entries = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    except sqlite3.Error as error:
        raise UserError(f"{database} is damaged ({error}). {ANEW}") from error
    for name, sql in entries:
        if _PLAIN_SQL.match(str(sql)) is None:
            raise UserError(f"{database} holds {name}, which no search writes. {ANEW}")


def _check_same_search(study: optuna.Study, search: Search) -> None:
    """Store the settings that a search keeps, or compare them with the stored ones."""
    ranges = [f"{key}={distribution}" for key, distribution in search.space.items()]
    settings = sorted([*ranges, *_without_what_may_change(search.fixed)])
    stored = study.user_attrs.get("fixed", settings)
    # what is searched counts, whatever its key
    stored_ranges = [setting for setting in stored if setting in ranges]
    differing = {*settings} ^ {*stored_ranges, *_without_what_may_change(stored)}
    if differing:
        names = ", ".join(sorted(differing))
        raise UserError(f"{search.folder} holds a search with other settings ({names}). Choose another folder.")
    study.set_user_attr("fixed", settings)


def _without_what_may_change(overrides: list[str]) -> list[str]:
    return [override for override in overrides if not override.startswith(MAY_CHANGE)]


def count_states(study: optuna.Study) -> Counter[str]:
    """How many trials are in each of Optuna's states, by name.

    A trial that failed counts as FAIL, whatever Optuna was told for its sake.
    """
    states: Counter[str] = Counter()
    for trial in study.get_trials(deepcopy=False):
        failed_by_mistake = MISTAKE in trial.user_attrs
        state = "FAIL" if failed_by_mistake else trial.state.name
        states[state] += 1
    return states


def failed_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that failed and were not tried again."""
    return [trial for trial in study.get_trials(deepcopy=False) if MISTAKE in trial.user_attrs]


def next_trial(search: Search, study: optuna.Study) -> Trial | None:
    """Ask for the next trial; wait while the last ones run in other processes, which may leave one to be taken up.

    Args:
        search: The search.
        study: Its study.

    Returns:
        The trial; None where `n_trials` of them have ended.
    """
    n_trials = search.settings.n_trials
    while True:
        with search.lock:
            fail_stale_trials(study)
            states = count_states(study)
            ended = states["COMPLETE"] + states["PRUNED"]
            if ended >= n_trials:
                return None
            if ended + states["RUNNING"] < n_trials:
                return _ask(search, study, trials_so_far=sum(states.values()))
        time.sleep(min(SECONDS_BETWEEN_LOOKS, search.settings.heartbeat))


def _ask(search: Search, study: optuna.Study, trials_so_far: int) -> Trial:
    settings = search.settings
    # a seed for each trial: processes with one seed would draw the same
    seed = settings.seed + SEED_STEP * trials_so_far
    study.sampler = TPESampler(n_startup_trials=settings.startup, seed=seed, constant_liar=True)
    trial = study.ask(search.space)
    compat.first_heartbeat(study, trial)
    return trial
