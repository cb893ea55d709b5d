"""Decoded chips in one piece of memory, which processes that are forked later share."""

import mmap
from typing import Any, Protocol

import numpy as np

from seep_lightning.data.images import ChipPixels
from seep_lightning.data.pixel_stores.layout import PixelLayout


class PixelStore(Protocol):
    """Keeps the decoded pixels of chips.

    Attributes:
        layout: How they lie.
    """

    layout: PixelLayout

    def write(self, index: int, pixels: ChipPixels) -> None:
        """Keep the chip at a position."""
        ...

    def read(self, index: int) -> ChipPixels:
        """Give the chip at a position.

        Raises:
            DamagedPixelsError: It is not there, or not whole.
        """
        ...

    def discard(self) -> None:
        """Remove what is damaged, so that nobody else meets it."""
        ...


class MemoryStore:
    """Chips in memory; pages are taken as they are written.

    Attributes:
        layout: How they lie.
        slots: How many chips there is room for: `layout.count`, or fewer that are written over in turn.
    """

    def __init__(self, layout: PixelLayout, slots: int | None = None) -> None:
        """Take the address space.

        Args:
            layout: How chips lie.
            slots: See above; None: one for each chip.
        """
        self.layout = layout
        self.slots = layout.count if slots is None else slots
        # anonymous and shared: what a forked process writes is seen by all, and no file system has to hold it
        memory = mmap.mmap(-1, self.slots * layout.record_bytes)
        self._records = np.frombuffer(memory, np.uint8).reshape(self.slots, layout.record_bytes)

    def write(self, index: int, pixels: ChipPixels) -> None:
        """Keep the chip at a position."""
        self.layout.pack(pixels, self._records[index % self.slots], checked=False)

    def read(self, index: int) -> ChipPixels:
        """Give the chip at a position, as views of this memory."""
        return self.layout.unpack(self._records[index % self.slots], checked=False)

    def discard(self) -> None:
        """There is nothing to remove."""

    def __reduce__(self) -> Any:
        # another process has none of this memory
        return (type(None), ())
