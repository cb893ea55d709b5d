"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def lookahead(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with `work(item)`, in order, by threads of `pool`, `depth` items ahead. Raises what they raise."""
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > depth:
                yield waiting[0][0], waiting.popleft()[1].result()
        while waiting:
            yield waiting[0][0], waiting.popleft()[1].result()
    finally:
        for _, future in waiting:
            future.cancel()
