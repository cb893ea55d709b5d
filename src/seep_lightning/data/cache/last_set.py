"""The data set that this process read last: jobs of a sweep that read the same chips share it."""

from dataclasses import dataclass
from typing import Any

from seep_lightning.data.cache.measured_set import MeasuredSet
from seep_lightning.data.pixel_stores.memory import PixelStore


@dataclass
class LastSet:
    """A data set that was read.

    Attributes:
        key: What all of it depends on.
        measured: What was measured.
        store: Its pixels; None where they are read at each use.
        auditor: The auditor that has looked at all its chips; None where none has.
    """

    key: str
    measured: MeasuredSet
    store: PixelStore | None
    auditor: Any = None


class _Memory:
    """What is remembered: one data set."""

    last: LastSet | None = None


def remember(last: LastSet) -> None:
    """Remember a data set instead of the one before."""
    _Memory.last = last


def recall(key: str) -> LastSet | None:
    """The data set that was read last, if it is the one of a key."""
    last = _Memory.last
    return last if last is not None and last.key == key else None


def forget() -> None:
    """Let go of the data set that was read last, before another one takes memory."""
    _Memory.last = None
