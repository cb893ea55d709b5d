"""The names of bands in GeoTIFFs that SNAP exported, which stand where GDAL does not look: in a private tag.

SNAP's own writer: https://github.com/senbox-org/snap-engine, TiffIFD.java.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

# holds the header of BEAM-DIMAP, XML
_HEADER_TAG = 65000
# the descriptions of bands stand at its beginning, before all other metadata
_HEADER_BYTES = 1 << 20
_BAND = re.compile(r"<Spectral_Band_Info>(.*?)</Spectral_Band_Info>", re.DOTALL)
_BAND_NAME = re.compile(r"<BAND_NAME>(.*?)</BAND_NAME>", re.DOTALL)
# bands that SNAP computes from others, and does not export
_VIRTUAL_BAND = re.compile(r"<VIRTUAL_BAND>\s*true\s*</VIRTUAL_BAND>")


@dataclass(frozen=True)
class _TiffKind:
    """How a TIFF file writes its numbers, in the letters of `struct`.

    Attributes:
        start: Where the offset of the first directory stands.
        offset: An offset.
        entries: The number of a directory's entries.
        entry: An entry: tag, type, count, and the value or its offset.
    """

    start: int
    offset: str
    entries: str
    entry: str


_TIFF_KINDS = {
    42: _TiffKind(start=4, offset="I", entries="H", entry="HHII"),
    # BigTIFF
    43: _TiffKind(start=8, offset="Q", entries="Q", entry="HHQQ"),
}
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}


def snap_band_names(dataset: Any, location: str) -> list[str]:
    """The names of all bands of a file that SNAP exported; an empty list for any other file.

    Args:
        dataset: The file, open in rasterio.
        location: How it was opened.
    """
    # SNAP writes the name of its product there
    may_be_snap = dataset.driver == "GTiff" and "TIFFTAG_IMAGEDESCRIPTION" in dataset.tags()
    if not may_be_snap or not Path(location).is_file():
        return []
    try:
        with Path(location).open("rb") as file:
            header = _header_of(file)
    except (OSError, struct.error):
        return []
    names = _names_in(header)
    return names if len(names) == dataset.count else []


def _header_of(file: BinaryIO) -> str:
    """The beginning of the BEAM-DIMAP header; empty where there is none."""
    order = _BYTE_ORDERS.get(file.read(2))
    if order is None:
        return ""
    (magic,) = _read(file, f"{order}H")
    kind = _TIFF_KINDS.get(magic)
    if kind is None:
        return ""
    file.seek(kind.start)
    (directory,) = _read(file, order + kind.offset)
    file.seek(directory)
    (entries,) = _read(file, order + kind.entries)
    for _ in range(entries):
        tag, _, length, offset = _read(file, order + kind.entry)
        if tag == _HEADER_TAG:
            file.seek(offset)
            return file.read(min(length, _HEADER_BYTES)).decode(errors="replace")
    return ""


def _read(file: BinaryIO, pattern: str) -> tuple[Any, ...]:
    """The next numbers of a file."""
    return struct.unpack(pattern, file.read(struct.calcsize(pattern)))


def _names_in(header: str) -> list[str]:
    """The names of the bands, in the order of the file."""
    names: list[str] = []
    for band in _BAND.findall(header):
        name = _BAND_NAME.search(band)
        if name is not None and not _VIRTUAL_BAND.search(band):
            names.append(name[1].strip())
    return names
