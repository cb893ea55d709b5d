"""The one kind of error that a person at the keyboard can put right."""


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
