"""Reading a whole data set once: every chip is checked and measured, and kept in memory where all fit."""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.images import ChipPixels, size_text
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.normalise import FULL_SCALE, histogram, quartiles_of
from seep_lightning.errors import UserError


class ChipObserver(Protocol):
    """What looks at each chip while a data set is read."""

    def add(self, index: int, pixels: ChipPixels) -> Any:
        """Look at the chip at a position."""
        ...


def load_chips(config: DataConfig, observer_of: Callable[[Chips], ChipObserver | None] | None = None) -> Chips:
    """Read and check a whole data set.

    Args:
        config: The data set's config; `root` must be set.
        observer_of: Makes an observer, or none, from the chips before any is read.

    Returns:
        The chips with their statistics.

    Raises:
        UserError: About the first chip that would spoil a training, and what to do.
    """
    chips = pair_chips(config)
    observer = None if observer_of is None else observer_of(chips)
    quartiles: list[NDArray[np.float32]] = []
    decoded: list[ChipPixels] = []
    free_bytes = config.cache_gb * 2**30
    first_kind = ""
    for index, (name, scene) in enumerate(zip(chips.names, chips.scenes, strict=True)):
        pixels = chips.read(index)
        image = pixels.image
        kind = _kind(image)
        first_kind = first_kind or kind
        if kind != first_kind:
            raise UserError(
                f"data: chips differ in bands, size or type: {chips.names[0]} is {first_kind}, {name} is {kind}. "
                "Cut them to one size, or train on one folder at a time."
            )
        if not pixels.data.any():
            raise UserError(f"data: {name} holds nodata ({config.nodata}) only. Remove it, or correct data.nodata.")
        counts = histogram(image, pixels.data)
        quartiles.append(quartiles_of(counts))
        chips.histograms[scene] = chips.histograms.get(scene, 0) + counts
        chips.digests.append(digest(name, image, pixels.mask))
        if observer is not None:
            observer.add(index, pixels)
        free_bytes -= pixels.nbytes
        if free_bytes >= 0:
            decoded.append(pixels)
    if len(decoded) == len(chips):
        chips.decoded = decoded
    chips.full_scale = FULL_SCALE[image.dtype.name]
    chips.size = (image.shape[1], image.shape[2])
    chips.quartiles = np.stack(quartiles)
    return chips


def _kind(image: NDArray[Any]) -> str:
    """What all images of a data set must have in common, in words."""
    bands, *size = image.shape
    return f"{bands} band(s), {size_text(size)}, {8 * image.itemsize} bit"


def digest(name: str, image: NDArray[Any], mask: NDArray[np.uint8]) -> str:
    """Return a text that changes with a chip's name, mask or picture.

    Args:
        name: The chip's name.
        image: Its picture (C, H, W).
        mask: Its mask (H, W).

    Returns:
        Name, hash of the mask and hash of the picture, joined by colons.
    """
    hashes = [hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest() for array in (mask, image)]
    return ":".join([name, *hashes])
