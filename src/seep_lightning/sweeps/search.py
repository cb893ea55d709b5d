"""The search for the best settings, `sweep=optuna`: Optuna asks, Hydra's launcher runs one job, its end is told.

The study is a file in the sweep's folder. Processes started by one command with one `hydra.sweep.dir` share it. A
trial without signs of life is taken up again in its own folder, where training goes on from its last checkpoint.
"""

import math
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import optuna
from filelock import FileLock
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from optuna import distributions as over
from optuna.samplers import TPESampler
from optuna.storages import fail_stale_trials
from optuna.storages._heartbeat import BaseHeartbeat, get_heartbeat_thread
from optuna.trial import FrozenTrial, Trial, TrialState

from seep_lightning.commands.overrides import quote_value
from seep_lightning.config.training import ranked_by
from seep_lightning.errors import DiskError, UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.resume import MAY_CHANGE
from seep_lightning.training.process import TRIAL_VARIABLE
from seep_lightning.training.study import MISTAKE, NAME, connect, runs_here, take_up_again

Space = dict[str, over.BaseDistribution]
PAUSE = 5  # seconds between looks at trials that run elsewhere


def search(config: DictConfig, launcher: Launcher, arguments: list[str]) -> None:
    """Run trials until `n_trials` of them have ended, over all processes (settings: `SearchConfig`).

    A trial that fails by a user's mistake is replaced by another. Raises the mistake where most of them fail.
    """
    if config.trainer.fast_dev_run or config.lr_find:
        raise UserError("trainer.fast_dev_run and lr_find have no score to search by. Try them without sweep=optuna.")
    settings: Any = OmegaConf.to_object(config.hydra.sweeper)
    folder = Path(config.hydra.sweep.dir).absolute()
    fixed, space = split_overrides([*(f"{k}={v}" for k, v in settings.params.items()), *arguments])
    with FileLock(folder / "study.lock") as lock:
        storage = connect(folder / "study.db", settings.heartbeat)
        mode: Any = "minimize" if ranked_by(config.monitor).startswith("loss") else "maximize"
        study = optuna.create_study(storage=storage, study_name=NAME, direction=mode, load_if_exists=True)
        ranges = [f"{key}={values}" for key, values in space.items()]
        given = sorted([*ranges, *(o for o in fixed if not o.startswith(MAY_CHANGE))])
        before = {o for o in study.user_attrs.get("fixed", given) if not o.startswith(MAY_CHANGE)}
        if odd := sorted({*given} ^ before):
            raise UserError(f"{folder} holds a search with other settings ({', '.join(odd)}). Choose another folder.")
        study.set_user_attr("fixed", given)
        study.set_user_attr("pruner", {"n_startup_trials": settings.startup, "n_warmup_steps": settings.warmup})
        for params in settings.enqueue:
            study.enqueue_trial(to_try(params, space), skip_if_exists=True)
    deadline, patience = time.monotonic() + (settings.timeout or math.inf), settings.startup
    while time.monotonic() < deadline and (trial := next_trial(study, space, settings, lock)):
        job = run_trial(study, trial, fixed, launcher, folder)
        patience += 1 if job.status == JobStatus.COMPLETED else -1
        if patience < 0:
            raise job._return_value
    ends = tally(study)
    print(f"{ends['COMPLETE']} trials finished, {ends['PRUNED']} pruned, {ends['FAIL']} failed or broken off")
    if ends["COMPLETE"]:
        best, value = study.best_trial, f"{ranked_by(config.monitor)} {study.best_value:.4f}"
        print(f"best: {value} with {' '.join(f'{k}={v}' for k, v in best.params.items())}")
        print(f"run directory: {folder / trial_name(best)}")
    print(f"compare them: python -m seep_lightning.compare runs={folder}")


def split_overrides(overrides: list[str]) -> tuple[list[str], Space]:
    """Overrides that are the same in all trials, and the space of those that are searched; the last of a key counts."""
    parsed = {o.get_key_element(): o for o in OverridesParser.create().parse_overrides(overrides)}
    fixed = [str(o.input_line) for o in parsed.values() if not o.is_sweep_override()]
    return fixed, {key: distribution(o) for key, o in parsed.items() if o.is_sweep_override()}


def distribution(override: Override) -> over.BaseDistribution:
    """Of `interval(a,b)`, `int(interval(a,b))`, either as `tag(log, ...)`; anything else is a choice."""
    try:
        if override.is_discrete_sweep():
            return over.CategoricalDistribution(list(override.sweep_string_iterator()))
        sweep: Any = override.value()
        kind = over.IntDistribution if isinstance(sweep.start, int) else over.FloatDistribution
        return kind(sweep.start, sweep.end, log="log" in sweep.tags)
    except ValueError as error:
        raise UserError(f"{override.input_line}: cannot be searched ({error}).") from error


def to_try(params: Any, space: Space) -> dict[str, Any]:
    """Settings of `enqueue` as Optuna takes them: a choice as it is spelt. `UserError` for what is not searched."""
    if not isinstance(params, dict) or params.keys() - space:
        raise UserError(f"hydra.sweeper.enqueue: {params} is not of what is searched: {', '.join(space)}.")
    found = dict(params)
    for key, value in params.items():
        values, given = space[key], f"hydra.sweeper.enqueue: {key}={value}"
        if isinstance(values, over.CategoricalDistribution):
            parsed = OverridesParser.create().parse_overrides([f"{key}={choice}" for choice in values.choices])
            same = [c for c, o in zip(values.choices, parsed, strict=True) if value in (c, o.value())]
            if not same:
                raise UserError(f"{given} is none of {', '.join(map(str, values.choices))}.")
            found[key] = same[0]
        elif type(value) not in (int, float):
            raise UserError(f"{given}: expected a number.")
    return found


def trial_name(trial: FrozenTrial) -> str:
    """`trial-003`; one that is taken up again goes on in the folder of the first."""
    return f"trial-{trial.user_attrs.get('first', trial.number):03d}"


def tally(study: optuna.Study) -> Counter[str]:
    """How many trials are in each of Optuna's states."""
    trials = study.get_trials(deepcopy=False)
    return Counter("FAIL" if MISTAKE in trial.user_attrs else trial.state.name for trial in trials)


def next_trial(study: optuna.Study, space: Space, settings: Any, lock: FileLock) -> Trial | None:
    """The next trial to run, or None where enough have ended; waits for the last ones that run elsewhere."""
    while True:
        with lock:
            fail_stale_trials(study)
            states = tally(study)
            ended = states["COMPLETE"] + states["PRUNED"]
            if ended >= settings.n_trials:
                return None
            if ended + states["RUNNING"] < settings.n_trials:
                # a seed for each trial: processes with one seed would draw the same
                seed = settings.seed + 1000 * sum(states.values())
                study.sampler = TPESampler(n_startup_trials=settings.startup, seed=seed, constant_liar=True)
                trial, storage = study.ask(space), cast(BaseHeartbeat, study._storage)
                storage.record_heartbeat(trial._trial_id)  # a trial without a first one would run for ever
                return trial
        time.sleep(min(PAUSE, settings.heartbeat))


def run_trial(study: optuna.Study, trial: Trial, fixed: list[str], launcher: Launcher, folder: Path) -> JobReturn:
    """Run one trial as one job in its folder, and tell the study how it ended.

    A mistake is told as pruned at once: of a failure the sampler would learn nothing, and draw the same again.
    """
    name = trial_name(study.get_trials(deepcopy=False)[trial.number])
    found = [f"{key}={value}" for key, value in trial.params.items()]
    mark = quote_value(f"{folder / 'study.db'}:{trial.number}")
    where = [f"hydra.sweep.subdir={name}", f"+hydra.job.env_set.{TRIAL_VARIABLE}={mark}"]
    state, value = TrialState.PRUNED, None
    try:
        with get_heartbeat_thread(trial._trial_id, study._storage):
            [job] = launcher.launch([[*fixed, *found, *where]], initial_job_idx=trial.number)
        if job.status == JobStatus.COMPLETED:
            if Run(folder / name).summary()["status"] != "pruned":
                state, value = TrialState.COMPLETE, job.return_value
        elif not isinstance(job._return_value, UserError) or isinstance(job._return_value, DiskError):
            raise job._return_value
        elif runs_here(study, trial):
            trial.set_user_attr(MISTAKE, str(job._return_value))
    except BaseException:  # a signal, Ctrl-C, a bug: the trial can be taken up again at once
        if runs_here(study, trial):  # else another process has done so
            take_up_again(study, study.tell(trial, state=TrialState.FAIL))
        raise
    study.tell(trial, value, state, skip_if_finished=True)
    return job
