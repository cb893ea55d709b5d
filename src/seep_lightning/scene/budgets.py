"""How much memory a raster may take, checked by what its header says and before a pixel is read.

A damaged or a hostile header claims any size: a file of 142 bytes may be a chip of 200,000 x 200,000 pixels by its own
account. Scenes are read by strips, so that only what must be in memory at once counts.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from seep_lightning.errors import UserError

MEBIBYTE = 1 << 20
CHIP_BYTES = 256 * MEBIBYTE
"""Of all pixels of a chip, or of its mask, as stored: 16,384 x 16,384 px of one byte."""
WHOLE_BYTES = 512 * MEBIBYTE
"""Of a picture that can only be decoded as a whole, and of the blocks that the others are decoded by."""
MOST_BANDS = 2_000
"""Each costs time whenever the file is opened, even if no pixel of it is read."""
WIDEST = 100_000
"""Columns of a scene: 1,000 km at 10 m. What is mapped at once takes some 11 kB for each column."""
TALLEST = 1_000_000
"""Rows of a scene."""
STRIP_BYTES = 512 * MEBIBYTE
STRIP_ROWS = 256
"""Of the rows of all chosen bands that are read at once, as 32 bit."""


class Header(Protocol):
    """What an open dataset of rasterio says of its size."""

    @property
    def width(self) -> int: ...  # noqa: D102

    @property
    def height(self) -> int: ...  # noqa: D102

    @property
    def count(self) -> int: ...  # noqa: D102

    @property
    def dtypes(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def block_shapes(self) -> Sequence[tuple[int, int]]: ...  # noqa: D102


def check_opened(dataset: Header, path: object, *, is_decoded_whole: bool) -> None:
    """Check what GDAL must decode at once to read a single pixel.

    Args:
        dataset: Open, without a pixel read.
        path: The file, for messages.
        is_decoded_whole: Whether its format has no blocks.

    Raises:
        UserError: It has too many bands, or its blocks, or all of it where it has none, are too large.
    """
    if dataset.count > MOST_BANDS:
        raise UserError(
            f"{path} has {dataset.count:,} bands by its header; expected at most {MOST_BANDS:,}. "
            "It is damaged, or take some: gdal_translate -b 1 -b 2."
        )
    # a container without a raster of its own
    if not dataset.count:
        return
    largest_number = max(map(_bytes_of, dataset.dtypes))
    block = max(rows * columns for rows, columns in dataset.block_shapes) * largest_number
    if is_decoded_whole:
        block = dataset.width * dataset.height * dataset.count * largest_number
    if block > WHOLE_BYTES:
        raise UserError(
            f"{path} is {_size(dataset)} by its header, of which {_mebibytes(block)} must be decoded at once; expected "
            f"at most {_mebibytes(WHOLE_BYTES)}. It is damaged, or give it tiles: gdal_translate -co TILED=YES."
        )


def check_chip(dataset: Header, path: object) -> None:
    """Check a raster that is read as a whole.

    Args:
        dataset: Open, without a pixel read.
        path: The file, for messages.

    Raises:
        UserError: It does not fit into `CHIP_BYTES`.
    """
    pixels = dataset.width * dataset.height
    total = sum(pixels * _bytes_of(dtype) for dtype in dataset.dtypes)
    if total > CHIP_BYTES:
        raise UserError(
            f"data: {path} is {_size(dataset)} by its header, {_mebibytes(total)}; a chip has at most "
            f"{_mebibytes(CHIP_BYTES)}. It is damaged, or a scene: cut it with seep prepare."
        )


def check_scene(dataset: Header, path: object, bands: int) -> None:
    """Check a raster that is read by strips.

    Args:
        dataset: Open, without a pixel read.
        path: The file, for messages.
        bands: How many of its bands are read.

    Raises:
        UserError: A strip of it does not fit into memory.
    """
    strip = dataset.width * bands * STRIP_ROWS * np.dtype(np.float32).itemsize
    if dataset.width > WIDEST or dataset.height > TALLEST or strip > STRIP_BYTES:
        raise UserError(
            f"{path} is {_size(dataset)} by its header; a scene has at most {WIDEST:,} columns (fewer with many "
            f"bands) and {TALLEST:,} rows. It is damaged, or cut it: gdal_translate -srcwin."
        )


def _bytes_of(dtype: str) -> int:
    """Bytes of one number, by rasterio's name of its type; its complex integers are read as floats."""
    return 8 if dtype.startswith("complex_int") else np.dtype(dtype).itemsize


def _size(dataset: Header) -> str:
    """Columns, rows and bands in words."""
    return f"{dataset.width:,} x {dataset.height:,} px of {dataset.count} band(s)"


def _mebibytes(size: int) -> str:
    """A number of bytes in words."""
    return f"{size / MEBIBYTE:,.0f} MiB"
