"""Classes of seep: which one a pixel is; matrices (N + 1, N + 1) of true and found classes, 0 = sea, which add up."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.counts import pixel_figures

Matrix = NDArray[np.int64]


def confusion_matrix(truth: NDArray[Any], found: NDArray[Any], size: int) -> Matrix:
    """The matrix (size, size) of two arrays of numbers of one shape, nodata taken out."""
    pairs = truth.astype(np.int64).ravel() * size + found.ravel()
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def class_figures(matrix: NDArray[Any]) -> dict[str, Any]:
    """Dice, precision, recall of each class against all else, and `macro_dice`, their mean (0 of none); without the sea
    and without classes that the truth does not hold."""
    right, true, found = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    table = pixel_figures(np.stack([right, found - right, true - right], axis=-1))
    columns = {name: table[name] for name in ("dice", "precision", "recall")} | {"pixels": true}
    present = [k for k in range(1, len(matrix)) if true[k]]
    rows = {str(k): {name: column[k].item() for name, column in columns.items()} for k in present}
    return {"macro_dice": float(table["dice"][present].mean()) if present else 0.0, "by_class": rows}


def class_shares(pixels: NDArray[np.int64]) -> list[float]:
    """Shares of N classes in their pixels, (N,); a class that does not occur counts as one pixel."""
    shares: list[float] = (pixels.clip(1) / pixels.clip(1).sum()).tolist()
    return shares
