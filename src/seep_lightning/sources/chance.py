"""What chance alone gives: every day's slicks laid somewhere else, many times over.

Each permutation moves each day by a shift of its own (`shifts`), so that shapes and their distances stay, while the
places of different days have nothing to do with each other. The most surprising cell of each permutation is kept. The
corrected p-value of a cell is the share of permutations, the real days among them, whose most surprising cell is as
surprising or more (Westfall & Young 1993, the single-step maximum). At p < 0.01 the chance of any false source is 1 %,
however many cells there are, and however cells make places.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.marks import MarkedDays
from seep_lightning.sources.shifts import Indices, ShiftableCells
from seep_lightning.sources.slot_counts import SlotCounts, SlotLists, SlotTable
from seep_lightning.sources.surprise import CellKinds, Floats

BATCH_BYTES = 256 * 2**20
"""Memory for the counts of the permutations that are worked on at a time."""
MOST_MOVED = 2**18
"""Cells that are moved at a time: their numbers stay in the cache."""


@dataclass(frozen=True)
class Permutations:
    """How the days are shifted.

    Attributes:
        number: Of permutations; p-values are multiples of 1 / (number + 1).
        seed: Of the shifts.
    """

    number: int
    seed: int

    def shifts(self, name: str, cells: ShiftableCells) -> Indices:
        """Draw the shifts of a day, (number, 3)."""
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        return cells.shifts(self.number, rng)


def largest_by_chance(days: MarkedDays, kinds: CellKinds, marks: int, permutations: Permutations) -> Floats:
    """Find the surprise of the most surprising cell of each permutation.

    Args:
        days: All days; they are read once for each batch of permutations.
        kinds: Of the cells.
        marks: How many cells are marked, summed over the days.
        permutations: How to shift them.

    Returns:
        (permutations,).
    """
    table_bytes = kinds.slots * np.min_scalar_type(len(days.days)).itemsize
    list_bytes = max(marks, 1) * np.dtype(np.int32).itemsize
    fits = table_bytes * permutations.number <= BATCH_BYTES
    as_table = fits or table_bytes <= list_bytes
    batch = max(BATCH_BYTES // (table_bytes if as_table else list_bytes), 1)
    largest = []
    for start in range(0, permutations.number, batch):
        part = slice(start, min(start + batch, permutations.number))
        number = part.stop - part.start
        table = SlotTable.empty(number, kinds.slots, len(days.days)) if as_table else None
        counts: SlotCounts = table or SlotLists.empty(number, marks)
        _count(counts, days, part, kinds, permutations)
        largest.append(counts.largest(kinds))
    return np.concatenate(largest)


def _count(counts: SlotCounts, days: MarkedDays, part: slice, kinds: CellKinds, permutations: Permutations) -> None:
    """Count over all days what some of the permutations reach."""
    before = 0
    for day in days:
        cells = ShiftableCells.of(day.looked)
        shifts = permutations.shifts(day.name, cells)[part]
        slots = kinds.slot[day.places]
        for rows in _portions(len(shifts), len(day.marked)):
            counts.add(rows, slots[cells.moved(day.marked, shifts[rows])], before)
        before += len(day.marked)


def _portions(permutations: int, cells: int) -> Iterator[slice]:
    step = max(MOST_MOVED // max(cells, 1), 1)
    for start in range(0, permutations, step):
        yield slice(start, min(start + step, permutations))


def corrected(surprises: Floats, largest: Floats) -> Floats:
    """Work out corrected p-values.

    Args:
        surprises: Of cells or places.
        largest: Of each permutation's most surprising cell.

    Returns:
        P-values, multiples of 1 / (permutations + 1); 1 where the surprise is 0.
    """
    as_large = len(largest) - np.searchsorted(np.sort(largest), surprises, side="left")
    p_values = (1 + as_large) / (len(largest) + 1)
    return np.where(surprises > 0, p_values, 1.0)


def days_by_chance(days: MarkedDays, place_of_cell: Indices, permutations: Permutations) -> NDArray[np.int32]:
    """Count the days on which slicks touch each place by chance.

    Args:
        days: All days.
        place_of_cell: The place of each cell of the universe, from 1; 0 elsewhere, (cells,).
        permutations: How to shift them.

    Returns:
        The number of days, (permutations, places + 1); the first column, of no place, means nothing.
    """
    places = int(place_of_cell.max(initial=0)) + 1
    days_touched = np.zeros((permutations.number, places), np.int32)
    for day in days:
        cells = ShiftableCells.of(day.looked)
        shifts = permutations.shifts(day.name, cells)
        place_of_looked = place_of_cell[day.places]
        for rows in _portions(len(shifts), len(day.marked)):
            touched = np.zeros((rows.stop - rows.start, places), bool)
            reached = place_of_looked[cells.moved(day.marked, shifts[rows])]
            touched[np.arange(len(touched))[:, None], reached] = True
            days_touched[rows] += touched
    return days_touched
