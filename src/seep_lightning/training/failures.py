"""What a training leaves of an error that ended it: the reason in `summary.json`, the traceback in `train.log`."""

import errno
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from seep_lightning.errors import LONGEST_REASON, DiskError, Interrupted, InUse, RunTakenOver, UserError
from seep_lightning.files import is_empty
from seep_lightning.masking import masked
from seep_lightning.runs.directory import Run
from seep_lightning.runs.status import RunStatus
from seep_lightning.shortages import ShortageError, shortage_of, shortage_text
from seep_lightning.training.os_signals import StoppedBySignal

STOPS = (Interrupted, StoppedBySignal, KeyboardInterrupt, GeneratorExit, RunTakenOver, InUse)
"""They end a training from outside: nothing has failed."""

CAME_TO_AN_END = (RunStatus.FINISHED, RunStatus.PRUNED, RunStatus.TRIED)
"""What a training is after its last epoch, whatever fails then."""

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

LIBRARIES = tuple(sysconfig.get_path(kind) for kind in ("stdlib", "platlib", "purelib"))
"""Folders of code that is neither the user's nor ours."""


class TrainingFailed(UserError):
    """An error that nobody foresaw ended a training. The message says which one, and where its traceback is."""

    exit_code = 1


@contextmanager
def failures_recorded(run: Run) -> Iterator[None]:
    """Record an error outside of the epochs, such as while data and network are made, and raise it again.

    A mistake of the user in a command about an existing run refuses the command: the run stays as it was. Nor does a
    mistake make a directory where there is none yet.

    Args:
        run: The run directory.
    """
    try:
        yield
    except STOPS:
        raise
    except BaseException as error:
        is_launchers = isinstance(error, SystemExit) and is_exit_of_launcher(error)
        if not is_launchers and not _only_refuses(run, error):
            record_failure(run, error)
        raise


def _only_refuses(run: Run, error: BaseException) -> bool:
    """Whether an error says no more than that a command does not fit what is there."""
    is_new_run = run.dir.is_dir() and not run.config_path.exists() and not is_empty(run.dir)
    return isinstance(error, UserError) and not is_new_run


def record_failure(run: Run, error: BaseException) -> None:
    """Say in a run's summary that it failed and why; what it says of an earlier session stays.

    Args:
        run: The run directory; made where there is none.
        error: What ended the training, or what came after its end.
    """
    log_traceback(run, error)
    if shortage_of(error) is not None:
        # what the training held is in the way of the words about it
        traceback.clear_frames(error.__traceback__)
    # a full disk may be what the error is about, and a spoilt summary, and memory
    with suppress(UserError, MemoryError):
        earlier = run.summary()
        was_ended = earlier.get("status") in CAME_TO_AN_END
        status = earlier["status"] if was_ended else RunStatus.FAILED
        run.write_summary({**earlier, "status": status, "error": reason_of(error)}, by_any_process=True)


def log_traceback(run: Run, error: BaseException) -> None:
    """Append an error's traceback to the run's log, which the terminal does not show, without secrets.

    Args:
        run: The run directory; made where there is none.
        error: The error.
    """
    lines = traceback.format_exception(error)
    # the disk may be full; torch tells of a dead loader worker wherever this process is
    with suppress(OSError, RuntimeError, MemoryError):
        run.dir.mkdir(parents=True, exist_ok=True)
        with run.log_path.open("a") as file:
            file.write(masked("".join(lines)))


def reason_of(error: BaseException) -> str:
    """Say in one line why a training ended.

    Args:
        error: What ended it.

    Returns:
        Which resource ran out, where one did; the message of a `UserError`; else class, message and place, such as
        `ValueError: no sea (mine.py, line 3)`.
    """
    return masked(_unmasked_reason(error))


def _unmasked_reason(error: BaseException) -> str:
    """The reason, in which there may be an address with a password."""
    shortage = shortage_text(error, "train")
    if shortage is not None:
        return shortage
    if isinstance(error, UserError):
        return str(error)
    message = " ".join(str(error).split())[:LONGEST_REASON]
    name = type(error).__name__
    what = f"{name}: {message}" if message else name
    place = _place_of(error)
    return f"{what} ({place})" if place else what


def first_reason(run: Run, error: BaseException) -> str:
    """Say why a training ended: what its summary says, where another of its processes failed first.

    The processes that wait for that one fail too, by a broken connection.

    Args:
        run: The run directory.
        error: What ended this process.
    """
    # a full disk keeps the summary as it was
    if not isinstance(error, OSError):
        with suppress(UserError):
            summary = run.summary()
            if summary.get("status") == RunStatus.FAILED and "error" in summary:
                return str(summary["error"])
    return reason_of(error)


def _place_of(error: BaseException) -> str:
    """File and line in which an error was raised: the innermost of the user's or of ours, else the innermost."""
    steps = list(traceback.walk_tb(error.__traceback__))
    outside = [(frame, line) for frame, line in steps if not _is_of_library(frame)]
    if not steps:
        return ""
    frame, line = (outside or steps)[-1]
    return f"{Path(frame.f_code.co_filename).name}, line {line}"


def _is_of_library(frame: FrameType) -> bool:
    """Whether a frame runs code of Python or of an installed package."""
    return frame.f_code.co_filename.startswith((*LIBRARIES, "<frozen"))


def in_one_line(run: Run, error: BaseException) -> UserError:
    """What a command says of an error that nobody foresaw.

    Args:
        run: The run directory.
        error: The error, recorded already.

    Returns:
        An error of one line. It does not hold the first one, whose frames keep the memory of the training.
    """
    message = f"{first_reason(run, error).rstrip('.')}. The traceback is in {run.log_path}."
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return DiskError(message)
    if shortage_of(error) is not None:
        return ShortageError(message)
    return TrainingFailed(message)


def is_exit_of_launcher(error: SystemExit) -> bool:
    """Whether submitit ends this process, since the time of its job is over, and starts the job again.

    Args:
        error: The `SystemExit`, as it was caught.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames:
        return False
    module = str(frames[-1].f_globals.get("__name__", ""))
    return module.partition(".")[0] == "submitit"
