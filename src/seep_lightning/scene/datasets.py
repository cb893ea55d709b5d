"""GDAL's datasets: opening one, writing a GeoTIFF."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from seep_lightning import compat
from seep_lightning.errors import LONGEST_REASON, UserError, first_line
from seep_lightning.scene.interfaces import Values
from seep_lightning.scene.raster_formats import CHIP_FORMAT, format_of

# By default GDAL's block cache takes 5 % of the memory, which is more than our strips.
GDAL_CACHE_BYTES = 64 << 20

compat.silence_gdal()

# The list of warning filters belongs to the whole process.
_WARNING_FILTERS = threading.Lock()
# of archives; one that GDAL's drivers refuse holds no raster that could be listed
_PACKED = (".zip", ".tar", ".tgz", ".gz")


def open_dataset(path: str | Path, mode: str = "r", **options: Any) -> Any:
    """Open a rasterio dataset without its warning about a missing georeference, see `Raster.georeferenced`.

    Args:
        path: The file, or one of GDAL's virtual file systems (`/vsi...`).
        mode: As of `rasterio.open`.
        options: Further keywords of `rasterio.open`.

    Returns:
        The dataset, which the caller closes.
    """
    set_gdal_config("GDAL_CACHEMAX", GDAL_CACHE_BYTES)
    with silent_about_georeference():
        return rasterio.open(path, mode, **options)


@contextmanager
def silent_about_georeference() -> Iterator[None]:
    """Keep rasterio's warning about a missing georeference quiet, in one thread at a time.

    Rasterio silences some of its own calls too. But the filters belong to the process, so that a thread that opens a
    file here could end that silence halfway; whatever may warn while files are opened in other threads stands in here.
    """
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def open_for_reading(location: str) -> Any:
    """Open a raster that a person named.

    Args:
        location: The file, or any name that GDAL opens, such as one of its virtual file systems (`/vsi...`).

    Returns:
        The dataset, which the caller closes.

    Raises:
        UserError: The file is missing, is no raster, or needs a driver that this GDAL does not have.
    """
    # rasterio takes a text for a URI where it looks like one, as some names of files do; a Path it takes as it is
    path = Path(location)
    try:
        return open_dataset(path if _is_on_disk(path) else location)
    except (RasterioError, OSError) as error:
        reason = first_line(error)[:LONGEST_REASON]
        raise UserError(_refusal(location, reason)) from error


def _is_on_disk(path: Path) -> bool:
    """Whether it is a file or folder; a long text, such as that of a VRT, is none."""
    try:
        return path.exists()
    except OSError:
        return False


def _refusal(location: str, reason: str) -> str:
    """Why a raster could not be opened, and what to do."""
    path = Path(location)
    expected = "Expected a GeoTIFF, a VRT or the like."
    is_there = location.startswith("/vsi") or _is_on_disk(path)
    if not is_there:
        return f"{location} is not there ({reason}). {expected}"
    raster_format = format_of(path)
    if raster_format is not None and raster_format.driver not in _available_drivers():
        missing = f"this GDAL has no driver {raster_format.driver}, which reads {raster_format.name}"
        advice = "Convert the file to GeoTIFF, or install a GDAL with this driver."
        return f"{location} cannot be opened: {missing}. {advice}"
    if path.name.lower().endswith(_PACKED):
        expected = "Expected an archive that holds rasters; where it does, it is cut off: download it again."
    return f"{location} is no raster ({reason}). {expected}"


def _available_drivers() -> set[str]:
    """The short names of the drivers of the installed GDAL."""
    with rasterio.Env() as environment:
        return set(environment.drivers())


def write_geotiff(path: Path, array: Values, nodata: int | None, names: Sequence[str] = (), **options: Any) -> None:
    """Write a deflated GeoTIFF.

    Args:
        path: The file to write.
        array: The pixels, (C, H, W).
        nodata: The value of pixels without data; None for none.
        names: The names of the bands; empty for none.
        options: Further keywords of `rasterio.open`, such as `crs` and `transform`.
    """
    count, height, width = array.shape
    pixels = {"count": count, "height": height, "width": width, "dtype": array.dtype.name, "nodata": nodata}
    # what the caller says about the format wins
    options = {"driver": CHIP_FORMAT.driver, **CHIP_FORMAT.options, **options}
    with open_dataset(path, "w", **pixels, **options) as out:
        out.write(array)
        if names:
            out.descriptions = names
