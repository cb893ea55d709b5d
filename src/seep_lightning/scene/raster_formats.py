"""The raster formats: which files of a folder are scenes or chips, and how maps and chips are stored.

A format that is to be read is one entry of `RASTER_FORMATS`. Imports nothing heavy, as every command lists suffixes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True)
class RasterFormat:
    """A raster format that is read.

    Attributes:
        name: What people call it.
        driver: GDAL's short name of its driver, as `gdalinfo --formats` lists it.
        suffixes: The suffixes of its files, in lower case and with their dot.
        chips: True if chips may have this format, too. OpenCV must write it without loss: the masks and probabilities
            made of a chip take the name of its file.
    """

    name: str
    driver: str
    suffixes: tuple[str, ...]
    chips: bool = False


RASTER_FORMATS: tuple[RasterFormat, ...] = (
    RasterFormat("GeoTIFF", "GTiff", (".tif", ".tiff"), chips=True),
    RasterFormat("PNG", "PNG", (".png",), chips=True),
    RasterFormat("GDAL virtual raster", "VRT", (".vrt",)),
    RasterFormat("Erdas Imagine", "HFA", (".img",)),
    RasterFormat("JPEG 2000", "JP2OpenJPEG", (".jp2",)),
)


@dataclass(frozen=True)
class OutputFormat:
    """A raster format that is written.

    Attributes:
        driver: GDAL's short name of its driver.
        suffix: The suffix of its files, with its dot.
        options: The driver's creation options.
    """

    driver: str
    suffix: str
    options: Mapping[str, str | int]


MAP_FORMAT = OutputFormat(
    driver="COG",
    suffix=".tif",
    options=MappingProxyType(
        {"compress": "DEFLATE", "level": 6, "blocksize": 512, "bigtiff": "IF_SAFER", "statistics": "NO"}
    ),
)
CHIP_FORMAT = OutputFormat(driver="GTiff", suffix=".tif", options=MappingProxyType({"compress": "deflate"}))

PROBABILITY_SUFFIX = f".probability{MAP_FORMAT.suffix}"
MASK_SUFFIX = f".mask{MAP_FORMAT.suffix}"
MAP_SUFFIXES = (PROBABILITY_SUFFIX, MASK_SUFFIX)
"""How the file names of maps end: `NAME.probability.tif` and `NAME.mask.tif`."""


def scene_suffixes() -> tuple[str, ...]:
    """The suffixes of the files of a folder that are taken for scenes."""
    return tuple(suffix for known in RASTER_FORMATS for suffix in known.suffixes)


def chip_suffixes() -> tuple[str, ...]:
    """The suffixes of the files of a folder that are taken for chips or their masks."""
    return tuple(suffix for known in RASTER_FORMATS if known.chips for suffix in known.suffixes)


def format_of(path: Path) -> RasterFormat | None:
    """The format that the suffix of a file names; None for one that is not known."""
    matching = (known for known in RASTER_FORMATS if path.suffix.lower() in known.suffixes)
    return next(matching, None)
