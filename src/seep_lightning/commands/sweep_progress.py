"""A sweep as a person follows it: how many of its jobs are done, the best so far, the time left; and how it goes on."""

import logging
import math
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from seep_lightning.commands.console import tell
from seep_lightning.commands.failed_jobs import first_of_same_reason
from seep_lightning.durations import in_words
from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import lower_is_better
from seep_lightning.metrics.floors import marks_everything
from seep_lightning.metrics.ranking import ranking_key
from seep_lightning.runs.directory import Run
from seep_lightning.runs.status import RunStatus

HEADS_OF_STARTS = ("data: ", "chosen: ", "split=", "net: ", "steps: ", "validation: ", "device: ", "each epoch: ")
"""How the lines begin that are mostly alike in all jobs."""
HEAD_OF_FAILURE = "this job failed: "
"""How the line begins that says why a job failed."""
ENDED = (RunStatus.FINISHED, RunStatus.PRUNED)


@dataclass(frozen=True)
class Sweep:
    """A sweep that this process started.

    Attributes:
        folder: Of the sweep; that of each job lies in it.
        config: The composed config, with Hydra's part.
        jobs: How many there are; None where only the sweeper knows.
        started: When, in seconds since 1970.
        first_job: When its first job began, likewise; None where another process saw that.
    """

    folder: Path
    config: DictConfig
    jobs: int | None
    started: float
    first_job: float | None = None

    @property
    def thing(self) -> str:
        """What a job of it is called."""
        return "trial" if self.replaces_failed else "job"

    @property
    def metric(self) -> str:
        """The figure that its jobs are ranked by."""
        return ranking_key(self.config.monitor)

    @property
    def replaces_failed(self) -> bool:
        """Whether another job is run for each that fails, as a search does."""
        return "n_trials" in self.config.hydra.sweeper


_sweeps: list[Sweep] = []
# set when the first job ends in this process
_a_job_ended = Event()


def sweep_of_process() -> Sweep | None:
    """The sweep that this process started, if it did."""
    return _sweeps[-1] if _sweeps else None


def jobs_after_the_first() -> int | None:
    """How many jobs of this process's sweep begin after its first one, while that runs.

    Returns:
        None outside of a sweep, where only the sweeper knows, and once a job has ended: its line tells the time left.
    """
    sweep = sweep_of_process()
    if sweep is None or sweep.jobs is None or _a_job_ended.is_set():
        return None
    done = _count_done(sweep, dict(_summaries(sweep.folder)))
    return max(sweep.jobs - done - 1, 0)


class TellSweep(Callback):
    """Prints a line for each job of a sweep that ends, see `conf/train.yaml`."""

    sweep: Sweep | None = None

    def on_multirun_start(self, config: DictConfig, **more: Any) -> None:
        """Remember the sweep.

        Args:
            config: The composed config with Hydra's part.
            more: What Hydra adds.
        """
        folder = Path(config.hydra.sweep.dir).absolute()
        self.sweep = Sweep(folder, config, count_jobs(config), time.time())
        _sweeps.append(self.sweep)

    def on_job_start(self, config: DictConfig, **more: Any) -> None:
        """Start the job's clock, and say which job it is.

        Args:
            config: The job's config with Hydra's part.
            more: What Hydra adds.
        """
        self._job_started = time.time()
        if self.sweep is None or config.hydra.mode != RunMode.MULTIRUN:
            return
        # a launcher's process sees some of the jobs only
        if self.sweep.first_job is None and sweep_of_process() is not None:
            self.sweep = replace(self.sweep, first_job=self._job_started)
        tell(first_line_of_job(self.sweep, config))
        sys.stdout.flush()

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **more: Any) -> None:
        """Print the job's line.

        Args:
            config: The job's config with Hydra's part.
            job_return: What Hydra keeps of the job.
            more: What Hydra adds.
        """
        if self.sweep is None or config.hydra.mode != RunMode.MULTIRUN:
            return
        run = Run(Path(config.hydra.runtime.output_dir))
        _a_job_ended.set()
        has_failed = job_return.status == JobStatus.FAILED
        tell(job_line(self.sweep, run, time.time() - self._job_started, has_failed=has_failed))
        # a file that somebody looks into meanwhile
        sys.stdout.flush()


def count_jobs(config: DictConfig) -> int | None:
    """How many jobs a sweep has: the product of its choices, or a search's trials; None where it cannot be told.

    Args:
        config: The composed config with Hydra's part.
    """
    sweeper = config.hydra.sweeper
    if "n_trials" in sweeper:
        return int(sweeper.n_trials)
    if not sweeper._target_.endswith(".BasicSweeper"):
        return None
    params: Any = {} if sweeper.params is None else OmegaConf.to_container(sweeper.params, resolve=False)
    searched = [f"{key}={values}" for key, values in params.items()]
    counts = {}
    with suppress(HydraException):
        for override in OverridesParser.create().parse_overrides([*searched, *config.hydra.overrides.task]):
            is_choice = override.is_discrete_sweep()
            counts[override.key_or_group] = len(list(override.sweep_string_iterator())) if is_choice else 1
        return math.prod(counts.values())
    return None


def first_line_of_job(sweep: Sweep, config: DictConfig) -> str:
    """What a job begins with, such as `job 2 of 4: optimizer.lr=0.001 model.patch=2`.

    Args:
        sweep: The sweep.
        config: The job's config with Hydra's part.
    """
    of_all = list(sweep.config.hydra.overrides.task)
    own = [override for override in config.hydra.overrides.task if override not in of_all]
    if sweep.replaces_failed:
        return f"{Path(config.hydra.runtime.output_dir).name}: {' '.join(own)}"
    number = config.hydra.job.num + 1
    return f"job {number}{_of_all(sweep)}: {' '.join(own)}"


def _of_all(sweep: Sweep) -> str:
    return "" if sweep.jobs is None else f" of {sweep.jobs}"


def job_line(sweep: Sweep, run: Run, seconds: float, *, has_failed: bool) -> str:
    """The line of a job that ended: `3 of 8 jobs done: lr-0.01  dice 0.431  best 0.440 (lr-0.003)  took 18 s`.

    Args:
        sweep: The sweep.
        run: The job's run.
        seconds: That the job took.
        has_failed: Whether the job failed.
    """
    summaries = dict(_summaries(sweep.folder))
    done = _count_done(sweep, summaries)
    summary = summaries.get(run.dir.name, {})
    words = [f"{done}{_of_all(sweep)} {sweep.thing}s done: {run.dir.name}"]
    status = "failed" if has_failed else summary.get("status", "done")
    if status != RunStatus.FINISHED:
        words.append(status)
    like = first_of_same_reason(sweep.folder, run.dir) if has_failed else None
    if like is not None:
        words.append(f"for the same reason as {like}")
    score = _score(summary, sweep.metric)
    if score is not None and not has_failed:
        words.append(f"{sweep.metric} {score:.3f}")
    if not has_failed and _marks_everything(summary):
        words.append("marks everything as seep")
    best = best_job(summaries, sweep.metric)
    if best == run.dir.name:
        words.append("best so far")
    elif best is not None:
        words.append(f"best {_score(summaries[best], sweep.metric):.3f} ({best})")
    words.append(f"took {in_words(seconds)}")
    left = _seconds_left(sweep, summaries, done)
    if left:
        words.append(f"{in_words(left)} left")
    return "  ".join(words)


def best_job(summaries: dict[str, dict[str, Any]], metric: str) -> str | None:
    """The name of the best job that is finished; None where none is.

    Args:
        summaries: What `summary.json` of each job says, by the job's name, in order of these.
        metric: The figure on validation that they are ranked by.
    """
    scores = {}
    for name, summary in summaries.items():
        score = _score(summary, metric)
        if summary.get("status") == RunStatus.FINISHED and score is not None:
            scores[name] = score
    if not scores:
        return None
    choose = min if lower_is_better(metric) else max
    return choose(scores, key=scores.__getitem__)


def how_to_go_on(sweep: Sweep, command: str, arguments: Sequence[str]) -> str:
    """The sentences that say how many jobs of a stopped sweep are done, and with which command it goes on.

    Args:
        sweep: The sweep.
        command: The verb.
        arguments: What was typed after it.
    """
    done = _count_done(sweep, dict(_summaries(sweep.folder)))
    kept = [argument for argument in arguments if not argument.startswith("hydra.sweep.dir=")]
    line = shlex.join(["python", "-m", f"seep_lightning.{command}", *kept, f"hydra.sweep.dir={sweep.folder}"])
    are_done = f"{done}{_of_all(sweep)} {sweep.thing}s are done"
    return f"{are_done}. Go on, without repeating what is done or epochs that are saved: {line}"


def _summaries(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the summaries in a sweep's folder say, by the names of the jobs, in order."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        run = Run(path)
        # a damaged one is told where it is used
        with suppress(UserError):
            if run.summary_path.is_file():
                yield path.name, run.summary()


def _count_done(sweep: Sweep, summaries: dict[str, dict[str, Any]]) -> int:
    """How many jobs are done; in a grid also those that failed since it was started."""
    done = 0
    for name, summary in summaries.items():
        has_ended = summary.get("status") in ENDED
        has_failed = summary.get("status") == RunStatus.FAILED and _is_of_this_start(sweep, name)
        done += has_ended or (has_failed and not sweep.replaces_failed)
    return done


def _is_of_this_start(sweep: Sweep, name: str) -> bool:
    return Run(sweep.folder / name).summary_path.stat().st_mtime >= sweep.started


def _seconds_left(sweep: Sweep, summaries: dict[str, dict[str, Any]], done: int) -> float:
    """Seconds until the last job ends, if the others take as long as those since the start; 0 where nobody knows."""
    if sweep.jobs is None:
        return 0.0
    ended = [name for name, summary in summaries.items() if summary.get("status") in (*ENDED, RunStatus.FAILED)]
    since_start = sum(_is_of_this_start(sweep, name) for name in ended)
    began = sweep.first_job or sweep.started
    seconds_a_job = (time.time() - began) / max(since_start, 1)
    return seconds_a_job * max(sweep.jobs - done, 0)


def _score(summary: dict[str, Any], metric: str) -> float | None:
    """A job's figure on validation, at its tuned threshold."""
    value = summary.get("figures", {}).get("val", {}).get(metric)
    return value if isinstance(value, float) else None


def _marks_everything(summary: dict[str, Any]) -> bool:
    """Whether a job's network calls every pixel of validation seep."""
    figures = summary.get("figures", {}).get("val", {})
    return bool(figures) and marks_everything(figures, summary.get("floors", {}).get("val", {}))


class _OnlyNewStarts(logging.Filter):
    """Leaves out what the last job of this process has told at its start, or an earlier one at its end, word by word.

    Attributes:
        before: What that job told.
        now: What this one tells.
        failures: Why earlier jobs failed.
    """

    before: ClassVar[set[str]] = set()
    now: ClassVar[set[str]] = set()
    failures: ClassVar[set[str]] = set()

    @classmethod
    def next_job(cls) -> None:
        """Begin with another job."""
        cls.before, cls.now = cls.now, set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is shown."""
        message = record.getMessage()
        if message.startswith(HEAD_OF_FAILURE):
            is_new = message not in self.failures
            self.failures.add(message)
            return is_new
        if not message.startswith(HEADS_OF_STARTS):
            return True
        self.now.add(message)
        return message not in self.before


def tell_starts_once() -> None:
    """Let the terminal show of a job's start only what differs from the last job; the jobs' own logs have all."""
    _OnlyNewStarts.next_job()
    for handler in logging.getLogger().handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(_OnlyNewStarts())
