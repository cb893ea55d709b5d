"""Scenes as files: what is read, what is written, and what happens when it is killed, filled up or changed."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning

from helpers.rasters import UTM, ArraySource, pixels, write_raster
from helpers.vectors import write_polygons
from seep_lightning.errors import UserError
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.levels import MASK_NODATA, classify, level, quantise
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.outlines import vector_area
from seep_lightning.scene.plan import ScenePlan, WindowPlan
from seep_lightning.scene.polygons import find_seeps
from seep_lightning.scene.quantiles import scene_quantiles
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_map import SceneMap, map_scene
from seep_lightning.scene.windows import Tiling

SIZE = (300, 420)
TILING = Tiling(64, 16)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(1, 60000, (1, *SIZE), dtype=np.uint16)
    values[:, :, :40] = 0
    return write_raster(tmp_path / "scene.tif", values, tags={"ORBIT": "7"}, **UTM)


def scaled(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(valid, values.astype(np.float32) / 65535, np.float32(0))


def smooth(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A model that sees its neighbours."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]) / 4


def mapped(path: Path, folder: Path, model: Callable[..., Any] = smooth, **options: Any) -> SceneMap:
    folder.mkdir(exist_ok=True)
    windows = WindowPlan(options.pop("tiling", TILING), options.pop("batch", 4), area=options.pop("area", None))
    plan = ScenePlan(windows, **{"model_key": "m", **options})
    with Raster(path, nodata=0) as raster:
        return map_scene(raster, lambda: (model, scaled), folder, plan)


def dequantise(stored: NDArray[Any]) -> NDArray[np.float32]:
    return np.where(stored > 0, (stored - 1.0) / 254, np.nan)


def shown(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


# reading


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_values_come_as_stored_with_declared_and_given_nodata_left_out(tmp_path: Path, dtype: str) -> None:
    values = np.arange(60, dtype=dtype).reshape(1, 6, 10)
    with Raster(write_raster(tmp_path / "a.tif", values, nodata=7), nodata=0) as raster:
        got, valid = raster.read(2, 5)
        assert got.dtype == dtype
        assert (got == values[:, 2:5]).all()
        assert valid.all()
        assert np.flatnonzero(~raster.read(0, 6)[1]).tolist() == [0, 7]
        window, _ = raster.read(1, 3, 4, 6)
        assert (window == values[:, 1:3, 4:6]).all()


def test_what_is_not_finite_is_not_valid(tmp_path: Path) -> None:
    values = np.ones((1, 3, 4), np.float32)
    values[0, 0, :3] = np.nan, np.inf, -9999
    with Raster(write_raster(tmp_path / "a.tif", values, nodata=-9999.0)) as raster:
        assert np.flatnonzero(~raster.read(0, 3)[1]).tolist() == [0, 1, 2]


def test_a_mask_band_says_what_is_valid(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 6, 4), np.uint8), **UTM)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as out:
        out.write_mask(np.arange(24).reshape(6, 4) >= 5)
    with Raster(path) as raster:
        assert np.flatnonzero(~raster.read(0, 6)[1]).tolist() == [0, 1, 2, 3, 4]
        assert (~raster.read(1, 2)[1]).sum() == 1


def test_bands_are_chosen_by_number_or_name_and_a_hole_in_one_is_a_hole(tmp_path: Path) -> None:
    values = np.arange(1, 25, dtype=np.uint16).reshape(2, 3, 4)
    values[1, 0, 0] = 0
    path = write_raster(tmp_path / "a.tif", values, names=("VV", "VH"))
    with Raster(path, bands=("VH", 1), nodata=0) as raster:
        got, valid = raster.read(0, 3)
        assert (got == values[::-1]).all()
        assert np.flatnonzero(~valid).tolist() == [0]
    with pytest.raises(UserError, match=r"2 band\(s\) named VV, VH; wanted VV, HH, of which HH is missing"):
        Raster(path, bands=("VV", "HH"))
    with pytest.raises(UserError, match="of which 3 is missing"):
        Raster(path, bands=(1, 3))


def test_a_vrt_is_read_like_a_file_and_its_sources_are_watched(scene: Path) -> None:
    vrt = scene.with_suffix(".vrt")
    rasterio.shutil.copy(scene, vrt, driver="VRT")
    with Raster(vrt, nodata=0) as raster, Raster(scene, nodata=0) as direct:
        assert (raster.read(10, 50)[0] == direct.read(10, 50)[0]).all()
        os.utime(scene, (1, 1))
        with pytest.raises(UserError, match=r"scene\.tif changed while it was read"):
            raster.check_unchanged()


def test_every_thread_has_a_handle_of_its_own(scene: Path) -> None:
    with Raster(scene) as raster:
        handles: list[int] = []
        wait = threading.Barrier(4)

        def look() -> None:
            raster.read(0, 10)
            handles.append(id(raster._handle()))
            wait.wait(5)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(handles)) == 4


def test_the_block_cache_is_small(scene: Path) -> None:
    with Raster(scene):
        assert rasterio.env.get_gdal_config("GDAL_CACHEMAX") == 64 * 2**20  # rasterio counts in bytes


def no_raster(path: Path) -> Path:
    path.write_text("not a raster")
    return path


def no_band(path: Path) -> Path:
    path.write_text('<VRTDataset rasterXSize="4" rasterYSize="4"></VRTDataset>')
    return path


def complex_values(path: Path) -> Path:
    return write_raster(path, np.zeros((1, 4, 4), np.complex64))


def engineering_crs(path: Path) -> Path:
    crs = 'LOCAL_CS["ship",UNIT["metre",1]]'
    return write_raster(path, np.ones((1, 4, 4), np.uint8), crs=crs, transform=UTM["transform"])


def flat_transform(path: Path) -> Path:
    return write_raster(path, np.ones((1, 4, 4), np.uint8), crs="EPSG:32631", transform=Affine(10, 0, 5, 20, 0, 5))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path, "is not there"),
        (no_raster, "is no raster"),
        (no_band, "has no band|is no raster"),
        (complex_values, "stores complex"),
        (engineering_crs, "neither geographic nor projected"),
        (flat_transform, "not invertible"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Raster(make(tmp_path / "bad.vrt" if make is no_band else tmp_path / "bad.tif"))


def test_a_file_that_is_cut_off_is_one_sentence_while_it_is_read(tmp_path: Path, scene: Path) -> None:
    bad = tmp_path / "cut.tif"
    bad.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
    with pytest.raises(UserError, match="cut off|no raster"), Raster(bad) as raster:
        raster.read(0, raster.height)


# statistics


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("sample", [1 << 22, 9000])
def test_quantiles_are_exact_or_of_an_even_sample(dtype: str, sample: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seep_lightning.scene.quantiles.SAMPLE_PIXELS", sample)
    values = np.random.default_rng(1).normal(100, 20, (2, 700, 90)).astype(dtype)
    valid = np.random.default_rng(2).random((700, 90)) > 0.3
    thin = int(np.ceil(np.sqrt(63_000 / sample)))
    got = scene_quantiles(ArraySource(values, valid, block_rows=7), (0.25, 0.5, 0.75, 0.01))
    pixels = values[:, ::thin, ::thin][:, valid[::thin, ::thin]]
    assert (got == np.quantile(pixels, (0.25, 0.5, 0.75, 0.01), axis=1, method="inverted_cdf").T).all()
    assert np.abs(got - np.quantile(values[:, valid], (0.25, 0.5, 0.75, 0.01), axis=1).T)[:, :3].max() < 2


def test_a_scene_of_nothing_but_nodata_is_told(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "empty.tif", np.zeros((1, 80, 90), np.uint16))
    with Raster(path, nodata=0) as raster, pytest.raises(UserError, match="empty has no valid pixel"):
        scene_quantiles(raster)
    with pytest.raises(UserError, match="no pixel to map"):
        mapped(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


# writing


def test_probabilities_survive_8_bit_to_half_a_level() -> None:
    p = np.linspace(0, 1, 5001, dtype=np.float32)[None]
    valid = np.ones(p.shape, bool)
    valid[0, 17] = False
    q = quantise(p, valid)
    assert (q[valid] > 0).all()
    assert q[0, 17] == 0
    assert np.isnan(dequantise(q)[0, 17])
    assert np.nanmax(np.abs(dequantise(q) - p)) <= 1 / 508 + 1e-6
    for t in (0.1, 0.3, 0.5, 0.7, 100 / 254, 1.0):
        assert ((dequantise(q) >= t - 1e-6)[valid] == (q >= level(t))[valid]).all()
    assert (level(0), level(1e-9)) == (1, 2)  # of a tiny threshold too: what has no probability at all is sea


def test_the_mask_names_the_most_probable_class() -> None:
    q, numbers = np.array([[0, 10, 200, 130]], np.uint8), np.array([[1, 1, 2, 1]], np.uint8)
    assert classify(q, numbers, 0.5).tolist() == [[MASK_NODATA, 0, 2, 1]]


def test_values_that_are_not_finite_are_told(scene: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not finite"):
        mapped(scene, tmp_path / "out", lambda x: x * np.float32("nan"))


def test_a_map_is_two_cogs_that_lie_where_the_scene_lies(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 60000, (1, 700, 1300), dtype=np.uint16)
    values[:, :, :40] = 0
    path = write_raster(tmp_path / "a.tif", values, tags={"ORBIT": "7"}, **UTM)
    result = mapped(path, tmp_path / "out", lambda x: x, tiling=Tiling(256, 64))
    assert shown(tmp_path / "out") == ["a.mask.tif", "a.probability.tif"]
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


# going on


class Killed(BaseException):
    pass


def test_a_run_stopped_ten_times_ends_with_the_very_same_pixels(scene: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    whole = mapped(scene, tmp_path / "whole")
    rows: list[int] = []
    for _ in range(10):
        left = int(rng.integers(1, 12))

        def dies(x: NDArray[np.float32]) -> NDArray[np.float32]:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return smooth(x)

        try:
            rows.append(mapped(scene, tmp_path / "parts", dies).first_row)
        except Killed:
            assert shown(tmp_path / "parts") == []
    result = mapped(scene, tmp_path / "parts")
    assert result.first_row > 0
    assert (pixels(result.probability) == pixels(whole.probability)).all()
    assert (pixels(result.mask) == pixels(whole.mask)).all()
    some = PolygonOptions(Thresholds(0.7, 0.72, 0.8), min_area=3)
    features = [find_seeps(Raster(m.probability), some).seeps for m in (result, whole)]
    assert len(features[0]) > 3
    assert features[0] == features[1]
    assert shown(tmp_path / "parts") == sorted(p.name for p in (tmp_path / "parts").iterdir())


SLOW = """
    import sys, time
    sys.path[:0] = {paths!r}
    from pathlib import Path
    import test_raster as t
    def model(x):
        time.sleep(0.05)
        return t.smooth(x)
    t.mapped(Path({scene!r}), Path({out!r}), model)
"""


def test_a_killed_process_leaves_what_the_next_one_goes_on_from(scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = textwrap.dedent(SLOW).format(paths=[str(Path(__file__).parent), *sys.path], scene=str(scene), out=str(out))
    process = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 40
    while time.monotonic() < until and sum(p.stat().st_size for p in out.glob(".scene.part/*.rows")) < 160 * SIZE[1]:
        time.sleep(0.01)
    with pytest.raises(UserError, match="in use: another process"):
        mapped(scene, out)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert shown(out) == []
    result = mapped(scene, out)
    assert 0 < result.first_row < SIZE[0]
    assert (pixels(result.probability) == pixels(mapped(scene, tmp_path / "whole").probability)).all()


def test_what_is_complete_is_not_done_again(scene: Path, tmp_path: Path) -> None:
    mapped(scene, tmp_path / "out")
    again = mapped(scene, tmp_path / "out", lambda x: pytest.fail("predicted again"))
    assert again.first_row == SIZE[0]


def test_killed_between_the_two_final_names_it_finishes_both(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seep_lightning.scene import scene_map

    original = scene_map.write_cog

    def dies(rows: Journal, path: Path, *rest: Any) -> None:
        if path.name.endswith("mask.tif"):
            raise Killed
        original(rows, path, *rest)

    monkeypatch.setattr(scene_map, "write_cog", dies)
    with pytest.raises(Killed):
        mapped(scene, tmp_path / "out")
    monkeypatch.undo()
    assert mapped(scene, tmp_path / "out", lambda x: pytest.fail("predicted again")).mask.exists()
    assert shown(tmp_path / "out") == ["scene.mask.tif", "scene.probability.tif"]


@pytest.mark.parametrize("change", [{"model_key": "other"}, {"batch": 3}, {"threshold": 0.4}, "input"])
def test_a_rest_of_something_else_is_begun_anew_loudly(
    scene: Path, tmp_path: Path, change: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Killed), journal_that_dies(after=2):
        mapped(scene, tmp_path / "out")
    if change == "input":
        write_raster(scene, 1 + pixels(scene) // 2, **UTM)
        change = {}
    result = mapped(scene, tmp_path / "out", **change)
    assert result.first_row == 0
    assert "starting anew" in caplog.text
    assert (pixels(result.probability) == pixels(mapped(scene, tmp_path / "b", **change).probability)).all()


@contextmanager
def journal_that_dies(after: int) -> Iterator[None]:
    original, calls = Journal.append, iter(range(1000))

    def append(self: Journal, rows: NDArray[np.uint8]) -> None:
        if next(calls) >= after:
            raise Killed
        original(self, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", append)
        yield


def test_outputs_of_something_else_are_kept_unless_told(scene: Path, tmp_path: Path) -> None:
    first = mapped(scene, tmp_path / "out")
    before = pixels(first.probability)
    with pytest.raises(UserError, match="there already"):
        mapped(scene, tmp_path / "out", model_key="other")
    assert (pixels(first.probability) == before).all()
    again = mapped(scene, tmp_path / "out", lambda x: 1 - x, model_key="other", overwrite=True)
    assert (pixels(again.probability) != before).any()


def test_a_file_that_changes_meanwhile_gives_no_map(scene: Path, tmp_path: Path) -> None:
    def touches(x: NDArray[np.float32]) -> NDArray[np.float32]:
        os.utime(scene)
        return smooth(x)

    with pytest.raises(UserError, match="changed while it was read"):
        mapped(scene, tmp_path / "out", touches)
    assert list((tmp_path / "out").iterdir()) == []
    assert mapped(scene, tmp_path / "out").first_row == 0


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """What a full disk does to a write, for this process: the kernel refuses it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_disk_that_fills_up_while_rows_are_written(scene: Path, tmp_path: Path, share: float) -> None:
    with files_no_larger_than(int(SIZE[0] * SIZE[1] * share)), pytest.raises(UserError, match="is full"):
        mapped(scene, tmp_path / "out")
    assert shown(tmp_path / "out") == []
    result = mapped(scene, tmp_path / "out")
    assert result.first_row > 0
    assert (pixels(result.probability) == pixels(mapped(scene, tmp_path / "b").probability)).all()


@pytest.mark.parametrize("size", [1_000, 3_000, 10_000, 40_000, 80_000])
def test_a_disk_that_fills_up_while_the_raster_is_written(scene: Path, tmp_path: Path, size: int) -> None:
    with pytest.raises(Killed), pytest.MonkeyPatch.context() as patch:
        patch.setattr("seep_lightning.scene.scene_map.write_cog", lambda *a, **k: (_ for _ in ()).throw(Killed()))
        mapped(scene, tmp_path / "out")
    with files_no_larger_than(size), pytest.raises(UserError, match=r"(could not be written|is full).*Make room"):
        mapped(scene, tmp_path / "out")
    assert shown(tmp_path / "out") == []
    assert mapped(scene, tmp_path / "out").first_row == SIZE[0]
    assert len(shown(tmp_path / "out")) == 2


def test_a_disk_that_is_too_small_is_told_before_the_work(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("seep_lightning.scene.journal.shutil.disk_usage", lambda _: full)
    with pytest.raises(UserError, match="0.00 GB free"):
        mapped(scene, tmp_path / "out", lambda x: pytest.fail("called"))


def test_half_a_row_does_not_count(tmp_path: Path) -> None:
    rows = np.arange(60, dtype=np.uint8).reshape(6, 1, 10)
    with closing(Journal(tmp_path / "j", "k", (6, 1, 10))) as journal:
        journal.append(rows[:2])
        journal.append(rows[2, :, :7])
    with closing(Journal(tmp_path / "j", "k", (6, 1, 10))) as journal:
        assert journal.rows == 2
        journal.append(rows[2:])
        assert (journal.read(0, 6) == rows).all()


def test_parts_beyond_a_gap_and_rows_of_other_parts_stay(tmp_path: Path) -> None:
    rows = np.arange(60, dtype=np.uint8).reshape(6, 1, 10)
    for key, start, stop in (("other", 0, 2), ("k", 0, 2), ("k", 4, 6)):
        with closing(Journal(tmp_path, key, (stop - start, 1, 10), start)) as part:
            part.append(rows[start:stop])
    assert len(list(tmp_path.glob("*.rows"))) == 3
    with closing(Journal(tmp_path, "k", (6, 1, 10))) as journal:
        journal.take_over()
        assert journal.rows == 2
        assert {p.name for p in tmp_path.glob("*.rows")} == {"k.rows", "k.000000004.rows"}
        journal.append(rows[2:4])
        journal.take_over()
        assert (journal.read(0, 6) == rows).all()


def test_a_part_whose_rows_were_taken_over_is_not_predicted_again(scene: Path, tmp_path: Path) -> None:
    half = SIZE[0] // 2
    mapped(scene, tmp_path / "out", part=(0, half))
    (part,) = (tmp_path / "out").glob(".*.part/*.rows")
    part.rename(part.with_name(part.name.replace(".000000000", "")))
    mapped(scene, tmp_path / "out", lambda _: pytest.fail("predicted again"), part=(0, half))


# areas


def test_an_area_of_interest_limits_the_map(scene: Path, tmp_path: Path) -> None:
    box = shapely.box(501_000, 4_998_000, 502_500, 4_999_000)  # columns 100..250, rows 100..200
    with Raster(scene, nodata=0) as raster:
        inside, key = vector_area(write_polygons(tmp_path / "aoi.gpkg", [box], UTM["crs"]), raster)
    result = mapped(scene, tmp_path / "out", area=inside, area_key=key)
    assert ((pixels(result.mask)[0] != MASK_NODATA) == inside(0, 300)).all()


def test_maps_depend_on_where_tiles_and_the_scene_lie_and_not_on_overviews(tmp_path: Path) -> None:
    values = np.full((1, 8, 8), 7, np.uint16)
    tiles = [write_raster(tmp_path / f"A.{k}.tif", values) for k in (0, 5, 11)]
    prints = set()
    for cells in ((0, 0), (0, 5), (1, 1)), ((0, 0), (0, 5), (1, 0)):
        with mosaic(dict(zip(tiles, cells, strict=True)), "A", (1,), 0) as raster:
            prints.add(raster.fingerprint)
    with Raster(tiles[0]) as raster:
        alone = raster.fingerprint
    tiles[0].with_suffix(".tif.ovr").write_bytes(tiles[0].read_bytes())
    with Raster(tiles[0]) as raster:
        assert raster.fingerprint == alone
    place = "<PAMDataset><SRS>EPSG:32631</SRS><GeoTransform>1, 10, 0, 1, 0, -10</GeoTransform></PAMDataset>"
    tiles[0].with_suffix(".tif.aux.xml").write_text(place)
    with Raster(tiles[0]) as raster:
        assert raster.georeferenced and raster.fingerprint != alone
    assert len(prints) == 2


def test_tiles_that_lie_elsewhere_than_their_cells_are_refused(tmp_path: Path) -> None:
    values = np.full((1, 8, 8), 7, np.uint16)
    tiles = {
        write_raster(tmp_path / f"A.{k}.tif", values, crs="EPSG:32631", transform=Affine(10, 0, 60 * k, 0, -10, 0)): k
        for k in (0, 1)  # which overlap by two pixels
    }
    with (
        pytest.raises(UserError, match=r"A\.1\.tif does not lie at row 0, column 1 .* Pass the right columns=N"),
        mosaic({path: (0, k) for path, k in tiles.items()}, "A"),
    ):
        pass


def test_a_mosaic_knows_names_and_nodata_of_its_tiles(tmp_path: Path) -> None:
    values = np.full((2, 8, 8), 7, np.uint16)
    values[:, :2] = 65535
    tiles = {write_raster(tmp_path / f"A.{k}.tif", values, nodata=65535, names=("VV", "VH")): (0, k) for k in (0, 1)}
    with mosaic(tiles, "A", ("VH",), 0) as raster:
        assert raster.band_names == ["VH"]
        valid = raster.read(0, 8)[1]
    assert (valid[:2].any(), valid[2:].all(), valid.shape) == (False, True, (8, 16))
