"""Classes of seep: matrices (N + 1, N + 1) of true (row) and predicted (column) classes, 0 = sea, which add up."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.counts import Counts

Classes = NDArray[Any]
Matrix = NDArray[np.int64]


def confusion_matrix(truth: Classes, predicted: Classes, size: int) -> Matrix:
    """Count pixels by their true and their predicted class.

    Args:
        truth: True classes, from which nodata was taken out.
        predicted: Predicted classes, in the same shape.
        size: Number of classes, the sea included.

    Returns:
        The matrix (size, size).
    """
    keys = truth.astype(np.int64).ravel() * size + predicted.ravel()
    pixels = np.bincount(keys, minlength=size * size)
    return pixels.reshape(size, size)


def counts_by_class(matrix: Matrix) -> Counts:
    """Pixel counts (N + 1, 3) of each class against all else."""
    true_positive = np.diag(matrix)
    false_positive = matrix.sum(axis=0) - true_positive
    false_negative = matrix.sum(axis=1) - true_positive
    return np.stack([true_positive, false_positive, false_negative], axis=-1)


def true_classes(matrix: Matrix) -> list[int]:
    """The classes that the truth holds, without the sea."""
    pixels = matrix.sum(axis=1)
    return [number for number in range(1, len(matrix)) if pixels[number]]


def class_shares(pixels: NDArray[np.int64]) -> list[float]:
    """Shares of N classes in their pixels, (N,); a class that does not occur counts as one pixel."""
    at_least_one = pixels.clip(1)
    shares: list[float] = (at_least_one / at_least_one.sum()).tolist()
    return shares
