"""Sizes and directions of known shapes, in any coordinate system."""

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from helpers.rasters import UTM
from helpers.small_maps import ANY_OBJECT, DEGREES, MERCATOR, empty_sea, known_shapes, probability_raster
from seep_lightning.scene.polygons import find_seeps


@pytest.mark.parametrize("place", [UTM, DEGREES, MERCATOR], ids=["utm", "degrees", "mercator"])
def test_areas_of_known_shapes_are_right_to_one_percent(tmp_path: Path, place: dict[str, Any]) -> None:
    p, areas, _ = known_shapes()
    found = find_seeps(probability_raster(tmp_path / "p.tif", p, **place), ANY_OBJECT).seeps
    truth = []
    # the ellipsoid's own area of the outline, by another way
    to_degrees = pyproj.Transformer.from_crs(place["crs"], 4326, always_xy=True)
    for seep in found:
        outline = shapely.transform(seep.outline, lambda xy: np.column_stack(to_degrees.transform(*xy.T)))
        truth.append(abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(outline)[0]))
    measured = [s.attributes["area_m2"] for s in found]
    assert measured == pytest.approx(truth, rel=1e-3)
    assert sorted(measured) == pytest.approx(sorted(100 * a for a in areas), rel=0.02 if place is MERCATOR else 0.012)


def test_a_rectangle_s_area_is_right_to_one_percent_by_plain_arithmetic(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:150, 100:300] = 1
    for place in (UTM, DEGREES):
        (seep,) = find_seeps(probability_raster(tmp_path / "p.tif", p, **place), ANY_OBJECT).seeps
        lat = np.radians(60 - 125 / 11132)
        metre = 111_412.84 * np.cos(lat) - 93.5 * np.cos(3 * lat), 111_132.95 - 559.85 * np.cos(2 * lat)
        pixel = 100.0 if place is UTM else 2 / 11132 * metre[0] * 1 / 11132 * metre[1]
        assert seep.attributes["area_m2"] == pytest.approx(10_000 * pixel, rel=0.01)


@pytest.mark.parametrize("place", [UTM, DEGREES], ids=["utm", "degrees"])
def test_perimeter_and_compactness_do_not_count_the_pixels_stairs(tmp_path: Path, place: dict[str, Any]) -> None:
    p, _, perimeters = known_shapes()
    found = find_seeps(probability_raster(tmp_path / "p.tif", p, **place), ANY_OBJECT).seeps
    measured = sorted(s.attributes["perimeter_m"] for s in found)
    assert measured == pytest.approx(sorted(10 * x for x in perimeters), rel=0.03)
    disc = max(found, key=lambda s: s.attributes["compactness"])
    assert disc.attributes["compactness"] > 0.94
    assert disc.attributes["aspect"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("angle", [0, 22, 45, 70, 90, 130, 165])
@pytest.mark.parametrize("place", [UTM, DEGREES], ids=["utm", "degrees"])
def test_a_bar_has_its_length_width_and_direction_at_any_angle(
    tmp_path: Path, angle: int, place: dict[str, Any]
) -> None:
    yy, xx = np.mgrid[:300, :400].astype(float)
    across, along = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    east, north = xx - 200, 150 - yy
    inside = (np.abs(east * along + north * across) <= 100) & (np.abs(east * across - north * along) <= 4)
    (seep,) = find_seeps(probability_raster(tmp_path / "p.tif", inside.astype(np.float32), **place), ANY_OBJECT).seeps
    got = seep.attributes
    assert got["length_m"] == pytest.approx(2000, rel=0.02)
    assert got["width_m"] == pytest.approx(80, rel=0.15)
    assert min(abs(got["orientation_deg"] - angle), 180 - abs(got["orientation_deg"] - angle)) < 1
    assert got["aspect"] == pytest.approx(200 / 8, rel=0.15)


def test_one_pixel_has_sizes_too(tmp_path: Path) -> None:
    p = empty_sea()
    p[7, 9] = 1
    (seep,) = find_seeps(probability_raster(tmp_path / "p.tif", p, **UTM), ANY_OBJECT).seeps
    got = seep.attributes
    assert [got["length_m"], got["width_m"], got["aspect"]] == pytest.approx([10, 10, 1], rel=0.01)
