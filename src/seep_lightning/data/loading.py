"""Reading a whole data set once: every chip is checked and measured, and kept in memory where all fit."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.class_counts import count_classes
from seep_lightning.data.images import ChipPixels, empty_kind
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.masks import MaskValuesError
from seep_lightning.data.normalise import ValueRange
from seep_lightning.data.set_notes import SetNotes
from seep_lightning.data.sizes import size_text
from seep_lightning.data.statistics import Measurement, measurement_of
from seep_lightning.data.surveys import differing_kinds_error, unknown_values_error
from seep_lightning.errors import UserError

log = logging.getLogger(__name__)


class ChipObserver(Protocol):
    """What looks at each chip while a data set is read."""

    def add(self, index: int, pixels: ChipPixels) -> Any:
        """Look at the chip at a position."""
        ...


@dataclass
class _Cache:
    """Chips in memory, as long as there is room for all so far.

    Attributes:
        free_bytes: Room for more.
        chips: Those that fitted.
    """

    free_bytes: float
    chips: list[ChipPixels] = field(default_factory=list)

    def add(self, pixels: ChipPixels) -> None:
        """Keep a chip; where there is no room any more, none is kept."""
        self.free_bytes -= pixels.nbytes
        if self.free_bytes >= 0:
            self.chips.append(pixels)
        else:
            self.chips.clear()

    def all_chips(self) -> list[ChipPixels] | None:
        """All chips; None where they did not fit."""
        return self.chips if self.free_bytes >= 0 else None


def load_chips(
    config: DataConfig,
    observer_of: Callable[[Chips], ChipObserver | None] | None = None,
    value_range: ValueRange | None = None,
) -> Chips:
    """Read and check a whole data set.

    Args:
        config: The data set's config; `root` must be set.
        observer_of: Makes an observer, or none, from the chips before any is read.
        value_range: What becomes 0 and 1 of floats, for a network that knows it; None: measured.

    Returns:
        The chips with their statistics.

    Raises:
        UserError: About the first chip that would spoil a training, and what to do.
    """
    chips = pair_chips(config)
    observer = None if observer_of is None else observer_of(chips)
    notes = SetNotes(chips.config)
    measurement: Measurement | None = None
    cache = _Cache(config.cache_gb * 2**30)
    first_kind = ""
    for index, (name, scene) in enumerate(zip(chips.names, chips.scenes, strict=True)):
        pixels = _read(chips, index, notes)
        first_kind = first_kind or kind_text(pixels.image)
        _check(pixels, name, chips, first_kind)
        if measurement is None:
            measurement = measurement_of(pixels.image.dtype, chips.scenes, chips.config, value_range)
        measurement.add(scene, pixels)
        chips.class_counts.append(count_classes(pixels))
        chips.digests.append(digest(name, pixels.image, pixels.known_mask))
        if observer is not None:
            observer.add(index, pixels)
        cache.add(pixels)
    chips.decoded = cache.all_chips()
    assert measurement is not None
    notes.check(chips)
    chips.statistics = measurement.result()
    chips.size = (pixels.image.shape[1], pixels.image.shape[2])
    chips.was_fitted = any(size != chips.size for size in notes.sizes)
    chips.bands = notes.bands()
    chips.band_meanings = notes.band_meanings()
    for line in notes.lines():
        log.info(line)
    return chips


def _read(chips: Chips, index: int, notes: SetNotes) -> ChipPixels:
    """Read one chip and note what was decided; `UserError` with the values of all masks where one has no meaning."""
    try:
        pixels, chip_notes = chips.read_noted(index)
    except MaskValuesError as error:
        raise unknown_values_error(chips, chips.mask_of(index)) from error
    notes.add(chip_notes)
    return pixels


def _check(pixels: ChipPixels, name: str, chips: Chips, first_kind: str) -> None:
    """Raise `UserError` for a chip that differs from the first one, or has no data."""
    kind = kind_text(pixels.image)
    if kind != first_kind:
        raise differing_kinds_error(chips, first_kind, name, kind)
    if not pixels.data.any():
        empty = empty_kind(pixels.image, chips.config)
        raise UserError(f"data: {name} holds {empty.what} only. Remove it{empty.other_cure}.")


def kind_text(image: NDArray[Any]) -> str:
    """What all images of a data set must have in common, in words."""
    bands, *size = image.shape
    number = " float" if image.dtype.kind == "f" else ""
    return f"{bands} band(s), {size_text(size)}, {8 * image.itemsize} bit{number}"


def digest(name: str, image: NDArray[Any], mask: NDArray[np.uint8]) -> str:
    """Return a text that changes with a chip's name, mask or picture.

    Args:
        name: The chip's name.
        image: Its picture (C, H, W).
        mask: Its mask (H, W), with what is ignored.

    Returns:
        Name, hash of the mask and hash of the picture, joined by colons.
    """
    hashes = [hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest() for array in (mask, image)]
    return ":".join([name, *hashes])
