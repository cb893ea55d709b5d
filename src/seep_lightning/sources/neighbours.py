"""Cells and the eight around them."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.cells import ROW_STEP, CellSet, Keys

STEPS = tuple(product((-1, 0, 1), (-1, 0, 1)))
"""Rows and columns from a cell to itself and the eight around it."""


def widened(cells: CellSet, reach: int) -> CellSet:
    """Add the cells around others, the corners too.

    Args:
        cells: Some cells.
        reach: How many cells further in each direction; 0 adds none.

    Returns:
        The larger set.
    """
    keys = cells.keys
    for _ in range(reach):
        keys = np.unique(np.concatenate([stepped(keys, step) for step in STEPS]))
    return CellSet(keys)


def neighbours_of(cells: CellSet) -> NDArray[np.int64]:
    """Find the cells of a set around each of them.

    Args:
        cells: Some cells.

    Returns:
        (cells, 9): indices in the set of the cell itself and the eight around it; -1 for those not in the set.
    """
    return np.stack([_indices(cells, stepped(cells.keys, step)) for step in STEPS], axis=1)


def stepped(keys: Keys, step: tuple[int, int]) -> Keys:
    """Move cells by a step of rows and columns; their order stays."""
    rows, columns = step
    return keys + rows * ROW_STEP + columns


def _indices(cells: CellSet, keys: Keys) -> NDArray[np.int64]:
    indices = np.searchsorted(cells.keys, keys)
    return np.where(cells.holds(keys), indices, -1)
