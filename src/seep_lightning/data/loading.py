"""Reading a whole data set once: every chip is checked and measured, and its pixels are kept for all later uses."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from seep_lightning.config.data import DataConfig
from seep_lightning.counted import DoneTeller
from seep_lightning.data.blocks import BlockReader, BlockRecord, Observe, read_blocks
from seep_lightning.data.cache import last_set
from seep_lightning.data.cache.folder import MOST_KEPT, cache_folder, has_room, keep, mark_used, part_of, tidy
from seep_lightning.data.cache.keys import CacheKeys, keys_of
from seep_lightning.data.cache.last_set import LastSet
from seep_lightning.data.cache.measured_set import MeasuredSet, packed, read_measured
from seep_lightning.data.chips import Chips
from seep_lightning.data.images import ChipNotes, ChipPixels
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.masks import MaskValuesError
from seep_lightning.data.normalise import ValueRange
from seep_lightning.data.pixel_stores.file import PixelFile
from seep_lightning.data.pixel_stores.layout import PixelLayout
from seep_lightning.data.pixel_stores.memory import MemoryStore, PixelStore
from seep_lightning.data.set_notes import SetNotes
from seep_lightning.data.statistics import Measurement, measurement_of
from seep_lightning.data.surveys import unknown_values_error

log = logging.getLogger(__name__)

GIBIBYTE = 2**30
PIXEL_FILES = "pixels-*.raw"
MEASURED_FILES = "measured-*.npz"


class ChipObserver(Protocol):
    """What looks at each chip while a data set is read."""

    def add(self, index: int, pixels: ChipPixels) -> Any:
        """Look at the chip at a position."""
        ...


def load_chips(
    config: DataConfig,
    observer_of: Callable[[Chips], ChipObserver | None] | None = None,
    value_range: ValueRange | None = None,
) -> Chips:
    """Read and check a whole data set, or take what an earlier reading of the same files has found.

    Args:
        config: The data set's config; `root` must be set.
        observer_of: Makes an observer, or none, from the chips before any is read. It sees no chip where nothing needs
            to be read.
        value_range: What becomes 0 and 1 of floats, for a network that knows it; None: measured.

    Returns:
        The chips with their statistics.

    Raises:
        UserError: About the first chip that would spoil a training, and what to do.
    """
    chips = pair_chips(config)
    observer = None if observer_of is None else observer_of(chips)
    files = SetFiles.of(chips, value_range)
    known = files.find()
    if known is None:
        known = _read(files, observer)
    known.measured.give_to(chips)
    chips.store = known.store
    chips.key = known.key
    for line in known.measured.lines:
        log.info(line)
    return chips


@dataclass(frozen=True)
class SetFiles:
    """Where the results of reading a data set are looked for, and kept.

    Attributes:
        chips: The data set.
        value_range: What becomes 0 and 1 of floats, where a network knows it.
        keys: What the results depend on; None where that cannot be told.
        folder: Of the files; None where nothing is kept.
    """

    chips: Chips
    value_range: ValueRange | None
    keys: CacheKeys | None
    folder: Path | None

    @classmethod
    def of(cls, chips: Chips, value_range: ValueRange | None) -> "SetFiles":
        """The files of a data set."""
        keys = keys_of(chips, value_range)
        folder = None if keys is None else cache_folder(chips)
        return cls(chips, value_range, keys, folder)

    @property
    def key(self) -> str:
        """What all results depend on; empty where that cannot be told."""
        return "" if self.keys is None else self.keys.statistics

    def find(self) -> LastSet | None:
        """The results of an earlier reading; None where there are none, or they lack what could be kept."""
        if self.keys is None:
            return None
        last = last_set.recall(self.key)
        if last is None or not self._may_keep(last.store):
            last_set.forget()
            last = self._on_disk()
        if last is None or not self._is_of_its_kind(last.measured):
            return None
        last_set.remember(last)
        return last

    def _may_keep(self, store: PixelStore | None) -> bool:
        """Whether this config allows for the memory of a store."""
        return not isinstance(store, MemoryStore) or self._fits_memory(store.layout)

    def _on_disk(self) -> LastSet | None:
        """The results that another process has kept."""
        if self.keys is None or self.folder is None:
            return None
        path = self.measured_path
        measured = read_measured(path, self.keys.statistics, self.chips)
        if measured is None:
            return None
        layout = PixelLayout(measured.image_shape, measured.dtype, len(self.chips))
        store = self.open_pixels(layout)
        # without them each use would decode chips, where they might have been kept
        if store is None and (self._has_room(layout) or self._fits_memory(layout)):
            return None
        mark_used(path)
        return LastSet(self.key, measured, store)

    def _is_of_its_kind(self, measured: MeasuredSet) -> bool:
        """Whether the network takes values of this kind; those that it does not take are refused as they are read."""
        is_counted = measured.statistics.value_range.counted
        return self.value_range is None or self.value_range.counted == is_counted

    def keep(self, measured: MeasuredSet, store: PixelStore | None, observer: ChipObserver | None) -> LastSet:
        """Keep what was found in a data set, for other processes and for later jobs of this one."""
        last = LastSet(self.key, measured, store, observer)
        if self.keys is None or not self._is_of_its_kind(measured):
            return last
        last_set.remember(last)
        if self.folder is not None:
            keep(self.measured_path, packed(measured, self.key))
            tidy(self.folder, MEASURED_FILES, MOST_KEPT)
        return last

    @property
    def measured_path(self) -> Path:
        """The file of what was measured."""
        assert self.folder is not None
        return self.folder / MEASURED_FILES.replace("*", self.key)

    @property
    def pixels_path(self) -> Path:
        """The file of decoded pixels."""
        assert self.folder is not None
        assert self.keys is not None
        return self.folder / PIXEL_FILES.replace("*", self.keys.pixels)

    def open_pixels(self, layout: PixelLayout) -> PixelFile | None:
        """The file of decoded pixels that an earlier reading has left; None where there is none."""
        if self.keys is None or self.folder is None:
            return None
        store = PixelFile.open(self.pixels_path, self.keys.pixels, layout)
        if store is not None:
            mark_used(self.pixels_path)
        return store

    def new_store(self, layout: PixelLayout) -> PixelStore | None:
        """Where pixels are to be kept: in a file, where one may be written; else in memory, where they fit."""
        if self.keys is not None and self._has_room(layout):
            assert self.folder is not None
            tidy(self.folder, PIXEL_FILES, MOST_KEPT - 1)
            try:
                return PixelFile.create(part_of(self.pixels_path), self.keys.pixels, layout)
            except OSError as error:
                log.info("data: decoded chips cannot be kept in %s (%s)", self.folder, error)
        return MemoryStore(layout) if self._fits_memory(layout) else None

    def _has_room(self, layout: PixelLayout) -> bool:
        return self.folder is not None and has_room(self.folder, layout.total_bytes)

    def _fits_memory(self, layout: PixelLayout) -> bool:
        in_memory = layout.count * (layout.image_bytes + layout.mask_bytes)
        return in_memory <= self.chips.config.cache_gb * GIBIBYTE

    def finished(self, store: PixelStore | None, *, is_whole: bool) -> PixelStore | None:
        """Give a store that was written its name, if it has one; None where it could not be written whole."""
        if not isinstance(store, PixelFile):
            return store
        try:
            if is_whole:
                store.publish(self.pixels_path)
                size = store.layout.total_bytes / GIBIBYTE
                log.info("data: decoded chips are kept in %s (%.2g GiB; see data.cache_folder)", self.folder, size)
                return store
        except OSError as error:
            log.info("data: decoded chips cannot be kept in %s (%s)", self.folder, error)
        store.discard()
        return None


def _read(files: SetFiles, observer: ChipObserver | None) -> LastSet:
    """Read, check and measure all chips."""
    chips = files.chips
    first = _read_first(chips)
    pixels, _ = first
    layout = PixelLayout.of(pixels, len(chips))
    measurement = measurement_of(pixels.image.dtype, chips.scenes, chips.config, files.value_range)
    gathered = _Gathered(chips, SetNotes(chips.config), measurement)
    earlier = files.open_pixels(layout)
    store = files.new_store(layout) if earlier is None else None
    reader = BlockReader(chips, first, measurement.empty(), layout, store)
    observe: Observe | None = None if observer is None else observer.add
    measured: MeasuredSet | None = None
    teller = DoneTeller("data: read", len(chips), "chips")
    try:
        for block in read_blocks(reader, observe):
            gathered.add(block)
            teller.tell(len(gathered.class_counts))
        measured = gathered.result(layout)
    finally:
        is_whole = measured is not None and gathered.is_stored
        store = files.finished(store, is_whole=is_whole)
    return files.keep(measured, earlier or store, observer)


@dataclass
class _Gathered:
    """What was found out of the blocks so far.

    Attributes:
        chips: The data set.
        notes: Of all chips.
        measurement: Of all chips.
        digests: Of each chip.
        class_counts: Of each chip.
        is_stored: Whether all pixels could be kept.
    """

    chips: Chips
    notes: SetNotes
    measurement: Measurement
    digests: list[str] = field(default_factory=list)
    class_counts: list[dict[int, int]] = field(default_factory=list)
    is_stored: bool = True

    def add(self, block: BlockRecord) -> None:
        """Take the next block.

        Raises:
            UserError: One of its chips cannot be used.
        """
        if block.failed_mask is not None:
            raise unknown_values_error(self.chips, self.chips.mask_of(block.failed_mask))
        if block.error is not None:
            raise block.error
        self.notes.merge(block.notes)
        self.measurement.merge(block.measurement)
        self.digests += block.digests
        self.class_counts += block.class_counts
        self.is_stored = self.is_stored and block.is_stored

    def result(self, layout: PixelLayout) -> MeasuredSet:
        """What was measured, after all blocks.

        Raises:
            UserError: The chips do not go together, or their values cannot be what was said of them.
        """
        self.notes.check(self.chips)
        _, height, width = layout.shape
        return MeasuredSet(
            digests=self.digests,
            class_counts=self.class_counts,
            statistics=self.measurement.result(),
            bands=self.notes.bands(),
            band_meanings=self.notes.band_meanings(),
            image_shape=layout.shape,
            dtype=layout.dtype,
            was_fitted=any(size != (height, width) for size in self.notes.sizes),
            lines=self.notes.lines(self.chips.is_reviewed),
        )


def _read_first(chips: Chips) -> tuple[ChipPixels, ChipNotes]:
    """Read the first chip, which all others must be like."""
    try:
        return chips.read_noted(0)
    except MaskValuesError as error:
        raise unknown_values_error(chips, chips.mask_of(0)) from error
