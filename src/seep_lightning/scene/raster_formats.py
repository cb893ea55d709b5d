"""The raster formats: which files of a folder are scenes or chips, and how maps and chips are stored.

A format that is to be read is one entry of `RASTER_FORMATS`. Imports nothing heavy, as every command lists suffixes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
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
        signatures: How its files begin; empty where they have no common beginning, and their suffix tells them.
        zeros: Which bytes of its files are zero: a signature of two letters may begin any text, too.
        by_blocks: True if a part of a picture can be decoded without the rest of it.
    """

    name: str
    driver: str
    suffixes: tuple[str, ...]
    scenes: bool = True
    chips: bool = False
    lossy: bool = False
    keeps_maps: bool = False
    signatures: tuple[bytes, ...] = ()
    zeros: range = range(0)
    by_blocks: bool = True

    def begins(self, head: bytes) -> bool:
        """Whether a file begins as those of this format do."""
        has_zeros = all(head[place : place + 1] == b"\0" for place in self.zeros)
        return has_zeros and head.startswith(self.signatures)


VRT_DRIVER = "VRT"
# sizes and lengths stand at the beginning of all plain rasters; of Envisat alone it is text
_BYTES_WITH_A_ZERO = 16
REFERRING_DRIVERS = (VRT_DRIVER, "netCDF", "HDF5", "HDF5Image")
"""Of formats whose files may show other files: `scene.references` judges those on a disk."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HDF5 = (b"\x89HDF\r\n\x1a\n",)
_PNG = (b"\x89PNG\r\n\x1a\n",)
_JPEG = (b"\xff\xd8\xff",)
_JPEG_2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")

# GDAL opens no other: each has been looked at for what its files may refer to
RASTER_FORMATS: tuple[RasterFormat, ...] = (
    RasterFormat("GeoTIFF", "GTiff", (".tif", ".tiff"), chips=True, keeps_maps=True, signatures=_TIFF),
    RasterFormat("PNG", "PNG", (".png",), chips=True, keeps_maps=True, signatures=_PNG, by_blocks=False),
    # judged by `scene.references`
    RasterFormat("GDAL virtual raster", VRT_DRIVER, (".vrt",), signatures=(b"<VRTDataset",)),
    RasterFormat("Erdas Imagine", "HFA", (".img",), signatures=(b"EHFA_HEADER_TAG",)),
    RasterFormat("JPEG 2000", "JP2OpenJPEG", (".jp2",), chips=True, signatures=_JPEG_2000, by_blocks=False),
    RasterFormat(
        "JPEG", "JPEG", (".jpg", ".jpeg"), scenes=False, chips=True, lossy=True, signatures=_JPEG, by_blocks=False
    ),
    RasterFormat("Windows bitmap", "BMP", (".bmp",), scenes=False, chips=True, signatures=(b"BM",), zeros=range(6, 10)),
    RasterFormat("WebP", "WEBP", (".webp",), scenes=False, chips=True, signatures=(b"RIFF",), by_blocks=False),
    # the files of the following are told by `scene.inputs`, or named by a person
    # judged by `scene.hdf5_references`, as is Zarr
    RasterFormat("NetCDF", "netCDF", (), signatures=(b"CDF\x01", b"CDF\x02", b"CDF\x05", *_HDF5)),
    RasterFormat("HDF5", "HDF5", (), signatures=_HDF5),
    RasterFormat("a raster in HDF5", "HDF5Image", (), signatures=_HDF5),
    RasterFormat("Zarr", "Zarr", ()),
    RasterFormat("ENVI", "ENVI", ()),
    RasterFormat("Envisat", "ESAT", (), signatures=(b"PRODUCT=",)),
    RasterFormat("GIF", "GIF", (), signatures=(b"GIF8",), by_blocks=False),
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
# rasterio draws and traces outlines in these
_MEMORY_DRIVERS = ("MEM", "Memory")
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


@cache
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


def allowed_drivers() -> list[str]:
    """GDAL's short names of the drivers that may open a file, in the order in which they are tried."""
    return list(dict.fromkeys(known.driver for known in RASTER_FORMATS))


def kept_drivers() -> list[str]:
    """GDAL's short names of all drivers that this package has a use for."""
    return [*allowed_drivers(), MAP_FORMAT.driver, CHIP_FORMAT.driver, *_MEMORY_DRIVERS]


def is_signed(head: bytes) -> bool:
    """Whether a file is a plain raster, and no virtual one, by its first bytes.

    Args:
        head: The first bytes.
    """
    # a text may begin so, too, and GDAL would take it for the label of any file or for a service
    is_text = b"\0" not in head[:_BYTES_WITH_A_ZERO]
    is_other_riff = head.startswith(b"RIFF") and head[8:12] != b"WEBP"
    return (
        not is_text
        and not is_other_riff
        and any(known.begins(head) for known in RASTER_FORMATS if known.driver != VRT_DRIVER)
    )


def is_signed_by(path: Path, head: bytes) -> bool:
    """Whether a file is a plain raster by its first bytes, or by its name where its format has no such.

    Args:
        path: The file; ENVI's have a header of text beside them.
        head: Its first bytes.
    """
    known = format_of(path)
    has_own_suffix = known is not None and not known.signatures
    return is_signed(head) or has_own_suffix or any(header.is_file() for header in envi_headers(path))


def envi_headers(path: Path) -> tuple[Path, Path]:
    """Where the header of a raster of ENVI may lie, whose own file holds plain numbers."""
    return path.with_suffix(".hdr"), path.with_name(f"{path.name}.hdr")


def is_decoded_whole(driver: str) -> bool:
    """Whether the pictures of a format can be decoded as a whole only, by GDAL's short name of its driver."""
    return any(known.driver == driver and not known.by_blocks for known in RASTER_FORMATS)
