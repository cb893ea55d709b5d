"""Where the sea lies in a product with land in it: by the orbit, checked against range and Doppler by other code."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest

from helpers.radar_geometry import Annotation, metres_between
from seep_lightning.scene.inputs.sentinel1.annotation import read_annotation
from seep_lightning.scene.inputs.sentinel1.files import FolderFiles
from seep_lightning.scene.inputs.sentinel1.sea import sea_points
from seep_lightning.scene.placements import ControlPointPlacement

pytestmark = pytest.mark.real


SEA = 25.0
"""The real product lies on the Alps. Here its lowest land is taken for the sea, m."""


@pytest.fixture
def root(sentinel1_annotation: Path) -> ET.Element:
    """The annotation with the sea up to a height at which three points lie below it."""
    root = ET.parse(sentinel1_annotation).getroot()
    annotation = Annotation.read(sentinel1_annotation)
    grid = annotation.grid
    drowned = grid.heights < 50
    at_sea = annotation.at_height(grid.pixels[drowned], np.full(drowned.sum(), SEA)).degrees.tolist()
    points = [point for point, is_low in zip(root.iter("geolocationGridPoint"), drowned, strict=True) if is_low]
    for point, (longitude, latitude) in zip(points, at_sea, strict=True):
        for tag, value in (("longitude", longitude), ("latitude", latitude), ("height", SEA)):
            next(point.iter(tag)).text = repr(value)
    return root


def flatten(root: ET.Element) -> None:
    """As over sea: all points at one height."""
    for height in root.iterfind(".//geolocationGridPoint/height"):
        height.text = "0.0001"


def raise_the_land(root: ET.Element) -> None:
    """No three points at one low height: there is no water."""
    for number, height in enumerate(root.iterfind(".//geolocationGridPoint/height")):
        height.text = str(100 + 10 * number)


def lose_the_orbit(root: ET.Element) -> None:
    for orbits in root.iterfind(".//orbitList"):
        orbits.clear()


def move_the_orbit(root: ET.Element) -> None:
    """By 50 m: it no longer puts the grid where the grid says it is."""
    for z in root.iterfind(".//orbit/position/z"):
        z.text = str(float(z.text or 0) + 50)


def test_the_sea_lies_where_range_and_doppler_put_it(sentinel1_annotation: Path, root: ET.Element) -> None:
    points = sea_points(root)
    pixels = np.array([(point.col, point.row) for point in points])
    degrees = np.array([(point.x, point.y) for point in points])
    (height,) = {point.z for point in points}
    truth = Annotation.read(sentinel1_annotation).at_height(pixels, np.full(len(pixels), height))
    # the other code takes azimuth time as the same all along a line
    assert metres_between(degrees, truth.degrees).max() < 3
    assert height == SEA
    assert (pixels.min(axis=0) == 0).all() and (pixels.max(axis=0) == [25_787, 16_684]).all()


def test_a_placement_by_these_points_is_nearer_to_the_sea_than_one_by_the_grid(
    sentinel1_annotation: Path, root: ET.Element
) -> None:
    annotation = Annotation.read(sentinel1_annotation)
    placement = ControlPointPlacement.through(sea_points(root), pyproj.CRS("EPSG:4326").to_wkt())
    pixels = np.random.default_rng(0).random((2000, 2)) * np.array([annotation.width, annotation.height])
    truth = annotation.at_height(pixels, np.full(len(pixels), SEA))
    # over the Alps ground range jumps by up to 100 m from second to second; by the grid it is 20 m on average
    assert metres_between(placement.place(pixels), truth.degrees).mean() < 12
    assert "uncertain by more than a pixel" in placement.doubts[0]


def test_a_product_is_placed_by_these_points(root: ET.Element, tmp_path: Path) -> None:
    ET.ElementTree(root).write(tmp_path / "vv.xml")
    place = read_annotation(FolderFiles(tmp_path), "vv.xml").place
    assert place.placed_by_points
    assert [(point.x, point.y) for point in place.gcps] == [(point.x, point.y) for point in sea_points(root)]
    flatten(root)
    ET.ElementTree(root).write(tmp_path / "vv.xml")
    assert len(read_annotation(FolderFiles(tmp_path), "vv.xml").place.gcps) == 210


@pytest.mark.parametrize("change", [flatten, raise_the_land, lose_the_orbit, move_the_orbit])
def test_the_grid_serves_at_sea_and_where_the_orbit_says_nothing_of_use(
    root: ET.Element, change: Callable[[ET.Element], None]
) -> None:
    change(root)
    assert sea_points(root) == []
