"""`predict history=`: what recurrence adds to the logits of a map."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

from helpers.map_days import write_map
from helpers.maps import COLUMNS, TILE, mapped, probability, table, variant
from helpers.rasters import write_raster
from seep_lightning import api
from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.files import DRAFT_PATTERN
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.scene_history import SceneHistory, shift_to_ground_grid
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import SceneFile
from seep_lightning.sources.history import History
from seep_lightning.sources.history_outlines import own_days_note, raster_of_history

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 16
"""Of a cell, m or px x 10."""
FLAT = {"history_weight": 1, "history_smoothing": 1e-3}


@pytest.fixture(scope="module")
def days() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Days seen and looked at in 12 x 20 cells; the last columns were not looked at."""
    seen = np.zeros((12, 20), np.uint16)
    seen[3:6, 3:9] = 4
    looked = np.full_like(seen, 5)
    looked[:, 14:] = 0
    return seen, looked


@pytest.fixture(scope="module")
def run(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is sure of nothing, whose scenes begin a chip to the left of the ground grid."""
    copy = variant(trained, tmp_path_factory.mktemp("history") / "run", grid={"S9.": {"columns": COLUMNS, "offset": 1}})
    summary = json.loads((copy / "summary.json").read_text())
    summary["best"]["scaling"] = [0.02, 0.0]
    (copy / "summary.json").write_text(json.dumps(summary))
    return copy


def write_history(path: Path, days: Any, transform: Affine, crs: str | None = None) -> Path:
    names = ("days_looked", "days_seen")
    with rasterio.open(
        path, "w", "GTiff", 20, 12, 2, crs=crs, transform=transform, dtype="uint16", nodata=65535
    ) as dataset:
        dataset.write(np.stack(days[::-1]))
        dataset.descriptions = names
    return path


def expected_odds(days: Any) -> NDArray[np.float64]:
    """By what the odds of the cells are multiplied, with a weight of 1 and no smoothing."""
    seen, looked = (counts.astype(float) for counts in days)
    rate = seen.sum() / looked.sum()
    return (seen + rate) / (looked - seen + 1 - rate) / (rate / (1 - rate))


def check_factor(plain: Path, changed: Path, expected: NDArray[np.float64]) -> None:
    """Assert that the odds in the middle of each cell are multiplied as expected, but for the steps of 8 bit."""
    before, after = (probability(path)[SIDE // 2 :: SIDE, SIDE // 2 :: SIDE] for path in (plain, changed))
    is_clear = (before > 0.02) & (after > 0.02) & (before < 0.98) & (after < 0.98)
    assert is_clear.mean() > 0.5 and np.ptp(expected[is_clear]) > 1
    logits = [np.log(p[is_clear] / (1 - p[is_clear])) for p in (before, after)]
    assert logits[1] - logits[0] == pytest.approx(np.log(expected[is_clear]), abs=0.4)


def test_odds_of_a_scene_are_multiplied_and_the_map_says_so(run: Path, scene: Path, days: Any, tmp_path: Path) -> None:
    with rasterio.open(scene) as dataset:
        corner, crs = dataset.transform, dataset.crs.to_string()
    cells = corner @ Affine.translation(-16, -16) @ Affine.scale(SIDE)
    history = write_history(tmp_path / "recurrence.tif", days, cells, crs)
    plain = mapped(run, scene, tmp_path / "plain")
    out = mapped(run, scene, tmp_path / "out", history=str(history), **FLAT)
    check_factor(plain / "a.probability.tif", out / "a.probability.tif", expected_odds(days)[1:7, 1:9])
    note = table(out)["a"]["notes"]
    assert "recurrence.tif" in note and "covers 100 %" in note
    with rasterio.open(out / "a.mask.tif") as dataset:
        tag = dataset.tags()["SEEP_LIGHTNING_HISTORY"]
    meta = pyogrio.read_info(out / "a.gpkg", layer="seeps")["layer_metadata"]
    assert "weight 1, smoothing 0.001 m" in tag and meta["SEEP_LIGHTNING_HISTORY"] == tag
    # the same map goes on, another history's does not
    before = (out / "a.probability.tif").stat().st_mtime_ns
    mapped(run, scene, out, history=str(history), **FLAT)
    assert (out / "a.probability.tif").stat().st_mtime_ns == before
    other = write_history(tmp_path / "other.tif", (days[0] // 2, days[1]), cells, crs)
    for changed in ({"history": str(other), **FLAT}, {"history": str(history)}, {}):
        with pytest.raises(UserError, match="from another model, input or settings"):
            mapped(run, scene, out, **changed)
    # what may not be replaced is whole still
    assert (table(out)["a"]["status"], table(out)["a"]["notes"]) == ("done", note)


def test_chips_lie_in_the_history_by_the_ground_grid(run: Path, chips: Path, days: Any, tmp_path: Path) -> None:
    history = write_history(tmp_path / "recurrence.tif", days, Affine(SIDE, 0, -TILE, 0, -SIDE, 0))
    chip = chips / "S9.000005.tif"
    for given, name, place in ((chips, "S9", np.s_[:6, :8]), (chip, chip.stem, np.s_[2:4, 2:4])):
        plain, out = tmp_path / f"{name}-plain", tmp_path / f"{name}-out"
        mapped(run, given, plain, polygons=False)
        mapped(run, given, out, polygons=False, history=str(history), **FLAT)
        check_factor(plain / f"{name}.probability.tif", out / f"{name}.probability.tif", expected_odds(days)[place])


def test_maps_of_chips_lie_on_the_scenes_that_they_are_of(
    run: Path, chips: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    nowhere: Any = {"crs": None, "transform": Affine.identity()}
    raster = write_map(maps, "S9", [np.s_[32:64, 32:64]], **nowhere)
    with raster_of_history(maps, tmp_path, {}) as counted:
        assert DRAFT_PATTERN.fullmatch(counted.parent.name)
        assert own_days_note(counted, ["other"]) is None
    plain, out = tmp_path / "plain", tmp_path / "out"
    mapped(run, chips, plain, polygons=False)
    mapped(run, chips, out, polygons=False, history=str(maps), **FLAT)
    after, before = (probability(folder / "S9.probability.tif") for folder in (out, plain))
    assert "maps.recurrence.tif counts the days of 1 of the scenes to map (S9)" in caplog.text
    higher = after > before
    assert higher[40:56, 40:56].all()
    higher[24:72, 24:72] = False
    assert not higher.any()
    with Raster(raster) as whole:
        job = SceneJob("S9", {SceneFile.of_raster(raster): (0, 0)})
        facts = {"grid": {"S9.": {"columns": COLUMNS, "offset": 1}}, "chip_size": [TILE, TILE]}
        assert shift_to_ground_grid(job, whole, facts).tolist() == [[-TILE, 0]]
    write_map(maps, "other", [], **nowhere)
    with pytest.raises(UserError, match=r"other has no coordinate system, .* data.grid= of seep sources"):
        mapped(run, chips, tmp_path / "refused", history=str(maps))


def test_a_history_elsewhere_adds_nothing(run: Path, scene: Path, days: Any, tmp_path: Path) -> None:
    far = write_history(tmp_path / "far.tif", days, Affine(100, 0, 9e6, 0, -100, 9e6), "EPSG:32631")
    out = mapped(run, scene, tmp_path / "out", polygons=False, history=str(far))
    plain = mapped(run, scene, tmp_path / "plain", polygons=False)
    assert (probability(out / "a.probability.tif") == probability(plain / "a.probability.tif")).all()
    assert "covers 0 %" in table(out)["a"]["notes"]


def test_what_is_no_history_is_told_in_a_line(run: Path, scene: Path, days: Any, tmp_path: Path) -> None:
    text = tmp_path / "text.tif"
    text.write_text("no raster")
    degrees = write_history(tmp_path / "degrees.tif", days, Affine(0.1, 0, 0, 0, -0.1, 0), "EPSG:4326")
    of_pixels = write_history(tmp_path / "pixels.tif", days, Affine(8, 0, 0, 0, -8, 0))
    (tmp_path / "empty").mkdir()
    nothing = {tmp_path / "empty": "empty: it is empty", tmp_path / "no.gpkg": "there is no such file"}
    wrong = nothing | {text: "cannot be read", scene: "expected days_seen", degrees: "squares", of_pixels: "has none"}
    for path, message in wrong.items():
        with pytest.raises(UserError, match=message) as error:
            mapped(run, scene, tmp_path / "out", history=str(path))
        assert "\n" not in str(error.value) and path.name in str(error.value)


def test_the_folder_of_sources_is_a_history(tmp_path: Path) -> None:
    for name in ("sources.gpkg", "recurrence.tif"):
        (tmp_path / name).write_text("of sources")
    for given in (tmp_path, tmp_path / "sources.gpkg"):
        with raster_of_history(given, tmp_path, {}) as raster:
            assert raster == tmp_path / "recurrence.tif"
    with pytest.raises(UserError, match=r"holds sources .*Give maps="):
        api.report(run=tmp_path, output=tmp_path / "page.html")


def test_rows_do_not_depend_on_how_they_are_asked_for(scene: Path, days: Any, tmp_path: Path) -> None:
    with Raster(scene) as raster:
        transform, crs = raster.transform @ Affine.scale(7), raster.crs.to_string()
        history = History.of(write_history(tmp_path / "recurrence.tif", days, transform, crs))
        config = PredictConfig(input="", output="", history_smoothing=200)
        rows = SceneHistory.of(history, raster, config, np.zeros((1, 2)))
        whole = rows(0, raster.height)
        assert np.ptp(whole) > 0.5 and abs(whole).max() < 0.5 * np.abs(np.log(expected_odds(days))).max()
        for start, stop in ((0, 1), (5, 20), (7, 96), (95, 96)):
            assert (rows(start, stop) == whole[start:stop]).all()


def test_the_share_that_a_history_covers_is_that_of_the_pixels_with_data(
    scene: Path, days: Any, tmp_path: Path
) -> None:
    with Raster(scene) as raster:
        # somebody looked left of column 25, where 20 of 96 rows have no data
        cells = raster.transform @ Affine.translation(25 - 14 * SIDE, -SIDE) @ Affine.scale(SIDE)
        history = History.of(write_history(tmp_path / "recurrence.tif", days, cells, raster.crs.to_string()))
        raster.add_nodata([0])
        config = PredictConfig(input="", output="", **FLAT)
        of_scene = SceneHistory.of(history, raster, config, np.zeros((1, 2)))
        assert of_scene.covered_share == pytest.approx(76 * 25 / (96 * 128 - 20 * 25), abs=0.01)
        assert "it covers 16 % of the scene's pixels with data" in of_scene.note


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_outlines_of_several_days_are_counted_first(suffix: str, run: Path, scene: Path, tmp_path: Path) -> None:
    with rasterio.open(scene) as dataset:
        west, south, east, north = dataset.bounds
    corners = shapely.box(west, south, west + 10, south + 10), shapely.box(east - 10, north - 10, east, north)
    patch = shapely.box(west + 300, south + 300, west + 700, south + 700)
    outlines = [shape for day in range(3) for shape in (*corners, patch)]
    dates = np.repeat(["2018-01-14", "2018-01-20", "2018-01-26"], 3)
    labels, wkb = tmp_path / f"labels{suffix}", shapely.to_wkb(np.array(outlines))
    pyogrio.raw.write(labels, wkb, [dates.astype(object)], ["time"], crs="EPSG:32631", geometry_type="Polygon")
    plain, out = tmp_path / "plain", tmp_path / "out"
    mapped(run, scene, plain, polygons=False)
    mapped(run, scene, out, polygons=False, history=str(labels), history_smoothing=1e-3)
    after, before = (probability(folder / "a.probability.tif") for folder in (out, plain))
    assert (after > before)[40:56, 40:56].all() and (after < before)[40:56, 75:].mean() > 0.5
    assert "labels.recurrence.tif" in table(out)["a"]["notes"] and not list(out.glob(".history*"))


CELLS_80_M = Affine(80, 0, 0, 0, -80, 0)
STRANGE_COUNTS = {
    "infinite": (np.full((2, 8, 8), np.inf, np.float32), "no counts of days"),
    "negative": (np.full((2, 8, 8), -3, np.float32), "no counts of days"),
    "more than were looked at": (np.stack([np.full((8, 8), 5.0), np.ones((8, 8))]), "no counts of days"),
    "complex": (np.ones((2, 8, 8), np.complex64), "holds complex values"),
}


@pytest.mark.parametrize("name", STRANGE_COUNTS)
def test_counts_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    counts, message = STRANGE_COUNTS[name]
    path = write_raster(
        tmp_path / "h.tif", counts, crs="EPSG:32631", transform=CELLS_80_M, names=("days_seen", "days_looked")
    )
    with pytest.raises(UserError, match=message):
        History.of(path)


def test_a_small_file_that_claims_many_or_tiny_cells_is_refused(days: Any, tmp_path: Path) -> None:
    facts: Any = {"crs": "EPSG:32631", "dtype": "uint8", "sparse_ok": True, "tiled": True}
    with rasterio.open(tmp_path / "h.tif", "w", "GTiff", 90_000, 90_000, 2, transform=CELLS_80_M, **facts) as dataset:
        dataset.descriptions = ("days_seen", "days_looked")
    with pytest.raises(UserError, match="claims 90,000 x 90,000 cells"):
        History.of(tmp_path / "h.tif")
    tiny = History.of(write_history(tmp_path / "tiny.tif", days, Affine(1e-6, 0, 0, 0, -1e-6, 0), "EPSG:32631"))
    with pytest.raises(UserError, match="has cells of 1e-06 m: history_smoothing=1000 is 1,000,000,000 of them"):
        tiny.around(np.zeros((1, 2)), 1000)


def test_a_strangers_virtual_raster_of_recurrence_shows_no_other_file(tmp_path: Path) -> None:
    band = (
        '<VRTRasterBand dataType="Byte" band="{number}" subClass="VRTRawRasterBand"><Description>{name}</Description>'
        "<SourceFilename>/etc/passwd</SourceFilename></VRTRasterBand>"
    )
    bands = band.format(number=1, name="days_seen") + band.format(number=2, name="days_looked")
    (tmp_path / "h.tif").write_text(f'<VRTDataset rasterXSize="8" rasterYSize="8">{bands}</VRTDataset>')
    with pytest.raises(UserError, match="h.tif"):
        History.of(tmp_path / "h.tif")
