"""What a GIS finds in the files: outlines, columns, null values and the style; whole files or none."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
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

from helpers.rasters import UTM
from helpers.small_maps import ANY_OBJECT, empty_sea, geopackage_rows, probability_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.options import PolygonOptions
from seep_lightning.scene.polygons import SeepLayer, find_seeps
from seep_lightning.scene.seep_colours import SEEP_COLOURS
from seep_lightning.scene.vector_files import write_seeps


@pytest.fixture
def layer(tmp_path: Path) -> SeepLayer:
    p = empty_sea()
    p[100:110, 100:200] = 0.9
    cv2.circle(p, (300, 200), 20, 0.75, -1)
    return find_seeps(probability_raster(tmp_path / "p.tif", p, **UTM), model="unet")


def _geometry(blob: bytes) -> Any:
    """GeoPackage geometry: a header of 8 bytes and, by its flags, an envelope before the WKB (clause 2.1.3)."""
    assert blob[:2] == b"GP"
    return shapely.from_wkb(blob[8 + {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 7] :])


def test_an_independent_reader_opens_the_geopackage(tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    rows = geopackage_rows(path, "geom", "area_m2", "p_max", "scene", "time")
    assert len(rows) == 2
    for row, seep in zip(rows, layer.seeps, strict=True):
        assert shapely.equals(_geometry(row[0]), seep.outline)
        assert row[1] == seep.attributes["area_m2"]
        assert row[3:] == ("p", None)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT organization_coordsys_id FROM gpkg_contents JOIN gpkg_spatial_ref_sys USING (srs_id)")
        assert db.execute("SELECT srs_id, data_type FROM gpkg_contents").fetchall() == [
            (32631, "features"),
            (0, "attributes"),
        ]
        assert [r[1] for r in db.execute("PRAGMA table_info(seeps)")] == ["fid", "geom", *layer.columns]
    meta = pyogrio.read_info(path, layer="seeps")["layer_metadata"]
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
        outlines = [_geometry(blob) for (blob,) in geopackage_rows(path, "geom")]
    back = pyproj.Transformer.from_crs(4326, 32631, always_xy=True)
    for outline, seep in zip(outlines, layer.seeps, strict=True):
        there = shapely.transform(outline, lambda xy: np.column_stack(back.transform(xy[:, 0], xy[:, 1])))
        assert shapely.hausdorff_distance(there, seep.outline) < 0.1


@pytest.mark.parametrize("name", ["seeps.gpkg", "seeps.geojson"])
def test_an_outline_across_the_date_line_does_not_go_round_the_world(name: str, tmp_path: Path) -> None:
    p = empty_sea()
    p[100:150, 100:300] = 1
    place = {"crs": "EPSG:32601", "transform": Affine(10, 0, 165_000, 0, -10, 1_000)}  # 180 degrees: column 102
    layer = find_seeps(probability_raster(tmp_path / "p.tif", p, **place), ANY_OBJECT)
    write_seeps(layer, tmp_path / name, wgs84=True)
    outline = shapely.from_wkb(pyogrio.raw.read(tmp_path / name, layer="seeps")[2])[0]
    lon = shapely.get_coordinates(outline)[:, 0]
    assert min(lon) < -179.98 or max(lon) > 180  # it crosses
    assert len(outline.geoms) == (2 if name.endswith("geojson") else 1) and not any(p.is_empty for p in outline.geoms)
    assert outline.area == pytest.approx(layer.seeps[0].outline.area / 111_320**2, rel=0.02)


def test_a_map_without_seeps_still_has_its_columns(tmp_path: Path) -> None:
    layer = find_seeps(probability_raster(tmp_path / "p.tif", empty_sea(), **UTM), PolygonOptions(calibration="power"))
    assert layer.seeps == []
    for suffix in (".gpkg", ".geojson"):
        write_seeps(layer, tmp_path / f"s{suffix}")
    assert pyogrio.read_info(tmp_path / "s.gpkg", layer="seeps")["fields"].tolist() == list(layer.columns)
    assert "contrast_db" in layer.columns
    assert json.loads((tmp_path / "s.geojson").read_text())["features"] == []


def test_the_style_colours_by_the_one_scale(tmp_path: Path, layer: SeepLayer) -> None:
    write_seeps(layer, tmp_path / "s.gpkg")
    root = ElementTree.parse(tmp_path / "s.qml").getroot()
    renderer = root.find("renderer-v2")
    assert root.tag == "qgis"
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("attr")) == ("graduatedSymbol", SEEP_COLOURS.column)
    ranges = [(float(r.get("lower", "")), float(r.get("upper", ""))) for r in renderer.iter("range")]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 1
    assert all(a[1] == b[0] for a, b in pairwise(ranges))
    names = {symbol.get("name") for symbol in renderer.iter("symbol")}
    assert {r.get("symbol") for r in renderer.iter("range")} == names
    labels = [r.get("label") for r in renderer.iter("range")]
    assert (labels[0], labels[-1]) == ("mean probability below 0.6", "mean probability 0.9 to 1.0")


def test_columns_have_aliases_with_units_and_descriptions(tmp_path: Path, layer: SeepLayer) -> None:
    write_seeps(layer, tmp_path / "s.gpkg")
    aliases = {e.get("field"): e.get("name") for e in ElementTree.parse(tmp_path / "s.qml").iter("alias")}
    assert list(aliases) == list(layer.columns)
    assert (aliases["area_m2"], aliases["p_mean"]) == ("area (m\u00b2)", "mean probability (0..1)")
    with closing(sqlite3.connect(tmp_path / "s.gpkg")) as database:
        query = "SELECT column_name, title, description FROM gpkg_data_columns WHERE table_name = 'seeps'"
        texts = {column: (title, description) for column, title, description in database.execute(query)}
        extensions = database.execute("SELECT table_name FROM gpkg_extensions").fetchall()
    assert {column: title for column, (title, _) in texts.items()} == aliases
    assert texts["area_m2"][1] == "area, in an equal-area projection about the seep"
    assert ("gpkg_data_columns",) in extensions
    assert all("](" not in description and "`" not in description for _, description in texts.values())


def styles_inside(path: Path) -> list[tuple[str, str, str, int]]:
    """Layer, column of geometry, style and whether it is the default, of each row of QGIS's table."""
    with closing(sqlite3.connect(path)) as database:
        columns = "f_table_name, f_geometry_column, styleQML, useAsDefault"
        return database.execute(f"SELECT {columns} FROM layer_styles").fetchall()


def test_the_geopackage_carries_the_style_inside(tmp_path: Path, layer: SeepLayer) -> None:
    write_seeps(layer, tmp_path / "s.gpkg")
    write_seeps(layer, tmp_path / "s.gpkg", overwrite=True)
    beside = (tmp_path / "s.qml").read_text()
    assert styles_inside(tmp_path / "s.gpkg") == [("seeps", "geom", beside, 1)]
    assert pyogrio.list_layers(tmp_path / "s.gpkg").tolist() == [["seeps", "MultiPolygon"], ["layer_styles", None]]


def test_a_style_that_is_there_is_kept(tmp_path: Path, layer: SeepLayer) -> None:
    (tmp_path / "s.qml").write_text("mine")
    write_seeps(layer, tmp_path / "s.gpkg")
    assert (tmp_path / "s.qml").read_text() == "mine"
    # QGIS takes the one inside before the one beside
    assert styles_inside(tmp_path / "s.gpkg")[0][2] == "mine"


def test_a_style_that_an_analyst_saved_in_the_file_outlives_it(tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE layer_styles SET styleQML = 'saved in QGIS'")
        database.commit()
    write_seeps(layer, path, overwrite=True)
    assert [style for _, _, style, _ in styles_inside(path)] == ["saved in QGIS"]


def test_a_file_that_is_there_is_kept_unless_told(tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    path.write_text("mine")
    with pytest.raises(UserError, match="there already"):
        write_seeps(layer, path)
    assert path.read_text() == "mine"
    write_seeps(layer, path, overwrite=True)
    assert len(geopackage_rows(path, "fid")) == 2
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
