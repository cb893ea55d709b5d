"""The study of a search: made or found again in the sweep's folder, and asked for the next trial."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from filelock import FileLock
from optuna.samplers import TPESampler
from optuna.storages import fail_stale_trials
from optuna.trial import Trial

from seep_lightning import compat
from seep_lightning.errors import UserError
from seep_lightning.runs.resume import MAY_CHANGE
from seep_lightning.sweeps.space import Space, values_to_enqueue
from seep_lightning.training.monitors import monitor_mode
from seep_lightning.training.trial_storage import MISTAKE, STUDY_NAME, open_storage

if TYPE_CHECKING:
    from hydra_plugins.seep_optuna import SearchConfig

DATABASE_NAME = "study.db"
SECONDS_BETWEEN_LOOKS = 5
"""At trials that run elsewhere, when there is nothing else to do."""
SEED_STEP = 1000
"""Between the seeds of two trials."""


def open_study(folder: Path, monitor: str, settings: "SearchConfig", fixed: list[str], space: Space) -> optuna.Study:
    """Open the study in a sweep's folder, or make one. One process at a time may do so.

    Args:
        folder: The sweep's folder.
        monitor: The figure that the search goes by.
        settings: Those of `hydra.sweeper`.
        fixed: Overrides that are the same in all trials.
        space: What is searched.

    Returns:
        The study, with what is to be tried first in its queue.

    Raises:
        UserError: The folder holds a search with other settings.
    """
    study = optuna.create_study(
        storage=open_storage(folder / DATABASE_NAME, settings.heartbeat),
        study_name=STUDY_NAME,
        direction="minimize" if monitor_mode(monitor) == "min" else "maximize",
        load_if_exists=True,
    )
    _check_same_search(study, folder, fixed, space)
    study.set_user_attr("pruner", {"n_startup_trials": settings.startup, "n_warmup_steps": settings.warmup})
    for params in settings.enqueue:
        study.enqueue_trial(values_to_enqueue(params, space), skip_if_exists=True)
    return study


def _check_same_search(study: optuna.Study, folder: Path, fixed: list[str], space: Space) -> None:
    """Store the settings that a search keeps, or compare them with the stored ones."""
    ranges = [f"{key}={distribution}" for key, distribution in space.items()]
    settings = sorted([*ranges, *_without_what_may_change(fixed)])
    stored = study.user_attrs.get("fixed", settings)
    # what is searched counts, whatever its key
    stored_ranges = [setting for setting in stored if setting in ranges]
    differing = {*settings} ^ {*stored_ranges, *_without_what_may_change(stored)}
    if differing:
        raise UserError(
            f"{folder} holds a search with other settings ({', '.join(sorted(differing))}). Choose another folder."
        )
    study.set_user_attr("fixed", settings)


def _without_what_may_change(overrides: list[str]) -> list[str]:
    return [override for override in overrides if not override.startswith(MAY_CHANGE)]


def count_states(study: optuna.Study) -> Counter[str]:
    """How many trials are in each of Optuna's states, by name.

    A trial that failed by a user's mistake counts as FAIL, whatever Optuna was told for its sake.
    """
    trials = study.get_trials(deepcopy=False)
    return Counter("FAIL" if MISTAKE in trial.user_attrs else trial.state.name for trial in trials)


def next_trial(study: optuna.Study, space: Space, settings: "SearchConfig", lock: FileLock) -> Trial | None:
    """Ask for the next trial; wait while the last ones run in other processes, which may leave one to be taken up.

    Args:
        study: The study.
        space: What is searched.
        settings: Those of `hydra.sweeper`.
        lock: Held by the one process that asks.

    Returns:
        The trial; None where `n_trials` of them have ended.
    """
    while True:
        with lock:
            fail_stale_trials(study)
            states = count_states(study)
            ended = states["COMPLETE"] + states["PRUNED"]
            if ended >= settings.n_trials:
                return None
            if ended + states["RUNNING"] < settings.n_trials:
                return _ask(study, space, settings, trials_so_far=sum(states.values()))
        time.sleep(min(SECONDS_BETWEEN_LOOKS, settings.heartbeat))


def _ask(study: optuna.Study, space: Space, settings: "SearchConfig", trials_so_far: int) -> Trial:
    # a seed for each trial: processes with one seed would draw the same
    seed = settings.seed + SEED_STEP * trials_so_far
    study.sampler = TPESampler(n_startup_trials=settings.startup, seed=seed, constant_liar=True)
    trial = study.ask(space)
    compat.first_heartbeat(study, trial)
    return trial
