"""A day's cells moved at random within what was looked at on that day: shapes stay, places do not.

Rows are turned about like rings of the cells that were looked at, then columns. Every looked-at cell is reached from
exactly one other, so no slick is lost to nodata and none appears where nobody looked. Where a day's cells fill a
rectangle this is a shift on a torus; where they have gaps, a shape that moves across a gap is cut there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.cells import CellSet, Positions

Indices = NDArray[np.int32]
"""Numbers of cells in the order of their set."""


@dataclass(frozen=True)
class Lines:
    """The rows, or the columns, of looked-at cells, by each cell's index.

    Attributes:
        order: Indices of all cells, line by line, (cells,).
        start: Where in `order` the cell's line begins, (cells,).
        length: How many cells its line has, (cells,).
        rank: Which of them it is, from 0, (cells,).
    """

    order: Indices
    start: Indices
    length: Indices
    rank: Indices

    @classmethod
    def of(cls, line: NDArray[np.int64], order: Indices) -> "Lines":
        """Describe lines.

        Args:
            line: The number of each cell's line, (cells,).
            order: Indices of the cells, line by line, (cells,).
        """
        sorted_lines = line[order]
        changes = np.flatnonzero(np.diff(sorted_lines)) + 1
        first = np.concatenate([[0], changes])
        lengths = np.diff(first, append=len(order))
        start, length, rank = (np.empty(len(order), np.int32) for _ in range(3))
        start[order] = np.repeat(first, lengths)
        length[order] = np.repeat(lengths, lengths)
        rank[order] = np.arange(len(order)) - np.repeat(first, lengths)
        return cls(order, start, length, rank)

    def turned(self, indices: Indices, steps: Indices, rotated: NDArray[np.bool_]) -> Indices:
        """Move cells along their lines, which are rings.

        Args:
            indices: Of the cells, (1 or permutations, cells).
            steps: How far, (permutations, 1).
            rotated: Whether the line is reversed before, (permutations, 1).

        Returns:
            The indices of the cells reached, (permutations, cells).
        """
        length = self.length[indices]
        rank = self.rank[indices]
        reached = np.where(rotated, length - 1 - rank, rank)
        reached += steps
        reached %= length
        reached += self.start[indices]
        return self.order[reached]


@dataclass(frozen=True)
class ShiftableCells:
    """The cells that were looked at on one day, and the ways to move about in them.

    Attributes:
        rows: Their rows.
        columns: Their columns.
    """

    rows: Lines
    columns: Lines

    @classmethod
    def of(cls, looked: CellSet) -> "ShiftableCells":
        """Sort looked-at cells, of which there is one or more, into rows and columns."""
        positions: Positions = looked.positions
        row, column = positions.T
        by_row = np.arange(len(looked), dtype=np.int32)
        by_column = np.argsort(column - column.min(), kind="stable").astype(np.int32)
        return cls(Lines.of(row, by_row), Lines.of(column, by_column))

    def shifts(self, number: int, rng: np.random.Generator) -> Indices:
        """Draw shifts: steps to the right, steps down, and whether the day is turned by 180 degrees, (number, 3)."""
        right = rng.integers(self.rows.length.max(), size=number)
        down = rng.integers(self.columns.length.max(), size=number)
        rotated = rng.integers(2, size=number)
        return np.stack([right, down, rotated], axis=1).astype(np.int32)

    def moved(self, indices: Indices, shifts: Indices) -> Indices:
        """Move cells by each of several shifts.

        Args:
            indices: Of the cells among the looked-at ones, (cells,).
            shifts: As `shifts` draws them, (permutations, 3).

        Returns:
            Indices of the cells reached, (permutations, cells); each once in a row.
        """
        right, down, rotated = np.split(shifts, 3, axis=1)
        along_rows = self.rows.turned(indices[None], right, rotated > 0)
        return self.columns.turned(along_rows, down, rotated > 0)
