"""The search for the best settings, `sweep=optuna`: Optuna asks, Hydra's launcher runs one job, its end is told.

The study is a file in the sweep's folder. Processes started by one command with one `hydra.sweep.dir` share it. A
trial without signs of life is taken up again in its own folder, where training goes on from its last checkpoint.
"""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import optuna
from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from seep_lightning import compat
from seep_lightning.commands.console import tell
from seep_lightning.config.rules import check_config
from seep_lightning.config.training import ranked_by
from seep_lightning.errors import UserError
from seep_lightning.metrics.ranking import RANKING, is_ranked_by
from seep_lightning.sweeps.space import split_overrides
from seep_lightning.sweeps.study import Search, count_states, failed_trials, next_trial, open_study
from seep_lightning.sweeps.trial_jobs import run_trial, trial_name
from seep_lightning.training.monitors import monitor_mode
from seep_lightning.training.trial_storage import MISTAKE

if TYPE_CHECKING:
    from seep_lightning.sweeps.settings import SearchConfig


def search(config: DictConfig, launcher: Launcher, arguments: list[str]) -> None:
    """Run trials until enough have ended, over all processes, and print what came of it.

    A trial that fails is replaced by another.

    Args:
        config: The composed config with Hydra's part; the settings are those of `hydra.sweeper` (`SearchConfig`).
        launcher: Hydra's launcher.
        arguments: The command line's overrides.

    Raises:
        UserError: Most trials fail (the last one's error), or the search does not fit its folder.
    """
    if config.trainer.fast_dev_run or config.lr_find:
        raise UserError("trainer.fast_dev_run and lr_find have no score to search by. Try them without sweep=optuna.")
    this_search = _search_of(config, arguments)
    with this_search.lock:
        study = open_study(this_search)
    _tell_what_is_left(this_search, study)
    _run_trials(this_search, study, launcher)
    print_search(this_search, study)


def _search_of(config: DictConfig, arguments: list[str]) -> Search:
    """The search that config and command line ask for."""
    settings = cast("SearchConfig", OmegaConf.to_object(config.hydra.sweeper))
    check_config(settings, "hydra.sweeper.")
    searched = [f"{key}={values}" for key, values in settings.params.items()]
    fixed, space = split_overrides([*searched, *arguments])
    folder = Path(config.hydra.sweep.dir).absolute()
    monitor = ranked_by(config.monitor)
    mode = monitor_mode(monitor, config.get("figures") or (), config.get("metrics"))
    return Search(folder, monitor, settings, fixed, space, mode)


def _tell_what_is_left(this_search: Search, study: optuna.Study) -> None:
    """Say what is going to run, where some trials ended before."""
    states = count_states(study)
    ended = states["COMPLETE"] + states["PRUNED"]
    wanted = this_search.settings.n_trials
    before = f"{min(ended, wanted)} of {wanted} trials were done before"
    if ended >= wanted:
        tell(f"nothing to run in {this_search.folder}: {before}. Pass a larger hydra.sweeper.n_trials for more.")
    elif ended:
        tell(f"{before}: the search goes on in {this_search.folder}")


def _run_trials(this_search: Search, study: optuna.Study, launcher: Launcher) -> None:
    """Run one trial after the other, until enough have ended or the time is over."""
    settings = this_search.settings
    deadline = time.monotonic() + (settings.timeout or math.inf)
    # how many more trials may fail than finish
    patience = settings.startup
    while time.monotonic() < deadline:
        trial = next_trial(this_search, study)
        if trial is None:
            return
        job = run_trial(this_search, study, trial, launcher)
        if job.status == JobStatus.COMPLETED:
            patience += 1
            continue
        patience -= 1
        if patience < 0:
            print_search(this_search, study, told=trial.number)
            raise compat.job_error(job)


def print_search(this_search: Search, study: optuna.Study, told: int | None = None) -> None:
    """Print how the trials ended, and which ones failed and why; the table of all of them follows.

    Args:
        this_search: The search.
        study: Its study.
        told: The number of a trial whose failure is told elsewhere.
    """
    states = count_states(study)
    folder = this_search.folder
    tell(f"{states['COMPLETE']} trials finished, {states['PRUNED']} pruned, {states['FAIL']} failed or broken off")
    others = [trial for trial in failed_trials(study) if trial.number != told]
    for trial in others:
        tell(f"failed: {folder / trial_name(trial)}: {trial.user_attrs[MISTAKE]}")
    if states["COMPLETE"] and not is_ranked_by(this_search.monitor):
        best = trial_name(study.best_trial)
        tell(
            f"the search went by {this_search.monitor}: {study.best_value:.4f} in {best}; the table is by {RANKING.key}"
        )
