"""Maps that are killed, filled up or changed on the way: the next call goes on, and gives the same pixels."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.rasters import UTM, pixels, write_raster
from helpers.scene_maps import SIZE, mapped, smooth, visible_files
from seep_lightning.errors import UserError
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.polygons import find_seeps
from seep_lightning.scene.raster import Raster


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
            assert visible_files(tmp_path / "parts") == []
    result = mapped(scene, tmp_path / "parts")
    assert result.first_row > 0
    assert (pixels(result.probability) == pixels(whole.probability)).all()
    assert (pixels(result.mask) == pixels(whole.mask)).all()
    some = PolygonOptions(Thresholds(0.7, 0.72, 0.8), min_area=3)
    features = [find_seeps(Raster(m.probability, as_stored=True), some).seeps for m in (result, whole)]
    assert len(features[0]) > 3
    assert features[0] == features[1]
    assert visible_files(tmp_path / "parts") == sorted(p.name for p in (tmp_path / "parts").iterdir())


SLOW = """
    import sys, time
    sys.path[:0] = {paths!r}
    from pathlib import Path
    from helpers import scene_maps
    def model(x):
        time.sleep(0.05)
        return scene_maps.smooth(x)
    scene_maps.mapped(Path({scene!r}), Path({out!r}), model)
"""


def test_a_killed_process_leaves_what_the_next_one_goes_on_from(scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = textwrap.dedent(SLOW).format(paths=sys.path, scene=str(scene), out=str(out))
    process = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 40
    while time.monotonic() < until and sum(p.stat().st_size for p in out.glob(".scene.part/*.rows")) < 160 * SIZE[1]:
        time.sleep(0.01)
    with pytest.raises(UserError, match="in use: another process"):
        mapped(scene, out)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert visible_files(out) == []
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
    assert visible_files(tmp_path / "out") == ["scene.mask.tif", "scene.probability.tif"]


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
    assert visible_files(tmp_path / "out") == []
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
    assert visible_files(tmp_path / "out") == []
    assert mapped(scene, tmp_path / "out").first_row == SIZE[0]
    assert len(visible_files(tmp_path / "out")) == 2


def test_a_disk_that_is_too_small_is_told_before_the_work(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("seep_lightning.scene.journal.shutil.disk_usage", lambda _: full)
    with pytest.raises(UserError, match="0.00 GB free"):
        mapped(scene, tmp_path / "out", lambda x: pytest.fail("called"))


def test_a_part_whose_rows_were_taken_over_is_not_predicted_again(scene: Path, tmp_path: Path) -> None:
    half = SIZE[0] // 2
    mapped(scene, tmp_path / "out", part=(0, half))
    (part,) = (tmp_path / "out").glob(".*.part/*.rows")
    part.rename(part.with_name(part.name.replace(".000000000", "")))
    mapped(scene, tmp_path / "out", lambda _: pytest.fail("predicted again"), part=(0, half))


def test_a_rest_without_rows_is_no_map_and_is_not_told(
    scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Killed), journal_that_dies(after=0):
        mapped(scene, tmp_path / "out")
    mapped(scene, tmp_path / "out", threshold=0.4)
    assert "starting anew" not in caplog.text
