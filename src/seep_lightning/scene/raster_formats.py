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
        scenes: True if the files of a folder with this format are scenes. Others may be previews: they are scenes only
            in a folder that holds nothing else.
        chips: True if chips and their masks may have this format.
        lossy: True if its files never hold exactly what was written: masks in it have no sharp classes.
        keeps_maps: True if OpenCV writes it without loss: the masks and probabilities made of a chip then take the name
            of the chip's file.
    """

    name: str
    driver: str
    suffixes: tuple[str, ...]
    scenes: bool = True
    chips: bool = False
    lossy: bool = False
    keeps_maps: bool = False


RASTER_FORMATS: tuple[RasterFormat, ...] = (
    RasterFormat("GeoTIFF", "GTiff", (".tif", ".tiff"), chips=True, keeps_maps=True),
    RasterFormat("PNG", "PNG", (".png",), chips=True, keeps_maps=True),
    RasterFormat("GDAL virtual raster", "VRT", (".vrt",)),
    RasterFormat("Erdas Imagine", "HFA", (".img",)),
    RasterFormat("JPEG 2000", "JP2OpenJPEG", (".jp2",), chips=True),
    RasterFormat("JPEG", "JPEG", (".jpg", ".jpeg"), scenes=False, chips=True, lossy=True),
    RasterFormat("Windows bitmap", "BMP", (".bmp",), scenes=False, chips=True),
    RasterFormat("WebP", "WEBP", (".webp",), scenes=False, chips=True),
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
    return tuple(suffix for known in RASTER_FORMATS if known.scenes for suffix in known.suffixes)


def picture_suffixes() -> tuple[str, ...]:
    """The suffixes of files that are taken for scenes in a folder without any of `scene_suffixes`."""
    return tuple(suffix for known in RASTER_FORMATS if not known.scenes for suffix in known.suffixes)


def chip_suffixes() -> tuple[str, ...]:
    """The suffixes of the files of a folder that are taken for chips or their masks."""
    return tuple(suffix for known in RASTER_FORMATS if known.chips for suffix in known.suffixes)


def chip_map_suffixes() -> tuple[str, ...]:
    """The suffixes with which the maps of chips are written."""
    return tuple(suffix for known in RASTER_FORMATS if known.keeps_maps for suffix in known.suffixes)


def lossy_suffixes() -> tuple[str, ...]:
    """The suffixes of files that never hold exactly what was written."""
    return tuple(suffix for known in RASTER_FORMATS if known.lossy for suffix in known.suffixes)


def chip_map_name(chip_name: str) -> str:
    """The name of the files that hold a chip's mask and probabilities: the chip's own where that loses nothing."""
    if chip_name.lower().endswith(chip_map_suffixes()):
        return chip_name
    return f"{chip_name}{CHIP_FORMAT.suffix}"


def format_of(path: Path) -> RasterFormat | None:
    """The format that the suffix of a file names; None for one that is not known."""
    matching = (known for known in RASTER_FORMATS if path.suffix.lower() in known.suffixes)
    return next(matching, None)
