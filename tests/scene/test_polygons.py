"""Which objects become features, and what stays of them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely

from helpers.rasters import UTM, write_raster
from helpers.small_maps import ANY_OBJECT, empty_sea, geopackage_rows, known_shapes, probability_raster
from seep_lightning.errors import UserError
from seep_lightning.scene import objects, polygons
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.polygons import find_seeps, scene_time
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vector_files import write_seeps


def test_three_thresholds_group_trim_and_keep(tmp_path: Path) -> None:
    p = empty_sea(60, 80)
    p[10:14, 5:30] = 0.4  # faint, joins the two parts of one seep
    p[10:14, 5:12] = 0.6
    p[10:14, 20:28] = 0.9
    p[30:34, 5:30] = 0.6  # never sure enough
    p[50, 5:9] = 0.9  # two that touch at a corner only
    p[51, 9:12] = 0.9
    layer = find_seeps(
        probability_raster(tmp_path / "p.tif", p, **UTM), PolygonOptions(Thresholds(0.3, 0.5, 0.7), min_area=1)
    )
    first, second = layer.seeps
    assert len(first.outline.geoms) == 2
    assert first.attributes["area_m2"] == pytest.approx((7 * 4 + 8 * 4) * 100, rel=0.01)
    assert first.attributes["p_max"] == pytest.approx(0.9, abs=0.003)
    assert first.attributes["p_mean"] == pytest.approx((28 * 0.6 + 32 * 0.9) / 60, abs=0.003)
    assert second.attributes["area_m2"] == pytest.approx(700, rel=0.01)


def test_small_or_short_ones_are_dropped(tmp_path: Path) -> None:
    p = empty_sea()
    p[10:14, 10:14] = p[30:32, 10:50] = p[50, 10:20] = 1
    source = probability_raster(tmp_path / "p.tif", p, **UTM)

    def areas(**options: Any) -> list[int]:
        layer = find_seeps(source, PolygonOptions(**options))
        return [round(seep.attributes["area_m2"] / 100) for seep in layer.seeps]

    assert areas(min_area=1) == [16, 80, 10]
    assert areas(min_area=11) == [16, 80]
    assert areas(min_area=1, min_length=9) == [80, 10]
    assert areas(min_area=17, min_length=9) == [80]


def test_holes_stay_unless_filled_and_nodata_stays_a_hole(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:140, 100:140] = 1
    p[110:120, 110:120] = 0
    valid = np.ones(p.shape, bool)
    valid[125:130, 125:130] = False
    source = probability_raster(tmp_path / "p.tif", p, valid, **UTM)
    (with_holes,) = find_seeps(source, PolygonOptions(fill_holes=False)).seeps
    (filled,) = find_seeps(source, PolygonOptions(fill_holes=True)).seeps
    assert with_holes.attributes["area_m2"] == pytest.approx((1600 - 125) * 100, rel=0.01)
    assert filled.attributes["area_m2"] == pytest.approx((1600 - 25) * 100, rel=0.01)


def test_simplifying_changes_the_outline_but_not_the_figures(tmp_path: Path) -> None:
    p, _, _ = known_shapes()
    source = probability_raster(tmp_path / "p.tif", p, **UTM)
    plain = find_seeps(source, ANY_OBJECT).seeps
    simple = find_seeps(source, PolygonOptions(ANY_OBJECT.thresholds, simplify=1.5)).seeps
    corners = [sum(shapely.get_num_coordinates(s.outline) for s in seeps) for seeps in (plain, simple)]
    assert corners[1] < corners[0] / 4
    assert [s.attributes for s in simple] == [s.attributes for s in plain]
    assert all(s.outline.is_valid for s in simple)


def test_share_touching_nodata_or_the_end_of_the_scene(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:110, 100:110] = p[200:210, 390:400] = p[50:60, 50:60] = 1
    valid = np.ones(p.shape, bool)
    valid[80:100] = False
    found = find_seeps(probability_raster(tmp_path / "p.tif", p, valid, **UTM), ANY_OBJECT).seeps
    shares = [s.attributes["nodata_share"] for s in found]
    assert shares == pytest.approx([0, 10 / 36, 10 / 36])


def test_class_is_the_commonest_inside(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:110, 100:110] = p[20:30, 20:30] = 1
    classes = np.zeros((1, *p.shape), np.uint8)
    classes[0, 100:104, 100:110], classes[0, 104:110, 100:110], classes[0, 0, :] = 3, 5, 7
    numbers = Raster(write_raster(tmp_path / "c.tif", classes, nodata=255, **UTM))
    layer = find_seeps(probability_raster(tmp_path / "p.tif", p, **UTM), ANY_OBJECT, classes=numbers)
    assert [s.attributes["class"] for s in layer.seeps] == [None, 5]
    assert [s.attributes["class_share"] for s in layer.seeps] == [None, 0.6]
    write_seeps(layer, tmp_path / "s.gpkg")
    assert geopackage_rows(tmp_path / "s.gpkg", "class") == [(None,), (5,)]


def test_scene_model_and_time_go_with_every_feature(tmp_path: Path) -> None:
    p = empty_sea()
    p[100:110, 100:200] = 1
    source = probability_raster(tmp_path / "p.tif", p, **UTM)
    image = Raster(write_raster(tmp_path / "image.tif", p, **UTM))
    (seep,) = find_seeps(source, ANY_OBJECT, image=image, model="unet").seeps
    got = seep.attributes
    assert (got["scene"], got["model"], got["time"]) == ("image", "unet", None)
    assert got["thresholds"] == "group 0.5, trim 0.5, keep 0.5"


def test_a_scene_s_time_is_in_its_tags_or_its_name() -> None:
    name = "S1A_IW_GRDH_1SDV_20180114T054412_20180114T054437_020150"
    assert scene_time({}, name) == "2018-01-14T05:44:12Z"
    # as the files within a Sentinel-1 product are called
    assert scene_time({}, "s1a-iw-grd-vv-20181013t062322-20181013t062347-024110") == "2018-10-13T06:23:22Z"
    assert scene_time({"Acquisition_Time": "2020-01-01T00:00:00Z"}, name) == "2020-01-01T00:00:00Z"
    assert scene_time({"TIFFTAG_DATETIME": "2020:01:01 00:00:00"}, "041871") is None


def test_each_object_is_read_once_by_its_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = empty_sea()
    p[100:110, 100:110] = p[200:210, 300:350] = 1
    source = probability_raster(tmp_path / "p.tif", p, **UTM)
    boxes: list[tuple[int, ...]] = []
    original = Raster.read
    monkeypatch.setattr(Raster, "read", lambda self, *box: (boxes.append(box), original(self, *box))[1])
    assert len(find_seeps(source, ANY_OBJECT).seeps) == 2
    assert [b for b in boxes if len(b) == 4] == [(91, 119, 91, 119), (191, 219, 291, 359)]


def test_an_object_too_large_for_memory_is_cut_at_a_strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = empty_sea(600, 900)
    cv2.line(p, (40, 40), (860, 560), 1.0, 31)
    p[100:105, 700:705] = 1
    source = probability_raster(tmp_path / "p.tif", p, **UTM)
    (whole, small) = find_seeps(source, ANY_OBJECT).seeps
    monkeypatch.setattr(objects, "STRIP_PIXELS", 50 * 900)
    monkeypatch.setattr(objects, "LARGEST_BOX_PIXELS", 40_000)
    cut = find_seeps(source, ANY_OBJECT).seeps
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
    source = probability_raster(tmp_path / "p.tif", p, **UTM)
    monkeypatch.setattr(polygons, "MOST_PIECES", 300)
    (seep,) = find_seeps(source).seeps  # one group of noise, in some ten thousand parts
    assert shapely.get_num_geometries(seep.outline) <= 300
    assert seep.attributes["area_m2"] > 5000 * 100
    assert "left out" in caplog.text


def test_rasters_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    source = probability_raster(tmp_path / "p.tif", empty_sea(), **UTM)
    other = probability_raster(tmp_path / "o.tif", empty_sea(10, 10), **UTM)
    with pytest.raises(UserError, match="10 x 10 px"):
        find_seeps(source, image=other)
    floats = Raster(write_raster(tmp_path / "f.tif", np.zeros((1, 300, 400), np.float32), **UTM))
    with pytest.raises(UserError, match="expected the 8-bit"):
        find_seeps(floats)


def test_two_runs_give_the_same_features(tmp_path: Path) -> None:
    p, _, _ = known_shapes()
    first, second = (find_seeps(probability_raster(tmp_path / "p.tif", p, **UTM), ANY_OBJECT) for _ in range(2))
    assert len(first.seeps) == 4
    assert first.seeps == second.seeps
