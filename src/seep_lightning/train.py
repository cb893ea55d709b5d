"""Train, or resume, one network: `python -m seep_lightning.train`.

Prints the figures on validation, where the run lies, and the commands that go on from there.
"""

import gc
import logging
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.sweep_progress import Sweep
from seep_lightning.commands.tensorboard_server import holds_curves
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.trust import trusted_argument
from seep_lightning.durations import in_words
from seep_lightning.errors import UserError
from seep_lightning.files import from_working_folder
from seep_lightning.metrics.ranking import ranking_value
from seep_lightning.runs.directory import Run, is_first_process
from seep_lightning.runs.status import RunStatus
from seep_lightning.training.cases import TrainingCase, TrainingJob, TrainingRequest, job_of, trusting_own
from seep_lightning.training.failures import failures_recorded, in_one_line, is_exit_of_launcher
from seep_lightning.training.length import FEW_STEPS
from seep_lightning.training.os_signals import preemptible
from seep_lightning.training.run_lock import run_locked
from seep_lightning.training.session import train

log = logging.getLogger(__name__)


def main(cfg: DictConfig) -> float:
    """Do the job of one `seep train`: a run of its own, or one of a sweep.

    Args:
        cfg: The composed config.

    Returns:
        The best score, for sweepers; for the learning-rate range test the suggested rate.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    request = TrainingRequest(
        cfg=cfg,
        overrides=list(hydra.overrides.task),
        directory=Path(hydra.runtime.output_dir),
        is_multirun=hydra.mode == RunMode.MULTIRUN,
    )
    run = Run(request.directory)
    try:
        with run_locked(run):
            return do_job(request)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and is_exit_of_launcher(error):
            raise
        failure = in_one_line(run, error)
    finally:
        if request.is_multirun:
            # Lightning's objects refer to each other: without this, a job's chips stay until long after the next one
            gc.collect()
    # outside of the handler: it keeps none of the training's memory
    raise failure


def do_job(request: TrainingRequest) -> float:
    """Do what a request comes to; an error is recorded in the run directory.

    Args:
        request: What the command line asks for.

    Returns:
        See `main`.
    """
    with trusting_own(request.cfg):
        with failures_recorded(Run(request.directory)):
            job = job_of(request)
        match job.case:
            case TrainingCase.RANGE_TEST:
                from seep_lightning.training.lr_range import find_learning_rate

                with failures_recorded(job.run):
                    return find_learning_rate(job.config, job.run.dir)
            case TrainingCase.FINISHED_ALREADY:
                return leave_alone(job, advises=not request.is_multirun)
            case TrainingCase.START | TrainingCase.RESUME:
                return train_and_print(job, advises=not request.is_multirun)


def leave_alone(job: TrainingJob, *, advises: bool) -> float:
    """Say that a run is finished; score its test part where `test=true` asks for that and it was not done yet."""
    log.info("%s is finished already", job.run.dir)
    scored_before = (job.run.dir / "evaluate/test/summary.json").exists()
    if job.config.test and is_first_process() and not scored_before:
        with failures_recorded(job.run):
            print_result(job.run, test=True, advises=advises)
    return score_of(job.run)


def train_and_print(job: TrainingJob, *, advises: bool) -> float:
    """Train, or go on training, and print what came of it."""
    with preemptible(job.run):
        result = train(job.config, job.run.dir)
        if is_first_process():
            if result.status == RunStatus.TRIED:
                tell("trainer.fast_dev_run: it runs; no checkpoint, curve or figure was kept")
            else:
                with failures_recorded(job.run):
                    print_result(result.run, job.config.test, advises=advises)
                return score_of(result.run)
    return result.score


def score_of(run: Run) -> float:
    """What a sweeper is told of a finished run: what `compare` ranks it by."""
    summary = run.summary()
    best = summary["best"]
    return float(ranking_value(best["monitor"], best["score"], summary["figures"]["val"]))


def print_result(run: Run, test: bool, *, advises: bool) -> None:
    """Print the final figures of a training; score the test part where asked for.

    Args:
        run: The run directory.
        test: Whether the test part is scored.
        advises: Whether the figures on validation and the commands to type next are printed: not for each job of a
            sweep, which has a line and ends with a table.
    """
    from seep_lightning.evaluation.evaluation import evaluate
    from seep_lightning.reporting.tables import print_evaluation

    if advises:
        print_validation_figures(run)
        tell(f"run directory: {run.dir}")
    if test:
        print_evaluation(evaluate(EvaluateConfig(run=str(run.dir), overwrite=True)))
    if advises:
        print_next_commands(run, scored=test)


def print_validation_figures(run: Run) -> None:
    """Print the figures on validation, at the tuned threshold, and their floors."""
    from seep_lightning.reporting.tables import TUNED, print_figures, print_floors

    summary = run.summary()
    figures = summary["figures"]["val"]
    best = summary["best"]
    # old runs do not say of which epoch their figures are
    epoch = best.get("epoch")
    subject = "val" if epoch is None else f"val, epoch {epoch + 1}"
    print_figures(_title(summary), {f"{subject}, {TUNED}": figures})
    tell(f"threshold in use: {best['threshold']:.4f}, tuned on validation")
    print_floors(figures, summary.get("floors", {}).get("val", {}))


def _title(summary: dict[str, Any]) -> str:
    """The title of a run's figures, such as `train: 126 val chips, split=scene, 1 epoch in 31 s`."""
    # those of old runs are not known
    chips = summary.get("data", {}).get("chips", {}).get("val")
    part = "val" if chips is None else f"{chips} val chips"
    epochs = summary["epochs"]
    trained = f"{epochs} {'epoch' if epochs == 1 else 'epochs'} in {in_words(summary['seconds'])}"
    return f"{summary['name']}: {part}, split={summary['split']}, {trained}"


def print_next_commands(run: Run, scored: bool) -> None:
    """Print the commands that look at a run and use it, ready to be pasted.

    A run that is no better than a rule is trained further first: its test part is not for choosing.

    Args:
        run: The run directory.
        scored: Whether the test part was scored, so that its command is left out.
    """
    from seep_lightning.training.further import further_training

    directory = from_working_folder(run.dir)
    run_argument = quote(f"run={directory}") + trusted_argument(asdict(run.config))
    further = further_training(run)
    if further is not None and further.still_rises:
        command = f"python -m seep_lightning.train {run_argument} trainer.max_epochs={further.epochs}"
        tell(f"train it further:    {command}")
    elif further is not None and further.is_short:
        tell(
            f"{further.steps} steps tell nothing yet: some {FEW_STEPS} teach new weights "
            f"(trainer.max_epochs={further.epochs})."
        )
    # without TensorBoard's logger there is nothing to see there
    if holds_curves(run.dir):
        tell(f"look at the curves:  python -m seep_lightning.tensorboard {quote(f'run={directory}')}")
    elif run.metrics_path.is_file():
        tell(f"look at the curves:  python -m seep_lightning.report {run_argument}")
    if not scored and further is None:
        tell(f"score the test part: python -m seep_lightning.evaluate {run_argument}")
    tell(f"map scenes or chips: python -m seep_lightning.predict {run_argument} input=PATH output=maps")


def end_sweep(sweep: Sweep) -> None:
    """Print the table of a sweep's jobs, the best of them, and the commands that go on with it."""
    from seep_lightning.sweeps.ending import print_jobs

    best = print_jobs(sweep)
    if best is not None:
        print_next_commands(best, scored=sweep.config.test)


make_callable(__name__, api.train)

if __name__ == "__main__":
    run_command("train", main, end_sweep=end_sweep)
