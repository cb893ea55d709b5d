"""Work that threads do ahead of the one who takes its results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def lookahead(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[tuple[Item, Result]]:
    """Do work on items ahead of time, and give the results in the order of the items.

    What the items or the work raise is raised here; the items not yet begun are then given up.

    Args:
        executor: The threads that work.
        work: What to do with an item.
        items: The items; taken in the calling thread.
        depth: How many items are taken ahead of the one whose result is given.

    Yields:
        Each item with its result.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, executor.submit(work, item)))
            if len(waiting) > depth:
                yield _first_result(waiting)
        while waiting:
            yield _first_result(waiting)
    finally:
        for _, future in waiting:
            future.cancel()


def _first_result(waiting: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    """Take the item that waits longest, and wait for its result."""
    item, future = waiting.popleft()
    return item, future.result()
