"""Networks of float, grey or several-band chips: training, evaluation, maps, exports and `load` read pixels one way."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image

from helpers.chips import IMAGES, MASKS, TINY, write_chip
from helpers.maps import band, close, mapped
from helpers.rasters import UTM, write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig, ExportConfig, ReportConfig
from seep_lightning.config.data import OtherDataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.errors import UserError
from seep_lightning.evaluation import evaluation
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.scoring import Scores, score_chips
from seep_lightning.predictor.exporting import export
from seep_lightning.predictor.loading import load
from seep_lightning.reporting.page import report
from seep_lightning.training.session import train

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SCENES, TILES, SIZE = 4, 3, 32


def planted(scene: int, tile: int) -> tuple[np.ndarray, np.ndarray]:
    """Power of sea with a dark bar, (32, 32) float64, and where the bar is."""
    rng = np.random.default_rng([scene, tile])
    mask = np.zeros((SIZE, SIZE), np.uint8)
    row = rng.integers(4, 24)
    mask[row : row + 5, 3:-3] = 1
    return rng.gamma(8, 0.01, mask.shape) * np.where(mask, 0.3, 1), mask


def write_floats(path: Path, power: np.ndarray) -> None:
    """Three bands of different levels, with NaN in the first columns."""
    bands = np.stack([power, 200 * power[::-1], 30 + power]).astype(np.float32)
    bands[0, :, :4] = np.nan
    write_raster(path, bands)


def write_decibels(path: Path, power: np.ndarray) -> None:
    write_raster(path, (10 * np.log10(power)).astype(np.float32))


def write_colours(path: Path, power: np.ndarray) -> None:
    """A picture in colours."""
    levels = (power * 1000).clip(1, 250).astype(np.uint8)
    Image.fromarray(np.dstack([levels, levels // 2, levels // 3])).save(path.with_suffix(".jpg"), quality=95)


SETS = {
    "floats": (write_floats, ["data.bands=[1,2,3]"]),
    "decibels": (write_decibels, ["data.scale=db", "data.normalise.kind=scene"]),
    "colours": (write_colours, ["data.nodata=null"]),
}


@pytest.fixture(scope="module", params=SETS)
def own_run(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A finished run on chips of one kind."""
    home = tmp_path_factory.mktemp(request.param)
    write, overrides = SETS[request.param]
    for scene in range(SCENES):
        for tile in range(TILES):
            power, mask = planted(scene, tile)
            name = f"S{scene}.{tile:06d}.tif"
            write_chip(home / "chips", name, mask, mask)
            (home / "chips" / IMAGES / name).unlink()
            write(home / "chips" / IMAGES / name, power)
    fixed = ["data=chips", f"data.root={home / 'chips'}", f"data.images={IMAGES}", f"data.masks={MASKS}", *TINY]
    config = compose("train", [*fixed, "trainer.max_epochs=2", "split.val=0.3", "split.test=0.25", *overrides])
    return request.param, train(config, home / "run").run.dir


def first_chip(run: Path) -> Path:
    return min((run.parent / "chips" / IMAGES).iterdir())


def pixels_of(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        values: np.ndarray = file.read()
    return values


def test_a_map_holds_what_load_gives_and_what_evaluation_wrote(own_run: tuple[str, Path], tmp_path: Path) -> None:
    kind, run = own_run
    network = load(run)
    out = evaluate(EvaluateConfig(run=str(run), part="test", overwrite=True))
    name = (Path(out["out"]) / "names.txt").read_text().split()[0]
    path = run.parent / "chips" / IMAGES / name
    values = pixels_of(path)
    expected = network(values if kind != "decibels" else values[0])
    valid = np.isfinite(values).all(axis=0)
    maps = mapped(run, path, tmp_path / "maps", polygons=False, window=64)
    close(maps / f"{path.stem}.probability.tif", expected, valid)
    if kind != "decibels":
        # that one is normalised by its whole scene
        written = cv2.imread(str(next(Path(out["out"]).glob(f"probabilities/{name}*"))), cv2.IMREAD_UNCHANGED)
        np.testing.assert_allclose((written[valid] - 1.0) / 254, expected[valid], atol=0.6 / 254)
    assert expected.std() > 0 and not expected[~valid].any()


def test_other_chips_are_evaluated_on_the_scale_of_the_training(
    own_run: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, run = own_run
    if kind != "floats":
        pytest.skip("other types have one scale, or are tested as these")
    for tile in range(TILES):
        power, mask = planted(7, tile)
        write_chip(tmp_path, f"T.{tile:06d}.tif", mask, mask)
        (tmp_path / IMAGES / f"T.{tile:06d}.tif").unlink()
        write_floats(tmp_path / IMAGES / f"T.{tile:06d}.tif", 3 * power)
    scored: list[Chips] = []

    def score(predictor: Any, chips: Chips, indices: list[int], **more: Any) -> Scores:
        scored.append(chips)
        return score_chips(predictor, chips, indices, **more)

    monkeypatch.setattr(evaluation, "score_chips", score)
    evaluate(EvaluateConfig(run=str(run), data=OtherDataConfig(root=str(tmp_path)), name="brighter"))
    assert scored[0].value_range == load(run).value_range
    assert scored[0].quartiles.max() == 1


def test_the_scale_of_the_training_may_be_named(own_run: tuple[str, Path], tmp_path: Path) -> None:
    kind, run = own_run
    if kind != "decibels":
        pytest.skip("pictures have no scale")
    maps = [mapped(run, first_chip(run), tmp_path / f"{scale}", polygons=False, scale=scale) for scale in (None, "db")]
    name = f"{first_chip(run).stem}.probability.tif"
    np.testing.assert_array_equal(band(maps[0] / name), band(maps[1] / name))


def test_an_exported_file_reads_pixels_as_its_run_does(own_run: tuple[str, Path], tmp_path: Path) -> None:
    kind, run = own_run
    export(ExportConfig(run=str(run), format="torch", output=str(tmp_path / "network.pt")))
    values = pixels_of(first_chip(run))
    image = values[0] if kind == "decibels" else values
    first, second = (load(network)(image) for network in (run, tmp_path / "network.pt"))
    np.testing.assert_allclose(first, second, atol=1e-6)
    if kind == "colours":
        np.testing.assert_array_equal(first, load(run)(np.moveaxis(image, 0, -1)))


def test_a_report_is_drawn(own_run: tuple[str, Path], tmp_path: Path) -> None:
    _, run = own_run
    evaluate(EvaluateConfig(run=str(run), part="val", overwrite=True))
    page = report(ReportConfig(run=str(run), output=str(tmp_path / "page.html")))
    assert "data:image/webp" in page.read_text()


def test_a_float_scene_needs_a_scale_for_a_network_of_16_bit_and_none_for_one_of_floats(
    own_run: tuple[str, Path], trained: Path, tmp_path: Path
) -> None:
    kind, run = own_run
    power, _ = planted(9, 9)
    scene = tmp_path / "scene.tif"
    if kind == "colours":
        write_raster(scene, power.astype(np.float32), **UTM)
        with pytest.raises(UserError, match="pass scale=linear"):
            mapped(run, scene, tmp_path / "out")
        with pytest.raises(UserError, match="this run takes uint8 or uint16"):
            load(run)(power.astype(np.float32))
        return
    SETS[kind][0](scene, power)
    maps = mapped(run, scene, tmp_path / "maps", polygons=False)
    assert (band(maps / "scene.probability.tif") > 1).any()
