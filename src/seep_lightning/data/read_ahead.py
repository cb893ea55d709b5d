"""Batches that a thread prepares while the step before them works, and how long the step had to wait for them."""

import queue
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from seep_lightning import compat

T = TypeVar("T")

# batches that are ready before they are asked for
BATCHES_AHEAD = 2
# seconds after which a thread looks whether anybody still wants its batches
_PATIENCE = 0.2


@dataclass
class WaitClock:
    """How long a training waited for its batches.

    Attributes:
        seconds: Since somebody set them to 0.
    """

    seconds: float = 0.0


class ReadAheadLoader(DataLoader[T]):
    """A loader that measures how long its batches are waited for, and may prepare them in a thread.

    Attributes:
        clock: Counts the waiting.
        in_thread: Whether a thread prepares batches; processes of `num_workers` are ahead by themselves.
    """

    def __init__(self, *args: Any, clock: WaitClock | None = None, in_thread: bool = False, **kwargs: Any) -> None:
        """Take the arguments of a `DataLoader`, and the attributes."""
        super().__init__(*args, **{"worker_init_fn": compat.tell_of_unsent_batches, **kwargs})
        self.clock = clock or WaitClock()
        self.in_thread = in_thread and self.num_workers == 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches: Iterator[Any] = super().__iter__()
        if self.in_thread:
            batches = _ReadAhead(batches)
        if self.num_workers > 0:
            batches = _of_living_workers(batches)
        return _timed(batches, self.clock)


def _of_living_workers(batches: Iterator[T]) -> Iterator[T]:
    """The same batches; a worker that is gone is told as torch tells it, also where its connection breaks first."""
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (ConnectionError, EOFError) as error:
            raise RuntimeError("DataLoader worker (pid unknown) exited unexpectedly") from error
        yield batch


def _timed(batches: Iterator[T], clock: WaitClock) -> Iterator[T]:
    """The same batches; the time that each takes to come is added to a clock."""
    while True:
        started = time.perf_counter()
        try:
            batch = next(batches)
        except StopIteration:
            return
        finally:
            clock.seconds += time.perf_counter() - started
        yield batch


class _End:
    """What comes after the last batch."""


class _ReadAhead(Iterator[T]):
    """Takes items from an iterator in a thread, which begins with the first one that is asked for."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._ready: queue.Queue[Any] = queue.Queue(BATCHES_AHEAD)
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        # where nobody takes the rest, the thread ends as well
        weakref.finalize(self, self._is_over.set)

    def __next__(self) -> T:
        if self._thread is None:
            arguments = (self._items, self._ready, self._is_over)
            self._thread = threading.Thread(target=_fill, args=arguments, name="read ahead", daemon=True)
            self._thread.start()
        if self._is_over.is_set():
            raise StopIteration
        item = self._ready.get()
        if isinstance(item, _End):
            self._is_over.set()
            raise StopIteration
        if isinstance(item, BaseException):
            self._is_over.set()
            raise item
        result: T = item
        return result


def _fill(items: Iterator[T], ready: "queue.Queue[Any]", is_over: threading.Event) -> None:
    """Put items into a queue until there are no more, one fails, or nobody wants them."""
    try:
        for item in items:
            _put(item, ready, is_over)
            if is_over.is_set():
                return
        _put(_End(), ready, is_over)
    # the step that waits raises it
    except BaseException as error:
        _put(error, ready, is_over)


def _put(item: Any, ready: "queue.Queue[Any]", is_over: threading.Event) -> None:
    """Put an item into a queue as soon as there is room, unless nobody wants it any more."""
    while not is_over.is_set():
        with suppress(queue.Full):
            ready.put(item, timeout=_PATIENCE)
            return


def stacked(tensors: list[Tensor]) -> Tensor:
    """Stack tensors as `torch.stack` does, but without torch's threads, of which there is one team in each thread.

    Args:
        tensors: Of one shape.

    Returns:
        One more axis, the first.
    """
    return torch.from_numpy(np.stack([tensor.numpy() for tensor in tensors]))
