"""What the annotation of a band says: its size, where it lies on the ground, and whether noise is in it."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from seep_lightning.scene.budgets import TALLEST, WIDEST
from seep_lightning.scene.georeference import Georeference
from seep_lightning.scene.inputs.sentinel1.bounds import MOST_GRID_POINTS, elements
from seep_lightning.scene.inputs.sentinel1.files import ProductFiles
from seep_lightning.scene.inputs.sentinel1.product import damage_told, parsed_xml
from seep_lightning.scene.inputs.sentinel1.sea import sea_points

WGS84 = "EPSG:4326"


@dataclass(frozen=True)
class Annotation:
    """What the annotation of a band says.

    Attributes:
        height: Rows.
        width: Columns.
        place: Points of the product whose places it knows: those of its grid, or points at sea level where these lie
            on land. As in GDAL, line and pixel count from the outer corner of the first pixel.
        without_noise: Whether the thermal noise was subtracted when the product was made: then 0 may be a value.
    """

    height: int
    width: int
    place: Georeference
    without_noise: bool


def read_annotation(files: ProductFiles, file: str) -> Annotation:
    """Read the annotation of a band.

    Args:
        files: The product's files.
        file: The annotation.

    Raises:
        UserError: It is missing or damaged.
    """
    root = parsed_xml(files, file)
    with damage_told(files, file):
        grid = [_point(element) for element in elements(root, ".//geolocationGridPoint", MOST_GRID_POINTS)]
        points = sea_points(root) or grid
        return Annotation(
            height=_size(root, ".//numberOfLines", TALLEST),
            width=_size(root, ".//numberOfSamples", WIDEST),
            place=Georeference(CRS.from_string(WGS84), Affine.identity(), points, placed_by_points=bool(points)),
            without_noise=root.findtext(".//thermalNoiseCorrectionPerformed") == "true",
        )


def _size(root: Element, path: str, most: int) -> int:
    """A number of lines or pixels; ValueError for what no image has."""
    size = number(root, path)
    # not so for what is no number
    if not 1 <= size <= most:
        raise ValueError(f"{path.removeprefix('.//')} is {size:g}; expected 1 to {most:,}")
    return int(size)


def _point(element: Element) -> GroundControlPoint:
    """A point of the grid."""
    row = number(element, "line")
    column = number(element, "pixel")
    return GroundControlPoint(
        row, column, number(element, "longitude"), number(element, "latitude"), number(element, "height")
    )


def number(element: Element, path: str) -> float:
    """The number at a path below an element; ValueError where there is none."""
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"it has no {path.removeprefix('.//')}")
    return float(text)
