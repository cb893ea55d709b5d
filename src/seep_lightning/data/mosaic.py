"""Chips to their scene and back. Tiles are numbered from 0, row by row: tile = row * columns + column."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.grid import Cell


def box(cell: Cell, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Say where a chip lies in its scene.

    Args:
        cell: (row, column) of the chip.
        size: (height, width) of a chip, px.

    Returns:
        Top, bottom, left and right, px; bottom and right are the first pixel that is outside.
    """
    row, column = cell
    height, width = size
    top, left = row * height, column * width
    return top, top + height, left, left + width


def lay(chips: Mapping[Cell, NDArray[Any]], nodata: float = 0) -> NDArray[Any]:
    """Lay chips into one array.

    Args:
        chips: Arrays (..., h, w) of one size and type, by (row, column).
        nodata: The value of pixels that no chip covers.

    Returns:
        The array (..., rows * h, columns * w).
    """
    first = next(iter(chips.values()))
    height, width = first.shape[-2:]
    rows = 1 + max(row for row, _ in chips)
    columns = 1 + max(column for _, column in chips)
    scene = np.full((*first.shape[:-2], rows * height, columns * width), nodata, first.dtype)
    for cell, chip in chips.items():
        top, bottom, left, right = box(cell, (height, width))
        scene[..., top:bottom, left:right] = chip
    return scene
