"""Maps as files: what they hold, and where they lie."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning

from helpers.rasters import UTM, pixels, write_raster
from helpers.scene_maps import dequantise, mapped, scaled, visible_files
from helpers.vectors import write_polygons
from seep_lightning.errors import UserError
from seep_lightning.scene.levels import MASK_NODATA, level, quantise
from seep_lightning.scene.outlines import vector_area
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.windows import Tiling


def test_values_that_are_not_finite_are_told(scene: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not finite"):
        mapped(scene, tmp_path / "out", lambda x: x * np.float32("nan"))


def test_a_map_is_two_cogs_that_lie_where_the_scene_lies(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 60000, (1, 700, 1300), dtype=np.uint16)
    values[:, :, :40] = 0
    path = write_raster(tmp_path / "a.tif", values, tags={"ORBIT": "7"}, **UTM)
    result = mapped(path, tmp_path / "out", lambda x: x, tiling=Tiling(256, 64))
    assert visible_files(tmp_path / "out") == ["a.mask.tif", "a.probability.tif"]
    for file, nodata in ((result.probability, 0), (result.mask, MASK_NODATA)):
        with rasterio.open(file) as dataset:
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert dataset.block_shapes == [(512, 512)]
            assert dataset.overviews(1) == [2, 4]
            assert (dataset.crs.to_epsg(), dataset.transform) == (32631, UTM["transform"])
            assert dataset.tags()["ORBIT"] == "7"
            assert (dataset.dtypes, dataset.nodata, dataset.compression.name) == (("uint8",), nodata, "deflate")
            assert dataset.dataset_mask()[:, :40].max() == 0
            assert dataset.dataset_mask()[:, 40:].min() == 255
    stored = pixels(result.probability)[0]
    expected = quantise(scaled(values, values[0] > 0), values[0] > 0)[0]
    assert np.abs(stored.astype(int) - expected).max() <= 1  # the last bit of a float32 may round the other way
    assert (stored == expected).mean() > 0.999
    assert (pixels(result.mask)[0] == np.where(stored == 0, 255, stored >= level(0.5))).all()
    with rasterio.open(result.probability) as dataset:  # programs that know scale and offset show probabilities
        shown_values = stored * dataset.scales[0] + dataset.offsets[0]
        np.testing.assert_allclose(shown_values[stored > 0], dequantise(stored)[stored > 0], atol=1e-6)


@pytest.mark.parametrize("size", [(1, 90), (65, 65), (64, 64), (20, 30), (90, 1)])
def test_a_constant_reaches_every_valid_pixel_of_the_file(tmp_path: Path, size: tuple[int, int]) -> None:
    values = np.ones((1, *size), np.uint8)
    values[0, 0, 0] = size != (1, 1)
    path = write_raster(tmp_path / "a.tif", values)
    result = mapped(path, tmp_path / "out", lambda x: np.full_like(x, 0.8))
    assert (pixels(result.probability) == round(0.8 * 254) + 1).all()
    assert (pixels(result.mask) == 1).all()


def test_without_georeference_the_map_has_none(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 70, 80), np.uint8))
    with Raster(path) as raster:
        assert not raster.georeferenced
    result = mapped(path, tmp_path / "out")
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(result.mask) as dataset:
        assert dataset.crs is None
        assert dataset.transform == Affine.identity()


def test_ground_control_points_are_carried_over(tmp_path: Path) -> None:
    points = [GroundControlPoint(r, c, 3 + c * 1e-4, 45 - r * 1e-4, 0) for r in (0, 35, 70) for c in (0, 40, 80)]
    path = write_raster(tmp_path / "a.tif", np.ones((1, 70, 80), np.uint8), gcps=(points, "EPSG:4326"))
    with Raster(path) as raster:
        assert raster.georeferenced
    with rasterio.open(mapped(path, tmp_path / "out").probability) as dataset:
        found, crs = dataset.gcps
        assert crs.to_epsg() == 4326
        assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]


def test_the_mask_of_several_classes_has_the_most_probable_one(scene: Path, tmp_path: Path) -> None:
    result = mapped(scene, tmp_path / "out", lambda x: np.concatenate([np.full_like(x, 0.9), x, 1 - x], 1))
    plain = mapped(scene, tmp_path / "x", lambda x: x)
    valid, values = pixels(result.mask) != MASK_NODATA, pixels(plain.probability)
    assert (pixels(result.probability)[valid] == round(0.9 * 254) + 1).all()
    clear = valid & (values != level(0.5))  # not 0.5 but for rounding
    assert (pixels(result.mask)[clear] == np.where(values > level(0.5), 1, 2)[clear]).all()


def test_outputs_of_something_else_are_kept_unless_told(scene: Path, tmp_path: Path) -> None:
    first = mapped(scene, tmp_path / "out")
    before = pixels(first.probability)
    with pytest.raises(UserError, match="there already"):
        mapped(scene, tmp_path / "out", model_key="other")
    assert (pixels(first.probability) == before).all()
    again = mapped(scene, tmp_path / "out", lambda x: 1 - x, model_key="other", overwrite=True)
    assert (pixels(again.probability) != before).any()


def test_an_area_of_interest_limits_the_map(scene: Path, tmp_path: Path) -> None:
    box = shapely.box(501_000, 4_998_000, 502_500, 4_999_000)  # columns 100..250, rows 100..200
    with Raster(scene, nodata=0) as raster:
        inside, key = vector_area(write_polygons(tmp_path / "aoi.gpkg", [box], UTM["crs"]), raster)
    result = mapped(scene, tmp_path / "out", area=inside, area_key=key)
    assert ((pixels(result.mask)[0] != MASK_NODATA) == inside(0, 300)).all()
