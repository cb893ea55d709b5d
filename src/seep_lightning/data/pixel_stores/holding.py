"""Locks on files that are being written: they end with the process, however that ends."""

import sys


def hold(descriptor: int) -> None:
    """Lock an open file for as long as this process, or one that it forks, may write it.

    Raises:
        OSError: Another process holds it, or this system has no such locks.
    """
    # a file that is locked there cannot be renamed
    if sys.platform == "win32":
        raise OSError("no such locks on Windows")
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
