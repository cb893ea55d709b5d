"""On how many days each slot is reached, permutation by permutation: as a table, or as lists of what is reached.

A table is the quicker one. A wide sea has so many cells that only a few tables fit into memory, and each batch of
permutations reads all days again; of its slicks a thousand lists fit.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.shifts import Indices
from seep_lightning.sources.surprise import CellKinds, Floats


class SlotCounts(Protocol):
    """The counts of some permutations."""

    def add(self, rows: slice, reached: Indices, before: int) -> None:
        """Add what the marks of a day reach.

        Args:
            rows: In which of the permutations.
            reached: Slots, (permutations, marks); none twice in a row but the last one, which counts for nothing.
            before: How many marks the days before have.
        """
        ...

    def largest(self, kinds: CellKinds) -> Floats:
        """Find the largest surprise of each permutation, (permutations,)."""
        ...


@dataclass(frozen=True)
class SlotTable:
    """A number for each slot.

    Attributes:
        counts: (permutations, slots).
    """

    counts: NDArray[np.unsignedinteger]

    @classmethod
    def empty(cls, permutations: int, slots: int, days: int) -> Self:
        """A table that can count so many days."""
        return cls(np.zeros((permutations, slots), np.min_scalar_type(days)))

    def add(self, rows: slice, reached: Indices, before: int) -> None:  # noqa: D102
        slots = self.counts.shape[1]
        places = reached + np.arange(rows.start, rows.stop)[:, None] * slots
        # a shift reaches no cell twice, so plain indexing counts right; the count of the last slot is never read
        self.counts.reshape(-1)[places] += 1

    def largest(self, kinds: CellKinds) -> Floats:  # noqa: D102
        return kinds.largest(self.counts)


@dataclass(frozen=True)
class SlotLists:
    """Each slot as often as it is reached.

    Attributes:
        slots: (permutations, marks of all days).
    """

    slots: Indices

    @classmethod
    def empty(cls, permutations: int, marks: int) -> Self:
        """Lists for so many marks of all days together."""
        return cls(np.zeros((permutations, marks), np.int32))

    def add(self, rows: slice, reached: Indices, before: int) -> None:  # noqa: D102
        self.slots[rows, before : before + reached.shape[1]] = reached

    def largest(self, kinds: CellKinds) -> Floats:  # noqa: D102
        return np.array([kinds.largest_of(reached) for reached in self.slots])
