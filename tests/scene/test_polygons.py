"""Seeps as features: which pixels become one, how large they are on the ground, and what a GIS finds in the file."""

import json
import sqlite3
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from scipy import ndimage

from helpers.rasters import UTM, ArraySource, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene import objects, polygons
from seep_lightning.scene.levels import quantise
from seep_lightning.scene.objects import find_objects
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.polygons import SeepLayer, find_seeps, scene_time
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vector_files import write_seeps

# pixels of 10 m at 60 degrees north: twice as many degrees of longitude as of latitude
DEGREES = {"crs": "EPSG:4326", "transform": Affine(2 / 11132, 0, 10, 0, -1 / 11132, 60)}
MERCATOR = {"crs": "EPSG:3857", "transform": Affine(20, 0, 1_113_195, 0, -20, 8_399_738)}  # 60 north: twice too long
ANY = PolygonOptions(Thresholds(0.5, 0.5, 0.5), min_area=1)


def raster(path: Path, p: NDArray[Any], valid: NDArray[np.bool_] | None = None, **facts: Any) -> Raster:
    """A probability raster as `map_scene` writes it, from probabilities (H, W)."""
    stored = quantise(p.astype(np.float32)[None], np.ones(p.shape, bool) if valid is None else valid)
    return Raster(write_raster(path, stored, nodata=0, **facts))


def canvas(height: int = 300, width: int = 400) -> NDArray[np.float32]:
    return np.zeros((height, width), np.float32)


# objects


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("density", [0.05, 0.3, 0.42, 0.6, 1.0])
def test_objects_found_by_strips_are_those_of_the_whole_array(
    rows: int, density: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "STRIP_PIXELS", rows * 33)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        stored = np.where(rng.random((40, 33)) < density, rng.integers(1, 256, (40, 33)), 0).astype(np.uint8)
        source = ArraySource(stored[None], stored > 0)
        found = list(find_objects(source, group=80, trim=120, keep=200, smallest=2))
        labels, _ = ndimage.label(stored >= 80, structure=np.ones((3, 3)))
        expected = []
        for number, box in enumerate(ndimage.find_objects(labels), 1):
            inside = labels == number
            core = int((inside & (stored >= 120)).sum())
            if stored[inside].max() >= 200 and core >= 2:
                sides = (box[0].start, box[1].start, box[0].stop, box[1].stop)
                expected.append((int(np.flatnonzero(inside)[0]), *sides, int(stored[inside].max()), core))
        assert sorted(found) == sorted(expected)


def test_a_spiral_through_many_strips_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "STRIP_PIXELS", 4 * 61)
    stored = np.zeros((61, 61), np.uint8)
    for k in range(0, 30, 4):  # rings, each open on one side and joined to the next
        cv2.rectangle(stored, (k, k), (60 - k, 60 - k), 200, 1)
    stored[30, :31] = 200
    (one,) = find_objects(ArraySource(stored[None], stored > 0), 100, 100, 100)
    assert one.core == (stored > 0).sum()


def test_three_thresholds_group_trim_and_keep(tmp_path: Path) -> None:
    p = canvas(60, 80)
    p[10:14, 5:30] = 0.4  # faint, joins the two parts of one seep
    p[10:14, 5:12] = 0.6
    p[10:14, 20:28] = 0.9
    p[30:34, 5:30] = 0.6  # never sure enough
    p[50, 5:9] = 0.9  # two that touch at a corner only
    p[51, 9:12] = 0.9
    layer = find_seeps(raster(tmp_path / "p.tif", p, **UTM), PolygonOptions(Thresholds(0.3, 0.5, 0.7), min_area=1))
    first, second = layer.seeps
    assert len(first.outline.geoms) == 2
    assert first.attributes["area_m2"] == pytest.approx((7 * 4 + 8 * 4) * 100, rel=0.01)
    assert first.attributes["p_max"] == pytest.approx(0.9, abs=0.003)
    assert first.attributes["p_mean"] == pytest.approx((28 * 0.6 + 32 * 0.9) / 60, abs=0.003)
    assert second.attributes["area_m2"] == pytest.approx(700, rel=0.01)


@pytest.mark.parametrize("wrong", [(0.5, 0.4, 0.7), (0.3, 0.5, 0.4), (0.0, 0.5, 0.6), (0.3, 0.5, 1.1)])
def test_thresholds_that_do_not_ascend_are_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(UserError, match="ascend"):
        Thresholds(*wrong).around(0.5)


def test_small_or_short_ones_are_dropped(tmp_path: Path) -> None:
    p = canvas()
    p[10:14, 10:14] = p[30:32, 10:50] = p[50, 10:20] = 1
    source = raster(tmp_path / "p.tif", p, **UTM)
    areas = lambda **o: [round(s.attributes["area_m2"] / 100) for s in find_seeps(source, PolygonOptions(**o)).seeps]  # noqa: E731
    assert areas(min_area=1) == [16, 80, 10]
    assert areas(min_area=11) == [16, 80]
    assert areas(min_area=1, min_length=9) == [80, 10]
    assert areas(min_area=17, min_length=9) == [80]


# on the ground


def _known_shapes() -> tuple[NDArray[np.float32], list[float], list[float]]:
    """Probabilities, areas in px and perimeters in px, of a rectangle, a disc, an ellipse and a slanting bar."""
    p = canvas(500, 700)
    p[20:70, 30:130] = 1
    cv2.circle(p, (300, 120), 80, 1, -1)
    yy, xx = np.mgrid[:500, :700]
    u, v = (xx - 200) * np.cos(0.5) + (yy - 350) * np.sin(0.5), -(xx - 200) * np.sin(0.5) + (yy - 350) * np.cos(0.5)
    p[(u / 120) ** 2 + (v / 40) ** 2 <= 1] = 1
    u, v = (xx - 520) * np.cos(-1) + (yy - 300) * np.sin(-1), -(xx - 520) * np.sin(-1) + (yy - 300) * np.cos(-1)
    p[(np.abs(u) <= 150) & (np.abs(v) <= 6)] = 1
    return p, [5000, np.pi * 80**2, np.pi * 120 * 40, 300 * 12], [300, 2 * np.pi * 80, 534.3, 624]


@pytest.mark.parametrize("place", [UTM, DEGREES, MERCATOR], ids=["utm", "degrees", "mercator"])
def test_areas_of_known_shapes_are_right_to_one_percent(tmp_path: Path, place: dict[str, Any]) -> None:
    p, areas, _ = _known_shapes()
    found = find_seeps(raster(tmp_path / "p.tif", p, **place), ANY).seeps
    truth = []
    for seep in found:  # the ellipsoid's own area of the outline, by another way
        outline = shapely.transform(
            seep.outline,
            lambda xy: np.column_stack(
                pyproj.Transformer.from_crs(place["crs"], 4326, always_xy=True).transform(xy[:, 0], xy[:, 1])
            ),
        )
        truth.append(abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(outline)[0]))
    measured = [s.attributes["area_m2"] for s in found]
    assert measured == pytest.approx(truth, rel=1e-3)
    assert sorted(measured) == pytest.approx(sorted(100 * a for a in areas), rel=0.02 if place is MERCATOR else 0.012)


def test_a_rectangle_s_area_is_right_to_one_percent_by_plain_arithmetic(tmp_path: Path) -> None:
    p = canvas()
    p[100:150, 100:300] = 1
    for place in (UTM, DEGREES):
        (seep,) = find_seeps(raster(tmp_path / "p.tif", p, **place), ANY).seeps
        lat = np.radians(60 - 125 / 11132)
        metre = 111_412.84 * np.cos(lat) - 93.5 * np.cos(3 * lat), 111_132.95 - 559.85 * np.cos(2 * lat)
        pixel = 100.0 if place is UTM else 2 / 11132 * metre[0] * 1 / 11132 * metre[1]
        assert seep.attributes["area_m2"] == pytest.approx(10_000 * pixel, rel=0.01)


@pytest.mark.parametrize("place", [UTM, DEGREES], ids=["utm", "degrees"])
def test_perimeter_and_compactness_do_not_count_the_pixels_stairs(tmp_path: Path, place: dict[str, Any]) -> None:
    p, _, perimeters = _known_shapes()
    found = find_seeps(raster(tmp_path / "p.tif", p, **place), ANY).seeps
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
    (seep,) = find_seeps(raster(tmp_path / "p.tif", inside.astype(np.float32), **place), ANY).seeps
    got = seep.attributes
    assert got["length_m"] == pytest.approx(2000, rel=0.02)
    assert got["width_m"] == pytest.approx(80, rel=0.15)
    assert min(abs(got["orientation_deg"] - angle), 180 - abs(got["orientation_deg"] - angle)) < 1
    assert got["aspect"] == pytest.approx(200 / 8, rel=0.15)


def test_one_pixel_has_sizes_too(tmp_path: Path) -> None:
    p = canvas()
    p[7, 9] = 1
    (seep,) = find_seeps(raster(tmp_path / "p.tif", p, **UTM), ANY).seeps
    got = seep.attributes
    assert [got["length_m"], got["width_m"], got["aspect"]] == pytest.approx([10, 10, 1], rel=0.01)


def test_ground_control_points_place_seeps_by_a_stated_transform(tmp_path: Path) -> None:
    there = UTM["transform"] @ Affine.rotation(20)
    points = [GroundControlPoint(r, c, *(there @ (c, r)), 0) for r in (0, 150, 300) for c in (0, 130, 270, 400)]
    p = canvas()
    p[100:150, 100:300] = 1
    layer = find_seeps(raster(tmp_path / "p.tif", p, gcps=(points, "EPSG:32631")), ANY)
    (seep,) = layer.seeps
    assert seep.attributes["area_m2"] == pytest.approx(1_000_000, rel=0.01)
    expected = shapely.Polygon([there @ corner for corner in [(100, 100), (300, 100), (300, 150), (100, 150)]])
    assert shapely.hausdorff_distance(seep.outline, expected) < 0.1
    assert "polynomial through 12 ground control points" in layer.ground.note


def test_without_georeference_sizes_are_pixels(tmp_path: Path) -> None:
    p = canvas()
    p[100:110, 100:300] = 1
    layer = find_seeps(raster(tmp_path / "p.tif", p), ANY)
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
    p = canvas()
    p[100:110, 100:300] = 1
    layer = find_seeps(raster(tmp_path / "p.tif", p, transform=UTM["transform"]), ANY)
    (seep,) = layer.seeps
    assert seep.outline.bounds == (501_000, 4_998_900, 503_000, 4_999_000)
    assert seep.attributes["area_px2"] == 2000
    assert seep.attributes["orientation_deg"] == pytest.approx(90)


def test_points_on_both_sides_of_the_date_line_place_seeps_where_they_are(tmp_path: Path) -> None:
    p = canvas()
    p[100:150, 100:300] = 1
    areas = []
    for west in (179.98, 20.0):
        grid = [(r, c) for r in (0, 150, 300) for c in (0, 130, 270, 400)]
        points = [GroundControlPoint(r, c, (west + c * 1e-4 + 180) % 360 - 180, 10 - r * 1e-4, 0) for r, c in grid]
        path = tmp_path / f"{west}.tif"
        (seep,) = find_seeps(raster(path, p, gcps=(points, "EPSG:4326")), ANY).seeps
        areas.append(seep.attributes["area_m2"])
    assert areas[0] == pytest.approx(areas[1], rel=0.01)


@pytest.mark.parametrize("name", ["seeps.gpkg", "seeps.geojson"])
def test_an_outline_across_the_date_line_does_not_go_round_the_world(name: str, tmp_path: Path) -> None:
    p = canvas()
    p[100:150, 100:300] = 1
    place = {"crs": "EPSG:32601", "transform": Affine(10, 0, 165_000, 0, -10, 1_000)}  # 180 degrees: column 102
    layer = find_seeps(raster(tmp_path / "p.tif", p, **place), ANY)
    write_seeps(layer, tmp_path / name, wgs84=True)
    outline = shapely.from_wkb(pyogrio.raw.read(tmp_path / name)[2])[0]
    lon = shapely.get_coordinates(outline)[:, 0]
    assert min(lon) < -179.98 or max(lon) > 180  # it crosses
    assert len(outline.geoms) == (2 if name.endswith("geojson") else 1) and not any(p.is_empty for p in outline.geoms)
    assert outline.area == pytest.approx(layer.seeps[0].outline.area / 111_320**2, rel=0.02)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"crs": "EPSG:4326", "transform": UTM["transform"]}, "latitude 4.9985e.06, which is not on the ground"),
        ({"gcps": ([GroundControlPoint(0, 0, 3, 45, 0)], "EPSG:4326")}, "its 1 ground control points do not place it"),
    ],
)
def test_a_scene_that_cannot_be_placed_is_told(tmp_path: Path, place: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        find_seeps(raster(tmp_path / "p.tif", canvas(), **place), ANY)


# options and attributes


def test_holes_stay_unless_filled_and_nodata_stays_a_hole(tmp_path: Path) -> None:
    p = canvas()
    p[100:140, 100:140] = 1
    p[110:120, 110:120] = 0
    valid = np.ones(p.shape, bool)
    valid[125:130, 125:130] = False
    source = raster(tmp_path / "p.tif", p, valid, **UTM)
    area = lambda fill: find_seeps(source, PolygonOptions(fill_holes=fill)).seeps[0].attributes["area_m2"]  # noqa: E731
    assert area(False) == pytest.approx((1600 - 125) * 100, rel=0.01)
    assert area(True) == pytest.approx((1600 - 25) * 100, rel=0.01)


def test_simplifying_changes_the_outline_but_not_the_figures(tmp_path: Path) -> None:
    p, _, _ = _known_shapes()
    source = raster(tmp_path / "p.tif", p, **UTM)
    plain = find_seeps(source, ANY).seeps
    simple = find_seeps(source, PolygonOptions(ANY.thresholds, simplify=1.5)).seeps
    corners = [sum(shapely.get_num_coordinates(s.outline) for s in seeps) for seeps in (plain, simple)]
    assert corners[1] < corners[0] / 4
    assert [s.attributes for s in simple] == [s.attributes for s in plain]
    assert all(s.outline.is_valid for s in simple)


def _with_image(tmp_path: Path, dark: float, sea: float, calibration: Any = None) -> dict[str, Any]:
    p = canvas()
    p[100:110, 100:200] = 1
    p[114:118, 100:200] = 1  # a neighbour, not sea
    image = np.full((1, *p.shape), sea, np.float32)
    image[0, p > 0] = dark
    image[0, 95, 120:150] = np.nan
    scene = Raster(write_raster(tmp_path / "image.tif", image, **UTM))
    source = raster(tmp_path / "p.tif", p, **UTM)
    options = PolygonOptions(ANY.thresholds, calibration=calibration)
    return find_seeps(source, options, image=scene, model="unet").seeps[0].attributes


@pytest.mark.parametrize(
    ("calibration", "dark", "sea", "ratio", "db"),
    [
        (None, 0.8, 1.0, 0.8, None),
        ("power", 0.5, 1.0, 0.5, -3.0103),
        ("amplitude", 0.5, 1.0, 0.5, -6.0206),
        ("db", -23, -20, 0.5012, -3),
    ],
)
def test_contrast_is_a_ratio_and_db_only_if_calibrated(
    tmp_path: Path, calibration: Any, dark: float, sea: float, ratio: float, db: float | None
) -> None:
    got = _with_image(tmp_path, dark, sea, calibration)
    assert got["contrast"] == pytest.approx(ratio, rel=1e-3)
    assert ("contrast_db" in got) == (db is not None)
    if db is not None:
        assert got["contrast_db"] == pytest.approx(db, abs=1e-3)


def test_share_touching_nodata_or_the_end_of_the_scene(tmp_path: Path) -> None:
    p = canvas()
    p[100:110, 100:110] = p[200:210, 390:400] = p[50:60, 50:60] = 1
    valid = np.ones(p.shape, bool)
    valid[80:100] = False
    found = find_seeps(raster(tmp_path / "p.tif", p, valid, **UTM), ANY).seeps
    shares = [s.attributes["nodata_share"] for s in found]
    assert shares == pytest.approx([0, 10 / 36, 10 / 36])


def test_class_is_the_commonest_inside(tmp_path: Path) -> None:
    p = canvas()
    p[100:110, 100:110] = p[20:30, 20:30] = 1
    classes = np.zeros((1, *p.shape), np.uint8)
    classes[0, 100:104, 100:110], classes[0, 104:110, 100:110], classes[0, 0, :] = 3, 5, 7
    numbers = Raster(write_raster(tmp_path / "c.tif", classes, nodata=255, **UTM))
    layer = find_seeps(raster(tmp_path / "p.tif", p, **UTM), ANY, classes=numbers)
    assert [s.attributes["class"] for s in layer.seeps] == [None, 5]
    assert [s.attributes["class_share"] for s in layer.seeps] == [None, 0.6]
    write_seeps(layer, tmp_path / "s.gpkg")
    assert _rows(tmp_path / "s.gpkg", "class") == [(None,), (5,)]


def test_scene_model_and_time_go_with_every_feature(tmp_path: Path) -> None:
    got = _with_image(tmp_path, 1, 2)
    assert (got["scene"], got["model"], got["time"]) == ("image", "unet", None)
    assert got["thresholds"] == "group 0.5, trim 0.5, keep 0.5"
    name = "S1A_IW_GRDH_1SDV_20180114T054412_20180114T054437_020150"
    assert scene_time({}, name) == "2018-01-14T05:44:12Z"
    assert scene_time({"Acquisition_Time": "2020-01-01T00:00:00Z"}, name) == "2020-01-01T00:00:00Z"
    assert scene_time({"TIFFTAG_DATETIME": "2020:01:01 00:00:00"}, "041871") is None


def test_each_object_is_read_once_by_its_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = canvas()
    p[100:110, 100:110] = p[200:210, 300:350] = 1
    source = raster(tmp_path / "p.tif", p, **UTM)
    boxes: list[tuple[int, ...]] = []
    original = Raster.read
    monkeypatch.setattr(Raster, "read", lambda self, *box: (boxes.append(box), original(self, *box))[1])
    assert len(find_seeps(source, ANY).seeps) == 2
    assert [b for b in boxes if len(b) == 4] == [(91, 119, 91, 119), (191, 219, 291, 359)]


def test_an_object_too_large_for_memory_is_cut_at_a_strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = canvas(600, 900)
    cv2.line(p, (40, 40), (860, 560), 1.0, 31)
    p[100:105, 700:705] = 1
    source = raster(tmp_path / "p.tif", p, **UTM)
    (whole, small) = find_seeps(source, ANY).seeps
    monkeypatch.setattr(objects, "STRIP_PIXELS", 50 * 900)
    monkeypatch.setattr(objects, "LARGEST_BOX_PIXELS", 40_000)
    cut = find_seeps(source, ANY).seeps
    parts = [s for s in cut if s != small]
    assert len(cut) == len(parts) + 1 > 3
    assert shapely.union_all([s.outline for s in parts]).equals(whole.outline)
    assert sum(s.attributes["area_m2"] for s in parts) == pytest.approx(whole.attributes["area_m2"], rel=1e-3)
    assert max(shapely.box(*s.outline.bounds).area / 100 for s in parts) < 40_000 + 50 * 900


def test_an_object_of_very_many_pieces_loses_the_smallest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    p = (0.35 + 0.6 * (np.random.default_rng(0).random((300, 400)) < 0.3)).astype(np.float32)
    p[100:150, 100:200] = 0.95
    source = raster(tmp_path / "p.tif", p, **UTM)
    monkeypatch.setattr(polygons, "MOST_PIECES", 300)
    (seep,) = find_seeps(source).seeps  # one group of noise, in some ten thousand parts
    assert shapely.get_num_geometries(seep.outline) <= 300
    assert seep.attributes["area_m2"] > 5000 * 100
    assert "left out" in caplog.text


def test_rasters_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    source = raster(tmp_path / "p.tif", canvas(), **UTM)
    other = raster(tmp_path / "o.tif", canvas(10, 10), **UTM)
    with pytest.raises(UserError, match="10 x 10 px"):
        find_seeps(source, image=other)
    floats = Raster(write_raster(tmp_path / "f.tif", np.zeros((1, 300, 400), np.float32), **UTM))
    with pytest.raises(UserError, match="expected the 8-bit"):
        find_seeps(floats)


# files


@pytest.fixture
def layer(tmp_path: Path) -> SeepLayer:
    p = canvas()
    p[100:110, 100:200] = 0.9
    cv2.circle(p, (300, 200), 20, 0.75, -1)
    return find_seeps(raster(tmp_path / "p.tif", p, **UTM), model="unet")


def _rows(path: Path, *names: str) -> list[tuple[Any, ...]]:
    """A GeoPackage read as what it is, an SQLite database (OGC 12-128r18)."""
    with sqlite3.connect(path) as db:
        return db.execute(f"SELECT {', '.join(f'[{n}]' for n in names)} FROM seeps ORDER BY fid").fetchall()


def _geometry(blob: bytes) -> Any:
    """GeoPackage geometry: a header of 8 bytes and, by its flags, an envelope before the WKB (clause 2.1.3)."""
    assert blob[:2] == b"GP"
    return shapely.from_wkb(blob[8 + {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 7] :])


def test_an_independent_reader_opens_the_geopackage(tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    rows = _rows(path, "geom", "area_m2", "p_max", "scene", "time")
    assert len(rows) == 2
    for row, seep in zip(rows, layer.seeps, strict=True):
        assert shapely.equals(_geometry(row[0]), seep.outline)
        assert row[1] == seep.attributes["area_m2"]
        assert row[3:] == ("p", None)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT organization_coordsys_id FROM gpkg_contents JOIN gpkg_spatial_ref_sys USING (srs_id)")
        assert db.execute("SELECT srs_id, data_type FROM gpkg_contents").fetchall() == [(32631, "features")]
        assert [r[1] for r in db.execute("PRAGMA table_info(seeps)")] == ["fid", "geom", *layer.columns]
    meta = pyogrio.read_info(path)["layer_metadata"]
    assert meta == {"transform": "affine transform of the scene"}


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_in_degrees_the_outlines_lie_where_they_should(tmp_path: Path, layer: SeepLayer, suffix: str) -> None:
    path = tmp_path / f"s{suffix}"
    write_seeps(layer, path, wgs84=True)
    if suffix == ".geojson":
        data = json.loads(path.read_text())
        assert "crs" not in data  # RFC 7946
        outlines = [shapely.geometry.shape(f["geometry"]) for f in data["features"]]
        assert data["features"][0]["properties"]["area_m2"] == pytest.approx(layer.seeps[0].attributes["area_m2"])
    else:
        outlines = [_geometry(blob) for (blob,) in _rows(path, "geom")]
    back = pyproj.Transformer.from_crs(4326, 32631, always_xy=True)
    for outline, seep in zip(outlines, layer.seeps, strict=True):
        there = shapely.transform(outline, lambda xy: np.column_stack(back.transform(xy[:, 0], xy[:, 1])))
        assert shapely.hausdorff_distance(there, seep.outline) < 0.1


def test_a_map_without_seeps_still_has_its_columns(tmp_path: Path) -> None:
    layer = find_seeps(raster(tmp_path / "p.tif", canvas(), **UTM), PolygonOptions(calibration="power"))
    assert layer.seeps == []
    for suffix in (".gpkg", ".geojson"):
        write_seeps(layer, tmp_path / f"s{suffix}")
    assert pyogrio.read_info(tmp_path / "s.gpkg")["fields"].tolist() == list(layer.columns)
    assert "contrast_db" in layer.columns
    assert json.loads((tmp_path / "s.geojson").read_text())["features"] == []


def test_the_style_colours_by_p_max(tmp_path: Path, layer: SeepLayer) -> None:
    write_seeps(layer, tmp_path / "s.gpkg")
    root = ElementTree.parse(tmp_path / "s.qml").getroot()
    renderer = root.find("renderer-v2")
    assert root.tag == "qgis"
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("attr")) == ("graduatedSymbol", "p_max")
    ranges = [(float(r.get("lower", "")), float(r.get("upper", ""))) for r in renderer.iter("range")]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 1
    assert all(a[1] == b[0] for a, b in pairwise(ranges))
    names = {symbol.get("name") for symbol in renderer.iter("symbol")}
    assert {r.get("symbol") for r in renderer.iter("range")} == names


def test_a_file_that_is_there_is_kept_unless_told(tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    path.write_text("mine")
    with pytest.raises(UserError, match="there already"):
        write_seeps(layer, path)
    assert path.read_text() == "mine"
    write_seeps(layer, path, overwrite=True)
    assert len(_rows(path, "fid")) == 2
    with pytest.raises(UserError, match=r"\.gpkg or \.geojson"):
        write_seeps(layer, tmp_path / "s.shp")


def _half(*args: Any, **options: Any) -> None:
    Path(args[0]).write_bytes(b"half")
    raise pyogrio.errors.DataSourceError("disk full")


def _full(*args: Any, **options: Any) -> None:
    Path(args[0]).write_bytes(b"half")
    raise OSError(28, "No space left on device")


def _killed(*args: Any, **options: Any) -> None:
    Path(args[0]).write_bytes(b"half")
    raise KeyboardInterrupt


@pytest.mark.parametrize(("fails", "raised"), [(_half, UserError), (_full, UserError), (_killed, KeyboardInterrupt)])
def test_nothing_half_written_gets_the_final_name(
    tmp_path: Path,
    layer: SeepLayer,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., None],
    raised: type[BaseException],
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr("pyogrio.raw.write", fails)
    with pytest.raises(raised):
        write_seeps(layer, out / "s.gpkg")
    assert list(out.iterdir()) == []


def test_two_runs_give_the_same_features(tmp_path: Path, layer: SeepLayer) -> None:
    again = find_seeps(Raster(tmp_path / "p.tif"), model="unet")
    assert again.seeps == layer.seeps


def test_a_style_that_is_there_is_kept(tmp_path: Path, layer: SeepLayer) -> None:
    (tmp_path / "s.qml").write_text("mine")
    write_seeps(layer, tmp_path / "s.gpkg")
    assert (tmp_path / "s.qml").read_text() == "mine"
