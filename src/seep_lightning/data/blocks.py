"""Blocks of chips, read and measured by all cores: each is a function of its chips alone, and they are put in order."""

import ctypes
import hashlib
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chips import Chips
from seep_lightning.data.class_counts import count_classes
from seep_lightning.data.images import ChipNotes, ChipPixels, empty_kind
from seep_lightning.data.masks import MaskValuesError
from seep_lightning.data.pixel_stores.layout import DamagedPixelsError, PixelLayout
from seep_lightning.data.pixel_stores.memory import MemoryStore, PixelStore
from seep_lightning.data.set_notes import SetNotes
from seep_lightning.data.sizes import size_text
from seep_lightning.data.statistics import Measurement
from seep_lightning.data.surveys import differing_kinds_error
from seep_lightning.errors import UserError

BLOCK = 32
"""Chips of a block."""

# fewer pixels than those of 512 chips of 256 px are read sooner than processes are started
LEAST_PIXELS = 1 << 25
# more processes wait for the disk
MOST_PROCESSES = 16
# blocks of each process that are being read, or wait for their turn
BLOCKS_AHEAD = 2
# Linux: the number by which prctl asks for a signal when the parent ends
_SET_PARENT_DEATH_SIGNAL = 1

Observe = Callable[[int, ChipPixels], Any]


@dataclass
class BlockRecord:
    """What was found out of the chips of a block.

    Attributes:
        digests: Of each chip.
        class_counts: Of each chip.
        notes: Of all of them.
        measurement: Of all of them.
        failed_mask: The position of a chip whose mask has values without a meaning; the block ends before it.
        error: Why the chip after those in the block cannot be used.
        is_stored: Whether all pixels could be kept.
    """

    notes: SetNotes
    measurement: Measurement
    digests: list[str] = field(default_factory=list)
    class_counts: list[dict[int, int]] = field(default_factory=list)
    failed_mask: int | None = None
    error: UserError | None = None
    is_stored: bool = True


@dataclass(frozen=True)
class BlockReader:
    """Reads blocks of a data set.

    Attributes:
        chips: The data set.
        first: The first chip, which was read already.
        measurement: Of no chip yet.
        layout: How pixels lie in memory.
        store: Where pixels are kept; None: nowhere.
    """

    chips: Chips
    first: tuple[ChipPixels, ChipNotes]
    measurement: Measurement
    layout: PixelLayout
    store: PixelStore | None

    @property
    def kind(self) -> str:
        """What all images must be like, in words."""
        pixels, _ = self.first
        return kind_text(pixels.image)

    def read(self, start: int, observe: Observe | None = None) -> BlockRecord:
        """Read the block that begins at a chip.

        Args:
            start: The chip's position.
            observe: Looks at each chip in turn.
        """
        record = BlockRecord(SetNotes(self.chips.config), self.measurement.empty())
        for index in range(start, min(start + BLOCK, len(self.chips))):
            try:
                pixels = self._add(index, record)
            except MaskValuesError:
                record.failed_mask = index
                break
            except UserError as error:
                record.error = error
                break
            if observe is not None:
                observe(index, pixels)
        return record

    def _add(self, index: int, record: BlockRecord) -> ChipPixels:
        """Read and measure a chip, and keep its pixels."""
        name = self.chips.names[index]
        pixels, notes = self.first if index == 0 else self.chips.read_noted(index)
        self._check(pixels, name)
        record.notes.add(notes)
        record.measurement.add(self.chips.scenes[index], pixels)
        record.class_counts.append(count_classes(pixels))
        record.digests.append(digest(name, pixels.image, pixels.known_mask))
        if self.store is not None and record.is_stored:
            try:
                self.store.write(index, pixels)
            except OSError:
                # a full disk: the chips are read again at each use
                record.is_stored = False
        return pixels

    def _check(self, pixels: ChipPixels, name: str) -> None:
        """Raise `UserError` for a chip that differs from the first one, or has no data."""
        kind = kind_text(pixels.image)
        if kind != self.kind:
            raise differing_kinds_error(self.chips, self.kind, name, kind)
        if not pixels.data.any():
            empty = empty_kind(pixels.image, self.chips.config)
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
    # without a copy
    buffers = [np.ascontiguousarray(array).data for array in (mask, image)]
    hashes = [hashlib.blake2b(buffer, digest_size=8).hexdigest() for buffer in buffers]
    return ":".join([name, *hashes])


def read_blocks(reader: BlockReader, observe: Observe | None = None) -> Iterator[BlockRecord]:
    """Read all blocks of a data set, by several processes where that is sooner.

    Args:
        reader: Reads them.
        observe: Looks at each chip in this process, in order.

    Yields:
        What was found out of each block, in order.
    """
    starts = range(0, len(reader.chips), BLOCK)
    processes = process_count(reader.layout)
    if processes == 1:
        for start in starts:
            yield reader.read(start, observe)
        return
    blocks = BlocksAhead(reader, processes, observe)
    try:
        for start in starts:
            yield from blocks.after(start)
        yield from blocks.rest()
    finally:
        blocks.close()


def process_count(layout: PixelLayout) -> int:
    """How many processes read a data set.

    Args:
        layout: How many chips there are, and how large they are.

    Returns:
        One a core, where the pixels are worth it and this process may fork; else 1, which is this process.
    """
    may_fork = sys.platform == "linux" and not multiprocessing.current_process().daemon
    if layout.count * layout.mask_bytes < LEAST_PIXELS or not may_fork:
        return 1
    return min(core_count(), MOST_PROCESSES)


def core_count() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BlocksAhead:
    """Blocks that forked processes read, some ahead of the one that is taken; this process only puts them in order.

    What a process was killed over is read here instead.
    """

    def __init__(self, reader: BlockReader, processes: int, observe: Observe | None) -> None:
        """Start the processes.

        Args:
            reader: Reads blocks.
            processes: How many processes there are.
            observe: Looks at each chip in this process, in order.
        """
        self.reader = reader
        self.observe = observe
        self.most = BLOCKS_AHEAD * processes
        self.waiting: deque[tuple[int, Future[BlockRecord] | None]] = deque()
        # where pixels are not kept, they come here through memory for the blocks that are ahead
        self.transport = reader.store
        if self.transport is None and observe is not None:
            self.transport = MemoryStore(reader.layout, slots=self.most * BLOCK)
        self._threads = cv2.getNumThreads()
        # OpenCV's threads do not survive a fork
        cv2.setNumThreads(1)
        context = multiprocessing.get_context("fork")
        arguments = (replace(reader, store=self.transport), os.getpid())
        self.executor = ProcessPoolExecutor(processes, context, _begin_process, arguments)

    def after(self, start: int) -> Iterator[BlockRecord]:
        """Have a block read, and give the oldest one where enough are ahead."""
        self.waiting.append((start, self._submitted(start)))
        if len(self.waiting) == self.most:
            yield self._oldest()

    def rest(self) -> Iterator[BlockRecord]:
        """Give the blocks that are still ahead."""
        while self.waiting:
            yield self._oldest()

    def close(self) -> None:
        """End the processes."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        cv2.setNumThreads(self._threads)

    def _submitted(self, start: int) -> "Future[BlockRecord] | None":
        """The block's future record; None where the processes are gone."""
        try:
            return self.executor.submit(_read_in_process, start)
        except BrokenProcessPool:
            return None

    def _oldest(self) -> BlockRecord:
        """The record of the oldest block, whose chips were looked at."""
        start, future = self.waiting.popleft()
        try:
            record = None if future is None else future.result()
        except BrokenProcessPool:
            record = None
        if record is None:
            return self.reader.read(start, self.observe)
        if self.observe is not None and self.transport is not None:
            for index in range(start, start + len(record.digests)):
                self.observe(index, self._pixels(index))
        return record

    def _pixels(self, index: int) -> ChipPixels:
        """The pixels of a chip that another process has read."""
        assert self.transport is not None
        try:
            return self.transport.read(index)
        except DamagedPixelsError:
            # it could not be kept
            pixels, _ = self.reader.chips.read_noted(index)
            return pixels


class _ForkedReader:
    """The reader of a process that reads blocks; set as it begins."""

    reader: BlockReader


def _begin_process(reader: BlockReader, parent: int) -> None:
    """Take the reader, which a fork shares, and let this process end with its parent, however that ends."""
    # Ctrl-C is for the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # elsewhere there are no such processes, see `process_count`
    if sys.platform == "linux":
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    _ForkedReader.reader = reader


def _read_in_process(start: int) -> BlockRecord:
    """Read a block, in one of the processes."""
    return _ForkedReader.reader.read(start)
