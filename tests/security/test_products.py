"""Products of Sentinel-1 from a stranger: they name no file outside, and hold no entities."""

import re
import zipfile
from pathlib import Path

import pytest

from helpers.safe_products import GeneratedProduct, archived
from helpers.strangers import Listener, vrt
from seep_lightning.data.inputs import find_scenes
from seep_lightning.errors import UserError
from seep_lightning.scene.inputs.kinds import open_scene
from seep_lightning.scene.scene_file import ReadingOptions


@pytest.fixture
def product(folder: Path) -> Path:
    return GeneratedProduct().write(folder)


def refused(path: Path, match: str) -> None:
    """A product that is not read."""
    with pytest.raises(UserError, match=match):
        (scene,) = find_scenes("input", str(path))
        with open_scene(scene, ReadingOptions()) as raster:
            raster.read(0, 4)


def change(path: Path, pattern: str, text: str) -> None:
    """Replace what a pattern finds in a file."""
    content = path.read_text()
    assert re.search(pattern, content)
    path.write_text(re.sub(pattern, text, content))


PLACES = ["../outside", "/OUTSIDE", "./a/../../outside", "/vsicurl/URL/a", "URL/a"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["measurement", "annotation"])
def test_a_manifest_names_no_file_outside(kind: str, place: str, product: Path, network: Listener) -> None:
    outside = product.parent / "outside"
    (product / kind).rename(outside)
    named = place.replace("OUTSIDE", str(outside)[1:]).replace("URL", network.url)
    change(product / "manifest.safe", rf'href="(\./)?{kind}/', f'href="{named}/')
    refused(product, match="is not complete|names|outside|holds no")
    assert not network.requests


@pytest.mark.parametrize("file", ["manifest.safe", "annotation"])
def test_entities_are_not_read(file: str, product: Path, network: Listener) -> None:
    paths = [product / file] if file.endswith("safe") else list((product / file).glob("*.xml"))
    for path in paths:
        change(path, r"\A(<\?xml[^>]*>)?", f'<!DOCTYPE a [<!ENTITY b SYSTEM "{network.url}/b">]>')
    refused(product, match="declares a document type")
    assert not network.requests


def test_measurements_are_no_virtual_rasters(product: Path, tmp_path: Path, network: Listener) -> None:
    for path in (product / "measurement").iterdir():
        path.write_text(vrt(f"/vsicurl/{network.url}/a.tif"))
    refused(product, match="is not opened")
    refused(archived(product, tmp_path), match="is not opened|no plain raster")
    assert not network.requests


def test_what_lies_beside_measurements_is_no_virtual_raster(product: Path, tmp_path: Path, network: Listener) -> None:
    for path in list((product / "measurement").iterdir()):
        path.with_name(f"{path.name}.OVR").write_text(vrt(f"/vsicurl/{network.url}/a.tif"))
    refused(product, match="is not opened")
    packed = archived(product, tmp_path)
    with zipfile.ZipFile(packed) as archive:
        assert any(name.endswith(".OVR") for name in archive.namelist())
    refused(packed, match="is not opened")
    assert not network.requests


VECTOR = "<calibrationVector><line>0</line><pixel>0</pixel><sigmaNought>1</sigmaNought></calibrationVector>"
RANGE = "<noiseRangeVector><line>0</line><pixel>0</pixel><noiseRangeLut>1</noiseRangeLut></noiseRangeVector>"
AZIMUTH = "<noiseAzimuthVector><line>1</line><noiseAzimuthLut>1</noiseAzimuthLut></noiseAzimuthVector>"
PIXELS = f"<pixel>{'0 ' * 30_000}</pixel><sigmaNought>{'1 ' * 30_000}</sigmaNought>"
TOO_MUCH = {
    "vectors of calibration": (f"<a>{VECTOR * 2_000}</a>", "calibration", "2,000 calibrationVector; expected at most"),
    "numbers in a vector": (
        f"<a><calibrationVector><line>0</line>{PIXELS}</calibrationVector></a>",
        "calibration",
        "30,000 pixel; expected at most",
    ),
    "vectors of noise": (f"<a>{RANGE * 2_000}</a>", "noise", "2,000 noiseRangeVector; expected at most"),
    "blocks of noise": (f"<a>{RANGE}{AZIMUTH * 400}</a>", "noise", "400 noiseAzimuthVector; expected at most"),
}


def test_blocks_of_noise_do_not_lie_on_each_other(product: Path) -> None:
    for path in (product / "annotation" / "calibration").glob("noise-*.xml"):
        path.write_text(f"<a>{RANGE}{AZIMUTH * 3}</a>")
    refused(product, match=r"is damaged \(its noiseAzimuthVector cover [\d,]+ px of an image of [\d,]+\)")


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_tables_hold_no_more_than_a_product_has(kind: str, product: Path) -> None:
    content, file, told = TOO_MUCH[kind]
    for path in (product / "annotation" / "calibration").glob(f"{file}-*.xml"):
        path.write_text(content)
    refused(product, match=rf"{file}-.*\.xml is damaged \(it has {told} [\d,]+\)")


@pytest.mark.parametrize("number", ["1e999", "250000000", "-5", "nan", "0"])
@pytest.mark.parametrize("name", ["numberOfSamples", "numberOfLines"])
def test_an_annotation_claims_no_more_than_an_image_has(name: str, number: str, product: Path) -> None:
    for path in (product / "annotation").glob("*.xml"):
        change(path, f"<{name}>[^<]*", f"<{name}>{number}")
    refused(product, match=rf"is damaged \({name} is \S+; expected 1 to 1?[0,]+\)")


def test_an_annotation_has_no_more_points_than_a_product_has(product: Path) -> None:
    for path in (product / "annotation").glob("*.xml"):
        (point,) = re.findall(r"<geolocationGridPoint>.*?</geolocationGridPoint>", path.read_text(), re.DOTALL)[:1]
        change(path, "</geolocationGridPointList>", point * 2_500 + "</geolocationGridPointList>")
    refused(product, match=r"geolocationGridPoint; expected at most 2,500")
