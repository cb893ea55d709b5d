"""Signals by which a scheduler asks a run to end: SIGTERM, and SIGUSR1, SLURM's warning before its time limit."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from shlex import quote
from typing import Any

from seep_lightning.config.trust import trusted_argument
from seep_lightning.errors import Preempted, UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.resume import arguments_for_processes
from seep_lightning.training.stored_parts import names_to_vouch_for

if sys.platform == "win32":
    SCHEDULER_SIGNALS = (signal.SIGTERM,)
else:
    SCHEDULER_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StoppedBySignal(BaseException):
    """A scheduler's signal came.

    It is no `Exception`: other code catches those, and would take the signal for a damaged file and the like.
    """


def resume_hint(run: Run) -> str:
    """The sentence that says how to go on with a run."""
    if not run.config_path.is_file():
        return "Nothing was begun yet: give the same command again."
    run_argument = quote(f"run={run.dir}")
    with suppress(UserError):
        run_argument += arguments_for_processes(run.config)
        run_argument += trusted_argument(asdict(run.config), names_to_vouch_for(run))
    return f"Go on with: python -m seep_lightning.train {run_argument}"


@contextmanager
def preemptible(run: Run) -> Iterator[None]:
    """Turn a scheduler's signal into a `Preempted` that says how to go on.

    A signal that somebody handles already, such as submitit, is left to them.

    Args:
        run: The run to go on with.

    Raises:
        Preempted: One of the signals came.
    """
    unhandled = [number for number in SCHEDULER_SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, _raise_stopped)
    try:
        yield
    except StoppedBySignal as error:
        raise Preempted(f"{error}. {resume_hint(run)}") from error
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)


def _raise_stopped(number: int, _frame: Any) -> None:
    # While Lightning trains, its own handler is installed. That one ends the training after the step, and calls ours
    # as well: then there is nothing to raise.
    is_installed = signal.getsignal(number) is _raise_stopped
    if is_installed:
        raise StoppedBySignal("stopped by a signal")


@contextmanager
def sigusr1_as_sigterm() -> Iterator[None]:
    """Let SIGUSR1 end the training as SIGTERM does, while Lightning trains.

    Lightning installs a handler that requeues a SLURM job by itself, but only where there is none yet. Our handler
    stops Lightning from requeueing the job: that is left to the batch script.
    """
    if sys.platform == "win32":
        yield
        return
    handler_before = signal.signal(signal.SIGUSR1, _send_sigterm)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, handler_before)


def _send_sigterm(_number: int, _frame: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
