"""Counts of objects, centre lines and outlines, which add up over chips and scenes."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
from numpy.typing import NDArray

# px from which on an object is in the next size class; below the first it does not count
SIZE_CLASSES = (20, 50, 200, 1000)


@dataclass(frozen=True)
class ObjectCounts:
    """What was counted of predicted and true masks. The first four are arrays (4,), by `SIZE_CLASSES`.

    Attributes:
        found: True objects that were found.
        true: True objects.
        right: Predicted objects that are right.
        predicted: Predicted objects.
        line_found: Centre-line pixels of the truth that were predicted.
        line: Centre-line pixels of the truth.
        predicted_outline_near: Outline pixels of the prediction near the truth's outline.
        predicted_outline: Outline pixels of the prediction.
        true_outline_near: Outline pixels of the truth near the prediction's outline.
        true_outline: Outline pixels of the truth.
        sea: Valid pixels without true seep.
    """

    found: NDArray[np.int64]
    true: NDArray[np.int64]
    right: NDArray[np.int64]
    predicted: NDArray[np.int64]
    line_found: int
    line: int
    predicted_outline_near: int
    predicted_outline: int
    true_outline_near: int
    true_outline: int
    sea: int

    def __add__(self, other: "ObjectCounts") -> "ObjectCounts":
        """Add each count to its like."""
        names = [field.name for field in fields(self)]
        return ObjectCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})


def add_up(counts: Iterable[ObjectCounts]) -> ObjectCounts:
    """Add up the counts of chips or scenes, of which there must be one at least."""
    return reduce(add, counts)


def size_class_names() -> list[str]:
    """The names of the size classes, such as `20 to 49 px`."""
    names = [f"{smallest} to {next_smallest - 1} px" for smallest, next_smallest in pairwise(SIZE_CLASSES)]
    return [*names, f"{SIZE_CLASSES[-1]} px or more"]
