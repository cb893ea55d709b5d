"""Train, or resume, one network: `python -m seep_lightning.train`."""

import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

NAME = "study"
MISTAKE = "mistake"  # of the user, by which a trial failed: an attribute of it
RETRIES = 5  # of a trial whose process ended before it


def connect(database: Path, heartbeat: int | None = None) -> RDBStorage:
    """The storage of a study, for the process that asks (with `heartbeat`) or for the job that it launches."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    warnings.filterwarnings("ignore", message="Heartbeat of storage is supposed")  # `run_trial` does what it should
    alive: Any = {"heartbeat_interval": heartbeat, "heartbeat_stale_trial_callback": take_up_again}
    return RDBStorage(f"sqlite:///{database}", {"connect_args": {"timeout": 60}}, **alive)


def take_up_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue a trial whose process ended again, a few times. Optuna's own callback refuses what `enqueue` may hold."""
    times = trial.user_attrs.get("times", 0)
    if times < RETRIES:
        study.enqueue_trial(trial.params, {"first": trial.user_attrs.get("first", trial.number), "times": times + 1})


def runs_here(study: optuna.Study, trial: Trial) -> bool:
    """Whether no other process has ended it, or taken it up, since this one stood still."""
    return bool(study.get_trials(deepcopy=False)[trial.number].state == TrialState.RUNNING)
