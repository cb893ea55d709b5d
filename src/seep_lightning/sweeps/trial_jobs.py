"""One trial of a search as one job of Hydra's launcher, and what the study is told of its end."""

from pathlib import Path
from typing import Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from optuna.trial import FrozenTrial, Trial, TrialState

from seep_lightning import compat
from seep_lightning.commands.overrides import quote_value
from seep_lightning.errors import DiskError, UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.status import RunStatus
from seep_lightning.sweeps.study import DATABASE_NAME
from seep_lightning.training.process import TRIAL_VARIABLE
from seep_lightning.training.trial_storage import FIRST_NUMBER, MISTAKE, is_ours, requeue_trial


def trial_name(trial: FrozenTrial) -> str:
    """The folder of a trial, such as `trial-003`; one that is taken up again goes on in the folder of the first."""
    number = trial.user_attrs.get(FIRST_NUMBER, trial.number)
    return f"trial-{number:03d}"


def run_trial(study: optuna.Study, trial: Trial, fixed: list[str], launcher: Launcher, folder: Path) -> JobReturn:
    """Run one trial as one job in its folder, and tell the study how it ended.

    Args:
        study: The study.
        trial: The trial, as `study.ask` gave it.
        fixed: Overrides that are the same in all trials.
        launcher: Hydra's, for one job.
        folder: The sweep's folder.

    Returns:
        The job, finished or failed by a user's mistake.

    Raises:
        Exception: Whatever else ended the job, such as a full disk or a bug.
    """
    name = trial_name(study.get_trials(deepcopy=False)[trial.number])
    overrides = [*fixed, *overrides_of(trial, name, folder)]
    try:
        with compat.heartbeat(study, trial):
            [job] = launcher.launch([overrides], initial_job_idx=trial.number)
        state, value = _end_of(job, study, trial, Run(folder / name))
    except BaseException:
        # A signal, Ctrl-C or a bug: the trial can be taken up again at once, unless another process did so already.
        if is_ours(study, trial):
            requeue_trial(study, study.tell(trial, state=TrialState.FAIL))
        raise
    study.tell(trial, value, state, skip_if_finished=True)
    return job


def overrides_of(trial: Trial, name: str, folder: Path) -> list[str]:
    """The overrides of a trial: what it drew, its folder, and its place in the study for the callback that reports.

    Args:
        trial: The trial.
        name: Of its folder.
        folder: The sweep's folder.
    """
    drawn = [f"{key}={value}" for key, value in trial.params.items()]
    address = quote_value(f"{folder / DATABASE_NAME}:{trial.number}")
    return [*drawn, f"hydra.sweep.subdir={name}", f"+hydra.job.env_set.{TRIAL_VARIABLE}={address}"]


def _end_of(job: JobReturn, study: optuna.Study, trial: Trial, run: Run) -> tuple[TrialState, Any]:
    """The state and the value that the study is told.

    A user's mistake is told as pruned at once, and noted: of a failure the sampler would learn nothing, and would draw
    the same again.
    """
    if job.status == JobStatus.COMPLETED:
        if run.summary()["status"] == RunStatus.PRUNED:
            return TrialState.PRUNED, None
        return TrialState.COMPLETE, job.return_value
    error = compat.job_error(job)
    is_mistake = isinstance(error, UserError) and not isinstance(error, DiskError)
    if not is_mistake:
        raise error
    if is_ours(study, trial):
        trial.set_user_attr(MISTAKE, str(error))
    return TrialState.PRUNED, None
