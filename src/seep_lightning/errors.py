"""The one kind of error that a person at the keyboard can put right."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """A mistake in the input: one sentence that names the file or key, what was found, what was expected, what to do.

    A door prints the message and exits with `exit_code`, without a traceback (`HYDRA_FULL_ERROR=1` brings it back).
    """

    exit_code = 2


class Interrupted(UserError):
    """The run was stopped from outside (Ctrl-C); the message holds the line that resumes it."""

    exit_code = 130


class Preempted(Interrupted):
    """The scheduler asked the run to end (SIGTERM, SIGUSR1); the exit code means "try again" (EX_TEMPFAIL)."""

    exit_code = 75


class DiskError(UserError):
    """A disk is full or refuses to be written to: nothing is wrong with the settings."""


class TakenUp(UserError):
    """Another process goes on with this run, since this one gave no sign of life."""


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Raise what a disk refuses as `DiskError`, one sentence about the file or folder."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            said = f"The disk of {path} is full ({error.strerror}). Make room and go on: what was finished is kept."
            raise DiskError(said) from error
        raise DiskError(f"{path} cannot be written: {error.strerror}. Choose another folder.") from error


@contextmanager
def explained(sentence: str, *kinds: type[Exception]) -> Iterator[None]:
    """Raise errors of these kinds as `UserError`: a sentence where {} is the first line of what they say, {all} all."""
    try:
        yield
    except kinds as error:
        whole = " ".join(str(error).split())
        raise UserError(sentence.replace("{}", first_line(error)[:300]).replace("{all}", whole)) from error


def first_line(error: BaseException) -> str:
    """What an error says, without what follows."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
