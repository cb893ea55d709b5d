"""Polygons of a vector file in a scene's pixels: in any CRS, across the date line, and not folded over the scene."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import pyproj
import pytest
import rasterio.warp
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from rasterio.errors import NotGeoreferencedWarning

from helpers.rasters import UTM, write_raster
from helpers.robustness.judging import faults_of_message
from helpers.vectors import write_polygons
from seep_lightning.errors import UserError
from seep_lightning.scene.outline_file import outlines_where, read_outline_file
from seep_lightning.scene.outlines import Outlines, read_outlines, vector_area
from seep_lightning.scene.raster import Raster


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "scene.tif", np.ones((1, 300, 420), np.uint16), **UTM)


def box_of_pixels(left: int, top: int, right: int, bottom: int) -> shapely.Polygon:
    """A box of `UTM` pixels in coordinates."""
    corners = [UTM["transform"] @ corner for corner in ((left, top), (right, bottom))]
    return shapely.box(*corners[0], *corners[1])


def test_an_area_in_degrees_is_the_same_pixels(scene: Path, tmp_path: Path) -> None:
    xy = np.array(box_of_pixels(100, 100, 250, 200).exterior.coords)
    degrees = pyproj.Transformer.from_crs("EPSG:32631", "EPSG:4326", always_xy=True).transform(*xy.T)
    file = write_polygons(tmp_path / "aoi.gpkg", [shapely.Polygon(np.column_stack(degrees))], "EPSG:4326")
    expected = np.zeros((300, 420), bool)
    expected[100:200, 100:250] = True
    with Raster(scene) as raster:
        inside, key = vector_area(file, raster)
        outside, other_key = vector_area(file, raster, inside=False)
    assert (inside(0, 300) == expected).mean() > 0.999
    assert (inside(90, 130) == inside(0, 300)[90:130]).all()
    assert (outside(0, 300) == ~inside(0, 300)).all()
    assert key != other_key


def test_the_last_polygon_lies_on_top_and_zeros_are_left_out(scene: Path, tmp_path: Path) -> None:
    boxes = [box_of_pixels(0, 0, 4, 4), box_of_pixels(2, 2, 6, 6), box_of_pixels(0, 0, 9, 9)]
    with Raster(scene) as raster:
        outlines = read_outlines(write_polygons(tmp_path / "a.gpkg", boxes, UTM["crs"]), raster)
    burnt = outlines.burn(np.array([1, 2, 0], np.uint8), 1, 7, 8)
    expected = np.zeros((6, 8), np.uint8)
    expected[0:3, 0:4] = 1
    expected[1:5, 2:6] = 2
    np.testing.assert_array_equal(burnt, expected)


def test_a_polygon_holds_a_pixel_where_it_is_drawn_and_its_thickness_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(-10, 50, (300, 2))
    lines = [shapely.LineString([start, start + rng.normal(0, 5, 2)]) for start in starts]
    thin = [line.buffer(width) for line, width in zip(lines, rng.exponential(0.3, 300), strict=True)]
    outlines = replace(Outlines.none([], None), shapes=np.array(thin, dtype=object))
    pixels = rng.random((20, 40)) < 0.3
    drawn = []
    for shape in thin:
        alone = replace(outlines, shapes=np.array([shape], dtype=object))
        drawn.append(bool((alone.burn(np.ones(1, np.uint8), 10, 30, 40) > 0)[pixels].any()))
    asked = rng.random(300) < 0.9
    assert outlines.holding(asked, pixels, top=10).tolist() == (np.array(drawn) & asked).tolist()
    assert 20 < sum(drawn) < 280


@pytest.fixture
def attributed(tmp_path: Path) -> Path:
    """Two boxes in the scene and one beyond it, with attributes."""
    boxes = [box_of_pixels(500, 500, 510, 510), box_of_pixels(10, 10, 20, 20), box_of_pixels(30, 30, 50, 50)]
    geometry = shapely.to_wkb(np.array(boxes))
    values = [np.array([7, 8, 9]), np.array(["a", "b", "c"], object)]
    path = tmp_path / "labels.gpkg"
    pyogrio.raw.write(path, geometry, values, ["kind", "name"], crs=UTM["crs"], geometry_type="Polygon")
    return path


def test_attributes_go_with_the_polygons_that_are_kept(scene: Path, attributed: Path) -> None:
    with Raster(scene) as raster:
        outlines = read_outlines(attributed, raster, ["name", "kind"])
    assert outlines.columns["name"].tolist() == ["b", "c"]
    assert outlines.columns["kind"].tolist() == [8, 9]
    assert outlines_where(attributed, "kind > 8", "ignore").tolist() == outlines.numbers[1:].tolist()


def test_a_column_that_is_not_in_the_file_is_told_with_those_that_are(scene: Path, attributed: Path) -> None:
    with Raster(scene) as raster, pytest.raises(UserError, match="no attribute colour; those that it has: kind, name"):
        read_outlines(attributed, raster, ["colour"])


def test_an_area_elsewhere_or_without_coordinates_is_told(scene: Path, tmp_path: Path) -> None:
    with Raster(scene) as raster:
        with pytest.raises(UserError, match="no polygon within"):
            vector_area(write_polygons(tmp_path / "a.gpkg", [shapely.box(50, 50, 51, 51)], "EPSG:4326"), raster)
        with pytest.raises(UserError, match="no coordinate system"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            vector_area(write_polygons(tmp_path / "b.gpkg", [shapely.box(0, 0, 1, 1)], None), raster)
        with pytest.raises(UserError, match="cannot be read as polygons"):
            vector_area(tmp_path / "none.gpkg", raster)


@pytest.mark.parametrize(("there", "file"), [(270.0, -90.0), (-90.0, 270.0), (-90.0, -90.0)])
def test_longitudes_may_count_from_0_or_from_minus_180(there: float, file: float, tmp_path: Path) -> None:
    place = {"crs": "EPSG:4326", "transform": Affine(1e-3, 0, there, 0, -1e-3, 30)}
    path = write_raster(tmp_path / "a.tif", np.ones((1, 100, 100), np.uint8), **place)
    land = shapely.box(file + 0.02, 29.95, file + 0.05, 29.98)
    far = shapely.box(file - 60, 0, file - 59, 1)
    with Raster(path) as raster:
        inside, _ = vector_area(write_polygons(tmp_path / "land.gpkg", [land, far], "EPSG:4326"), raster)
        expected = np.zeros((100, 100), bool)
        expected[20:50, 20:50] = True
        assert (inside(0, 100) == expected).all()


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3035", "EPSG:3413", "EPSG:4326"])
def test_the_far_side_of_the_earth_is_not_folded_over_the_scene(crs: str, tmp_path: Path) -> None:
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(15, 60)
    step = 1e-3 if crs == "EPSG:4326" else 100
    place = {"crs": crs, "transform": Affine(step, 0, x - 50 * step, 0, -step, y + 50 * step)}
    path = write_raster(tmp_path / "a.tif", np.ones((1, 100, 100), np.uint8), **place)
    ocean = shapely.box(-180, -85, 180, 90).difference(shapely.box(15, 35, 150, 80))  # land is east of the middle
    with Raster(path) as raster:
        inside, _ = vector_area(write_polygons(tmp_path / "ocean.gpkg", [ocean], "EPSG:4326"), raster)
        row, column = np.mgrid[0:100, 0:100] + 0.5
        lon, _ = rasterio.warp.transform(crs, "EPSG:4326", *(raster.transform @ (column.ravel(), row.ravel())))
        lon = np.reshape(lon, (100, 100))
        assert (inside(0, 100) == (lon < 15)).mean() > 0.98  # but for pixels on the coast


def test_polygons_on_both_sides_of_the_date_line_are_seen(tmp_path: Path) -> None:
    place = {"crs": "EPSG:4326", "transform": Affine(0.01, 0, 178, 0, -0.01, -16)}
    path = write_raster(tmp_path / "a.tif", np.ones((1, 200, 400), np.uint8), **place)
    land = [shapely.box(178.5, -17, 179, -16.5), shapely.box(-179.5, -17, -179, -16.5), shapely.box(-60, 0, -50, 10)]
    with Raster(path) as raster:
        inside, _ = vector_area(write_polygons(tmp_path / "land.gpkg", land, "EPSG:4326"), raster)
        expected = np.zeros((200, 400), bool)
        expected[50:100, 50:100] = expected[50:100, 250:300] = True
        assert (inside(0, 200) == expected).all()


def test_of_several_layers_of_polygons_none_is_guessed(tmp_path: Path) -> None:
    place = {"crs": "EPSG:4326", "transform": Affine.scale(1, -1)}
    path = write_raster(tmp_path / "a.tif", np.ones((1, 10, 10), np.uint8), **place)
    file = write_polygons(tmp_path / "two.gpkg", [shapely.box(0, -5, 5, 0)], "EPSG:4326", layer="old")
    write_polygons(file, [shapely.box(0, -9, 9, 0)], "EPSG:4326", layer="new", append=True)
    with Raster(path) as raster, pytest.raises(UserError, match="several layers: old, new"):
        vector_area(file, raster)


def test_burning_says_nothing_of_a_missing_georeference(monkeypatch: pytest.MonkeyPatch) -> None:
    def rasterize(_pairs: Any, size: tuple[int, int], **_keywords: Any) -> NDArray[np.uint8]:
        warnings.warn("Dataset has no geotransform", NotGeoreferencedWarning, stacklevel=1)
        return np.zeros(size, np.uint8)

    monkeypatch.setattr(features, "rasterize", rasterize)
    square = np.array([shapely.box(0, 0, 4, 4)], object)
    outlines = Outlines(square, np.zeros(1, np.int64), {}, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert outlines.burn(np.ones(1, np.uint8), 0, 8, 8).shape == (8, 8)


def write_ring(path: Path, corners: list[list[float]]) -> Path:
    """A GeoJSON file of one polygon in the coordinates of `UTM`, as a program wrote it that does not close rings."""
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    crs = {"type": "name", "properties": {"name": UTM["crs"]}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return path


def test_a_ring_that_a_file_leaves_open_is_closed(scene: Path, tmp_path: Path) -> None:
    *open_ring, _ = box_of_pixels(10, 10, 50, 50).exterior.coords
    with Raster(scene) as raster:
        outlines = read_outlines(write_ring(tmp_path / "a.geojson", [list(corner) for corner in open_ring]), raster)
    assert shapely.area(outlines.shapes).tolist() == pytest.approx([1600])


def test_a_ring_of_two_corners_is_no_outline(scene: Path, tmp_path: Path) -> None:
    first, second, *_ = box_of_pixels(10, 10, 50, 50).exterior.coords
    with Raster(scene) as raster:
        outlines = read_outlines(write_ring(tmp_path / "a.geojson", [list(first), list(second)]), raster)
    assert len(outlines.shapes) == 0


def test_a_file_without_layers_is_told_in_a_line(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_polygons(tmp_path / "a.gpkg", [box_of_pixels(1, 1, 5, 5)], UTM["crs"])
    monkeypatch.setattr(pyogrio, "list_layers", lambda _: np.empty((0, 2), dtype=object))
    with Raster(scene) as raster, pytest.raises(UserError, match="holds no layer"):
        read_outlines(file, raster)


@pytest.mark.parametrize("text", ["id,note\n1,doubtful\n", "id,loadGeoJSON(\n1,2\n"])
def test_a_table_without_outlines_is_told_in_a_line(scene: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    for read in (lambda raster: read_outlines(file, raster), lambda _: read_outline_file(file, [])):
        with Raster(scene) as raster, pytest.raises(UserError, match="is a table without outlines"):
            read(raster)


def test_points_beside_a_table_are_read_as_what_they_are(scene: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.gpkg"
    pyogrio.raw.write(file, None, [np.array([1])], ["id"], layer="notes")
    points = shapely.to_wkb(np.array([shapely.Point(0, 0)]))
    pyogrio.raw.write(file, points, [], [], layer="points", geometry_type="Point", crs=UTM["crs"], append=True)
    assert read_outline_file(file, []).is_flat.tolist() == [True]


@pytest.mark.parametrize(("name", "text"), [("a.geojson", '{"type": }'), ("a.tab", "!table\nx"), ("a.geojsonl", '{"t')])
def test_a_damaged_layer_is_told_in_two_sentences_without_advice_about_gdal(
    scene: Path, tmp_path: Path, name: str, text: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    for read in (lambda raster: read_outlines(file, raster), lambda _: read_outline_file(file, [])):
        with Raster(scene) as raster, pytest.raises(UserError) as raised:
            read(raster)
        assert faults_of_message(f"seep predict: {raised.value}") == []
        assert str(raised.value).endswith("). Expected a vector file; copy it again if it was one.")
        assert "DRIVER" not in str(raised.value) and "Expecting" not in str(raised.value)
