"""What lies in the output folder: kept, gone on with after a kill, never replaced where it is the user's."""

import random
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
from numpy.typing import NDArray

from helpers.command_line import outcome_of, seep
from helpers.maps import band, mapped, table
from helpers.rasters import UTM, pixels, write_raster
from helpers.robustness import kills
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.errors import UserError
from seep_lightning.mapping.mapper import SceneMapper
from seep_lightning.predictor.torch_predictor import TorchPredictor

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


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
    assert table(tmp_path / "out")["b"]["status"] == "done" and "3 scenes mapped" in again.stdout


def corrected_by_hand(path: Path) -> bytes:
    """The content of a layer after somebody changed it."""
    with closing(sqlite3.connect(path)) as layer:
        layer.execute("CREATE TABLE remarks (remark TEXT)")
        layer.commit()
    return path.read_bytes()


def test_after_a_failure_corrected_polygons_are_kept_as_before(trained: Path, scene: Path, tmp_path: Path) -> None:
    out = mapped(trained, scene, tmp_path / "out")
    before = table(out)["a"]
    corrected = corrected_by_hand(out / "a.gpkg")
    away = scene.rename(tmp_path / "away.tif")
    scene.write_bytes(b"II*\0 and no more")
    with pytest.raises(UserError, match="is no raster"):
        mapped(trained, scene, out)
    # its map is as it was
    assert table(out)["a"] == before
    away.replace(scene)
    with pytest.raises(UserError, match=r"a\.gpkg is there already"):
        mapped(trained, scene, out, min_area=30)
    mapped(trained, scene, out)
    assert table(out)["a"] == before and (out / "a.gpkg").read_bytes() == corrected


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
    corrected = corrected_by_hand(out / "a.gpkg")
    with pytest.raises(UserError, match=r"a\.gpkg is there already"):
        mapped(trained, scene, out, **{**small, "min_area": 10_000})
    assert (out / "a.gpkg").read_bytes() == corrected
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
    command = ["predict", f"run={trained}", f"input={scene}", "window=64"]
    command += ["overlap=16", "batch=1", "thresholds={group:0.1,trim:0.2,keep:0.2}", "device=cpu"]
    whole = outcome_of(*command, f"output={tmp_path / 'whole'}")
    assert whole.exit_code == 0
    rng, killed = random.Random(0), 0
    while killed < 10:
        moment = rng.uniform(0.02, 0.6) * whole.cpu_seconds
        outcome = outcome_of(*command, f"output={tmp_path / 'out'}", env={kills.VARIABLE: f"seconds:{moment}"})
        if outcome.exit_code == -signal.SIGPROF:  # which nobody handles
            killed += 1
        else:
            assert outcome.exit_code == 0
            shutil.rmtree(tmp_path / "out")  # it came through: once more from the start
    done = seep(*command, f"output={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    for name in ("a.probability.tif", "a.mask.tif"):
        assert (band(tmp_path / "out" / name) == band(tmp_path / "whole" / name)).all()
    layers = [pyogrio.raw.read(tmp_path / folder / "a.gpkg") for folder in ("out", "whole")]
    assert len(layers[0][2]) > 0
    for a, b in zip((layers[0][2], *layers[0][3]), (layers[1][2], *layers[1][3]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not list((tmp_path / "out").glob(".*"))
