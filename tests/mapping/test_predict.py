"""Scenes and chips to maps: what `predict` writes, from what, and what is left when it is stopped."""

import csv
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from rio_cogeo import cog_validate

from helpers.command_line import seep
from helpers.rasters import UTM, pixels, write_raster
from seep_lightning.config.commands import ExportConfig, PredictConfig
from seep_lightning.data.columns import find_columns
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.data.inputs import find_files
from seep_lightning.data.mosaic import box, lay
from seep_lightning.data.normalise import histogram, quartiles_of
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import SceneJob, find_jobs, strips_of
from seep_lightning.mapping.mapper import SceneMapper
from seep_lightning.mapping.scenes import predict
from seep_lightning.predictor.exporting import export
from seep_lightning.predictor.loading import load
from seep_lightning.predictor.torch_predictor import TorchPredictor
from seep_lightning.runs.weights import DEFAULT_NETWORK
from seep_lightning.scene.options import Thresholds

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TILE, ROWS, COLUMNS = 32, 3, 4  # COLUMNS as in conftest.GRID
PLAIN = {"thresholds": Thresholds(0.5, 0.5, 0.5), "threshold": 0.5, "min_area": 1, "window": 512}


@pytest.fixture(scope="session")
def image() -> NDArray[np.uint16]:
    """A sea with dark bars that cross the chips' edges, and a corner without data: 3 x 4 chips of 32 px."""
    rng = np.random.default_rng(1)
    sea = rng.normal(30000, 3000, (TILE * ROWS, TILE * COLUMNS))
    for row in (14, 30, 62, 80):
        sea[row : row + 5, 8:110] *= 0.5
    sea[:20, :25] = 0
    return sea.clip(0, 65535).astype(np.uint16)


@pytest.fixture
def scene(tmp_path: Path, image: NDArray[np.uint16]) -> Path:
    (tmp_path / "in").mkdir()
    return write_raster(tmp_path / "in" / "a.tif", image, **UTM)


@pytest.fixture
def chips(tmp_path: Path, image: NDArray[np.uint16]) -> Path:
    """The same scene as chips S9.TILE.tif; tile 6 is missing."""
    folder = tmp_path / "chips"
    folder.mkdir()
    for tile in set(range(ROWS * COLUMNS)) - {6}:
        top, bottom, left, right = box(divmod(tile, COLUMNS), (TILE, TILE))
        cv2.imwrite(str(folder / f"S9.{tile:06d}.tif"), image[top:bottom, left:right])
    return folder


def mapped(run: Any, given: Path | str, output: Path, **options: Any) -> Path:
    runs = str(run) if isinstance(run, Path) else [str(r) for r in run]
    predict(PredictConfig(run=runs, input=str(given), output=str(output), **{**PLAIN, **options}))
    return output


def band(path: Path) -> NDArray[np.uint8]:
    return pixels(path)[0]


def probability(path: Path) -> NDArray[np.float64]:
    return (band(path) - 1.0) / 254


def close(path: Path, expected: NDArray[np.float32], valid: NDArray[np.bool_], more: float = 1e-5) -> None:
    """A raster holds what is expected, to half of its 8-bit level."""
    assert ((band(path) > 0) == valid).all()
    assert np.abs(probability(path) - expected)[valid].max() <= 0.5 / 254 + more


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "scenes.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def variant(run: Path, copy: Path, noise: float = 0.0, **facts: Any) -> Path:
    """A copy of a run whose checkpoint says something else."""
    shutil.copytree(run, copy)
    path = copy / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"]["facts"] |= facts
    for name, weight in content["state_dict"].items():
        if name.endswith("weight"):
            weight *= 1 + noise
    torch.save(content, path)
    return copy


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


def test_nothing_of_the_users_is_replaced_by_pictures_or_chips(trained: Path, scene: Path, tmp_path: Path) -> None:
    out = mapped(trained, scene, tmp_path / "out")
    own = out / "own.png"
    cv2.imwrite(str(own), np.full((40, 50), 20000, np.uint16))
    before = own.read_bytes()
    with pytest.raises(UserError, match="own.png is what is to be mapped, and would be replaced"):
        mapped(trained, own, out, picture=True, overwrite=True)
    other = scene.with_name("own.tif")
    rasterio.shutil.copy(scene, other)
    with pytest.raises(UserError, match="own.png is there already, and is not of this map"):
        mapped(trained, other, out, picture=True)
    (out / "masks").mkdir()
    (out / "masks" / "own.tif").write_text("drawn by hand")
    with pytest.raises(UserError, match="own.tif is there already"):
        mapped(trained, other, out, chips=True)
    assert (own.read_bytes(), (out / "masks" / "own.tif").read_text()) == (before, "drawn by hand")


def test_a_scene_that_lies_nowhere_does_not_stop_the_others(trained: Path, scene: Path, tmp_path: Path) -> None:
    write_raster(scene.with_name("0.tif"), pixels(scene), crs="EPSG:4326", transform=UTM["transform"])
    with pytest.raises(UserError, match="0.tif: its transform and its coordinate system put it at longitude"):
        mapped(trained, scene.parent, tmp_path / "out")
    assert {name: row["status"] for name, row in table(tmp_path / "out").items()} == {"0": "failed", "a": "done"}


def test_two_calls_at_a_time_into_one_folder_keep_each_others_rows(
    trained: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other, map_one = tmp_path / "out", scene.with_name("b.tif"), SceneMapper.map
    rasterio.shutil.copy(scene, other)

    def beside(*given: Any) -> Any:
        monkeypatch.setattr(SceneMapper, "map", map_one)
        mapped(trained, other, out)
        return map_one(*given)

    monkeypatch.setattr(SceneMapper, "map", beside)
    mapped(trained, scene, out)
    assert {name: row["status"] for name, row in table(out).items()} == {"a": "done", "b": "done"}


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
        top, bottom, left, right = box(divmod(int(path.stem[3:]), COLUMNS), (TILE, TILE))
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
        top, bottom, left, right = box(divmod(tile, COLUMNS), (TILE, TILE))
        corner = UTM["transform"] @ Affine.translation(left, top)
        place = {**UTM, "transform": corner}
        write_raster(tmp_path / "chips" / f"X.{tile}.tif", image[top:bottom, left:right], **place)
    out = mapped(trained, tmp_path / "chips", tmp_path / "out", columns=COLUMNS)
    with rasterio.open(out / "X.mask.tif") as dataset:
        assert (dataset.crs.to_epsg(), dataset.transform) == (32631, UTM["transform"])


def test_the_width_of_a_scene_is_found_from_the_edges_of_its_chips_or_not_at_all() -> None:
    image, _ = generate_scene(3, 6 * 128, 7 * 128)
    boxes = {tile: box(divmod(tile, 7), (128, 128)) for tile in range(42)}
    tiles = {tile: image[top:bottom, left:right] for tile, (top, bottom, left, right) in boxes.items()}
    assert (lay({divmod(tile, 7): chip for tile, chip in tiles.items()}) == image).all()
    assert find_columns({tile: chip[[0, -1]] for tile, chip in tiles.items() if tile % 5}) == 7
    rng = np.random.default_rng(0)
    assert find_columns({t: rng.integers(1, 60000, (2, 64)) for t in range(40)}) is None
    assert find_columns({3: tiles[3][[0, -1]]}) is None
    dates = (20180114054412, 20180126054412, 20190207054412)
    assert find_columns({date: tiles[k][[0, -1]] for k, date in enumerate(dates)}) is None  # and at once


def test_an_ensemble_is_the_mean_of_runs_that_each_normalise_in_their_own_way(
    trained: Path, scene: Path, image: Any, tmp_path: Path
) -> None:
    other = variant(trained, tmp_path / "other", 0.3, normalise={"kind": "scale", "log": True})
    out = mapped((trained, other), scene, tmp_path / "out")
    expected = (load(trained)(image) + load(other)(image)) / 2
    assert np.abs(expected - load(trained)(image)).max() > 0.02
    close(out / "a.probability.tif", expected, image > 0)
    third = variant(trained, tmp_path / "third", nodata=7)
    with pytest.raises(UserError, match=r"third was trained with nodata=7.*an ensemble must agree"):
        mapped((trained, third), scene, tmp_path / "no")
    fourth = variant(trained, tmp_path / "fourth", **{"band names": [2]})
    with pytest.raises(UserError, match=r"fourth was trained with bands=\[2\], the first run with \[1\]"):
        mapped((trained, fourth), scene, tmp_path / "no")


def test_a_run_whose_scaling_changed_is_mapped_anew_and_named_by_its_whole_folder(
    trained: Path, scene: Path, tmp_path: Path
) -> None:
    run = variant(trained, tmp_path / "lr-0.001")
    out = mapped(run, scene, tmp_path / "out")
    assert set(pyogrio.raw.read(out / "a.gpkg", columns=["model"])[3][0]) == {"lr-0.001"}
    summary = json.loads((run / "summary.json").read_text())
    summary["best"]["scaling"] = [0.5, -0.1]
    (run / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match="from another model"):
        mapped(run, scene, out)


def test_a_scene_one_pixel_wide_has_a_mirror_image(trained: Path, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.full((40, 1), 30000, np.uint16), **UTM)
    assert (band(mapped(trained, path, tmp_path / "out", flips=True) / "a.probability.tif") > 0).all()


def test_an_exported_network_maps_as_its_run_does_and_needs_no_torch(
    trained: Path, scene: Path, image: Any, tmp_path: Path
) -> None:
    export(ExportConfig(run=str(trained), output=str(tmp_path / "model.onnx")))
    code = (
        "import sys; from seep_lightning.config.commands import PredictConfig;"
        "from seep_lightning.mapping.scenes import predict;"
        f"predict(PredictConfig(run={str(tmp_path / 'model.onnx')!r}, input={str(scene)!r}, "
        f"output={str(tmp_path / 'out')!r}, window=512)); print({{'torch', 'lightning'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip().endswith("set()"), done.stderr
    close(tmp_path / "out" / "a.probability.tif", load(trained)(image), image > 0, 1e-4)


@pytest.mark.parametrize(("flips", "turns"), [("mirror", 1), (True, 4)])
def test_flips_average_over_views(
    flips: Any, turns: int, trained: Path, scene: Path, image: Any, tmp_path: Path
) -> None:
    predictor = load(trained)
    views = [
        np.rot90(predictor(np.ascontiguousarray(np.rot90(image, k)[:, ::flip]))[:, ::flip], -k)
        for k in range(turns) for flip in (1, -1)
    ]  # fmt: skip
    out = mapped(trained, scene, tmp_path / "out", flips=flips)
    close(out / "a.probability.tif", np.mean(views, axis=0), image > 0)
    with pytest.raises(UserError, match="flips=some: expected mirror, true or false"):
        mapped(trained, scene, tmp_path / "no", flips="some")


def test_the_network_in_the_package_sees_the_mirror_image_too(scene: Path, tmp_path: Path) -> None:
    predict(PredictConfig(input=str(scene), output=str(tmp_path / "out"), polygons=False))
    mapped(DEFAULT_NETWORK, scene, tmp_path / "mirror", flips="mirror", threshold=None, min_area=None, window=None)
    assert (probability(tmp_path / "out/a.probability.tif") == probability(tmp_path / "mirror/a.probability.tif")).all()


def test_statistics_of_the_scene_go_with_every_window_and_chip(
    trained: Path, chips: Path, image: Any, scene: Path, tmp_path: Path
) -> None:
    run = variant(trained, tmp_path / "run", normalise={"kind": "scene", "log": True})
    image = image.copy()
    image[32:64, 64:96] = 0
    quartiles = quartiles_of(histogram(image[None], image > 0))
    for path in chips.iterdir():  # on the ground: statistics lay them together in an order of their own
        top, _, left, _ = box(divmod(int(path.name[3:9]), COLUMNS), (TILE, TILE))
        place = {**UTM, "transform": UTM["transform"] @ Affine.translation(left, top)}
        write_raster(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED), **place)
    out = mapped(run, chips, tmp_path / "out", mosaic=False)
    close(out / "S9.000005.probability.tif", load(run)(image[32:64, 32:64], quartiles), image[32:64, 32:64] > 0)
    seen: list[NDArray[np.float32]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TorchPredictor, "probability", lambda self, x: (seen.append(x), np.zeros_like(x))[1])
        mapped(run, write_raster(scene, image, **UTM), tmp_path / "windows", window=32, overlap=0, batch=1)
    values = image[:32, 32:64].astype(np.float32) / np.float32(65535)
    assert any((load(run).normalise(values[None], values > 0, quartiles) == x[0]).all() for x in seen)


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


def test_one_that_cannot_be_read_is_told_at_the_end_and_the_others_are_finished(
    trained: Path, scene: Path, tmp_path: Path
) -> None:
    (scene.parent / "b.tif").write_bytes(b"II*\0 and no more")
    shutil.copy(scene, scene.parent / "c.tif")
    done = seep("predict", f"run={trained}", f"input={scene.parent}", f"output={tmp_path / 'out'}")
    assert done.returncode == 2
    assert "1 of 3 scenes could not be mapped" in done.stderr and "b.tif is no raster" in done.stderr
    assert "Traceback" not in done.stderr
    rows = table(tmp_path / "out")
    assert [rows[name]["status"] for name in "abc"] == ["done", "failed", "done"]
    assert "is no raster" in rows["b"]["error"]
    assert (band(tmp_path / "out" / "a.mask.tif") == band(tmp_path / "out" / "c.mask.tif")).all()
    shutil.copy(scene, scene.parent / "b.tif")
    again = seep("predict", f"run={trained}", f"input={scene.parent}", f"output={tmp_path / 'out'}")
    assert (again.returncode, again.stderr) == (0, "")
    assert table(tmp_path / "out")["b"]["status"] == "done" and "3 scene(s) mapped" in again.stdout


def test_what_a_run_cannot_take_is_one_sentence(trained: Path, scene: Path, tmp_path: Path) -> None:
    for options, said in (
        ({"bands": [1, 2]}, r"bands=\[1, 2\]: the run was trained on 1 band"),
        ({"bands": ["VV"]}, "of which VV is missing"),
        ({"scale": "db"}, "scale=db is for float32 and int16"),
        ({"window": 64, "overlap": 64}, "overlap must be"),
        ({"thresholds": Thresholds(keep=0.2)}, "must ascend"),
        ({"area": "none.gpkg"}, "cannot be read as polygons"),
    ):
        with pytest.raises(UserError, match=said):
            mapped(trained, scene, tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("a.*"))  # no rasters that wait for better thresholds
    for run, said in (([], r"run=\[\]: expected a path"), ([0, 1], "0")):
        with pytest.raises(UserError, match=said):
            predict(PredictConfig(run=run, input=str(scene), output=str(tmp_path / "out")))
    shutil.copytree(scene.parent, scene.parent / "more")
    with pytest.raises(UserError, match="several files would be mapped to a"):
        mapped(trained, scene.parent / "**" / "*.tif", tmp_path / "out")


def test_a_mosaic_without_its_first_tile_and_a_file_of_its_name_are_two(trained: Path, chips: Path) -> None:
    shutil.copy(chips / "S9.000000.tif", chips / "S9.tif")
    (chips / "S9.000000.tif").unlink()
    config = PredictConfig(run=str(trained), input=str(chips), output="out", columns=COLUMNS)
    with pytest.raises(UserError, match="several files would be mapped to S9"):
        find_jobs(find_files("input", str(chips)), load(trained).facts, config)


def test_a_mosaic_with_a_gap_has_strips(chips: Path) -> None:
    tiles = {path: divmod(int(path.name.split(".")[1]), COLUMNS) for path in chips.iterdir()}
    assert strips_of(SceneJob("S9", tiles), 48 * TILE * COLUMNS) == [(0, 48), (48, 96)]


def test_maps_in_the_folder_of_their_scenes_are_no_scenes(scene: Path) -> None:
    for name in ("a.probability.tif", "a.mask.tif"):
        shutil.copy(scene, scene.with_name(name))
    scene.with_suffix(".png").write_bytes(b"picture=true")
    scene.with_name("b.png").write_bytes(b"a scene")
    assert find_files("input", str(scene.parent)) == [scene, scene.with_name("b.png")]


def test_after_a_failure_corrected_polygons_are_kept_as_before(trained: Path, scene: Path, tmp_path: Path) -> None:
    out = mapped(trained, scene, tmp_path / "out")
    before = table(out)["a"]
    (out / "a.gpkg").write_text("corrected by hand")
    away = scene.rename(tmp_path / "away.tif")
    scene.write_bytes(b"II*\0 and no more")
    with pytest.raises(UserError, match="is no raster"):
        mapped(trained, scene, out)
    assert table(out)["a"]["status"] == "failed" and table(out)["a"]["key"] == before["key"]
    away.replace(scene)
    with pytest.raises(UserError, match=r"a\.gpkg is there already"):
        mapped(trained, scene, out, min_area=30)
    mapped(trained, scene, out)
    assert table(out)["a"] == before and (out / "a.gpkg").read_text() == "corrected by hand"


class Killed(BaseException):
    pass


def test_the_same_command_goes_on_and_does_nothing_twice(
    trained: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(scene, scene.with_name("b.tif"))
    small = {"window": 32, "overlap": 8, "batch": 1}
    whole = mapped(trained, scene.parent, tmp_path / "whole", **small)
    calls, original = iter(range(1000)), TorchPredictor.probability

    def dies(self: TorchPredictor, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if next(calls) > 40:
            raise Killed
        return original(self, batch)

    monkeypatch.setattr(TorchPredictor, "probability", dies)
    with pytest.raises(Killed):
        mapped(trained, scene.parent, tmp_path / "out", **small)
    assert list(table(tmp_path / "out")) == ["a"]
    monkeypatch.undo()
    before = table(tmp_path / "out")["a"]
    out = mapped(trained, scene.parent, tmp_path / "out", **small)
    assert table(out)["a"] == before
    for name in ("a", "b"):
        assert (band(out / f"{name}.probability.tif") == band(whole / f"{name}.probability.tif")).all()
    monkeypatch.setattr(TorchPredictor, "probability", lambda *_: pytest.fail("predicted again"))
    monkeypatch.setattr("seep_lightning.mapping.mapper.find_seeps", lambda *_, **__: pytest.fail("found again"))
    mapped(trained, scene.parent, out, **small)
    monkeypatch.undo()
    monkeypatch.setattr(TorchPredictor, "probability", lambda *_: pytest.fail("predicted again"))
    (out / "a.gpkg").write_text("corrected by hand")
    with pytest.raises(UserError, match=r"a\.gpkg is there already"):
        mapped(trained, scene, out, **{**small, "min_area": 10_000})
    assert (out / "a.gpkg").read_text() == "corrected by hand"
    mapped(trained, scene, out, **{**small, "min_area": 10_000, "overwrite": True})
    assert int(table(out)["a"]["seeps"]) < int(before["seeps"])
    assert list(table(out)) == ["a", "b"]


def test_what_is_not_ours_is_kept(trained: Path, scene: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scenes.csv").write_text("name,depth\na,3\n")
    with pytest.raises(UserError, match="not a table of this command"):
        mapped(trained, scene, tmp_path / "out")
    (tmp_path / "out" / "scenes.csv").unlink()
    (tmp_path / "out" / "a.gpkg").write_text("mine")
    with pytest.raises(UserError, match="exists and is not empty"):
        mapped(trained, scene, tmp_path / "out")
    mapped(trained, scene, tmp_path / "maps")
    for path in (tmp_path / "maps").glob("a.*"):
        path.unlink()
    (tmp_path / "maps" / "a.gpkg").write_text("mine")
    with pytest.raises(UserError, match=r"a\.gpkg is there already"):
        mapped(trained, scene, tmp_path / "maps")
    assert (tmp_path / "maps" / "a.gpkg").read_text() == (tmp_path / "out" / "a.gpkg").read_text() == "mine"


@pytest.mark.slow
def test_killed_ten_times_at_random_the_map_is_that_of_a_run_left_alone(trained: Path, tmp_path: Path) -> None:
    """Acceptance: equal arrays and equal features. The first kills hit the start, the later ones anything."""
    image, _ = generate_scene(5, 1400, 1000)
    scene = write_raster(tmp_path / "a.tif", image, **UTM)
    command = [sys.executable, "-m", "seep_lightning.predict", f"run={trained}", f"input={scene}", "window=64"]
    command += ["overlap=16", "batch=1", "thresholds={group:0.1,trim:0.2,keep:0.2}", "device=cpu"]
    begin = time.monotonic()
    subprocess.run([*command, f"output={tmp_path / 'whole'}"], check=True, capture_output=True)
    whole, rng, kills = time.monotonic() - begin, random.Random(0), 0
    while kills < 10:
        process = subprocess.Popen([*command, f"output={tmp_path / 'out'}"], stdout=subprocess.DEVNULL)
        try:
            assert process.wait(timeout=rng.uniform(0.3, 0.8) * whole) == 0
            shutil.rmtree(tmp_path / "out")  # it came through: once more from the start
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    done = subprocess.run([*command, f"output={tmp_path / 'out'}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("a.probability.tif", "a.mask.tif"):
        assert (band(tmp_path / "out" / name) == band(tmp_path / "whole" / name)).all()
    layers = [pyogrio.raw.read(tmp_path / folder / "a.gpkg") for folder in ("out", "whole")]
    assert len(layers[0][2]) > 0
    for a, b in zip((layers[0][2], *layers[0][3]), (layers[1][2], *layers[1][3]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not list((tmp_path / "out").glob(".*"))
