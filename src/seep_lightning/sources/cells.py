"""The cells that days share: an equal-area grid of squares, and sets of its cells."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from seep_lightning.scene.projections import Points

ROW_STEP = 1 << 32
"""From the key of a cell to that of the one below it."""
MIDDLE_COLUMN = 1 << 31
"""Added to a column: columns left of the grid's corner are negative, keys of a row must stay together."""
Keys = NDArray[np.int64]
Positions = NDArray[np.int64]
"""(N, 2): row, column."""


@dataclass(frozen=True)
class CellGrid:
    """An equal-area grid of square cells without end: rows count downwards, columns to the right, from any corner.

    Attributes:
        wkt: Its CRS; empty where there is none: coordinates are then x the column and y minus the row of pixels.
        left: x of the corner of cell (0, 0).
        top: y of that corner.
        size: Side of a cell, in metres or pixels.
    """

    wkt: str
    left: float
    top: float
    size: float

    @property
    def unit(self) -> str:
        """Unit of its coordinates: m, or px without a CRS."""
        return "m" if self.wkt else "px"

    def positions(self, points: Points) -> Points:
        """Row and column of points as fractions: the middle of cell (0, 0) is (0.5, 0.5).

        Args:
            points: Coordinates x, y, (N, 2).

        Returns:
            (N, 2): row, column.
        """
        columns = (points[:, 0] - self.left) / self.size
        rows = (self.top - points[:, 1]) / self.size
        return np.column_stack([rows, columns])

    def points(self, positions: NDArray[np.floating[Any]] | Positions) -> Points:
        """Coordinates of rows and columns, which may be fractions: the reverse of `positions`.

        Args:
            positions: Row and column, (N, 2).

        Returns:
            (N, 2): x, y.
        """
        x = self.left + self.size * positions[:, 1]
        y = self.top - self.size * positions[:, 0]
        return np.column_stack([x, y]).astype(np.float64)

    def centres(self, cells: "CellSet") -> Points:
        """Coordinates of the middles of cells, (N, 2): x, y."""
        middles = cells.positions + 0.5
        return self.points(middles)

    def keys_at(self, points: Points) -> Keys:
        """The keys of the cells that hold some points, int64 (N,).

        Args:
            points: Coordinates x, y, (N, 2).
        """
        rows, columns = np.floor(self.positions(points)).astype(np.int64).T
        keys: Keys = rows * ROW_STEP + MIDDLE_COLUMN + columns
        return keys

    def cells_at(self, points: Points) -> "CellSet":
        """The cells that hold at least one of some points.

        Args:
            points: Coordinates x, y, (N, 2).
        """
        return CellSet.of(np.floor(self.positions(points)).astype(np.int64))

    def transform(self, top_row: int = 0, left_column: int = 0) -> Affine:
        """From column and row, counted from a cell, to coordinates.

        Args:
            top_row: Row of that cell.
            left_column: Its column.
        """
        corner_x = self.left + self.size * left_column
        corner_y = self.top - self.size * top_row
        return Affine(self.size, 0, corner_x, 0, -self.size, corner_y)


@dataclass(frozen=True)
class CellBox:
    """A rectangle of cells.

    Attributes:
        top: First row.
        left: First column.
        bottom: Row after the last.
        right: Column after the last.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.bottom - self.top, self.right - self.left

    def halves(self) -> tuple["CellBox", "CellBox"]:
        """Its two halves, across the longer side."""
        height, width = self.shape
        if height > width:
            middle = self.top + height // 2
            return replace(self, bottom=middle), replace(self, top=middle)
        middle = self.left + width // 2
        return replace(self, right=middle), replace(self, left=middle)

    def meets(self, other: "CellBox") -> bool:
        """Whether a cell lies in both."""
        same_rows = self.top < other.bottom and other.top < self.bottom
        return same_rows and self.left < other.right and other.left < self.right

    def common(self, other: "CellBox") -> "CellBox":
        """The rectangle that both have in common; they must meet."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        return CellBox(top, left, min(self.bottom, other.bottom), min(self.right, other.right))

    def with_box(self, other: "CellBox") -> "CellBox":
        """The smallest rectangle that holds both."""
        top, left = min(self.top, other.top), min(self.left, other.left)
        return CellBox(top, left, max(self.bottom, other.bottom), max(self.right, other.right))


@dataclass(frozen=True)
class CellSet:
    """Some cells of a grid, each once, in the order of rows and then columns.

    Attributes:
        keys: A number for each cell, rising, int64 (N,): row x 2^32 + 2^31 + column. To move all cells by some rows
            and columns, add `rows * ROW_STEP + columns`: the order stays.
    """

    keys: Keys

    @classmethod
    def none(cls) -> Self:
        """No cells."""
        return cls(np.zeros(0, np.int64))

    @classmethod
    def of(cls, positions: Positions) -> Self:
        """The set of some cells.

        Args:
            positions: Row and column of each, in any order and also repeated, (N, 2); from -2^31 on, below 2^31.
        """
        whole = positions.astype(np.int64)
        return cls(np.unique(whole[:, 0] * ROW_STEP + MIDDLE_COLUMN + whole[:, 1]))

    @classmethod
    def of_mask(cls, mask: NDArray[np.bool_], top: int = 0, left: int = 0) -> Self:
        """The cells that a mask marks.

        Args:
            mask: (rows, columns).
            top: Row of its first cell.
            left: Column of its first cell.
        """
        rows, columns = np.nonzero(mask)
        keys = (rows.astype(np.int64) + top) * ROW_STEP + MIDDLE_COLUMN + columns + left
        return cls(keys)

    @cached_property
    def positions(self) -> Positions:
        """Row and column of each cell, int64 (N, 2)."""
        rows, columns = np.divmod(self.keys, ROW_STEP)
        return np.column_stack([rows, columns - MIDDLE_COLUMN])

    def __len__(self) -> int:
        return len(self.keys)

    def box(self) -> CellBox:
        """The smallest rectangle that holds all cells; an empty one at (0, 0) for none."""
        if not len(self):
            return CellBox(0, 0, 0, 0)
        top, left = self.positions.min(axis=0).tolist()
        bottom, right = self.positions.max(axis=0).tolist()
        return CellBox(top, left, bottom + 1, right + 1)

    def mask(self, box: CellBox) -> NDArray[np.bool_]:
        """Whether each cell of a rectangle is in the set, (rows, columns).

        Args:
            box: The rectangle.
        """
        marks = np.zeros(box.shape, bool)
        rows, columns = self.positions.T
        inside = (rows >= box.top) & (rows < box.bottom) & (columns >= box.left) & (columns < box.right)
        marks[rows[inside] - box.top, columns[inside] - box.left] = True
        return marks

    def moved(self, rows: int, columns: int) -> "CellSet":
        """The set, moved down and to the right."""
        return CellSet(self.keys + rows * ROW_STEP + columns)

    def holds(self, keys: Keys) -> NDArray[np.bool_]:
        """Whether each of some keys, (N,), is in the set."""
        if not len(self):
            return np.zeros(len(keys), bool)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self) - 1)
        return np.asarray(self.keys[places] == keys)

    def union(self, other: "CellSet") -> "CellSet":
        """Cells of either."""
        keys = np.concatenate([self.keys, other.keys])
        # two rising runs are merged in one go; np.union1d hashes each key, which took half of the time of a wide sea
        keys.sort(kind="stable")
        is_new = np.diff(keys, prepend=keys[:1] - 1) > 0
        return CellSet(keys[is_new])

    def intersection(self, other: "CellSet") -> "CellSet":
        """Cells of both."""
        return CellSet(np.intersect1d(self.keys, other.keys, assume_unique=True))
