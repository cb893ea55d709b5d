"""Names of files in a virtual raster: what GDAL would take for anything but a path is none.

GDAL takes a word before a colon for one of its drivers or for an address, and reads whatever stands behind it: the raw
bytes of a file, a file anywhere, a page of the network. Which words these are differs from build to build, and whether
it looks at them depends on the folder that a person works in. So no word before a colon is a path, whatever it is.
"""

import re

from seep_lightning.scene.locations import parsed_subdataset

_PREFIX = re.compile(r"(\.{0,2}/)*\w+:")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
# of what GDAL reads in the place of a name: a virtual raster, a service, a pipeline
_BEGINNINGS_OF_TEXTS = ("<", "{", "[", '"', "'")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
# a second colon would be divided in another way by GDAL; two slashes belong to an address, but in HDF5
_PLAIN_PART = re.compile(r"(?!//)[^:\"]+")
_PLAIN_PART_OF_HDF5 = re.compile(r"[^:\"]+")
_PATH_OF_THIS_COMPUTER = re.compile(r"/(?!/).*", re.DOTALL)


def file_of_source(name: str) -> str | None:
    """The file that a virtual raster means by the name of a source.

    Args:
        name: As it stands there: a path, or a raster in a container, such as `NETCDF:"a.nc":sigma0`.

    Returns:
        The path; None where GDAL may take the name for anything else.
    """
    subdataset = parsed_subdataset(name)
    if subdataset is None:
        return name if _is_path(name) else None
    file = subdataset["file"]
    is_hdf5 = subdataset["driver"].upper() == "HDF5"
    plain_part = _PLAIN_PART_OF_HDF5 if is_hdf5 else _PLAIN_PART
    is_plain = ":" not in file and plain_part.fullmatch(subdataset["part"]) is not None
    return file if is_plain and _is_path(file) else None


def _is_path(name: str) -> bool:
    """Whether a name is a path for GDAL in whatever folder a person works."""
    if not name or name != name.strip() or _CONTROL_CHARACTER.search(name) is not None:
        return False
    if _PATH_OF_THIS_COMPUTER.fullmatch(name) is not None:
        return True
    if name.startswith(_BEGINNINGS_OF_TEXTS):
        return False
    return _DRIVE.match(name) is not None or _PREFIX.match(name) is None
