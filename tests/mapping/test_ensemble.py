"""Which networks map: several at once, over views, from exported files, normalised by window or scene."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import pytest
from affine import Affine
from numpy.typing import NDArray

from helpers.maps import COLUMNS, TILE, band, close, mapped, probability, variant
from helpers.rasters import UTM, write_raster
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.mosaic import chip_box
from seep_lightning.data.normalise import histogram, quartiles_of
from seep_lightning.errors import UserError
from seep_lightning.mapping.scenes import predict
from seep_lightning.predictor.loading import load
from seep_lightning.predictor.torch_predictor import TorchPredictor
from seep_lightning.runs.weights import DEFAULT_NETWORK, named_network
from seep_lightning.scene.options import Thresholds

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


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


def test_runs_trained_with_nan_as_nodata_agree(trained: Path, scene: Path, tmp_path: Path) -> None:
    runs = tuple(variant(trained, tmp_path / name, nodata=math.nan) for name in ("one", "two"))
    alone, together = (
        band(mapped(some, scene, tmp_path / f"{len(some)}") / "a.probability.tif") for some in (runs[:1], runs)
    )
    # zeros are data there
    assert (alone > 0).all() and np.array_equal(alone, together)


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
    trained: Path, onnx_file: Path, scene: Path, image: Any, tmp_path: Path
) -> None:
    code = (
        "import sys; from seep_lightning.config.commands import PredictConfig;"
        "from seep_lightning.mapping.scenes import predict;"
        f"predict(PredictConfig(run={str(onnx_file)!r}, input={str(scene)!r}, "
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
    before = (tmp_path / "out/a.probability.tif").stat().st_mtime_ns
    predict(PredictConfig(run="seeps", input=str(scene), output=str(tmp_path / "out"), polygons=False))
    assert (tmp_path / "out/a.probability.tif").stat().st_mtime_ns == before


def test_a_network_in_the_package_goes_by_its_name_unless_a_run_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named_network("seeps") == DEFAULT_NETWORK
    assert load("generated", device="cpu").threshold != load("seeps", device="cpu").threshold
    (tmp_path / "seeps").mkdir()
    monkeypatch.chdir(tmp_path)
    assert named_network("seeps") == Path("seeps")


def test_statistics_of_the_scene_go_with_every_window_and_chip(
    trained: Path, chips: Path, image: Any, scene: Path, tmp_path: Path
) -> None:
    run = variant(trained, tmp_path / "run", normalise={"kind": "scene", "log": True})
    image = image.copy()
    image[32:64, 64:96] = 0
    quartiles = quartiles_of(histogram(image[None], image > 0))
    for path in chips.iterdir():  # on the ground: statistics lay them together in an order of their own
        top, _, left, _ = chip_box(divmod(int(path.name[3:9]), COLUMNS), (TILE, TILE))
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


def test_what_a_run_cannot_take_is_one_sentence(trained: Path, scene: Path, tmp_path: Path) -> None:
    for options, said in (
        ({"bands": [1, 2]}, r"bands=\[1, 2\]: the run was trained on 1 band"),
        ({"bands": ["VV"]}, "of which VV is missing"),
        ({"scale": "db"}, "scale=db is for float32 and int16"),
        ({"window": 64, "overlap": 64}, "overlap=64: expected 0 or more, and less than window=64"),
        ({"thresholds": Thresholds(keep=0.2)}, "must ascend"),
        ({"area": "none.gpkg"}, "cannot be read as polygons"),
    ):
        with pytest.raises(UserError, match=said):
            mapped(trained, scene, tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("a.*"))  # no rasters that wait for better thresholds
    for run, said in (([], r"run=\[\]: expected a path"), ([0, 1], "0")):
        with pytest.raises(UserError, match=said):
            predict(PredictConfig(run=run, input=str(scene), output=str(tmp_path / "out")))
