"""What is marked on each day, cell by cell: its slicks, or their ends; and how often that was over all days."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.days import Day, Days
from seep_lightning.sources.ends import ends_of_day
from seep_lightning.sources.neighbours import widened
from seep_lightning.sources.shifts import Indices
from seep_lightning.sources.surprise import Totals

Mark = Callable[[Day, CellGrid], CellSet]
"""From a day to the cells that are marked on it."""


def slick_cells(day: Day, grid: CellGrid) -> CellSet:
    """The cells with a slick."""
    return day.seen


def end_cells(day: Day, grid: CellGrid) -> CellSet:
    """The cells in which a slick ends, if the view does not end there too."""
    points = [ends.points[ends.whole] for ends in ends_of_day(day, grid)]
    if not points:
        return CellSet.none()
    return grid.cells_at(np.concatenate(points))


MARKS: tuple[Mark, ...] = (slick_cells, end_cells)
"""Where slicks recur, and where ends do. An origin shows in both: in the first, if the oil drifts the same way on many
days; in the second much sooner, since a day has few ends and many cells with slicks."""


@dataclass(frozen=True)
class MarkedCells:
    """One day among all cells that were ever looked at.

    Attributes:
        name: Of the day.
        looked: The cells that were looked at.
        places: Their numbers among all cells, rising, (looked,).
        marked: Which of them are marked, or within reach of a mark: indices, rising.
    """

    name: str
    looked: CellSet
    places: NDArray[np.int64]
    marked: Indices

    @property
    def share(self) -> float:
        """The share of looked-at cells that are marked."""
        return len(self.marked) / len(self.looked)


@dataclass(frozen=True)
class MarkedDays:
    """The days one after another, read anew each time: only one is held in memory.

    Attributes:
        days: The days.
        grid: The grid of their cells.
        universe: All cells that were looked at on some day.
        mark: What is marked.
        reach: Cells around a mark that count as marked.
    """

    days: Days
    grid: CellGrid
    universe: CellSet
    mark: Mark
    reach: int

    def __iter__(self) -> Iterator[MarkedCells]:
        for day in self.days:
            if len(day.looked):
                yield self._of(day)

    def _of(self, day: Day) -> MarkedCells:
        marked = widened(self.mark(day, self.grid), self.reach).intersection(day.looked)
        places = np.searchsorted(self.universe.keys, day.looked.keys)
        indices = np.searchsorted(day.looked.keys, marked.keys).astype(np.int32)
        return MarkedCells(day.name, day.looked, places, indices)

    def totals(self) -> Totals:
        """Add up the days: marked and looked at by cell of the universe."""
        cells = len(self.universe)
        totals = Totals(np.zeros(cells, np.int32), np.zeros(cells, np.int32), np.zeros(cells))
        for day in self:
            totals.seen[day.places[day.marked]] += 1
            totals.looked[day.places] += 1
            totals.share[day.places] += day.share
        return totals


def universe_of(days: Days) -> CellSet:
    """Find all cells that were looked at on some day.

    Args:
        days: The days.

    Returns:
        The cells.
    """
    universe = CellSet.none()
    for day in days:
        new = ~universe.holds(day.looked.keys)
        if new.any():
            universe = universe.union(CellSet(day.looked.keys[new]))
    return universe
