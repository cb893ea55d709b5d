"""The one kind of error that a person at the keyboard can put right."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seep_lightning.masking import masked

# characters of another library's message that fit into a line of ours
LONGEST_REASON = 300


class UserError(Exception):
    """A mistake in the input, told in a line: the file or key, what was found, what was expected, what to do.

    A command prints the message and exits with `exit_code`, without a traceback; `HYDRA_FULL_ERROR=1` in the
    environment brings that back.

    Attributes:
        exit_code: Of the command.
        sweep_folder: Of the sweep that goes on without the job that ended in this error; None outside of a sweep.
    """

    exit_code = 2
    sweep_folder: str | None = None


class Interrupted(UserError):
    """The run was stopped from outside, by Ctrl-C. The message holds the command that goes on with it."""

    exit_code = 130


class Preempted(Interrupted):
    """The scheduler asked the run to end (SIGTERM, SIGUSR1). The exit code means "try again" (EX_TEMPFAIL)."""

    exit_code = 75


class DiskError(UserError):
    """A disk is full or refuses to be written to: nothing is wrong with the settings."""


class InUse(UserError):
    """Another process is at work where this one wants to write: nothing was changed."""


class WouldReplace(UserError):
    """Something lies there that is not replaced unasked: nothing was changed."""


class NoChips(UserError):
    """The data set's folder is not there, or holds nothing that may be a chip: nobody who reads it gets further."""


class RunTakenOver(UserError):
    """Another process has taken over this run, because this process showed no sign of life for too long."""


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Raise what a disk refuses as `DiskError`, in one line about the file or folder.

    Args:
        path: The file or folder that is written.

    Raises:
        DiskError: The disk is full, or it cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            message = f"The disk of {path} is full ({error.strerror}). Make room and go on: what was finished is kept."
        else:
            message = f"{path} cannot be written: {error.strerror}. Choose another folder."
        raise DiskError(message) from error


@contextmanager
def as_user_error(problem: str, *kinds: type[Exception], advice: str = "") -> Iterator[None]:
    """Raise errors of these kinds as `UserError`: the problem, the reason in brackets, and what to do.

    Args:
        problem: What went wrong, with the name of the file or key; a clause without a full stop.
        kinds: The errors that are the user's to put right; others pass.
        advice: A sentence that says what to do or what was expected.

    Raises:
        UserError: `problem (first line of the error). advice`
    """
    try:
        yield
    except kinds as error:
        reason = first_line(error)[:LONGEST_REASON]
        message = f"{problem} ({reason}). {advice}".rstrip()
        raise UserError(message) from error


@contextmanager
def as_error_of(key: str, *kinds: type[Exception]) -> Iterator[None]:
    """Raise errors of these kinds as `UserError` about a key of the config: all that the error says, in one line.

    Args:
        key: The key whose value another library refuses, such as `trainer`.
        kinds: The errors that are the user's to put right; others pass.

    Raises:
        UserError: `key: the whole error`
    """
    try:
        yield
    except kinds as error:
        # a library's message may hold an address with a password
        whole = masked(" ".join(str(error).split()))
        raise UserError(f"{key}: {whole}") from error


@contextmanager
def needs_extra(subject: str, package: str, extra: str) -> Iterator[None]:
    """Raise `ImportError` as `UserError` that says which optional dependency to install.

    Args:
        subject: What needs the package: a file or a setting, such as `format=onnx`.
        package: What is missing, in words.
        extra: The group of optional dependencies in pyproject.toml that brings it.

    Raises:
        UserError: One line with the command that installs it.
    """
    try:
        yield
    except ImportError as error:
        message = f"{subject} needs {package}. Install it: pip install 'seep_lightning[{extra}]'."
        raise UserError(message) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its full stop, or the error's class if it has no message."""
    lines = str(error).splitlines()
    if not lines:
        return type(error).__name__
    return lines[0].rstrip(".")


def printable(text: object) -> str:
    r"""A text for a terminal: what would move its cursor, colour it or end the line shows as `\x1b` and the like."""
    letters = str(text)
    if letters.isprintable():
        return letters
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in letters)


def shortened(names: Sequence[str], most: int = 3) -> str:
    """Join names by commas; of many, the first and how many more there are."""
    text = ", ".join(names[:most])
    hidden = len(names) - most
    return f"{text} and {hidden} more" if hidden > 0 else text


def percent(share: float) -> str:
    """Write a share with as many digits as it needs: 12 %, 2.6 %, 0.25 %."""
    value = 100 * share
    if value >= 10:
        return f"{value:.0f} %"
    if value >= 1:
        return f"{value:.1f} %"
    return f"{value:.2g} %"
