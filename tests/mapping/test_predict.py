"""Scenes and chips to maps: what `predict` writes, and from what."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio import features
from rio_cogeo import cog_validate

from helpers.maps import COLUMNS, ROWS, TILE, band, close, mapped, probability, table
from helpers.rasters import UTM, write_raster
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.columns import find_columns
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.data.inputs import find_scenes
from seep_lightning.data.mosaic import chip_box, lay
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import SceneJob, find_jobs, strips_of
from seep_lightning.predictor.loading import load
from seep_lightning.scene.scene_file import SceneFile

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_rasters_and_polygons_of_a_scene_agree(trained: Path, scene: Path, image: Any, tmp_path: Path) -> None:
    out = mapped(trained, scene, tmp_path / "out", picture=True)
    files = {"a.gpkg", "a.mask.tif", "a.png", "a.probability.tif", "a.qml", "scenes.csv"}
    assert {p.name for p in out.iterdir()} == files
    close(out / "a.probability.tif", load(trained)(image), image > 0)
    mask = band(out / "a.mask.tif")
    assert (mask == np.where(image == 0, 255, probability(out / "a.probability.tif") >= 0.5)).all()
    for name in ("a.probability.tif", "a.mask.tif"):
        assert cog_validate(out / name, quiet=True)[:2] == (True, [])
        with rasterio.open(out / name) as dataset:
            assert (dataset.crs.to_epsg(), dataset.transform) == (32631, UTM["transform"])
    meta, _, geometry, _ = pyogrio.raw.read(out / "a.gpkg")
    assert meta["crs"] == "EPSG:32631"
    burnt = features.rasterize(shapely.from_wkb(geometry), mask.shape, transform=UTM["transform"])
    assert (burnt == (mask == 1)).all()
    row = table(out)["a"]
    assert (row["status"], row["size"], row["seeps"], row["unit"]) == ("done", "128 x 96", str(len(geometry)), "m2")
    assert float(row["area"]) == pytest.approx(100 * (mask == 1).sum(), rel=2e-3)
    assert cv2.imread(str(out / "a.png")).shape == (96, 128, 3)


def test_folder_glob_and_vrt_give_what_the_file_gives(trained: Path, scene: Path, tmp_path: Path) -> None:
    rasterio.shutil.copy(scene, scene.with_name("b.vrt"), driver="VRT")
    one = band(mapped(trained, scene, tmp_path / "one", polygons=False) / "a.probability.tif")
    for kind, given in (("folder", scene.parent), ("glob", scene.parent / "*")):
        out = mapped(trained, given, tmp_path / kind, format="geojson")
        assert list(table(out)) == ["a", "b"]
        assert all((band(out / f"{name}.probability.tif") == one).all() for name in "ab")
        assert (out / "b.geojson").exists()
    assert {p.suffix for p in (tmp_path / "one").iterdir()} == {".tif", ".csv"}


def test_chips_are_laid_into_their_scene_and_cut_back(
    trained: Path, chips: Path, image: Any, scene: Path, tmp_path: Path
) -> None:
    image = image.copy()
    image[32:64, 64:96] = 0  # the missing tile
    whole = mapped(trained, write_raster(scene, image, **UTM), tmp_path / "whole")
    out = mapped(trained, chips, tmp_path / "out", chips=True)
    for kind in ("probability", "mask"):
        assert (band(out / f"S9.{kind}.tif") == band(whole / f"a.{kind}.tif")).all()
    assert (table(out)["S9"]["seeps"], table(out)["S9"]["unit"]) == (table(whole)["a"]["seeps"], "px2")
    assert not list(out.glob(".*"))
    for path in chips.iterdir():
        top, bottom, left, right = chip_box(divmod(int(path.stem[3:]), COLUMNS), (TILE, TILE))
        chip = cv2.imread(str(out / "probabilities" / path.name), cv2.IMREAD_UNCHANGED)
        assert (chip == band(out / "S9.probability.tif")[top:bottom, left:right]).all()
        mask = cv2.imread(str(out / "masks" / path.name), cv2.IMREAD_UNCHANGED)
        assert (mask == (band(out / "S9.mask.tif")[top:bottom, left:right] == 1)).all()
    alone = mapped(trained, chips, tmp_path / "alone", mosaic=False)
    assert len(table(alone)) == ROWS * COLUMNS - 1
    assert not (band(alone / "S9.000005.probability.tif") == band(out / "S9.probability.tif")[32:64, 32:64]).all()


def test_georeferenced_chips_give_a_georeferenced_scene(trained: Path, image: Any, tmp_path: Path) -> None:
    (tmp_path / "chips").mkdir()
    for tile in (1, 2, 5):  # none of the first column
        top, bottom, left, right = chip_box(divmod(tile, COLUMNS), (TILE, TILE))
        corner = UTM["transform"] @ Affine.translation(left, top)
        place = {**UTM, "transform": corner}
        write_raster(tmp_path / "chips" / f"X.{tile}.tif", image[top:bottom, left:right], **place)
    out = mapped(trained, tmp_path / "chips", tmp_path / "out", columns=COLUMNS)
    with rasterio.open(out / "X.mask.tif") as dataset:
        assert (dataset.crs.to_epsg(), dataset.transform) == (32631, UTM["transform"])


def test_the_width_of_a_scene_is_found_from_the_edges_of_its_chips_or_not_at_all() -> None:
    image, _ = generate_scene(3, 6 * 128, 7 * 128)
    boxes = {tile: chip_box(divmod(tile, 7), (128, 128)) for tile in range(42)}
    tiles = {tile: image[top:bottom, left:right] for tile, (top, bottom, left, right) in boxes.items()}
    assert (lay({divmod(tile, 7): chip for tile, chip in tiles.items()}) == image).all()
    assert find_columns({tile: chip[[0, -1]] for tile, chip in tiles.items() if tile % 5}) == 7
    rng = np.random.default_rng(0)
    assert find_columns({t: rng.integers(1, 60000, (2, 64)) for t in range(40)}) is None
    assert find_columns({3: tiles[3][[0, -1]]}) is None
    dates = (20180114054412, 20180126054412, 20190207054412)
    assert find_columns({date: tiles[k][[0, -1]] for k, date in enumerate(dates)}) is None  # and at once


def test_float_and_signed_values_are_mapped_as_declared(trained: Path, image: Any, tmp_path: Path) -> None:
    expected, valid = load(trained)(image), image > 0
    power = np.where(valid, image / 65535 * 3e-2, np.nan).astype(np.float32)
    db = np.where(valid, 10 * np.log10(power), np.float32(-9999))
    write_raster(tmp_path / "linear.tif", power, **UTM)
    write_raster(tmp_path / "db.tif", db, nodata=-9999, **UTM)
    write_raster(tmp_path / "signed.tif", (image // 4).astype(np.int16), **UTM)
    for name, scale in (("linear", "linear"), ("db", "db"), ("signed", "linear")):
        out = mapped(trained, tmp_path / f"{name}.tif", tmp_path / name, scale=scale)
        close(out / f"{name}.probability.tif", expected, valid, 0.01)
    contrasts = [pyogrio.raw.read(tmp_path / n / f"{n}.gpkg", columns=["contrast"])[3][0] for n in ("linear", "db")]
    assert contrasts[0] == pytest.approx(contrasts[1], rel=0.1)
    for name, scale, said in (
        ("linear", None, "pass scale=linear"),
        ("db", "linear", "are its values dB|Are its values dB"),
    ):
        with pytest.raises(UserError, match=said):
            mapped(trained, tmp_path / f"{name}.tif", tmp_path / "no", scale=scale)


def test_area_and_land_limit_what_is_mapped(trained: Path, scene: Path, image: Any, tmp_path: Path) -> None:
    for name, bounds in (
        ("area", (500_300, 4_999_000, 501_000, 4_999_900)),
        ("land", (500_500, 4_999_000, 500_600, 5e6)),
    ):
        outline = shapely.to_wkb(np.array([shapely.box(*bounds)]))
        pyogrio.raw.write(tmp_path / f"{name}.gpkg", outline, [], [], crs="EPSG:32631", geometry_type="Polygon")
    both = {name: str(tmp_path / f"{name}.gpkg") for name in ("area", "land")}
    mask = band(mapped(trained, scene, tmp_path / "out", **both) / "a.mask.tif")
    expected = np.zeros(image.shape, bool)
    expected[10:96, 30:100] = True
    expected[:, 50:60] = False
    assert ((mask != 255) == (expected & (image > 0))).all()


def test_a_mosaic_without_its_first_tile_and_a_file_of_its_name_are_two(trained: Path, chips: Path) -> None:
    shutil.copy(chips / "S9.000000.tif", chips / "S9.tif")
    (chips / "S9.000000.tif").unlink()
    config = PredictConfig(run=str(trained), input=str(chips), output="out", columns=COLUMNS)
    with pytest.raises(UserError, match="several files would be mapped to S9"):
        find_jobs(find_scenes("input", str(chips)), load(trained).facts, config)


def test_a_mosaic_with_a_gap_has_strips(chips: Path) -> None:
    files = [SceneFile.of_raster(path) for path in chips.iterdir()]
    tiles = {file: divmod(int(file.path.name.split(".")[1]), COLUMNS) for file in files}
    assert strips_of(SceneJob("S9", tiles), 48 * TILE * COLUMNS) == [(0, 48), (48, 96)]


def test_maps_in_the_folder_of_their_scenes_are_no_scenes(scene: Path) -> None:
    for name in ("a.probability.tif", "a.mask.tif"):
        shutil.copy(scene, scene.with_name(name))
    scene.with_suffix(".png").write_bytes(b"picture=true")
    scene.with_name("b.png").write_bytes(b"a scene")
    found = find_scenes("input", str(scene.parent))
    assert [file.path for file in found] == [scene, scene.with_name("b.png")]
