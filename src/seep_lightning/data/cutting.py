"""Cutting a scene and its labels into chips and masks, by rows of chips."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.label_sources import PixelLabels
from seep_lightning.data.normalise import FULL_SCALE, power, twice_median

if TYPE_CHECKING:
    from seep_lightning.scene.raster import Raster

# share of a chip without seep that must be sea: slivers of sea teach nothing
LEAST_SEA = 0.2


class CutChip(NamedTuple):
    """A chip that was cut from a scene.

    Attributes:
        tile: Its number, row * columns + column.
        left: The column of its first pixel in the scene.
        top: The row of its first pixel in the scene.
        image: (C, S, S), 0 where there are no data.
        mask: (1, S, S) uint8, 0 for no seep, else the class.
    """

    tile: int
    left: int
    top: int
    image: NDArray[Any]
    mask: NDArray[np.uint8]


@dataclass(frozen=True)
class _Strip:
    """A row of chips side by side, which may stick out of the scene below and on the right.

    Attributes:
        image: (C, S, W), 0 where there are no data.
        mask: (1, S, W).
    """

    image: NDArray[Any]
    mask: NDArray[np.uint8]


def starts(length: int, config: PrepareConfig) -> range:
    """List the first rows or columns of the chips along an axis.

    Args:
        length: Height or width of the scene, px.
        config: Size and overlap of the chips.

    Returns:
        Starts that cover the axis; the last chip may stick out.
    """
    return range(0, max(length - config.overlap, 1), config.size - config.overlap)


def cut_scene(raster: "Raster", labels: PixelLabels, config: PrepareConfig) -> Iterator[CutChip]:
    """Cut a scene into chips: all that show seep, and a share of those that show sea only.

    The share is drawn by (seed, scene, tile).

    Args:
        raster: The scene.
        labels: Its labels.
        config: Size and overlap of the chips, the share, the seed and the scale of the values.

    Yields:
        The chips, row by row.
    """
    full_scale = _full_scale(raster, config.scale)
    rng = np.random.default_rng((config.seed, zlib.crc32(raster.name.encode())))
    lefts = starts(raster.width, config)
    for row, top in enumerate(starts(raster.height, config)):
        strip = _read_strip(raster, labels, config, full_scale, top)
        lots = rng.random(len(lefts))
        for column, left in enumerate(lefts):
            right = left + config.size
            image = strip.image[:, :, left:right]
            mask = strip.mask[:, :, left:right]
            is_drawn = lots[column] < config.empty_share
            if mask.any() or (is_drawn and _sea_share(image) >= LEAST_SEA):
                tile = row * len(lefts) + column
                yield CutChip(tile, left, top, image, mask)


def _full_scale(raster: "Raster", scale: str | None) -> NDArray[np.float32] | None:
    """The power of each band, (C, 1, 1), that becomes the largest value, as in `predict`; None for stored integers."""
    from seep_lightning.scene.quantiles import scene_quantiles

    if not scale:
        return None
    median = power(scene_quantiles(raster, [0.5]), scale)
    return twice_median(median, raster.path)[..., None]


def _read_strip(
    raster: "Raster", labels: PixelLabels, config: PrepareConfig, full_scale: NDArray[np.float32] | None, top: int
) -> _Strip:
    """Read a row of chips that begins at the scene's row `top`."""
    stop = min(top + config.size, raster.height)
    values, valid = raster.read(top, stop)
    if full_scale is not None:
        linear = power(np.where(valid, values, 0), config.scale)
        values = _as_uint16(linear / full_scale)
    classes, is_doubtful = labels.burn(top, stop, raster.width)
    labels.note_data(valid, top)
    has_data = valid & ~is_doubtful
    # 0 is nodata in chips
    at_least_one = np.maximum(values, 1)
    image = np.where(has_data, at_least_one, 0).astype(values.dtype)
    mask = classes * has_data
    last_left = starts(raster.width, config)[-1]
    below = top + config.size - stop
    right = last_left + config.size - raster.width
    sticking_out = ((0, 0), (0, below), (0, right))
    return _Strip(
        image=np.pad(image, sticking_out),
        mask=np.pad(mask[None], sticking_out),
    )


def _as_uint16(share: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Shares of full scale as stored integers; those above 1 become the largest."""
    values = share.clip(0, 1) * FULL_SCALE["uint16"]
    return np.rint(values).astype(np.uint16)


def _sea_share(image: NDArray[Any]) -> float:
    """The share of a chip's pixels that hold data."""
    has_data = (image > 0).all(axis=0)
    return float(has_data.mean())
