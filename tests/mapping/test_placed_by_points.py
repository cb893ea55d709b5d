"""Maps of scenes that control points place: what earlier versions finished, and what is told."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from rasterio.control import GroundControlPoint

from helpers.maps import band, mapped, table
from helpers.radar_geometry import grid_over_sea, grid_pixels
from helpers.rasters import UTM, write_raster
from helpers.sentinel1 import gcps_of
from helpers.vectors import write_polygons
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError
from seep_lightning.mapping import mapper
from seep_lightning.scene.outlines import read_outlines
from seep_lightning.scene.raster import Raster

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def points(wrong: float = 0.0) -> list[GroundControlPoint]:
    """Points of the scene's own transform; wrong: metres by which the sixth is off."""
    gcps = []
    for row, column in np.ndindex(4, 5):
        x, y = UTM["transform"] @ (column * 32, row * 32)
        gcps.append(GroundControlPoint(row * 32, column * 32, x, y, 0))
    gcps[5].x += wrong
    return gcps


@pytest.fixture
def by_points(tmp_path: Path, image: Any) -> Path:
    return write_raster(tmp_path / "a.tif", image, gcps=(points(), UTM["crs"]))


def test_outlines_brought_back_into_pixels_are_the_mask(trained: Path, image: Any, tmp_path: Path) -> None:
    """In the corner of a product at 70 N, where degrees are bent most."""
    gcps = gcps_of(grid_over_sea(70, grid_pixels()))
    for point in gcps:
        point.col -= 25_600
        point.row -= 16_500
    scene = write_raster(tmp_path / "a.tif", image, gcps=(gcps, "EPSG:4326"))
    out = mapped(trained, scene, tmp_path / "out", picture=True)
    mask = band(out / "a.mask.tif")
    with Raster(scene) as raster:
        drawn = read_outlines(out / "a.gpkg", raster)
    burnt = drawn.burn(np.ones(len(drawn.shapes), np.uint8), 0, raster.height, raster.width)
    assert (burnt == (mask == 1)).all() and burnt.any()
    assert (out / "a.png").exists()


def test_a_finished_map_stays_finished(trained: Path, by_points: Path, tmp_path: Path) -> None:
    out = mapped(trained, by_points, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in out.glob("a.*")}
    mapped(trained, by_points, out)
    assert {path: path.stat().st_mtime_ns for path in out.glob("a.*")} == before


def test_outlines_that_an_earlier_version_placed_are_neither_kept_in_silence_nor_replaced(
    trained: Path, by_points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_key = mapper.row_key
    with monkeypatch.context() as earlier:
        earlier.setattr(mapper, "row_key", lambda rasters_key, config, _=None: row_key(rasters_key, config))
        out = mapped(trained, by_points, tmp_path / "out")
    rasters, outlines = (out / "a.probability.tif").stat().st_mtime_ns, (out / "a.gpkg").stat().st_mtime_ns
    with pytest.raises(UserError, match=r"a\.gpkg is of an earlier version, which placed .* overwrite=true"):
        mapped(trained, by_points, out)
    assert (out / "a.gpkg").stat().st_mtime_ns == outlines
    mapped(trained, by_points, out, overwrite=True)
    assert (out / "a.probability.tif").stat().st_mtime_ns == rasters
    assert (out / "a.gpkg").stat().st_mtime_ns > outlines
    assert table(out)["a"]["placement"] == "polynomial of order 1"


def test_a_point_that_contradicts_the_others_is_told_by_predict_and_prepare(
    trained: Path, image: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = write_raster(tmp_path / "a.tif", image, gcps=(points(wrong=400), UTM["crs"]))
    warning = "a: Control points that contradict the others were left out: point 6 (row 32, column 0) by 400 m."
    with caplog.at_level(logging.WARNING):
        out = mapped(trained, scene, tmp_path / "out")
    assert [record.getMessage() for record in caplog.records if "point 6" in record.getMessage()] == [warning]
    # what workers of a cluster tell is seen nowhere else
    assert table(out)["a"]["notes"].endswith(warning.removeprefix("a: "))
    assert float(table(out)["a"]["residual_max_px"]) < 1e-3
    caplog.clear()
    outlines = pyogrio.read_info(out / "a.gpkg")["total_bounds"]
    drawn = write_polygons(tmp_path / "drawn.gpkg", [shapely.box(*outlines)], UTM["crs"])
    with caplog.at_level(logging.WARNING):
        prepare(PrepareConfig(str(scene), str(drawn), str(tmp_path / "data"), size=32))
    assert sum(warning in record.getMessage() for record in caplog.records) == 1
