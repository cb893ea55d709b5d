"""A process that kills itself: at its n-th change of a file, or after some seconds of work.

What is changed is heard by an audit hook (files opened for writing, renamed, removed; folders made and removed) and by
a stand-in for `os.fsync`, where a draft has all of its content but not yet its name.
"""

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Any

VARIABLE = "SEEP_TEST_KILLS_ITSELF"
"""`change:N`, `seconds:S` of processor time, or `count:FILE`, which gets the number of changes."""
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


def arm() -> None:
    """Do what the variable asks for."""
    kind, _, value = os.environ.get(VARIABLE, "").partition(":")
    match kind:
        case "change":
            Changes(at=int(value)).listen()
        case "seconds":
            # nobody handles the signal: the system ends the process at once
            signal.setitimer(signal.ITIMER_PROF, float(value))
        case "count":
            changes = Changes(at=0)
            changes.listen()
            atexit.register(lambda: Path(value).write_text(str(changes.count)))


class Changes:
    """Counts the changes of files below the working folder, and kills the process at one of them; 0 for none."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0
        self.folder = str(Path.cwd())

    def listen(self) -> None:
        sync = os.fsync

        def counted_sync(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            self.add(str(Path(f"/proc/self/fd/{number}").readlink()), half_of=number)
            sync(number)

        os.fsync = counted_sync
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and is_writing(arguments[1], arguments[2])):
            self.add(arguments[0])

    def add(self, path: Any, half_of: int | None = None) -> None:
        """Count a change of a path, before it is made."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        absolute = os.path.join(self.folder, os.fsdecode(path))  # noqa: PTH118
        below = absolute.removeprefix(self.folder)
        if below == absolute or below.startswith(("/streams", "/home", "/tmp")):
            return
        self.count += 1
        if self.count != self.at:
            return
        if half_of is not None and ".part" in absolute:
            # as if it had died in the middle of the write
            os.ftruncate(half_of, os.fstat(half_of).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)


def is_writing(mode: Any, flags: Any) -> bool:
    """Whether a file is opened for writing."""
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
