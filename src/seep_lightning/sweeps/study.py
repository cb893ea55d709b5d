"""The study of a search: made or found again in the sweep's folder, and asked for the next trial."""

import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import optuna
from filelock import FileLock
from optuna.samplers import TPESampler
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, Trial

from seep_lightning import compat
from seep_lightning.commands.console import tell
from seep_lightning.documents.regular_files import is_there
from seep_lightning.errors import UserError
from seep_lightning.runs.resume import MAY_CHANGE
from seep_lightning.sweeps.space import Space, values_to_enqueue
from seep_lightning.sweeps.stored_study import ANEW, check_study_file, check_trials, reading_study
from seep_lightning.training.trial_storage import MISTAKE, STUDY_NAME, open_storage

if TYPE_CHECKING:
    from seep_lightning.sweeps.settings import SearchConfig

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

    @cached_property
    def queued(self) -> list[dict[str, Any]]:
        """What the person has asked to be tried first; `UserError` for what is not of the space."""
        return [values_to_enqueue(params, self.space) for params in self.settings.enqueue]

    @property
    def database(self) -> Path:
        """The file that holds the study."""
        return self.folder / "study.db"

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Optuna's word for the mode."""
        return "minimize" if self.mode == "min" else "maximize"

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
    is_new = not is_there(search.database)
    if not is_new:
        check_study_file(search.database)
    with nullcontext() if is_new else reading_study(search.database):
        study = optuna.create_study(
            storage=open_storage(search.database, settings.heartbeat),
            study_name=STUDY_NAME,
            direction=search.direction,
            load_if_exists=True,
        )
        _check_same_search(study, search)
        check_trials(study, search.database, search.space, search.queued)
    study.set_user_attr("pruner", {"n_startup_trials": settings.startup, "n_warmup_steps": settings.warmup})
    for params in search.queued:
        study.enqueue_trial(params, skip_if_exists=True)
    return study


def _check_same_search(study: optuna.Study, search: Search) -> None:
    """Store the settings that a search keeps, or compare them with the stored ones."""
    ranges = [f"{key}={distribution}" for key, distribution in search.space.items()]
    settings = sorted([*ranges, *_without_what_may_change(search.fixed)])
    stored = study.user_attrs.get("fixed", settings)
    is_list = isinstance(stored, list) and all(isinstance(setting, str) for setting in stored)
    directions = [direction.name.lower() for direction in study.directions]
    if not is_list or directions != [search.direction]:
        raise UserError(f"{search.database} holds a search of another kind. {ANEW}")
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
    has_told = False
    while True:
        with search.lock:
            fail_stale_trials(study)
            states = count_states(study)
            ended = states["COMPLETE"] + states["PRUNED"]
            if ended >= n_trials:
                return None
            if ended + states["RUNNING"] < n_trials:
                return _ask(search, study, trials_so_far=sum(states.values()))
        if not has_told:
            tell(f"waiting for {states['RUNNING']} trials that run in other processes; Ctrl-C ends this one")
            has_told = True
        time.sleep(min(SECONDS_BETWEEN_LOOKS, search.settings.heartbeat))


def _ask(search: Search, study: optuna.Study, trials_so_far: int) -> Trial:
    settings = search.settings
    # a seed for each trial: processes with one seed would draw the same
    seed = settings.seed + SEED_STEP * trials_so_far
    study.sampler = TPESampler(n_startup_trials=settings.startup, seed=seed, constant_liar=True)
    trial = study.ask(search.space)
    compat.first_heartbeat(study, trial)
    return trial
