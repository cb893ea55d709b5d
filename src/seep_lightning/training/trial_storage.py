"""The database of a search: where its trials are told apart, and taken up again when their process ended.

Used by the process that searches, and by the training that is one trial.
"""

import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

STUDY_NAME = "study"
# attributes of a trial in the database
MISTAKE = "mistake"
"""Why the trial failed; named so in the databases of earlier searches too."""
FIRST_NUMBER = "first"
"""The number under which a trial that was taken up again ran first; its folder is named by it."""
RESTARTS = "times"
"""How often the trial was taken up again."""
MOST_RESTARTS = 5
SECONDS_FOR_LOCK = 60


def open_storage(database: Path, heartbeat: int | None = None) -> RDBStorage:
    """Open the database of a study.

    Args:
        database: An SQLite file; made where there is none.
        heartbeat: Seconds between signs of life of a trial, for the process that searches; None for a trial.

    Returns:
        The storage, as Optuna takes it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # we run the heartbeat's thread ourselves, where Optuna expects its own `optimize` to do it
    warnings.filterwarnings("ignore", message="Heartbeat of storage is supposed")
    connection: Any = {"connect_args": {"timeout": SECONDS_FOR_LOCK}}
    return RDBStorage(
        f"sqlite:///{database}",
        connection,
        heartbeat_interval=heartbeat,
        heartbeat_stale_trial_callback=requeue_trial,
    )


def requeue_trial(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue a trial whose process ended, `MOST_RESTARTS` times at most.

    Optuna's own callback refuses values outside of the space, which `hydra.sweeper.enqueue` may hold.

    Args:
        study: The study.
        trial: The trial, as the database has it.
    """
    restarts = trial.user_attrs.get(RESTARTS, 0)
    if restarts >= MOST_RESTARTS:
        return
    first_number = trial.user_attrs.get(FIRST_NUMBER, trial.number)
    study.enqueue_trial(trial.params, {FIRST_NUMBER: first_number, RESTARTS: restarts + 1})


def is_ours(study: optuna.Study, trial: Trial) -> bool:
    """Whether this process may still write about a trial.

    No: it showed no sign of life for a while, and another process has ended the trial or taken it up.
    """
    stored = study.get_trials(deepcopy=False)[trial.number]
    return bool(stored.state == TrialState.RUNNING)
