"""Chips to their scene and back. Tiles are numbered from 0, row by row: tile = row * columns + column."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTH = 17  # px along an edge: slicks and gusts go on across it, speckle does not
CLEAR = 1.5  # a width is taken if its edges fit this much better than those of any other


def box(cell: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Where a chip of (height, width) lies in its scene: top, bottom, left, right."""
    (row, column), (height, width) = cell, size
    return row * height, (row + 1) * height, column * width, (column + 1) * width


def lay(chips: Mapping[tuple[int, int], NDArray[Any]], nodata: float = 0) -> NDArray[Any]:
    """Chips (..., h, w) by their cells to one array; what no chip covers is `nodata`."""
    first = next(iter(chips.values()))
    size = first.shape[-2:]
    rows, columns = (1 + max(cell[axis] for cell in chips) for axis in (0, 1))
    scene = np.full((*first.shape[:-2], rows * size[0], columns * size[1]), nodata, first.dtype)
    for cell, chip in chips.items():
        top, bottom, left, right = box(cell, size)
        scene[..., top:bottom, left:right] = chip
    return scene


def find_columns(edges: Mapping[int, NDArray[np.generic]], nodata: float | None = 0) -> int | None:
    """Tiles a row, found from edges (2, w), the first and last row of pixels of each tile; None if that is not clear.

    For each width, the last row of a tile is correlated with the first of the one that would lie below it. The score
    is the mean over such pairs times the root of their number, as noise would have it.
    """
    rows = {tile: _fluctuation(np.asarray(edge, np.float32), nodata) for tile, edge in edges.items()}
    scores = [0.0, 0.0]
    found = None
    for columns in sorted({b - a for a, b in combinations(sorted(rows), 2)}):  # numbers may be dates, and far apart
        pairs = [(rows[t][1], rows[t + columns][0]) for t in rows if t + columns in rows]
        fits = [float(a @ b) for a, b in pairs if a.any() and b.any()]
        if len(fits) >= 3:
            score = float(np.mean(fits) * np.sqrt(len(fits)))
            found = columns if score > scores[-1] else found
            scores = sorted([*scores, score])[-2:]
    return found if scores[1] > max(CLEAR * scores[0], 1) else None


def _fluctuation(edge: NDArray[np.float32], nodata: float | None) -> NDArray[np.float32]:
    """Edges (2, w) as smoothed deviations of the logarithm, of unit length; 0 where there is nodata."""
    valid = np.ones(edge.shape, bool) if nodata is None else edge != nodata
    level = np.log(np.maximum(edge, 1))
    mean = (level * valid).sum(1, keepdims=True) / np.maximum(valid.sum(1, keepdims=True), 1)
    smooth = cv2.blur(np.where(valid, level - mean, np.float32(0)), (SMOOTH, 1))
    return np.asarray(smooth / np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12), np.float32)
