"""Locks on files that are being written: they end with the process, however that ends."""


def hold(descriptor: int) -> None:
    """Lock an open file for as long as this process, or one that it forks, may write it.

    Raises:
        OSError: Another process holds it, or this system has no such locks.
    """
    try:
        import fcntl
    except ImportError as error:
        raise OSError(error) from error
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
