"""The search for the best settings, `sweep=optuna`: Optuna asks, Hydra's launcher runs one job, its end is told.

The study is a file in the sweep's folder. Processes started by one command with one `hydra.sweep.dir` share it. A
trial without signs of life is taken up again in its own folder, where training goes on from its last checkpoint.
"""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import optuna
from filelock import FileLock
from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from seep_lightning import compat
from seep_lightning.config.training import ranked_by
from seep_lightning.errors import UserError
from seep_lightning.sweeps.space import split_overrides
from seep_lightning.sweeps.study import count_states, next_trial, open_study
from seep_lightning.sweeps.trial_jobs import run_trial, trial_name

if TYPE_CHECKING:
    from hydra_plugins.seep_optuna import SearchConfig


def search(config: DictConfig, launcher: Launcher, arguments: list[str]) -> None:
    """Run trials until enough have ended, over all processes, and print what came of it.

    A trial that fails by a user's mistake is replaced by another.

    Args:
        config: The composed config with Hydra's part; the settings are those of `hydra.sweeper` (`SearchConfig`).
        launcher: Hydra's launcher.
        arguments: The command line's overrides.

    Raises:
        UserError: Most trials fail by a mistake (the last one's), or the search does not fit its folder.
    """
    if config.trainer.fast_dev_run or config.lr_find:
        raise UserError("trainer.fast_dev_run and lr_find have no score to search by. Try them without sweep=optuna.")
    settings = cast("SearchConfig", OmegaConf.to_object(config.hydra.sweeper))
    folder = Path(config.hydra.sweep.dir).absolute()
    monitor = ranked_by(config.monitor)
    searched = [f"{key}={values}" for key, values in settings.params.items()]
    fixed, space = split_overrides([*searched, *arguments])
    with FileLock(folder / "study.lock") as lock:
        study = open_study(folder, monitor, settings, fixed, space)
    deadline = time.monotonic() + (settings.timeout or math.inf)
    # how many more trials may fail than finish
    patience = settings.startup
    while time.monotonic() < deadline:
        trial = next_trial(study, space, settings, lock)
        if trial is None:
            break
        job = run_trial(study, trial, fixed, launcher, folder)
        patience += 1 if job.status == JobStatus.COMPLETED else -1
        if patience < 0:
            raise compat.job_error(job)
    print_search(study, monitor, folder)


def print_search(study: optuna.Study, monitor: str, folder: Path) -> None:
    """Print how the trials ended, the best one, and the command that compares them.

    Args:
        study: The study.
        monitor: The figure that the search goes by.
        folder: The sweep's folder.
    """
    states = count_states(study)
    print(f"{states['COMPLETE']} trials finished, {states['PRUNED']} pruned, {states['FAIL']} failed or broken off")
    if states["COMPLETE"]:
        best = study.best_trial
        drawn = " ".join(f"{key}={value}" for key, value in best.params.items())
        print(f"best: {monitor} {study.best_value:.4f} with {drawn}")
        print(f"run directory: {folder / trial_name(best)}")
    print(f"compare them: python -m seep_lightning.compare runs={folder}")
