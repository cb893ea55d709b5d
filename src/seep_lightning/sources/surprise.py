"""How surprising it is that so many days have a slick in one cell, whatever the days looked at there.

If slicks lay anywhere, a cell that was looked at on a day would be a slick cell with a probability equal to the share
of slick cells on that day. The days seen there would be about binomial, out of the days looked at, with the mean of
their shares. (They are Poisson-binomial. Beyond the mean, the tail of the binomial with the same mean is the larger
one: Hoeffding 1956.) The surprise is -log10 of that upper tail. It only ranks cells that were looked at on unequal
numbers of days; how large it gets by chance is what permutations tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

STEP = 0.02
"""Cells whose mean shares of slick differ by less, on a logarithmic scale, are of one kind."""
SMALLEST_TAIL = 1e-300
"""Smaller tails are no floats."""


@dataclass(frozen=True)
class Totals:
    """What all days say about each cell.

    Attributes:
        seen: Days with a slick there, (cells,).
        looked: Days on which the cell was looked at, (cells,).
        share: Sum of the shares of slick cells on the days that looked there, (cells,).
    """

    seen: NDArray[np.int32]
    looked: NDArray[np.int32]
    share: Floats


@dataclass(frozen=True)
class CellKinds:
    """Cells by kind: those of one kind were looked at on as many days, with about the same share of slick cells.

    Attributes:
        slot: Where each cell stands when cells are sorted by kind, (cells,). Cells that were looked at on too few days
            share the last slot, which counts for nothing.
        kind: The kind of each cell, (cells,); 0 for those of the last slot.
        first: The slot at which each kind begins, (kinds,).
        looked: Days looked at, by kind.
        share: Mean share of slick cells, by kind.
        least: Fewer days seen than these are no surprise.
        slots: The number of slots, with the last one.
    """

    slot: NDArray[np.int32]
    kind: NDArray[np.int32]
    first: NDArray[np.int64]
    looked: NDArray[np.int32]
    share: Floats
    least: int
    slots: int

    def largest(self, counts: Integers) -> Floats:
        """Find the largest surprise of each permutation.

        Args:
            counts: Days seen by slot, (permutations, slots).

        Returns:
            (permutations,); 0 where no cell was seen on enough days.
        """
        if not len(self.first):
            return np.zeros(len(counts))
        most = np.maximum.reduceat(counts[:, :-1], self.first, axis=1)
        largest: Floats = surprise(most, self.looked, self.share, self.least).max(axis=1)
        return largest

    def largest_of(self, reached: Integers) -> float:
        """Find the largest surprise of one permutation.

        Args:
            reached: Slots, each once for each day that reaches it, in any order.

        Returns:
            The surprise; 0 where no cell was seen on enough days.
        """
        slots, counts = np.unique(reached, return_counts=True)
        enough = (counts >= self.least) & (slots < self.slots - 1)
        if not enough.any():
            return 0.0
        kind = np.searchsorted(self.first, slots[enough], side="right") - 1
        return float(surprise(counts[enough], self.looked[kind], self.share[kind], self.least).max())

    def of_cells(self, seen: Integers) -> Floats:
        """Work out the surprise of each cell, (cells,), from the days seen there."""
        if not len(self.first):
            return np.zeros(len(seen))
        by_cell = surprise(seen, self.looked[self.kind], self.share[self.kind], self.least)
        return np.where(self.slot < self.slots - 1, by_cell, 0.0)


def surprise(seen: Integers, looked: Integers, share: Floats, least: int) -> Floats:
    """Work out -log10 P(as many days or more) of a binomial.

    Args:
        seen: Days seen.
        looked: Days looked at, as many as seen or more.
        share: Probability of a day, 0..1.
        least: Fewer days seen than these are no surprise.

    Returns:
        The surprise, 0 or more.
    """
    from scipy.special import betainc

    enough = seen >= least
    days = np.where(enough, seen, 1).astype(np.float64)
    tail = betainc(days, np.maximum(looked - days + 1, 1), np.minimum(share, 1))
    surprising: Floats = np.where(enough, -np.log10(np.maximum(tail, SMALLEST_TAIL)), 0.0)
    return surprising


def kinds_of(totals: Totals, least: int) -> CellKinds:
    """Sort cells by how many days looked there and by the mean share of slick cells on these days.

    Args:
        totals: Of all days.
        least: The fewest days seen that count.

    Returns:
        The kinds.
    """
    cells = np.flatnonzero((totals.looked >= least) & (totals.share > 0))
    looked = totals.looked[cells]
    level = np.round(np.log(totals.share[cells] / looked) / STEP).astype(np.int64)
    order = np.lexsort((cells, level, looked))
    pairs = np.stack([looked[order], level[order]], axis=1)
    changes = (np.diff(pairs, axis=0) != 0).any(axis=1)
    first = np.flatnonzero(np.concatenate([np.ones(min(len(cells), 1), bool), changes]))
    slot = np.full(len(totals.seen), len(cells), np.int32)
    slot[cells[order]] = np.arange(len(cells))
    kind = np.zeros(len(totals.seen), np.int32)
    kind[cells] = np.searchsorted(first, slot[cells], side="right") - 1
    share = np.exp(pairs[first, 1] * STEP)
    return CellKinds(slot, kind, first, pairs[first, 0].astype(np.int32), share, least, len(cells) + 1)
