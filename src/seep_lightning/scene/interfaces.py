"""What the modules of this room hand to each other: kinds of arrays, sources of pixels, and callables."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
"""Pixels as a raster stores them, (C, H, W)."""
Mask = NDArray[np.bool_]
"""A yes or no for every pixel, (H, W)."""
Floats = NDArray[np.float32]
"""Network inputs and probabilities."""

Model = Callable[[Floats], Floats]
"""Network input (B, C, h, w) of any size to probabilities (B, K, h, w)."""
Normalise = Callable[[Values, Mask], Floats]
"""Stored values (C, h, w) and valid pixels (h, w) to network input (C, h, w); called from several threads."""
Write = Callable[[int, Floats, Mask], None]
"""Takes finished rows, in order, from one thread: the first row, probabilities (K, n, W), mapped pixels (n, W).

The arrays are views: copy what is to be kept. K is 1 until the first window that is not skipped; none of the pixels
before it is mapped."""
Area = Callable[[int, int], Mask]
"""Rows start..stop to the pixels to map among them, (stop - start, W); called from several threads."""
LogOdds = Callable[[int, int], Floats]
"""Rows start..stop to what is added to the logits of a seep there, (stop - start, W)."""
Progress = Callable[[int, int], None]
"""Called with pixels done and pixels in all."""


class Source(Protocol):
    """Pixels by rows: a `Raster`, or an array in memory.

    Attributes:
        name: How messages name it.
        block_rows: Rows that are decoded together.
        height: Rows.
        width: Columns.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def block_rows(self) -> int: ...  # noqa: D102

    @property
    def height(self) -> int: ...  # noqa: D102

    @property
    def width(self) -> int: ...  # noqa: D102

    def read(self, start: int, stop: int) -> tuple[Values, Mask]:
        """Values (C, n, W) as stored and valid pixels (n, W) of rows start..stop; called from several threads."""
        ...
