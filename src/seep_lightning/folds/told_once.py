"""Lines that several steps of one command would tell again, told once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _NewLines(logging.Filter):
    """Lets each line through once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line was not told before."""
        line = record.getMessage()
        is_new = line not in self._told
        self._told.add(line)
        return is_new


@contextmanager
def told_once(*loggers: str) -> Iterator[None]:
    """Tell each line of some modules once while the block runs.

    Args:
        loggers: The names of the modules.
    """
    new_lines = _NewLines()
    for name in loggers:
        logging.getLogger(name).addFilter(new_lines)
    try:
        yield
    finally:
        for name in loggers:
            logging.getLogger(name).removeFilter(new_lines)
