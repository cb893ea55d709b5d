"""GDAL's virtual rasters (VRT) as XML: files laid side by side, or a band in a flat file.

The format: https://gdal.org/en/stable/drivers/raster/vrt.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from affine import Affine

from seep_lightning.scene.georeference import Georeference


@dataclass(frozen=True)
class VrtSource:
    """A file whose bands are laid into a virtual raster.

    Attributes:
        path: The file.
        left: The column of its first pixel.
        top: The row of its first pixel.
        width: Its columns.
        height: Its rows.
        data_type: GDAL's name of its data type.
    """

    path: Path
    left: int
    top: int
    width: int
    height: int
    data_type: str


def new_vrt(width: int, height: int) -> Element:
    """A virtual raster without bands."""
    return Element("VRTDataset", {"rasterXSize": str(width), "rasterYSize": str(height)})


def add_georeference(dataset: Element, place: Georeference, row: int, column: int) -> None:
    """Place a virtual raster on the ground.

    Args:
        dataset: The virtual raster.
        place: The georeference of one of its files.
        row: The row of that file's first pixel.
        column: The column of that file's first pixel.
    """
    crs = "" if place.crs is None else place.crs.to_wkt()
    if place.placed_by_points:
        listed = SubElement(dataset, "GCPList", {"Projection": crs})
        for point in place.shifted_points(row, column):
            position = {"Pixel": point.col, "Line": point.row, "X": point.x, "Y": point.y, "Z": point.z or 0}
            SubElement(listed, "GCP", {name: str(value) for name, value in position.items()})
    elif place.has_transform:
        if crs:
            _add_text(dataset, "SRS", crs)
        corner = place.transform @ Affine.translation(-column, -row)
        _add_text(dataset, "GeoTransform", ", ".join(str(value) for value in corner.to_gdal()))


def add_mosaic_band(
    dataset: Element, number: int, name: str, nodata: float | None, sources: Iterable[VrtSource]
) -> None:
    """Add a band that is the same band of several files.

    Args:
        dataset: The virtual raster.
        number: The band's number, from 1, in it and in each file.
        name: The band's name; empty for none.
        nodata: The value where no file lies; None for none.
        sources: The files.
    """
    band = SubElement(dataset, "VRTRasterBand", {"band": str(number)})
    _add_text(band, "Description", name)
    if nodata is not None:
        _add_text(band, "NoDataValue", f"{nodata:g}")
    for source in sources:
        band.set("dataType", source.data_type)
        _add_source(band, number, source)


def _add_source(band: Element, number: int, source: VrtSource) -> None:
    """Lay a band of a file into a band of the virtual raster."""
    size = {"xSize": str(source.width), "ySize": str(source.height)}
    properties = {"RasterXSize": str(source.width), "RasterYSize": str(source.height), "DataType": source.data_type}
    part = SubElement(band, "SimpleSource")
    _add_text(part, "SourceFilename", str(source.path.resolve()))
    _add_text(part, "SourceBand", str(number))
    # with its properties GDAL opens no file before a pixel is read
    SubElement(part, "SourceProperties", properties)
    SubElement(part, "SrcRect", {"xOff": "0", "yOff": "0", **size})
    SubElement(part, "DstRect", {"xOff": str(source.left), "yOff": str(source.top), **size})


def add_raw_byte_band(dataset: Element, file_name: str, offset: int, line_bytes: int) -> None:
    """Add a band of bytes that lie in a flat file.

    Args:
        dataset: The virtual raster.
        file_name: The flat file, beside the virtual raster.
        offset: Where the first pixel lies, bytes.
        line_bytes: From one row to the next, bytes.
    """
    band = SubElement(dataset, "VRTRasterBand", {"dataType": "Byte", "band": "1", "subClass": "VRTRawRasterBand"})
    SubElement(band, "SourceFilename", {"relativeToVRT": "1"}).text = file_name
    _add_text(band, "ImageOffset", str(offset))
    _add_text(band, "PixelOffset", "1")
    _add_text(band, "LineOffset", str(line_bytes))


def vrt_text(dataset: Element) -> str:
    """A virtual raster as the text of its file."""
    return ElementTree.tostring(dataset, encoding="unicode")


def _add_text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
