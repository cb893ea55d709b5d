"""Chips of several sizes made one: smaller ones padded with no data, larger ones cropped around their centre."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""Height and width, px."""


def size_text(shape: Sequence[int]) -> str:
    """Return sizes along some dimensions as people write them, such as `256 x 256`."""
    return " x ".join(str(length) for length in shape)


def size_of(key: Any) -> Size | None:
    """Read `data.size`: a side, or height and width; None where it is null."""
    if key is None:
        return None
    if isinstance(key, int):
        return key, key
    height, width = key
    return height, width


def fitted(array: NDArray[Any], size: Size, fill: float = 0) -> NDArray[Any]:
    """Make an array have a size.

    Args:
        array: (..., H, W).
        size: The height and width that it is to have.
        fill: The value of pixels that are padded.

    Returns:
        (..., *size): what is too much is cut off evenly on both sides; what is missing is padded to the right and
        below.
    """
    if array.shape[-2:] == size:
        return array
    height, width = size
    rows = _kept(array.shape[-2], height)
    columns = _kept(array.shape[-1], width)
    cropped = array[..., rows, columns]
    below = height - cropped.shape[-2]
    right = width - cropped.shape[-1]
    if not below and not right:
        return cropped
    unpadded = [(0, 0)] * (array.ndim - 2)
    return np.pad(cropped, [*unpadded, (0, below), (0, right)], constant_values=fill)


def _kept(length: int, wanted: int) -> slice:
    """The pixels along one side that are kept."""
    start = max(length - wanted, 0) // 2
    return slice(start, start + min(length, wanted))
