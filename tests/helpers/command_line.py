"""Commands as a user types them."""

import atexit
import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from functools import cache
from pathlib import Path

from helpers.robustness.fork_server import ForkServer, Limits, Outcome, Request

LIMITS = Limits(cpu_seconds=300, asleep_seconds=300, wall_seconds=300, rss=1 << 40)
STREAMS = ("out", "err")


def seep(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `seep VERB ...` as a user would, in a process of its own that is forked, so that it imports nothing again.

    What may depend on how Python starts, or on plugins of Hydra in the working folder, is for `seep_from_scratch`.
    """
    outcome = outcome_of(*arguments, cwd=cwd)
    _, folder = _server()
    out, err = ((folder / name).read_text() for name in STREAMS)
    return subprocess.CompletedProcess(list(arguments), outcome.exit_code, out, err)


def outcome_of(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> Outcome:
    """Run a command as `seep` does, with more variables, and give what it took."""
    server, folder = _server()
    streams = [str(folder / name) for name in STREAMS]
    variables = _variables() | (env or {})
    request = Request(list(arguments), str(cwd or Path.cwd()), *streams, variables, LIMITS, env_is_whole=True)
    outcome = server.run(request)
    if outcome.killed_for:
        raise subprocess.TimeoutExpired(request.arguments, outcome.wall_seconds)
    return outcome


def seep_from_scratch(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m seep_lightning.<verb> ...` as a user would, with more variables."""
    command = [sys.executable, "-m", f"seep_lightning.{arguments[0]}", *arguments[1:]]
    return subprocess.run(command, cwd=cwd, env=_variables() | (env or {}), capture_output=True, text=True, timeout=300)


def seep_in_terminal(columns: int, *arguments: str, env: dict[str, str] | None = None) -> str:
    """All that `python -m seep_lightning.<verb> ...` writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    variables = {name: value for name, value in _variables().items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", f"seep_lightning.{arguments[0]}", *arguments[1:]],
        env=variables | {"TERM": "xterm-256color"} | (env or {}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    # the terminal is gone with the process: an OSError, or an empty read on other systems
    with suppress(OSError):
        while content := os.read(ours, 65536):
            written += content
    os.close(ours)
    process.wait(timeout=60)
    return written.decode().replace("\r\n", "\n")


def _variables() -> dict[str, str]:
    """Those of this process, but for what a test of ours must not depend on."""
    ours = ("HYDRA_FULL_ERROR", "SEEP_DATA_ROOT", "SEEP_LIGHTNING_RAISES")
    return {name: value for name, value in os.environ.items() if name not in ours}


@cache
def _server() -> tuple[ForkServer, Path]:
    """One for all tests of a process, made when it is needed first, and a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="seep-"))
    server = ForkServer(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.close)
    return server, folder
