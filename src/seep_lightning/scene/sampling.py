"""A sample of a scene's stored values: blocks over the whole of it, so that a large scene is not read twice."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from seep_lightning.scene.interfaces import Mask, Values
from seep_lightning.scene.projections import Points
from seep_lightning.scene.raster import READ_ROWS, Raster

# Pixels up to which a scene is read as a whole; of larger ones about so many are kept.
SAMPLE_PIXELS = 1 << 22
# Pixels that stand for those with data.
SAMPLE_PLACES = 1 << 14
# Pixels that are read of a larger scene: so many, or a tenth of it.
READ_PIXELS = 1 << 25
READ_SHARE = 0.1
# Windows of a larger scene, at most. The golden ratio spreads their columns so that an edge of 3 % of the width is met.
SAMPLE_WINDOWS = 128
# Pixels of a window where a block of the file is smaller, and rows where it is higher.
WINDOW_PIXELS = 1 << 16
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


class Window(NamedTuple):
    """A part of a scene, in pixels, as `Raster.read` takes it."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class SceneSample:
    """Parts of a scene, thinned.

    Attributes:
        parts: Stored values of each, (C, h, w).
        masks: Where the file's own mask has data in each, (h, w); None where the file has none.
    """

    parts: Sequence[Values]
    masks: Sequence[Mask | None]

    @cached_property
    def values(self) -> Values:
        """The stored values (C, N) that the file's own mask does not hide."""
        visible: list[Values] = []
        for part, mask in zip(self.parts, self.masks, strict=True):
            visible.append(part.reshape(len(part), -1) if mask is None else part[:, mask])
        return np.concatenate(visible, axis=1)

    def solidity(self, value: float) -> float:
        """How often a pixel of a value has it beside it, too, 0..1: near 1 of what was filled in, less of dark sea.

        Args:
            value: A stored value of the first band.
        """
        most = 0.0
        for axis in (0, 1):
            pairs, both = 0, 0
            for part in self.parts:
                is_value = np.moveaxis(part[0] == np.asarray(value, part.dtype), axis, 0)
                pairs += int(is_value[:-1].sum())
                both += int((is_value[:-1] & is_value[1:]).sum())
            most = max(most, both / max(pairs, 1))
        return most


def sample_stored(raster: Raster) -> SceneSample:
    """Take a sample of a scene.

    Args:
        raster: The scene.

    Raises:
        UserError: The file is damaged.
    """
    return _sample(raster, raster.read_stored)


def sample_decoded(raster: Raster) -> Values:
    """Take a sample of a scene whose values are decoded: values with data (C, N); `UserError` as of `sample_stored`."""
    return _sample(raster, raster.read).values


def places_with_data(raster: Raster) -> Points:
    """Take a sample of the pixels of a scene that have data.

    Args:
        raster: The scene, with all that is known of its nodata values.

    Returns:
        The middles of about `SAMPLE_PLACES` pixels at most, (N, 2): column, row.

    Raises:
        UserError: The file is damaged.
    """
    windows = list(_windows(raster))
    most = max(1, SAMPLE_PLACES // len(windows))
    places: list[Points] = []
    for window in windows:
        _, valid = raster.read(*window)
        step = math.ceil(math.sqrt(valid.size / most))
        first = step // 2
        rows, columns = np.nonzero(valid[first::step, first::step])
        in_window = step * np.stack([columns, rows], axis=-1) + first + 0.5
        places.append(in_window + np.array([window.left, window.top]))
    return np.concatenate(places)


def _sample(raster: Raster, read: Callable[[int, int, int, int], tuple[Values, Any]]) -> SceneSample:
    """Parts of a scene as a reader of windows gives them, with what it says of data."""
    parts: list[Values] = []
    masks: list[Mask | None] = []
    windows = list(_windows(raster))
    most = max(1, SAMPLE_PIXELS // len(windows))
    for window in windows:
        pixels, mask = read(*window)
        step = math.ceil(math.sqrt(pixels[0].size / most))
        parts.append(pixels[:, ::step, ::step].copy())
        masks.append(None if mask is None else mask[::step, ::step] > 0)
    return SceneSample(parts, masks)


def _windows(raster: Raster) -> Iterator[Window]:
    """The parts of a scene that are read: all of a small one, else whole blocks of the file, from top to bottom."""
    if raster.height * raster.width <= SAMPLE_PIXELS:
        yield Window(0, raster.height, 0, raster.width)
        return
    columns = min(raster.block_columns, raster.width)
    block_rows = min(raster.block_rows, raster.height)
    if block_rows * columns < WINDOW_PIXELS:
        rows = block_rows * math.ceil(WINDOW_PIXELS / (block_rows * columns))
    else:
        rows = min(block_rows, 4 * READ_ROWS)
    down = math.ceil(raster.height / rows)
    across = math.ceil(raster.width / columns)
    budget = max(READ_PIXELS, READ_SHARE * raster.height * raster.width)
    affordable = max(1, int(budget / (rows * columns)))
    count = min(SAMPLE_WINDOWS, affordable, down * across)
    for number in range(count):
        row = int((number + 0.5) / count * down)
        column = int(number * GOLDEN_RATIO % 1 * across)
        top, left = row * rows, column * columns
        yield Window(top, min(top + rows, raster.height), left, min(left + columns, raster.width))
