"""GDAL's names of what lies in other files: files in archives, rasters in containers, and files of a network."""

import os
import re
from pathlib import Path

from seep_lightning.errors import UserError

OWN_MEMORY = "/vsimem/"
"""Where this package, and nobody else, lays files that have no place on a disk."""

_VIRTUAL_SYSTEM = "/vsi"
# at the beginning: within a name of a stranger it is none that a person typed
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://")
_LISTED_ARCHIVE = re.compile(r"/vsi(zip|tar)/")
_SUBDATASET = re.compile(
    r"(?P<driver>NETCDF|HDF5|ZARR):(?P<quote>\"?)(?P<file>[^\"]+?)(?P=quote):(?P<part>[^\"]+)", re.I
)
_DIRECTORY = re.compile(r"(?P<driver>GTIFF_DIR):(?P<part>\d+):(?P<file>.+)", re.I)
# one may hold another; braces end where a name may hold anything
_IN_ARCHIVE = re.compile(
    r"(/vsi(?P<system>zip|tar|gzip|7z|rar)/\{?)+(?P<path>((?P<braces>[^{}]+)\}/?)?(?P<member>.*))", re.DOTALL
)


def parsed_subdataset(text: str) -> re.Match[str] | None:
    """The parts `driver`, `file` and `part` of the name of a raster in a file; None where it is none.

    Args:
        text: Such as `NETCDF:"a.nc":sigma0` or `GTIFF_DIR:2:a.tif`.
    """
    return _SUBDATASET.fullmatch(text) or _DIRECTORY.fullmatch(text)


def archive_of(location: str) -> Path | None:
    """The archive on the disk that a name such as `/vsizip/{/home/a.zip}/b.tif` leads into; None for any other name."""
    match = _IN_ARCHIVE.match(location)
    if match is None:
        return None
    inside = Path(match["braces"] or match["path"])
    return next((folder for folder in (inside, *inside.parents) if folder.is_file()), None)


def check_name(path: Path) -> None:
    """Check that the name of a file can be written: into tables, other files' names, and on a terminal.

    Args:
        path: The file.

    Raises:
        UserError: It is not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        written = os.fsencode(path.name).decode(errors="backslashreplace")
        folder = os.fsencode(path.parent).decode(errors="backslashreplace")
        raise UserError(
            f"The name of {written} in {folder} is not UTF-8. Rename it: convmv -f latin1 -t utf8."
        ) from error


def is_of_a_virtual_system(location: str) -> bool:
    """Whether a name is one of GDAL's virtual file systems, such as `/vsizip/...` or `/vsicurl/...`."""
    return location.startswith(_VIRTUAL_SYSTEM)


def may_be_listed(location: str) -> bool:
    """Whether a file lies in a zip or tar on the disk, and not in another archive within.

    Args:
        location: Such as `/vsizip/{/home/a.zip}/b.tif`.
    """
    return _LISTED_ARCHIVE.match(location) is not None and location.count(_VIRTUAL_SYSTEM) == 1


def is_at_an_address(location: str) -> bool:
    """Whether a name is one of a network: `/vsicurl/...`, `/vsis3/...`, `https://...`."""
    return is_of_a_virtual_system(location) or _ADDRESS.match(location) is not None


def member_of(location: str) -> str:
    """The name of a file within its archive; empty where the archive is a compressed file itself."""
    archive = archive_of(location)
    match = _IN_ARCHIVE.match(location)
    if archive is None or match is None:
        return ""
    if match["braces"]:
        return match["member"]
    return match["path"].removeprefix(str(archive)).lstrip("/")
