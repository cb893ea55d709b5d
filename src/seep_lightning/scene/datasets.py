"""GDAL's datasets: opening one, writing a GeoTIFF."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.env import ensure_env_with_credentials, set_gdal_config
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from seep_lightning import compat
from seep_lightning.errors import LONGEST_REASON, UserError, first_line
from seep_lightning.files import write_whole
from seep_lightning.scene.archive_contents import check_archive
from seep_lightning.scene.budgets import check_opened
from seep_lightning.scene.gdal_settings import gdal_settings
from seep_lightning.scene.interfaces import Values
from seep_lightning.scene.locations import (
    OWN_MEMORY,
    archive_of,
    is_at_an_address,
    parsed_subdataset,
)
from seep_lightning.scene.raster_formats import (
    CHIP_FORMAT,
    REFERRING_DRIVERS,
    allowed_drivers,
    format_of,
    is_decoded_whole,
    kept_drivers,
)
from seep_lightning.scene.references import (
    check_metadata,
    check_own_vrt,
    check_packed,
    check_references,
    is_listed,
    raster_sidecars,
)

UNREADABLE_RASTER: tuple[type[Exception], type[Exception]] = (RasterioError, compat.gdal_error())
"""What rasterio raises for a file that is none, or is damaged, wherever in it the damage lies."""
# By default GDAL's block cache takes 5 % of the memory, which is more than our strips.
GDAL_CACHE_BYTES = 64 << 20

compat.silence_gdal()
# of what a file of a stranger names, GDAL shall fetch nothing, even where a check here has overlooked it
compat.forbid_gdal_networks()
# nor shall it open what is no raster of ours
compat.keep_gdal_drivers(kept_drivers())
for _name, _value in gdal_settings().items():
    set_gdal_config(_name, _value)

# The list of warning filters belongs to the whole process.
_WARNING_FILTERS = threading.Lock()
# of archives; one that GDAL's drivers refuse holds no raster that could be listed
_PACKED = (".zip", ".tar", ".tgz", ".gz")


def open_dataset(path: str | Path, mode: str = "r", **options: Any) -> Any:
    """Open a rasterio dataset without its warning about a missing georeference, see `Raster.georeferenced`.

    What is read is opened by the drivers of `scene.raster_formats` only, within the bounds of `scene.references` and
    `scene.budgets`.

    Args:
        path: The file, or one of GDAL's virtual file systems (`/vsi...`). A text stays as it is; it may also be a
            virtual raster of this package's own making.
        mode: As of `rasterio.open`.
        options: Further keywords of `rasterio.open`.

    Returns:
        The dataset, which the caller closes.

    Raises:
        UserError: A file that is to be read draws on what it may not, or claims more memory than it may take.
    """
    set_gdal_config("GDAL_CACHEMAX", GDAL_CACHE_BYTES)
    if mode != "r":
        with silent_about_georeference():
            return rasterio.open(path, mode, **options)
    driver = options.pop("driver", None)
    drivers = allowed_drivers() if driver is None else [driver]
    settings = _check_before_opening(path)
    if not settings.may_refer:
        drivers = [name for name in drivers if name not in REFERRING_DRIVERS]
    if not drivers:
        raise UserError(f"{path} is not opened: of what lies in archives and networks, {driver} reads other files.")
    with silent_about_georeference(), settings.applied():
        dataset = _open_reader(path, drivers, **options)
    try:
        _check_after_opening(dataset, path)
    except BaseException:
        dataset.close()
        raise
    return dataset


def open_own_dataset(path: Path) -> Any:
    """Open a dataset that this call has just written, whatever it draws on.

    Args:
        path: The file.

    Returns:
        The dataset, which the caller closes.
    """
    with silent_about_georeference():
        return rasterio.open(path)


@dataclass(frozen=True)
class _Opening:
    """How a raster is opened.

    Attributes:
        may_refer: Whether it may have one of the formats that refer to other files.
        alone: Whether GDAL shall look at no files beside it.
    """

    may_refer: bool = True
    alone: bool = False

    def applied(self) -> AbstractContextManager[Any]:
        """GDAL's settings, for the time of opening."""
        if not self.alone:
            return nullcontext()
        alone: AbstractContextManager[Any] = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
        return alone


def _check_before_opening(path: str | Path) -> _Opening:
    """Check what a raster may draw on, by what kind of name it has."""
    location = str(path)
    subdataset = None if isinstance(path, Path) else parsed_subdataset(location)
    if subdataset is not None:
        location = subdataset["file"]
    if location.startswith("<"):
        check_own_vrt(location)
        return _Opening()
    if location.startswith(OWN_MEMORY):
        return _Opening()
    if archive_of(location) is not None:
        check_packed(location)
        return _Opening(may_refer=False, alone=not is_listed(location))
    if is_at_an_address(location) and not _is_on_disk(Path(location)):
        # a person typed it, but did not write what lies there
        compat.allow_gdal_networks()
        return _Opening(may_refer=False, alone=True)
    # what is not there, GDAL tells better
    if _is_on_disk(Path(location)):
        check_references(Path(location))
    return _Opening()


@ensure_env_with_credentials  # type: ignore[untyped-decorator]
def _open_reader(path: str | Path, drivers: Sequence[str], **options: Any) -> Any:
    """Open a raster by one of several drivers; `rasterio.open` takes one only."""
    # `GTIFF_RAW:/a.tif` may be a file in a folder: what begins with a slash has no prefix of GDAL's
    location = path.absolute() if isinstance(path, Path) else path
    return rasterio.DatasetReader(location, driver=list(drivers), **options)


def _check_after_opening(dataset: Any, path: str | Path) -> None:
    """Check what only an open file tells: its size, and further files in its metadata."""
    name = "a stack of bands" if str(path).startswith("<") else str(path)
    check_opened(dataset, name, is_decoded_whole=is_decoded_whole(dataset.driver))
    check_metadata(dataset.tags(ns="OVERVIEWS"), name)
    beside = raster_sidecars(str(path)) if _has_sidecars(str(path)) else []
    for sidecar in beside:
        _check_sidecar(sidecar)


def _has_sidecars(location: str) -> bool:
    """Whether files may lie beside a raster: a file on the disk, or in an archive."""
    return archive_of(location) is not None or _is_on_disk(Path(location))


def _check_sidecar(location: str) -> None:
    """Raise `UserError` for a file of overviews or of a mask whose own metadata name further files."""
    drivers = [name for name in allowed_drivers() if name not in REFERRING_DRIVERS]
    path = Path(location) if _is_on_disk(Path(location)) else location
    try:
        with silent_about_georeference(), _Opening(alone=True).applied(), _open_reader(path, drivers) as sidecar:
            check_metadata(sidecar.tags(ns="OVERVIEWS"), location)
    except UNREADABLE_RASTER as error:
        raise UserError(f"{location} lies beside a raster, and is damaged. Remove it.") from error


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
    except (*UNREADABLE_RASTER, OSError) as error:
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
        check_archive(path)
        expected = "Expected an archive that holds rasters; where it does, it is cut off: download it again."
    return f"{location} is no raster ({reason}). {expected}"


def _available_drivers() -> set[str]:
    """The short names of the drivers of the installed GDAL."""
    with rasterio.Env() as environment:
        return set(environment.drivers())


def write_geotiff(path: Path, array: Values, nodata: int | None, names: Sequence[str] = (), **options: Any) -> None:
    """Write a whole deflated GeoTIFF or none of it.

    GDAL is silent about what a disk refuses while it closes a file. So it writes into memory, and the bytes go to the
    disk as those of every other file do; without waiting for the disk, since there may be thousands (`sync_folder`).

    Args:
        path: The file to write.
        array: The pixels, (C, H, W).
        nodata: The value of pixels without data; None for none.
        names: The names of the bands; empty for none.
        options: Further keywords of `rasterio.open`, such as `crs` and `transform`.

    Raises:
        DiskError: The disk is full, or the file cannot be written.
    """
    count, height, width = array.shape
    pixels = {"count": count, "height": height, "width": width, "dtype": array.dtype.name, "nodata": nodata}
    # what the caller says about the format wins
    options = {"driver": CHIP_FORMAT.driver, **CHIP_FORMAT.options, **options}
    with MemoryFile() as memory:
        with silent_about_georeference(), memory.open(**pixels, **options) as out:
            out.write(array)
            if names:
                out.descriptions = names
        write_whole(path, memory.getbuffer(), sync=False)
