"""Chips to their scene and back. Tiles are numbered from 0, row by row: tile = row * columns + column."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.grid import Cell
from seep_lightning.errors import UserError
from seep_lightning.scene.boxes import Box

# px: of a scene of any number of chips
LARGEST_EMPTY_SCENE = 2**26
# a larger one is filled by one in so many pixels
LEAST_FILLED = 64


def chip_box(cell: Cell, size: tuple[int, int]) -> Box:
    """Say where a chip lies in its scene, px.

    Args:
        cell: (row, column) of the chip.
        size: (height, width) of a chip, px.
    """
    row, column = cell
    height, width = size
    top, left = row * height, column * width
    return Box(top, top + height, left, left + width)


def lay(chips: Mapping[Cell, NDArray[Any]], nodata: float = 0) -> NDArray[Any]:
    """Lay chips into one array.

    Args:
        chips: Arrays (..., h, w) of one size and type, by (row, column).
        nodata: The value of pixels that no chip covers.

    Returns:
        The array (..., rows * h, columns * w).

    Raises:
        UserError: The chips lie so far apart, by their numbers, that nearly all of it would be empty.
    """
    first = next(iter(chips.values()))
    height, width = first.shape[-2:]
    last_row, last_column = last_cell(chips)
    size = ((last_row + 1) * height, (last_column + 1) * width)
    _check_filled(size, len(chips) * height * width)
    scene = np.full((*first.shape[:-2], *size), nodata, first.dtype)
    for cell, chip in chips.items():
        rows, columns = chip_box(cell, (height, width)).slices
        scene[..., rows, columns] = chip
    return scene


def _check_filled(size: tuple[int, int], filled: int) -> None:
    """Raise `UserError` for a scene (height, width) that is nearly empty: chips have wrong numbers."""
    height, width = size
    if height * width > max(LARGEST_EMPTY_SCENE, LEAST_FILLED * filled):
        raise UserError(
            f"By their numbers, the chips of a scene lie on {width:,} x {height:,} px, nearly all of them empty. "
            "Correct the names of its chips, or data.grid."
        )


def lay_patch(chips: Mapping[Cell, NDArray[Any]], scene_end: Cell) -> NDArray[Any]:
    """Lay some chips of a scene into one array, which begins and ends with them.

    Args:
        chips: Arrays (..., h, w) of one size and type, by (row, column).
        scene_end: The last row and the last column of the whole scene.

    Returns:
        The array, 0 beside the chips. It has a pixel more on each side where the scene goes on: what lies there is not
        the scene's end.
    """
    top = min(row for row, _ in chips)
    left = min(column for _, column in chips)
    bottom, right = last_cell(chips)
    patch = lay({(row - top, column - left): chip for (row, column), chip in chips.items()})
    rows = (int(top > 0), int(bottom < scene_end[0]))
    columns = (int(left > 0), int(right < scene_end[1]))
    others = [(0, 0)] * (patch.ndim - 2)
    return np.pad(patch, [*others, rows, columns])


def last_cell(cells: Iterable[Cell]) -> Cell:
    """The last row and the last column of some cells, of which there must be one at least."""
    rows, columns = zip(*cells, strict=True)
    return max(rows), max(columns)


def touching_cells(cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    """Put cells together that touch each other, by a side or a corner.

    Args:
        cells: (row, column) of each, once.

    Yields:
        The cells of each group.
    """
    # a dict keeps their order
    left = dict.fromkeys(cells)
    while left:
        group = [left.popitem()[0]]
        for row, column in group:
            for neighbour in product(range(row - 1, row + 2), range(column - 1, column + 2)):
                if neighbour in left:
                    del left[neighbour]
                    group.append(neighbour)
        yield group
