"""Signals by which a scheduler asks a run to end: SIGTERM, and SIGUSR1, SLURM's warning before its time limit."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote
from typing import Any

from seep_lightning.errors import Preempted
from seep_lightning.runs.directory import Run

BOTH = (signal.SIGTERM, signal.SIGUSR1)


class Stopped(BaseException):
    """One of them came. No `Exception`, which other code may take for a damaged file and the like."""


def go_on(run: Run) -> str:
    """The line that goes on with a run."""
    if not run.config_path.is_file():
        return "Nothing was begun yet: give the same command again."
    return f"Go on with: python -m seep_lightning.train {quote(f'run={run.dir}')}"


@contextmanager
def preemptible(run: Run) -> Iterator[None]:
    """Raise `Preempted` at either signal, unless somebody handles it already, such as submitit."""
    ours = [each for each in BOTH if signal.getsignal(each) == signal.SIG_DFL]
    for each in ours:
        signal.signal(each, _stop)
    try:
        yield
    except Stopped as error:
        raise Preempted(f"{error}. {go_on(run)}") from error
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def _stop(number: int, _: Any) -> None:
    if signal.getsignal(number) is _stop:  # else Lightning trains, which ends at the end of a step, and calls this too
        raise Stopped("stopped by a signal")


@contextmanager
def lightnings_own() -> Iterator[None]:
    """While Lightning trains, SIGUSR1 is a SIGTERM; what is there when it looks keeps it from requeueing by itself."""
    before = signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
