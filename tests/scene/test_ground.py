"""Pixels to the ground: by a transform, by ground control points, across the date line, and without any system."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint

from helpers.rasters import UTM
from helpers.small_maps import ANY_OBJECT, empty_sea, probability_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.placements import AffinePlacement, ControlPointPlacement, Placement
from seep_lightning.scene.polygons import find_seeps
from seep_lightning.scene.projections import Points, near_longitude
from seep_lightning.scene.vector_files import write_seeps

UTM_WKT = str(pyproj.CRS(UTM["crs"]).to_wkt())


def pixels() -> Points:
    return np.random.default_rng(0).random((20, 2)) * 300


def control_points(place: Affine) -> list[GroundControlPoint]:
    corners = [(row, column) for row in (0, 150, 300) for column in (0, 130, 270, 400)]
    return [GroundControlPoint(row, column, *(place @ (column, row)), 0) for row, column in corners]


def affine(transform: Affine) -> Placement:
    return AffinePlacement(transform)


def by_control_points(transform: Affine) -> Placement:
    return ControlPointPlacement.through(control_points(transform), UTM_WKT)


@pytest.mark.parametrize("placement_by", [affine, by_control_points])
def test_a_placement_goes_there_and_back(placement_by: Callable[[Affine], Placement]) -> None:
    turned = UTM["transform"] @ Affine.rotation(30)
    placement = placement_by(turned)
    expected = np.column_stack(turned @ tuple(pixels().T))
    np.testing.assert_allclose(placement.place(pixels()), expected, atol=1e-3)
    np.testing.assert_allclose(placement.unplace(placement.place(pixels())), pixels(), atol=1e-5)


def test_longitudes_move_by_whole_turns() -> None:
    degrees = np.array([[-179.0, 1], [181, 2], [541, 3], [0, 4], [np.inf, 5]])
    near = near_longitude(degrees, 175)
    assert near[:, 0].tolist() == [181, 181, 181, 0, np.inf]
    assert near[:, 1].tolist() == [1, 2, 3, 4, 5]


def test_metres_about_a_centre_are_metres(tmp_path: Path) -> None:
    ground = Ground.of(probability_raster(tmp_path / "p.tif", empty_sea(), **UTM))
    centre = np.array([[502_000.0, 4_998_500]])
    east, north = ground.metres_about(centre)(centre + np.array([[0, 0], [100, 0], [0, 100]])).T
    assert np.hypot(east[1:] - east[0], north[1:] - north[0]) == pytest.approx([100, 100], rel=1e-3)


def test_ground_control_points_place_seeps_by_a_stated_transform(tmp_path: Path) -> None:
    there = UTM["transform"] @ Affine.rotation(20)
    gcps = (control_points(there), "EPSG:32631")
    p = empty_sea()
    p[100:150, 100:300] = 1
    layer = find_seeps(probability_raster(tmp_path / "p.tif", p, gcps=gcps), ANY_OBJECT)
    (seep,) = layer.seeps
    assert seep.attributes["area_m2"] == pytest.approx(1_000_000, rel=0.01)
    expected = shapely.Polygon([there @ corner for corner in [(100, 100), (300, 100), (300, 150), (100, 150)]])
    assert shapely.hausdorff_distance(seep.outline, expected) < 0.1
    assert "polynomial of order 1 through 12 ground control points" in layer.ground.note


def test_without_georeference_sizes_are_pixels(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:110, 100:300] = 1
    layer = find_seeps(probability_raster(tmp_path / "p.tif", p), ANY_OBJECT)
    (seep,) = layer.seeps
    assert seep.attributes["area_px2"] == 2000
    assert seep.attributes["length_px"] == pytest.approx(200, rel=0.02)
    assert seep.attributes["orientation_deg"] == pytest.approx(90)
    assert seep.outline.bounds == (100, -110, 300, -100)
    assert not [name for name in layer.columns if name.endswith(("_m", "_m2"))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_seeps(layer, tmp_path / "s.gpkg")
        write_seeps(layer, tmp_path / "s.geojson")
    (feature,) = json.loads((tmp_path / "s.geojson").read_text())["features"]
    assert shapely.geometry.shape(feature["geometry"]).bounds == seep.outline.bounds
    assert pyogrio.read_info(tmp_path / "s.gpkg")["crs"] in (None, "")


def test_a_transform_without_a_system_places_polygons_as_it_places_the_raster(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:110, 100:300] = 1
    layer = find_seeps(probability_raster(tmp_path / "p.tif", p, transform=UTM["transform"]), ANY_OBJECT)
    (seep,) = layer.seeps
    assert seep.outline.bounds == (501_000, 4_998_900, 503_000, 4_999_000)
    assert seep.attributes["area_px2"] == 2000
    assert seep.attributes["orientation_deg"] == pytest.approx(90)


def test_points_on_both_sides_of_the_date_line_place_seeps_where_they_are(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:150, 100:300] = 1
    areas = []
    for west in (179.98, 20.0):
        grid = [(r, c) for r in (0, 150, 300) for c in (0, 130, 270, 400)]
        points = [GroundControlPoint(r, c, (west + c * 1e-4 + 180) % 360 - 180, 10 - r * 1e-4, 0) for r, c in grid]
        path = tmp_path / f"{west}.tif"
        (seep,) = find_seeps(probability_raster(path, p, gcps=(points, "EPSG:4326")), ANY_OBJECT).seeps
        areas.append(seep.attributes["area_m2"])
    assert areas[0] == pytest.approx(areas[1], rel=0.01)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"crs": "EPSG:4326", "transform": UTM["transform"]}, "latitude 4.9985e.06, which is not on the ground"),
        ({"crs": "EPSG:4326", "transform": Affine(0.1, 0, 0, 0, 0.5, 0)}, "latitude 150, which is not on the ground"),
        ({"gcps": ([GroundControlPoint(0, 0, 3, 45, 0)], "EPSG:4326")}, "its 1 ground control points do not place it"),
    ],
)
def test_a_scene_that_cannot_be_placed_is_told(tmp_path: Path, place: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        find_seeps(probability_raster(tmp_path / "p.tif", empty_sea(), **place), ANY_OBJECT)
