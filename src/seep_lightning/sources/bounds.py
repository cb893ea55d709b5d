"""How much ground, and how many cells of slicks, fit into memory and time; a file may claim more than that."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from seep_lightning.errors import UserError
from seep_lightning.sources.cells import CellBox, CellGrid
from seep_lightning.sources.tiles import TILE, TileKey, joined_box

MOST_CELLS = 1 << 31
"""Of the rectangle around a polygon, or around all days: more is a mistake in coordinates."""
MOST_TILES = 512
"""That were looked at, together: 860,000 km2 in cells of 80 m. All their cells are in memory at once."""
MOST_SLICK_CELLS = 1 << 24
"""Of all slicks of a scene: 107,000 km2 in cells of 80 m. A small file may claim more than memory holds."""


@dataclass
class DrawingRoom:
    """How much may still be drawn of the slicks of a scene.

    Attributes:
        cells: Cells that slicks touch.
        drawn: Cells of the rectangles that are drawn for it, which cost the time.
    """

    cells: int = MOST_SLICK_CELLS
    drawn: int = MOST_CELLS

    def take(self, *, cells: int = 0, drawn: int = 0) -> None:
        """Use some of it; `UserError` where too little is left."""
        self.cells -= cells
        self.drawn -= drawn
        if self.cells < 0:
            raise _too_many_cells(MOST_SLICK_CELLS)
        if self.drawn < 0:
            raise _too_many_cells(MOST_CELLS)


def cell_count(box: CellBox) -> int:
    """How many cells a rectangle has."""
    rows, columns = box.shape
    return rows * columns


def _too_many_cells(most: int) -> UserError:
    """The error for slicks that are larger than any."""
    return UserError(
        f"the outlines of a scene reach over more than {most:,} cells: they are damaged, or the cells are too small. "
        "Correct them, or give larger cells (cell=)."
    )


def check_cells(box: CellBox) -> None:
    """Raise `UserError` for a rectangle of more cells than can be handled."""
    if cell_count(box) > MOST_CELLS:
        raise _too_far_apart(box)


def check_tiles(tiles: int, grid: CellGrid) -> None:
    """Raise `UserError` for more tiles than can be handled.

    Args:
        tiles: How many hold a cell that was looked at.
        grid: The grid.
    """
    if tiles > MOST_TILES:
        ground = f" ({MOST_TILES * (TILE * grid.size / 1000) ** 2:,.0f} km2)" if grid.wkt else ""
        raise UserError(
            f"the days look at more ground than {MOST_TILES} x {TILE} x {TILE} cells of {grid.size:g} {grid.unit}"
            f"{ground}. Pass larger cells, such as cell={2 * grid.size:g} overwrite=true; or give the days of one "
            "region at a time, each region an output of its own."
        )


@dataclass
class LookedGround:
    """What some looks looked at, as far as its bounds are asked for.

    Attributes:
        grid: The grid of their cells.
        tiles: The tiles that hold a cell of it.
        box: The rectangle around it; None for no cells.
    """

    grid: CellGrid
    tiles: set[TileKey] = field(default_factory=set)
    box: CellBox | None = None

    def add(self, tiles: Iterable[TileKey], box: CellBox) -> None:
        """Add what a look looked at.

        Args:
            tiles: The tiles that hold a cell of it.
            box: The rectangle around its cells.

        Raises:
            UserError: It is more than can be handled.
        """
        self.tiles |= set(tiles)
        self.box = joined_box([box] if self.box is None else [self.box, box])
        if self.box is not None:
            check_cells(self.box)
        check_tiles(len(self.tiles), self.grid)


def _too_far_apart(box: CellBox) -> UserError:
    rows, columns = box.shape
    return UserError(
        f"the days lie too far apart: {columns:,} x {rows:,} cells. Give the days of one region at a time, each "
        "region an output of its own, or larger cells (cell=)."
    )
