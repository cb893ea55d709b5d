"""A Sentinel-1 product by its manifest: what it is, when and how it was taken, and which files hold its bands."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

from seep_lightning.documents import xml_files
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.band_names import CO_POLARISED, polarisation_in
from seep_lightning.scene.inputs.sentinel1.files import MANIFEST, ArchiveFiles, FolderFiles, ProductFiles
from seep_lightning.scene.scene_file import SceneFacts

DOWNLOAD_AGAIN = "Download the product again."

CALIBRATIONS = ("amplitude", "power")
"""What backscatter can be read as, the usual one first."""

DETECTED = "GRD"
"""The type of products that hold one real number a pixel, on the ground."""

# the kinds of files, as the manifest calls them
_ANNOTATION = "s1Level1ProductSchema"
_CALIBRATION = "s1Level1CalibrationSchema"
_NOISE = "s1Level1NoiseSchema"
_MEASUREMENT = "s1Level1MeasurementSchema"


@dataclass(frozen=True)
class BandFiles:
    """The files of one band, below the product's folder; empty where the manifest names none.

    Attributes:
        polarisation: VV, VH, HH or HV.
        measurement: The raster.
        annotation: Size, place and processing.
        calibration: The tables that make backscatter of the raster's numbers.
        noise: The tables of the thermal noise.
    """

    polarisation: str
    measurement: str = ""
    annotation: str = ""
    calibration: str = ""
    noise: str = ""


@dataclass(frozen=True)
class Product:
    """A product of detected backscatter on the ground (GRD).

    Attributes:
        files: Its files.
        facts: What is known of it without its pixels.
        bands: The co-polarised band first.
    """

    files: ProductFiles
    facts: SceneFacts
    bands: tuple[BandFiles, ...]


def files_of(path: Path) -> ProductFiles:
    """The files of a product.

    Args:
        path: Its folder, its manifest, or its archive.

    Raises:
        UserError: The archive is damaged or holds no product.
    """
    if path.name.lower() == MANIFEST:
        return FolderFiles(path.parent)
    if path.is_dir():
        # some programs unpack X.SAFE into X.SAFE/X.SAFE
        inner = path / path.name
        is_nested = (inner / MANIFEST).is_file() and not (path / MANIFEST).is_file()
        return FolderFiles(inner if is_nested else path)
    return ArchiveFiles.of(path)


def read_product(files: ProductFiles) -> Product:
    """Read a product's manifest.

    Args:
        files: The product's files.

    Raises:
        UserError: The manifest is missing or damaged, or the product is no GRD product of Sentinel-1.
    """
    manifest = parsed_xml(files, MANIFEST)
    family = _text(manifest, "platform/{*}familyName")
    if family.upper() != "SENTINEL-1":
        raise UserError(f"{files.path} is a product of {family or 'an unknown satellite'}; expected Sentinel-1.")
    product_type = _text(manifest, "productType")
    if product_type != DETECTED:
        raise UserError(
            f"{files.path} is a product of type {product_type or 'unknown'}; expected {DETECTED}. Download the "
            f"{DETECTED} product of the same scene, or give a calibrated GeoTIFF that SNAP makes of this one."
        )
    bands = _bands(manifest)
    if not bands:
        raise UserError(f"{files.path}: its {MANIFEST} names no raster. Download the product again.")
    return Product(files, _facts(manifest), bands)


def parsed_xml(files: ProductFiles, file: str) -> Element:
    """The root of one of a product's XML files; `UserError` where it is missing or damaged."""
    return xml_files.parsed_xml(files.read(file), f"{files.path}: {file}", advice=DOWNLOAD_AGAIN)


def damage_told(files: ProductFiles, file: str) -> AbstractContextManager[None]:
    """A block that reads what stands in one of a product's files: its ValueErrors are told as damage of the file."""
    return as_user_error(f"{files.path}: {file} is damaged", ValueError, advice=DOWNLOAD_AGAIN)


def _text(root: Element, path: str) -> str:
    """The text of the first element at a path anywhere below the root, whatever its namespace; empty for none."""
    return (root.findtext(f".//{{*}}{path}") or "").strip()


def _facts(manifest: Element) -> SceneFacts:
    """What the manifest says of the scene; backscatter is given as amplitude if nobody chooses, see `Sigma0`."""
    facts = SceneFacts(scale="linear", calibration=CALIBRATIONS[0], calibrations=CALIBRATIONS)
    number = _text(manifest, "platform/{*}number")
    direction = _text(manifest, "orbitProperties/{*}pass").lower()
    time = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", _text(manifest, "acquisitionPeriod/{*}startTime"))
    known: dict[str, Any] = {"mission": f"Sentinel-1{number}"}
    if direction:
        known["orbit_direction"] = direction
    if time is not None:
        known["time"] = f"{time[0]}Z"
    return replace(facts, **known)


def _bands(manifest: Element) -> tuple[BandFiles, ...]:
    """The bands with their files, by the polarisation that stands in the names of the files."""
    bands: dict[str, BandFiles] = {}
    fields = {_MEASUREMENT: "measurement", _ANNOTATION: "annotation", _CALIBRATION: "calibration", _NOISE: "noise"}
    for kind, file in _listed_files(manifest):
        polarisation = polarisation_in(PurePosixPath(file).name)
        if kind in fields and polarisation:
            band = bands.get(polarisation, BandFiles(polarisation))
            bands[polarisation] = replace(band, **{fields[kind]: file})
    with_raster = [band for band in bands.values() if band.measurement]
    return tuple(sorted(with_raster, key=_order))


def _listed_files(manifest: Element) -> Iterator[tuple[str, str]]:
    """The kind and the path of each file that the manifest lists."""
    for data_object in manifest.iterfind(".//{*}dataObject"):
        place = data_object.find(".//{*}fileLocation")
        if place is not None:
            yield data_object.get("repID", ""), place.get("href", "").removeprefix("./")


def _order(band: BandFiles) -> tuple[bool, str]:
    """Bands in which what was sent comes back are first: they show oil."""
    return band.polarisation not in CO_POLARISED.values(), band.polarisation
