"""The kind of input: a Sentinel-1 product as its folder, as its manifest, or as the archive that was downloaded."""

import re
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from seep_lightning.errors import UserError
from seep_lightning.scene.archive_contents import UNREADABLE_ARCHIVE
from seep_lightning.scene.inputs.sentinel1.annotation import Annotation, read_annotation
from seep_lightning.scene.inputs.sentinel1.files import (
    ARCHIVE_SUFFIX,
    FOLDER_SUFFIX,
    MANIFEST,
    ProductFiles,
    product_name,
)
from seep_lightning.scene.inputs.sentinel1.product import Product, files_of, read_product
from seep_lightning.scene.inputs.sentinel1.sigma0 import Form, Sigma0
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile
from seep_lightning.scene.vrt import VrtSource, add_file_band, add_georeference, new_vrt, vrt_text

SENTINEL1 = "sentinel1"
"""The name of this kind."""

# GDAL's name of a product in an archive, as a whole: its own driver would read numbers without their calibration
_IN_ARCHIVE = re.compile(
    r"/vsizip/\{?(?P<archive>[^{}]+?\.zip)\}?(/[^/]+\.SAFE)?(/manifest\.safe)?/?", flags=re.IGNORECASE
)
# how the names of products begin
_MISSIONS = ("S1A_", "S1B_", "S1C_", "S1D_")


def recognise(text: str) -> bool:
    """Whether it is a product, whole or not: a folder or an archive that is named like one or holds a manifest."""
    path = _path_of(text)
    if path.name.lower() == MANIFEST:
        return path.is_file()
    if path.is_dir():
        is_named = path.suffix.upper() == FOLDER_SUFFIX
        return is_named or (path / MANIFEST).is_file()
    if path.suffix.lower() != ARCHIVE_SUFFIX or not path.is_file():
        return False
    return path.name.upper().startswith(_MISSIONS) or _holds_manifest(path)


def _path_of(text: str) -> Path:
    """The folder, manifest or archive that a text names."""
    in_archive = _IN_ARCHIVE.fullmatch(text)
    return Path(text if in_archive is None else in_archive["archive"])


def _holds_manifest(path: Path) -> bool:
    """Whether a file is a zip archive with a product in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name == MANIFEST for name in archive.namelist())
    except UNREADABLE_ARCHIVE:
        return False


def scenes(text: str) -> list[SceneFile]:
    """The one scene in a product; of a damaged one nothing is known, and `open_scene` says why."""
    path = _path_of(text).absolute()
    if path.name.lower() == MANIFEST:
        path = path.parent
    scene = SceneFile(product_name(path.name), str(path), path, SENTINEL1)
    try:
        product = read_product(files_of(path))
    except UserError:
        return [scene]
    return [replace(scene, name=product.files.name, facts=product.facts)]


def open_scene(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open a product as its backscatter, see `Sigma0`.

    Args:
        scene: The product.
        options: How it is read.

    Raises:
        UserError: The product is damaged or not complete, is no GRD product of Sentinel-1, or has no such band.
    """
    product = read_product(files_of(scene.path))
    annotation = read_annotation(product.files, _an_annotation(product))
    # 0 is what no data is, unless the noise that is in all measurements has been subtracted
    nodata = None if annotation.without_noise else 0
    stack = replace(scene, location=_stacked(product, annotation))
    raster = Raster(stack, options.bands, nodata, options.nodata_bands)
    if product.files.path.is_file():
        # GDAL tells of no archive that it reads from
        raster.watch(product.files.path)
    bands = [product.bands[number - 1] for number in raster.indexes]
    facts = product.facts
    if options.calibration in facts.calibrations:
        facts = replace(facts, calibration=options.calibration)
    form = Form(as_power=facts.calibration == "power", without_noise=options.remove_noise)
    raster.decoder = Sigma0(product.files, bands, annotation, form)
    raster.facts = replace(facts, polarisation=bands[0].polarisation)
    return raster


def _an_annotation(product: Product) -> str:
    """The annotation of a band that has one, since all tell the same size and place: the first band's may be lost."""
    present = [band.annotation for band in product.bands if product.files.has(band.annotation)]
    return present[0] if present else product.bands[0].annotation


def _stacked(product: Product, annotation: Annotation) -> str:
    """The rasters of all bands as one, as the text of a virtual raster."""
    vrt = new_vrt(annotation.width, annotation.height)
    add_georeference(vrt, annotation.place, 0, 0)
    for number, band in enumerate(product.bands, 1):
        source = VrtSource(
            location=_location(product.files, band.measurement),
            left=0,
            top=0,
            width=annotation.width,
            height=annotation.height,
            data_type="UInt16",
        )
        add_file_band(vrt, number, band.polarisation, source)
    return vrt_text(vrt)


def _location(files: ProductFiles, file: str) -> str:
    """What GDAL opens; of a file that is not there something that it does not, told where its band is read."""
    try:
        return files.location(file)
    except UserError:
        return f"{files.path}/{PurePosixPath(file).name}"
