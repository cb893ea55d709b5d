"""Which resource of the machine ran out, told by the errors that libraries raise then, and what to do about it.

Libraries have no common error for it: torch raises a plain `RuntimeError` with a sentence in it, OpenCV an error of its
own, Python an `OSError`. `SHORTAGES` is the one table of their words, collected from real runs on small machines.
"""

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from seep_lightning.errors import UserError, first_line

# characters of another library's message in ours
LONGEST_DETAIL = 160
# of a command that is not in the table of a shortage
ANY_COMMAND = ""


class ShortageError(UserError):
    """A resource of the machine ran out: nothing is wrong with the input. The message says which one."""


@dataclass(frozen=True)
class Shortage:
    """A resource that may run out.

    Attributes:
        what: What happened, a clause.
        words: Regular expressions of what libraries say then.
        classes: Names of their classes of errors that mean it whatever they say.
        numbers: Error numbers of the operating system.
        advice: What to lower or to change, by verb; `ANY_COMMAND` for all others.
    """

    what: str
    words: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    advice: dict[str, str] = field(default_factory=dict)

    def is_said_by(self, error: BaseException) -> bool:
        """Whether an error means that this resource ran out."""
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & set(self.classes):
            return True
        if isinstance(error, OSError) and error.errno in self.numbers:
            return True
        text = str(error)
        return any(re.search(word, text) for word in self.words)

    def cure(self, command: str = ANY_COMMAND) -> str:
        """What to lower or to change, in a sentence.

        Args:
            command: The verb that was running.
        """
        return self.advice.get(command, self.advice[ANY_COMMAND])


KILLED_READER = Shortage(
    "a process that reads chips was killed, as the system does when memory runs out",
    words=(r"DataLoader worker \(pid.*\) (exited unexpectedly|is killed by signal: (Killed|Aborted))",),
    advice={
        "train": "Lower data.num_workers (0: none) or data.batch_size.",
        ANY_COMMAND: "Free memory, and give the same command again.",
    },
)
SHARED_MEMORY = Shortage(
    "the shared memory (/dev/shm) is full, through which processes hand over chips",
    words=(
        r"unable to (write to|open|allocate|mmap|resize) (file|shared memory).*torch_",
        r"unable to allocate shared memory",
        r"[Bb]us error",
        r"No space left on device.*(/dev/shm|torch_)",
    ),
    advice={
        "train": "Pass data.num_workers=0, or give the container more, such as docker run --shm-size=2g.",
        ANY_COMMAND: "Give the container more, such as docker run --shm-size=2g.",
    },
)
HANDLES = Shortage(
    "too many files are open at once",
    words=(r"Too many open files", r"received 0 items of ancdata"),
    numbers=(errno.EMFILE, errno.ENFILE),
    advice={
        "train": "Allow more (ulimit -n 4096), or lower data.num_workers.",
        "predict": "Allow more (ulimit -n 4096), or lower threads or workers.",
        ANY_COMMAND: "Allow more: ulimit -n 4096.",
    },
)
PROCESSES = Shortage(
    "no further process or thread can be started",
    words=(r"can't start new thread", r"pthread_create failed", r"Resource temporarily unavailable"),
    numbers=(errno.EAGAIN,),
    advice={
        "train": "Lower data.num_workers or OMP_NUM_THREADS, or allow more: ulimit -u.",
        "predict": "Lower threads, workers or OMP_NUM_THREADS, or allow more: ulimit -u.",
        ANY_COMMAND: "Lower OMP_NUM_THREADS, or allow more: ulimit -u.",
    },
)
TEMPORARY_FOLDER = Shortage(
    "there is no folder for temporary files that can be written",
    words=(r"No usable temporary directory",),
    advice={ANY_COMMAND: "Set TMPDIR to one."},
)
MEMORY = Shortage(
    "memory ran out",
    words=(
        r"DefaultCPUAllocator",
        r"could not (create|execute) a (primitive|memory)",
        r"std::bad_alloc",
        r"Insufficient memory",
        r"[Nn]ot enough memory",
        r"[Oo]ut of memory",
        r"Cannot allocate memory",
        r"Unable to allocate",
        r"failed to map segment from shared object",
        r"ALLOC_FAILED",
        r"[Mm]emory allocation (still )?failed",
    ),
    classes=("MemoryError", "OutOfMemoryError"),
    numbers=(errno.ENOMEM,),
    advice={
        "train": "Lower data.batch_size, model.width, data.num_workers or data.cache_gb.",
        "evaluate": "Lower batch_size.",
        "predict": "Lower batch, window, threads or workers.",
        "prepare": "Lower size, or cut fewer scenes at once.",
        ANY_COMMAND: "Free memory, or use a machine with more of it.",
    },
)

SHORTAGES = (KILLED_READER, HANDLES, SHARED_MEMORY, PROCESSES, TEMPORARY_FOLDER, MEMORY)
"""From the most telling to the least: a killed process may say that memory ran out, too."""


def shortage_of(error: BaseException) -> Shortage | None:
    """Find the resource that ran out.

    Args:
        error: Of any library, or of ours about one of a library.

    Returns:
        The resource; None where the error, and what it came from, is about something else, or says so already.
    """
    if isinstance(error, ShortageError):
        return None
    for one_error in _with_causes(error):
        # what we say ourselves is about what we know; a lock that another process holds is no shortage
        is_ours = isinstance(one_error, UserError)
        is_lock = isinstance(one_error, BlockingIOError) and one_error is not error
        if is_ours or is_lock:
            continue
        for shortage in SHORTAGES:
            if shortage.is_said_by(one_error):
                return shortage
    return None


def shortage_text(error: BaseException, command: str = ANY_COMMAND) -> str | None:
    """Say in one line which resource ran out, where it did so, and what to do.

    Args:
        error: Of any library, or of ours about one of a library.
        command: The verb that was running.

    Returns:
        The line; None where the error is about something else.
    """
    shortage = shortage_of(error)
    if shortage is None:
        return None
    reason = first_line(error)[:LONGEST_DETAIL].strip()
    return f"{shortage.what} ({reason}). {shortage.cure(command)}"


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and the errors that it was raised from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__
