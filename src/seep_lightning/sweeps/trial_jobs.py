"""One trial of a search as one job of Hydra's launcher, and what the study is told of its end."""

from dataclasses import dataclass

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from optuna.trial import FrozenTrial, Trial, TrialState

from seep_lightning import compat
from seep_lightning.commands.overrides import quote_literally
from seep_lightning.errors import DiskError, UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.status import RunStatus
from seep_lightning.sweeps.stored_study import ANEW, check_settings
from seep_lightning.sweeps.study import Search
from seep_lightning.training.process import TRIAL_VARIABLE
from seep_lightning.training.trial_storage import FIRST_NUMBER, MISTAKE, is_ours, requeue_trial


def trial_name(trial: FrozenTrial) -> str:
    """The folder of a trial, such as `trial-003`; one that is taken up again goes on in the folder of the first.

    Args:
        trial: The trial, as the database has it.

    Raises:
        UserError: The database names no number, but maybe another folder.
    """
    number = trial.user_attrs.get(FIRST_NUMBER, trial.number)
    if type(number) is not int or number < 0:
        raise UserError(
            f"Trial {trial.number} of the search: {FIRST_NUMBER}={number!r} is no number of a trial. {ANEW}"
        )
    return f"trial-{number:03d}"


def run_trial(search: Search, study: optuna.Study, trial: Trial, launcher: Launcher) -> JobReturn:
    """Run one trial as one job in its folder, and tell the study how it ended.

    Args:
        search: The search.
        study: Its study.
        trial: The trial, as `study.ask` gave it.
        launcher: Hydra's, for one job.

    Returns:
        The job, finished or failed.

    Raises:
        Exception: What would end every other trial too, such as a full disk.
    """
    name = trial_name(study.get_trials(deepcopy=False)[trial.number])
    overrides = overrides_of(trial, name, search)
    run = Run(search.folder / name)
    try:
        with compat.heartbeat(study, trial):
            [job] = launcher.launch([overrides], initial_job_idx=trial.number)
        is_trained = job.status == JobStatus.COMPLETED
        end = _end_of_training(job, run) if is_trained else _end_by_failure(job, study, trial)
    except BaseException:
        # A signal, Ctrl-C or a full disk: the trial can be taken up again at once, unless another process did so
        # already.
        if is_ours(study, trial):
            requeue_trial(study, study.tell(trial, state=TrialState.FAIL))
        raise
    study.tell(trial, end.value, end.state, skip_if_finished=True)
    return job


def overrides_of(trial: Trial, name: str, search: Search) -> list[str]:
    """All overrides of a trial's job.

    Args:
        trial: The trial.
        name: Of its folder.
        search: The search.

    Returns:
        What is the same in all trials, what this one drew, its folder, and its place in the study for the callback
        that reports.

    Raises:
        UserError: The database, which may come from somebody else, holds what is not searched.
    """
    check_settings(trial.params, search.database, search.space, search.queued)
    drawn = [f"{key}={value}" for key, value in trial.params.items()]
    address = quote_literally(f"{search.database}:{trial.number}")
    place = [f"hydra.sweep.subdir={name}", f"+hydra.job.env_set.{TRIAL_VARIABLE}={address}"]
    return [*search.fixed, *drawn, *place]


@dataclass(frozen=True)
class TrialEnd:
    """What the study is told of a trial: its state, and its value where it was trained to its end."""

    state: TrialState
    value: float | None = None


def _end_of_training(job: JobReturn, run: Run) -> TrialEnd:
    if run.summary().get("status") == RunStatus.PRUNED:
        return TrialEnd(TrialState.PRUNED)
    return TrialEnd(TrialState.COMPLETE, job.return_value)


def _end_by_failure(job: JobReturn, study: optuna.Study, trial: Trial) -> TrialEnd:
    """Note at the trial why it failed; raise what would end every other trial too.

    The study is told that the trial was pruned at once: of a failure the sampler would learn nothing, and would draw
    the same again.
    """
    error = compat.job_error(job)
    is_of_trial = isinstance(error, UserError) and not isinstance(error, DiskError)
    if isinstance(error, UserError):
        # the search tells its failed trials itself
        error.sweep_folder = None
    if not is_of_trial:
        raise error
    if is_ours(study, trial):
        trial.set_user_attr(MISTAKE, str(error))
    return TrialEnd(TrialState.PRUNED)
