"""The names of files beside a raster that GDAL takes for parts of it: overviews, masks, and metadata."""

import re

METADATA_SIDECAR = ".aux.xml"
_SIDECAR = re.compile(r"(?P<raster>.*?)(?P<suffix>(\.ovr|\.msk)+(\.aux\.xml)?|\.aux\.xml)", re.IGNORECASE | re.DOTALL)
# a sidecar may have sidecars of its own, which GDAL follows, too


def raster_of(name: str) -> str:
    """The name of the raster that a file is a part of; empty where it is none.

    Args:
        name: Such as `a.tif.ovr.aux.xml`.
    """
    match = _SIDECAR.fullmatch(name)
    return "" if match is None else match["raster"]


def is_metadata(name: str) -> bool:
    """Whether a part of a raster holds metadata, and no pixels."""
    return name.lower().endswith(METADATA_SIDECAR)
