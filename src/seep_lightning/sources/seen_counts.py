"""On how many days each cell had a slick: cells without any take no memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.cells import CellSet, Keys
from seep_lightning.sources.day_list import DayList


@dataclass(frozen=True)
class SeenCounts:
    """How often cells had a slick.

    Attributes:
        keys: The cells with one, rising, (N,).
        days: On how many days, (N,).
    """

    keys: Keys
    days: NDArray[np.int64]

    @classmethod
    def of(cls, days: DayList) -> "SeenCounts":
        """Count over days, of which the slicks of one are in memory at a time."""
        counts = cls(np.zeros(0, np.int64), np.zeros(0, np.int64))
        for facts in days.facts:
            cells = [cells.keys for _, slicks in days.slicks_of(facts.number) for cells in slicks.cells]
            counts = counts.with_day(cells)
        return counts

    def with_day(self, keys: Iterable[Keys]) -> "SeenCounts":
        """The counts with one more day.

        Args:
            keys: The cells of each of its slicks.
        """
        seen = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]))
        both = np.union1d(self.keys, seen)
        days = np.zeros(len(both), np.int64)
        days[np.searchsorted(both, self.keys)] += self.days
        days[np.searchsorted(both, seen)] += 1
        return SeenCounts(both, days)

    def most(self, cells: CellSet) -> int:
        """On how many days the most frequent of some cells had a slick; 0 for none of them."""
        known = cells.keys[CellSet(self.keys).holds(cells.keys)]
        if not len(known):
            return 0
        return int(self.days[np.searchsorted(self.keys, known)].max())

    def cells_on(self, least: int) -> int:
        """How many cells had a slick on at least so many days."""
        return int((self.days >= least).sum())
