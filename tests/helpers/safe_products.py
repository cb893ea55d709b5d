"""Sentinel-1 products of a few hundred pixels: all files that reading needs, by the specification or by a real product.

`GeneratedProduct` needs nothing; `real_product` takes the annotation of a real product and cuts a small part out of it.
"""

import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline, RegularGridInterpolator

from helpers.rasters import write_raster

NAME = "S1A_IW_GRDH_1SDV_20210401T052623_20210401T052648_026269_032297_ECC8"
HEIGHT, WIDTH = 320, 416
BORDER = 20
"""Columns outside of the swath, on the left."""
SLICKS = ((60, 120), (150, 260), (240, 180))
"""Row and column of the middle of each planted slick."""
SLICK_ROWS, SLICK_COLUMNS = 12, 90
SEA, SLICK = 0.03, 0.006
"""Sigma nought."""
LOOKS = 5

TABLE_LINES = (-40, 60, 170, 260, 400)
TABLE_PIXELS = (0, 40, 130, 260, 380, 415)

Numbers = NDArray[np.uint16]


def gain(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
    """The A of calibration tables at lines and pixels: falls along the range, and a little along the track."""
    return 620 - 0.4 * columns + 3e-4 * columns**2 - 0.05 * rows + 2e-4 * rows * columns


def noise_power(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
    """Thermal noise across the image, in squares of numbers."""
    return 500 - 0.8 * columns + 0.1 * rows


def noise_factor(rows: NDArray[Any]) -> NDArray[np.float64]:
    """The course of the noise along the image."""
    return 1 + 0.1 * np.sin(rows / 50)


def at_vectors(function: Any) -> NDArray[np.float64]:
    """A function of lines and pixels at those of the tables, (5, 6)."""
    rows, columns = np.meshgrid(TABLE_LINES, TABLE_PIXELS, indexing="ij")
    return np.asarray(function(rows, columns), np.float64)


def between_vectors(function: Any, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float64]:
    """The same at every pixel by scipy's bilinear interpolation: what a reader must find, independently of ours."""
    table = RegularGridInterpolator((TABLE_LINES, TABLE_PIXELS), at_vectors(function), bounds_error=False)
    rows, columns = np.mgrid[:height, :width]
    return np.asarray(table((rows, columns)))


def slick_mask(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.bool_]:
    """Where slicks are planted."""
    mask = np.zeros((height, width), np.uint8)
    for row, column in SLICKS:
        cv2.ellipse(mask, (column, row), (SLICK_COLUMNS // 2, SLICK_ROWS // 2), 8, 0, 360, 1, -1)
    return mask > 0


def sea_numbers(seed: int = 1, sea: float = SEA) -> Numbers:
    """Numbers of a sea with slicks, noise and speckle, and the numbers 0 to 8 in the border."""
    rng = np.random.default_rng(seed)
    sigma0 = np.where(slick_mask(), SLICK, sea)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    power = sigma0 * gain(rows, columns) ** 2 + noise_power(rows, columns) * noise_factor(rows)
    speckled = power * rng.gamma(LOOKS, 1 / LOOKS, power.shape)
    numbers = np.rint(np.sqrt(speckled)).clip(1, 65535)
    numbers[:, :BORDER] = rng.integers(0, 9, (HEIGHT, BORDER))
    return numbers.astype(np.uint16)


def degrees_of(line: float, pixel: float) -> tuple[float, float]:
    """Longitude and latitude by a generated annotation, of a descending orbit: rows run south and a little west."""
    return 12 - pixel * 1.25e-4 - line * 2.2e-5, 45 - line * 8.8e-5 + pixel * 1.6e-5


def components(mask: NDArray[np.bool_]) -> tuple[int, NDArray[np.int32]]:
    """The number of objects of 20 pixels or more, and each pixel's object, from 1."""
    count, labels, figures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = [label for label in range(1, count) if figures[label, cv2.CC_STAT_AREA] >= 20]
    return len(large), labels


@dataclass(frozen=True)
class GeneratedProduct:
    """A product whose files follow the specification.

    Attributes:
        numbers: The raster of each polarisation, (H, W).
        name: Of the product.
        without_noise: Whether its annotation says that the noise has been subtracted.
        has_noise_table: Whether it tells its noise.
        product_type: GRD, or another.
    """

    numbers: dict[str, Numbers] = field(default_factory=lambda: {"vv": sea_numbers(), "vh": sea_numbers(2, SEA / 5)})
    name: str = NAME
    without_noise: bool = False
    has_noise_table: bool = True
    product_type: str = "GRD"

    def write(self, folder: Path) -> Path:
        """The product's folder, below another."""
        product = folder / f"{self.name}.SAFE"
        (product / "annotation" / "calibration").mkdir(parents=True)
        (product / "measurement").mkdir()
        for number, (polarisation, values) in enumerate(sorted(self.numbers.items(), reverse=True), 1):
            stem = self.stem(polarisation, number)
            annotation = product / "annotation"
            write_raster(product / "measurement" / f"{stem}.tiff", values, tiled=False, blockysize=16)
            (annotation / f"{stem}.xml").write_text(self._annotation(values.shape))
            (annotation / "calibration" / f"calibration-{stem}.xml").write_text(calibration_text())
            if self.has_noise_table:
                (annotation / "calibration" / f"noise-{stem}.xml").write_text(noise_text(*values.shape))
        (product / "manifest.safe").write_text(self._manifest())
        return product

    def stem(self, polarisation: str, number: int) -> str:
        """The stem of a band's files."""
        mission, mode, _, _, *rest = self.name.lower().split("_")
        return "-".join([mission, mode, self.product_type.lower(), polarisation, *rest[:4], f"{number:03d}"])

    def _manifest(self) -> str:
        objects = ""
        for number, polarisation in enumerate(sorted(self.numbers, reverse=True), 1):
            stem = self.stem(polarisation, number)
            objects += data_object("s1Level1ProductSchema", f"annotation/{stem}.xml")
            objects += data_object("s1Level1CalibrationSchema", f"annotation/calibration/calibration-{stem}.xml")
            if self.has_noise_table:
                objects += data_object("s1Level1NoiseSchema", f"annotation/calibration/noise-{stem}.xml")
            objects += data_object("s1Level1MeasurementSchema", f"measurement/{stem}.tiff")
        start = re.search(r"\d{8}T\d{6}", self.name)[0]  # type: ignore[index]
        time = f"{start[:4]}-{start[4:6]}-{start[6:8]}T{start[9:11]}:{start[11:13]}:{start[13:]}.794457"
        return MANIFEST.format(
            number=self.name[2], product_type=self.product_type, time=time, objects=objects, mode=self.name[4:6]
        )

    def _annotation(self, shape: tuple[int, int]) -> str:
        height, width = shape
        points = ""
        for line in np.linspace(0, height - 1, 4).astype(int):
            for pixel in np.linspace(0, width - 1, 5).astype(int):
                longitude, latitude = degrees_of(line, pixel)
                points += (
                    f"<geolocationGridPoint><line>{line}</line><pixel>{pixel}</pixel><latitude>{latitude:.9f}</latitude>"
                    f"<longitude>{longitude:.9f}</longitude><height>0</height></geolocationGridPoint>"
                )
        noise = str(self.without_noise).lower()
        return ANNOTATION.format(height=height, width=width, noise=noise, points=points)


def data_object(kind: str, file: str) -> str:
    """A file in a manifest."""
    return (
        f'<dataObject ID="{Path(file).stem}" repID="{kind}"><byteStream><fileLocation locatorType="URL" '
        f'href="./{file}"/></byteStream></dataObject>'
    )


MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:safe="http://www.esa.int/safe/sentinel-1.0"
 xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1"
 xmlns:s1sarl1="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1"><metadataSection>
<safe:platform><safe:familyName>SENTINEL-1</safe:familyName><safe:number>{number}</safe:number>
<safe:instrument><safe:familyName>Synthetic Aperture Radar</safe:familyName></safe:instrument>
<s1sarl1:mode>{mode}</s1sarl1:mode></safe:platform>
<s1:orbitProperties><s1:pass>DESCENDING</s1:pass></s1:orbitProperties>
<s1sarl1:productType>{product_type}</s1sarl1:productType>
<safe:acquisitionPeriod><safe:startTime>{time}</safe:startTime></safe:acquisitionPeriod>
</metadataSection><dataObjectSection>{objects}</dataObjectSection></xfdu:XFDU>
"""

ANNOTATION = """<product><imageAnnotation><imageInformation><numberOfSamples>{width}</numberOfSamples>
<numberOfLines>{height}</numberOfLines></imageInformation><processingInformation>
<thermalNoiseCorrectionPerformed>{noise}</thermalNoiseCorrectionPerformed></processingInformation></imageAnnotation>
<geolocationGrid><geolocationGridPointList>{points}</geolocationGridPointList></geolocationGrid></product>
"""


def spaced(values: Any, form: str = "{}") -> str:
    """Numbers as the text of an element."""
    return " ".join(form.format(value) for value in values)


def calibration_text() -> str:
    """Calibration tables of `gain`."""
    vectors = ""
    for line, values in zip(TABLE_LINES, at_vectors(gain), strict=True):
        vectors += f"<calibrationVector><line>{line}</line><pixel>{spaced(TABLE_PIXELS)}</pixel>"
        vectors += f"<sigmaNought>{spaced(values, '{:.6e}')}</sigmaNought></calibrationVector>"
    return f"<calibration><calibrationVectorList>{vectors}</calibrationVectorList></calibration>"


def noise_text(height: int = HEIGHT, width: int = WIDTH) -> str:
    """Noise tables of `noise_power` times `noise_factor`, the latter in two blocks beside each other."""
    vectors = ""
    for line, values in zip(TABLE_LINES, at_vectors(noise_power), strict=True):
        vectors += f"<noiseRangeVector><line>{line}</line><pixel>{spaced(TABLE_PIXELS)}</pixel>"
        vectors += f"<noiseRangeLut>{spaced(values, '{:.6e}')}</noiseRangeLut></noiseRangeVector>"
    lines = np.append(np.arange(0, height - 1, 2), height - 1)
    blocks = ""
    for first, last in ((0, width // 2), (width // 2 + 1, width - 1)):
        blocks += (
            f"<noiseAzimuthVector><firstAzimuthLine>0</firstAzimuthLine><firstRangeSample>{first}</firstRangeSample>"
            f"<lastAzimuthLine>{height - 1}</lastAzimuthLine><lastRangeSample>{last}</lastRangeSample>"
            f"<line>{spaced(lines)}</line>"
            f"<noiseAzimuthLut>{spaced(noise_factor(lines), '{:.8f}')}</noiseAzimuthLut></noiseAzimuthVector>"
        )
    return f"<noise><l>{vectors}</l><l>{blocks}</l></noise>"


def archived(product: Path, folder: Path) -> Path:
    """The archive of a product in a folder, as it is downloaded."""
    folder.mkdir(exist_ok=True)
    return Path(shutil.make_archive(str(folder / product.stem), "zip", product.parent, product.name))


def cut_real_product(real: Path, folder: Path, numbers: Numbers, top: int, left: int) -> Path:
    """A product of a part of a real one: its manifest and annotation, a generated raster, generated tables.

    Args:
        real: The real product's folder.
        folder: Where the product is written.
        numbers: The raster of its VV, (H, W).
        top: The first line of the part.
        left: The first pixel.
    """
    product = folder / real.name
    shutil.copytree(real, product, ignore=shutil.ignore_patterns("*.tiff"))
    (product / "measurement").mkdir(exist_ok=True)
    (product / "annotation" / "calibration").mkdir()
    for path in sorted((product / "annotation").glob("*.xml")):
        tree = ET.parse(path)
        _cut_annotation(tree.getroot(), *numbers.shape, top, left)
        tree.write(path)
        (path.parent / "calibration" / f"calibration-{path.name}").write_text(calibration_text())
        (path.parent / "calibration" / f"noise-{path.name}").write_text(noise_text(*numbers.shape))
        write_raster(product / "measurement" / f"{path.stem}.tiff", numbers)
    return product


def _cut_annotation(root: ET.Element, height: int, width: int, top: int, left: int) -> None:
    """Make the annotation of a part: its size, and a grid of 5 x 6 points between those of the whole."""
    points = root.find(".//geolocationGridPointList")
    assert points is not None
    place = RealGrid.of(root)
    for element in list(points):
        points.remove(element)
    for line in np.linspace(0, height - 1, 5).round():
        for pixel in np.linspace(0, width - 1, 6).round():
            element = ET.SubElement(points, "geolocationGridPoint")
            longitude, latitude = place.at(line + top, pixel + left)
            values = {"line": int(line), "pixel": int(pixel), "latitude": latitude, "longitude": longitude, "height": 0}
            for tag, value in values.items():
                ET.SubElement(element, tag).text = str(value)
    for tag, value in (("numberOfLines", height), ("numberOfSamples", width)):
        next(root.iter(tag)).text = str(value)


@dataclass(frozen=True)
class RealGrid:
    """The geolocation grid of a whole product, between its points by splines."""

    longitude: RectBivariateSpline
    latitude: RectBivariateSpline

    @classmethod
    def of(cls, root: ET.Element) -> "RealGrid":
        names = ("line", "pixel", "longitude", "latitude")
        rows = [[float(point.findtext(name) or 0) for name in names] for point in root.iter("geolocationGridPoint")]
        line, pixel, longitude, latitude = np.array(rows).T
        lines, pixels = np.unique(line), np.unique(pixel)
        shape = (len(lines), len(pixels))
        return cls(
            RectBivariateSpline(lines, pixels, longitude.reshape(shape)),
            RectBivariateSpline(lines, pixels, latitude.reshape(shape)),
        )

    def at(self, line: float, pixel: float) -> tuple[float, float]:
        """Longitude and latitude."""
        return self.longitude(line, pixel).item(), self.latitude(line, pixel).item()
