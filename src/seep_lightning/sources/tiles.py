"""Marks on cells over any extent, in square tiles: what one day looked at, and where it saw slicks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.cells import CellBox, CellSet

TILE = 512
"""Cells along the side of a tile: as the blocks of the finished raster."""
Marks = NDArray[np.bool_]
"""Whether each cell of a tile is marked, (TILE, TILE)."""


class TileKey(NamedTuple):
    """A tile by its row and column among tiles, which may be negative."""

    row: int
    column: int

    @property
    def box(self) -> CellBox:
        """Its cells."""
        top, left = self.row * TILE, self.column * TILE
        return CellBox(top, left, top + TILE, left + TILE)


def tiles_of(box: CellBox) -> Iterator[TileKey]:
    """The tiles that hold a rectangle of cells, row by row."""
    # rounded down, also below 0
    for row in range(box.top // TILE, -(-box.bottom // TILE)):
        for column in range(box.left // TILE, -(-box.right // TILE)):
            yield TileKey(row, column)


@dataclass
class TiledMarks:
    """Marked cells.

    Attributes:
        tiles: The tiles with a mark.
    """

    tiles: dict[TileKey, Marks] = field(default_factory=dict)

    def add(self, marks: Marks, top: int, left: int) -> None:
        """Mark the cells of a rectangle.

        Args:
            marks: Which of them, (rows, columns).
            top: Row of the first one.
            left: Column of the first one.
        """
        height, width = marks.shape
        for key in tiles_of(CellBox(top, left, top + height, left + width)):
            box = key.box
            rows = slice(max(box.top - top, 0), box.bottom - top)
            columns = slice(max(box.left - left, 0), box.right - left)
            part = marks[rows, columns]
            if part.any():
                row, column = max(top - box.top, 0), max(left - box.left, 0)
                tile = self._tile(key)
                tile[row : row + part.shape[0], column : column + part.shape[1]] |= part

    def add_cells(self, cells: CellSet) -> None:
        """Mark some cells."""
        tile_rows, rows = np.divmod(cells.positions[:, 0], TILE)
        tile_columns, columns = np.divmod(cells.positions[:, 1], TILE)
        keys = np.column_stack([tile_rows, tile_columns])
        for row, column in np.unique(keys, axis=0).tolist():
            chosen = (tile_rows == row) & (tile_columns == column)
            self._tile(TileKey(row, column))[rows[chosen], columns[chosen]] = True

    def cells(self) -> CellSet:
        """All marked cells."""
        return cells_of_tiles(self.tiles)

    def box(self) -> CellBox:
        """The smallest rectangle that holds all marked cells; an empty one at (0, 0) for none."""
        return joined_box(_box_of(key, marks) for key, marks in self.tiles.items()) or CellBox(0, 0, 0, 0)

    def _tile(self, key: TileKey) -> Marks:
        return self.tiles.setdefault(key, np.zeros((TILE, TILE), bool))


def _box_of(key: TileKey, marks: Marks) -> CellBox:
    """The smallest rectangle that holds the marked cells of a tile."""
    rows = np.flatnonzero(marks.any(axis=1))
    columns = np.flatnonzero(marks.any(axis=0))
    if not len(rows):
        return CellBox(0, 0, 0, 0)
    top, left = key.box.top, key.box.left
    return CellBox(top + int(rows[0]), left + int(columns[0]), top + int(rows[-1]) + 1, left + int(columns[-1]) + 1)


def cells_of_tiles(tiles: Mapping[TileKey, Marks]) -> CellSet:
    """All marked cells of some tiles."""
    keys = [CellSet.of_mask(marks, key.box.top, key.box.left).keys for key, marks in tiles.items()]
    if not keys:
        return CellSet.none()
    return CellSet(np.sort(np.concatenate(keys)))


def joined_box(boxes: Iterable[CellBox]) -> CellBox | None:
    """The smallest rectangle that holds some rectangles; None where none of them holds a cell."""
    joined: CellBox | None = None
    for box in boxes:
        if 0 in box.shape:
            continue
        joined = box if joined is None else joined.with_box(box)
    return joined
