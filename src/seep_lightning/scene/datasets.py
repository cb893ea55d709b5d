"""GDAL's datasets: opening one, choosing bands by number or name, writing a GeoTIFF."""

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
    return f"{location} is no raster ({reason}). {expected}"


def _available_drivers() -> set[str]:
    """The short names of the drivers of the installed GDAL."""
    with rasterio.Env() as environment:
        return set(environment.drivers())


def band_numbers(path: Path, names: Sequence[str | None], bands: Sequence[int | str]) -> list[int]:
    """Find bands by number or name.

    Args:
        path: The file, for messages.
        names: The names of its bands; None or empty for a band without one.
        bands: The bands to find: numbers from 1, or names.

    Returns:
        The numbers, from 1, of the bands.

    Raises:
        UserError: The file has no such band.
    """
    numbers: list[int] = []
    missing: list[int | str] = []
    for band in bands:
        number = _band_number(names, band)
        if number is None:
            missing.append(band)
        else:
            numbers.append(number)
    if missing:
        raise UserError(
            f"{path} has {_what_there_is(names)}; wanted {_listed(bands)}, of which {_listed(missing)} is missing. "
            "Choose with (data.)bands=[...], or use a run trained on these bands."
        )
    return numbers


def _band_number(names: Sequence[str | None], band: int | str) -> int | None:
    """The number of one band; None where there is no such band."""
    if isinstance(band, str):
        return _number_of_name(names, band)
    if 1 <= band <= len(names):
        return band
    return None


def _number_of_name(names: Sequence[str | None], name: str) -> int | None:
    """The number of the first band of this name; None where there is none."""
    if name not in names:
        return None
    return names.index(name) + 1


def _what_there_is(names: Sequence[str | None]) -> str:
    """How many bands a file has, and the names of those that have one."""
    count = f"{len(names)} band(s)"
    with_name = [name for name in names if name]
    if not with_name:
        return count
    return f"{count} named {_listed(with_name)}"


def _listed(bands: Sequence[int | str]) -> str:
    return ", ".join(str(band) for band in bands)


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
