"""How the pixels of a chip lie in a record of fixed length, with a checksum that tells when they are damaged."""

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.images import ChipPixels, covers_all

# flags and checksum, padded so that the image that follows is aligned
_HEADER = struct.Struct("<IIQ")
_DATA_HAS_HOLES = 1
_LABELS_HAVE_HOLES = 2
# the flags of a record that was written, which zeros are not
_WRITTEN = 4
_BITS_A_BYTE = 8


class DamagedPixelsError(Exception):
    """A record that was not written whole, or has changed since."""


@dataclass(frozen=True)
class PixelLayout:
    """The records of a data set: header, image, mask, then a bit a pixel for data and one for labels.

    Attributes:
        shape: (C, H, W) of an image.
        dtype: The name of its type.
        count: How many chips there are.
    """

    shape: tuple[int, int, int]
    dtype: str
    count: int

    @classmethod
    def of(cls, pixels: ChipPixels, count: int) -> Self:
        """The layout of so many chips like one of them."""
        bands, height, width = pixels.image.shape
        return cls((bands, height, width), pixels.image.dtype.name, count)

    @property
    def image_bytes(self) -> int:
        """Bytes of an image."""
        bands, height, width = self.shape
        return bands * height * width * np.dtype(self.dtype).itemsize

    @property
    def mask_bytes(self) -> int:
        """Bytes of a mask."""
        _, height, width = self.shape
        return height * width

    @property
    def flag_bytes(self) -> int:
        """Bytes of a bit for each pixel."""
        return -(-self.mask_bytes // _BITS_A_BYTE)

    @property
    def record_bytes(self) -> int:
        """Bytes of a chip; records are aligned to their headers."""
        used = _HEADER.size + self.image_bytes + self.mask_bytes + 2 * self.flag_bytes
        return -(-used // _HEADER.size) * _HEADER.size

    @property
    def total_bytes(self) -> int:
        """Bytes of all chips."""
        return self.count * self.record_bytes

    def fits(self, pixels: ChipPixels) -> bool:
        """Whether a chip has the shape and the type of this layout."""
        return pixels.image.shape == self.shape and pixels.image.dtype.name == self.dtype

    def pack(self, pixels: ChipPixels, record: NDArray[np.uint8], *, checked: bool) -> None:
        """Write a chip.

        Args:
            pixels: Its pixels.
            record: Where to, (record_bytes,).
            checked: Whether it is given a checksum.
        """
        image, mask, data, labelled = self._parts(record)
        image[...] = pixels.image
        mask[...] = pixels.mask
        flags = _WRITTEN
        data[:] = 0
        labelled[:] = 0
        if not covers_all(pixels.data):
            flags |= _DATA_HAS_HOLES
            data[:] = np.packbits(pixels.data)
        if not covers_all(pixels.labelled):
            flags |= _LABELS_HAVE_HOLES
            labelled[:] = np.packbits(pixels.labelled)
        checksum = zlib.adler32(record[_HEADER.size :].data) if checked else 0
        record[: _HEADER.size] = np.frombuffer(_HEADER.pack(flags, checksum, 0), np.uint8)

    def unpack(self, record: NDArray[np.uint8], *, checked: bool) -> ChipPixels:
        """Read a chip.

        Args:
            record: Its record (record_bytes,); image and mask are views of it.
            checked: Whether its checksum is looked at.

        Raises:
            DamagedPixelsError: It is no whole record.
        """
        flags, checksum, _ = _HEADER.unpack(record[: _HEADER.size].tobytes())
        if not flags & _WRITTEN:
            raise DamagedPixelsError
        if checked and zlib.adler32(record[_HEADER.size :].data) != checksum:
            raise DamagedPixelsError
        image, mask, data, labelled = self._parts(record)
        return ChipPixels(
            image,
            mask,
            self._flags(data, has_holes=bool(flags & _DATA_HAS_HOLES)),
            self._flags(labelled, has_holes=bool(flags & _LABELS_HAVE_HOLES)),
        )

    def _parts(self, record: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[np.uint8], Any, Any]:
        """Views of a record: image (C, H, W), mask (H, W), and the bits of data and labels."""
        ends = np.cumsum([_HEADER.size, self.image_bytes, self.mask_bytes, self.flag_bytes, self.flag_bytes]).tolist()
        image, mask, data, labelled = [record[start:end] for start, end in pairwise(ends)]
        return image.view(self.dtype).reshape(self.shape), mask.reshape(self.shape[1:]), data, labelled

    def _flags(self, bits: NDArray[np.uint8], *, has_holes: bool) -> NDArray[np.bool_]:
        """(H, W) bool from their bits; without memory where all are True."""
        size = self.shape[1:]
        if not has_holes:
            return np.broadcast_to(np.True_, size)
        return np.unpackbits(bits, count=self.mask_bytes).view(np.bool_).reshape(size)
