"""Locks on what one process at a time may write: a run, an output folder, a file.

A lock is a hidden file that names who holds it. The system lets go of it when the process ends, in whatever way, so a
dead process blocks nobody; the file that it leaves is taken over by the next one.
"""

import errno
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from seep_lightning.errors import InUse, UserError, writing_to
from seep_lightning.files import machine_name

log = logging.getLogger(__name__)

LOCK_SUFFIX = ".lock"
# how long the first attempt lasts: the lock of another thread that lets go right now is waited for
SECONDS_OF_ATTEMPT = 0.4
# between two looks at a lock that is waited for
SECONDS_BETWEEN_LOOKS = 0.5
# what file systems without locks answer
NO_LOCKS_HERE = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
# of a lock file that is read: more is not ours
LARGEST_NOTE = 4096
WAIT_FOREVER = -1.0

_HELD: dict[tuple[Path, int], int] = {}
"""How often each lock is held by each thread of this process: what a thread holds, it may take again."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as its file tells.

    Attributes:
        work: What it does, such as `train`.
        host: Its machine.
        pid: Its process there.
        since: Local time at which it took the lock.
    """

    work: str
    host: str
    pid: int
    since: str

    @classmethod
    def this_process(cls, work: str) -> "Holder":
        """The holder that this process is.

        Args:
            work: What it does.
        """
        return cls(work, machine_name(), os.getpid(), datetime.now().isoformat(" ", "seconds"))

    @classmethod
    def read(cls, path: Path) -> "Holder | None":
        """The holder that a lock file names; None where it does not (yet).

        Args:
            path: The lock file.
        """
        with suppress(OSError, ValueError, TypeError), path.open("rb") as file:
            return cls(**json.loads(file.read(LARGEST_NOTE)))
        return None

    def __str__(self) -> str:
        return f"seep {self.work}, process {self.pid} on {self.host}, since {self.since}"


def lock_path(path: Path) -> Path:
    """The lock file of a file or folder, which lies beside it and is hidden.

    Args:
        path: The file or folder, which need not be there.
    """
    return path.with_name(f".{path.name}{LOCK_SUFFIX}")


def lock_inside(folder: Path, work: str) -> Path:
    """The lock file of a kind of work inside a folder, hidden.

    Args:
        folder: The folder.
        work: Such as `train`.
    """
    return folder / f".{work}{LOCK_SUFFIX}"


@contextmanager
def locked(lock: Path, subject: str, work: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock, so that no other process writes the same meanwhile.

    The thread that holds it may take it again. Where the file system has no locks, this is told, and the work goes on.

    Args:
        lock: The lock file, see `lock_path` and `lock_inside`. Its folder is made; the file is removed at the end.
        subject: What is locked, for the message, such as `output=maps`.
        work: What this process does, such as `predict`.
        patience: Seconds to wait for another process; `WAIT_FOREVER`: until it lets go.

    Raises:
        InUse: Another process holds it.
        DiskError: The folder cannot be written.
    """
    key = (lock.absolute(), threading.get_ident())
    if key in _HELD:
        _HELD[key] += 1
        try:
            yield
        finally:
            _HELD[key] -= 1
        return
    made = [folder for folder in lock.parents if not folder.exists()]
    with writing_to(lock.parent):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = _acquire(lock, subject, work, patience)
    _HELD[key] = 1
    try:
        yield
    finally:
        del _HELD[key]
        if held is not None:
            _let_go(held, lock)
        # where nothing came of the work, nothing is left
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def remove_left_lock(lock: Path) -> None:
    """Remove the file of a lock whose holder was killed; that of a living one stays.

    Args:
        lock: The lock file, which need not be there.
    """
    if lock.is_file():
        with suppress(UserError, OSError), locked(lock, str(lock), "clean up"):
            log.debug("%s was left over", lock)


def _acquire(lock: Path, subject: str, work: str, patience: float) -> FileLock | None:
    """Take a lock and write who has it; None where the file system has no locks."""
    _check_own(lock)
    file_lock = FileLock(lock, fallback_to_soft=False, poll_interval=SECONDS_BETWEEN_LOOKS)
    try:
        _wait_for(file_lock, subject, patience)
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
        log.warning("%s: this file system has no locks (%s). Start no second command there.", subject, error.strerror)
        return None
    # a full disk is told by what is written next
    with suppress(OSError):
        lock.write_text(json.dumps(asdict(Holder.this_process(work))) + "\n", encoding="utf-8")
    return file_lock


def _check_own(lock: Path) -> None:
    """Raise `UserError` for a lock that is a second name of a file elsewhere, which would be overwritten."""
    with suppress(FileNotFoundError):
        if lock.lstat().st_nlink > 1:
            raise UserError(f"{lock} is a second name of another file; a lock has one name. Remove it.")


def _wait_for(file_lock: FileLock, subject: str, patience: float) -> None:
    """Take a lock; where another process has it, say who before waiting."""
    try:
        file_lock.acquire(timeout=SECONDS_OF_ATTEMPT, poll_interval=SECONDS_OF_ATTEMPT / 10)
    except Timeout:
        if patience == 0:
            raise in_use(subject, Path(file_lock.lock_file)) from None
    else:
        return
    log.warning("%s: waiting for %s", subject, _holder_in_words(Path(file_lock.lock_file)))
    try:
        file_lock.acquire(timeout=patience)
    except Timeout:
        raise in_use(subject, Path(file_lock.lock_file)) from None


def in_use(subject: str, lock: Path) -> InUse:
    """The error about what another process holds.

    Args:
        subject: What is locked.
        lock: The lock file.
    """
    return InUse(
        f"{subject} is in use ({_holder_in_words(lock)}). Wait until it has ended, or stop it, and give the same "
        "command again; or choose another folder."
    )


def _holder_in_words(lock: Path) -> str:
    """Who holds a lock."""
    holder = Holder.read(lock)
    return "another process" if holder is None else str(holder)


def _let_go(file_lock: FileLock, lock: Path) -> None:
    """Remove a lock's file while it is held, and let go: who waits for the removed file notices that it is gone."""
    with suppress(OSError):
        lock.unlink()
    file_lock.release()
