"""GDAL's virtual rasters (VRT) as XML: files laid side by side, or a band in a flat file.

The format: https://gdal.org/en/stable/drivers/raster/vrt.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from affine import Affine
from rasterio.control import GroundControlPoint

from seep_lightning.scene.georeference import Georeference


@dataclass(frozen=True)
class VrtSource:
    """A file whose bands are laid into a virtual raster.

    Attributes:
        location: What GDAL opens, absolute.
        left: The column of its first pixel.
        top: The row of its first pixel.
        width: Its columns.
        height: Its rows.
        data_type: GDAL's name of its data type.
        band: The number of the band that `add_file_band` takes.
    """

    location: str
    left: int
    top: int
    width: int
    height: int
    data_type: str
    band: int = 1


def new_vrt(width: int, height: int) -> Element:
    """A virtual raster without bands."""
    return Element("VRTDataset", {"rasterXSize": str(width), "rasterYSize": str(height)})


def add_metadata(dataset: Element, tags: Mapping[str, str]) -> None:
    """Add metadata to a virtual raster.

    Args:
        dataset: The virtual raster.
        tags: Texts by their names.
    """
    metadata = SubElement(dataset, "Metadata")
    for name, text in tags.items():
        SubElement(metadata, "MDI", {"key": name}).text = text


def add_georeference(dataset: Element, place: Georeference, row: int, column: int) -> None:
    """Place a virtual raster on the ground.

    Args:
        dataset: The virtual raster.
        place: The georeference of one of its files.
        row: The row of that file's first pixel.
        column: The column of that file's first pixel.
    """
    crs = ""
    if place.crs is not None:
        crs = place.crs.to_wkt()
    if place.placed_by_points:
        _add_points(dataset, crs, place.shifted_points(row, column))
    elif place.has_transform:
        _add_transform(dataset, crs, place.transform @ Affine.translation(-column, -row))


def _add_points(dataset: Element, crs: str, points: Iterable[GroundControlPoint]) -> None:
    """Place a virtual raster by ground control points."""
    point_list = SubElement(dataset, "GCPList", {"Projection": crs})
    for point in points:
        position = {
            "Pixel": str(point.col),
            "Line": str(point.row),
            "X": str(point.x),
            "Y": str(point.y),
            "Z": str(point.z or 0),
        }
        SubElement(point_list, "GCP", position)


def _add_transform(dataset: Element, crs: str, transform: Affine) -> None:
    """Place a virtual raster by a geotransform; its coordinate system may be unknown (empty)."""
    if crs:
        _add_text(dataset, "SRS", crs)
    coefficients = [str(value) for value in transform.to_gdal()]
    _add_text(dataset, "GeoTransform", ", ".join(coefficients))


def add_mosaic_band(
    dataset: Element,
    number: int,
    name: str,
    nodata: float | None,
    sources: Iterable[VrtSource],
    scaling: tuple[float, float] | None = None,
) -> None:
    """Add a band that is the same band of several files.

    Args:
        dataset: The virtual raster.
        number: The band's number, from 1, in it and in each file.
        name: The band's name; empty for none.
        nodata: The value where no file lies; None for none.
        sources: The files.
        scaling: Scale and offset of the values; None where they mean themselves.
    """
    band = SubElement(dataset, "VRTRasterBand", {"band": str(number)})
    _add_text(band, "Description", name)
    if nodata is not None:
        _add_text(band, "NoDataValue", f"{nodata:g}")
    if scaling is not None:
        scale, offset = scaling
        _add_text(band, "Offset", repr(offset))
        _add_text(band, "Scale", repr(scale))
    for source in sources:
        band.set("dataType", source.data_type)
        _add_source(band, number, source)


def add_file_band(
    dataset: Element,
    number: int,
    name: str,
    source: VrtSource,
    nodata: float | None = None,
    scaling: tuple[float, float] = (1.0, 0.0),
) -> None:
    """Add a band that is a band of a file as large as the virtual raster.

    Args:
        dataset: The virtual raster.
        number: The band's number, from 1.
        name: The band's name.
        source: The file.
        nodata: The value of pixels without data; None for none.
        scaling: Scale and offset of the values.
    """
    band = SubElement(dataset, "VRTRasterBand", {"dataType": source.data_type, "band": str(number)})
    _add_text(band, "Description", name)
    if nodata is not None:
        _add_text(band, "NoDataValue", repr(nodata))
    if scaling != (1.0, 0.0):
        scale, offset = scaling
        _add_text(band, "Offset", repr(offset))
        _add_text(band, "Scale", repr(scale))
    _add_source(band, source.band, source)


def add_complex_band(dataset: Element, number: int, name: str, real: VrtSource, imaginary: VrtSource) -> None:
    """Add a band of complex values whose parts are bands of files as large as the virtual raster.

    Args:
        dataset: The virtual raster.
        number: The band's number, from 1.
        name: The band's name.
        real: The real parts.
        imaginary: The imaginary parts.
    """
    kind = {"dataType": "CFloat32", "band": str(number), "subClass": "VRTDerivedRasterBand"}
    band = SubElement(dataset, "VRTRasterBand", kind)
    _add_text(band, "Description", name)
    _add_text(band, "PixelFunctionType", "complex")
    _add_text(band, "SourceTransferType", "Float32")
    for source in (real, imaginary):
        _add_source(band, source.band, source)


def _add_source(band: Element, number: int, source: VrtSource) -> None:
    """Lay a band of a file into a band of the virtual raster."""
    width = str(source.width)
    height = str(source.height)
    properties = {"RasterXSize": width, "RasterYSize": height, "DataType": source.data_type}
    from_rectangle = {"xOff": "0", "yOff": "0", "xSize": width, "ySize": height}
    to_rectangle = {"xOff": str(source.left), "yOff": str(source.top), "xSize": width, "ySize": height}
    part = SubElement(band, "SimpleSource")
    _add_text(part, "SourceFilename", source.location)
    _add_text(part, "SourceBand", str(number))
    # with its properties GDAL opens no file before a pixel is read
    SubElement(part, "SourceProperties", properties)
    SubElement(part, "SrcRect", from_rectangle)
    SubElement(part, "DstRect", to_rectangle)


def add_raw_byte_band(dataset: Element, file: Path, offset: int, line_bytes: int) -> None:
    """Add a band of bytes that lie in a flat file.

    Args:
        dataset: The virtual raster.
        file: The flat file, beside the virtual raster: GDAL takes no other.
        offset: Where the first pixel lies, bytes.
        line_bytes: From one row to the next, bytes.
    """
    band = SubElement(dataset, "VRTRasterBand", {"dataType": "Byte", "band": "1", "subClass": "VRTRawRasterBand"})
    # not relative: GDAL takes a backslash in the virtual raster's own path for the end of its folder
    _add_text(band, "SourceFilename", str(file.absolute()))
    _add_text(band, "ImageOffset", str(offset))
    _add_text(band, "PixelOffset", "1")
    _add_text(band, "LineOffset", str(line_bytes))


def vrt_text(dataset: Element) -> str:
    """A virtual raster as the text of its file."""
    return ElementTree.tostring(dataset, encoding="unicode")


def _add_text(parent: Element, tag: str, text: str) -> None:
    element = SubElement(parent, tag)
    element.text = text
