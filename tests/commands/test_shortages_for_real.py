"""Real processes that lack a resource: one line that says which, status failed, and the same command goes on after."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from helpers.chips import GRID, IMAGES, TINY, make_chips
from helpers.command_line import seep

pytestmark = pytest.mark.slow

LITTLE_MEMORY = 1_800_000_000
"""Bytes of addresses: enough for the libraries, too few for what `LARGE` asks for at once.

Small things still fit: where they do not, native code may end without a word.
"""
LARGE = ("model.width=8", "data.batch_size=8")
"""A step of seven chips of 1,024 px needs 235 MB for each layer."""
FEW_HANDLES = 18
"""Enough to begin a run (14), far too few for its reader (some 36 here, fewer on other machines)."""


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chips(tmp_path_factory.mktemp("shortages") / "chips")


@pytest.fixture(scope="module")
def large_chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chips(tmp_path_factory.mktemp("shortages") / "large", tiles=2, size=1024)


def train_line(chips: Path, run: Path, *more: str) -> list[str]:
    settings = [*TINY, "trainer.max_epochs=1", f"data.root={chips}", f"hydra.run.dir={run}", *more]
    return [sys.executable, "-m", "seep_lightning.train", "data=seeps", GRID, *settings]


def limited(kind: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (most, most))


def run_line(line: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, text=True, timeout=120, **more)


def assert_told(done: subprocess.CompletedProcess[str], what: str, run: Path | None = None) -> None:
    """One line about the resource, and the same in the run's summary."""
    assert done.returncode == 2, done.stderr[-2000:]
    # a process that reads chips may have said more before
    line = done.stderr.splitlines()[-1]
    assert what in line
    if run is not None:
        summary = json.loads((run / "summary.json").read_text())
        assert summary["status"] == "failed" and what in summary["error"]


def test_little_shared_memory(chips: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no namespace of mounts can be made here")
    run = tmp_path / "run"
    script = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$@"'
    line = train_line(chips, run, "data.num_workers=1")
    done = run_line(["unshare", "-m", "sh", "-c", script, "sh", *line])
    assert_told(done, "the shared memory (/dev/shm) is full", run)


def resume_line(run: Path) -> list[str]:
    """What the line of a training that had begun says to go on with."""
    return [sys.executable, "-m", "seep_lightning.train", f"run={run}"]


def assert_goes_on(line: list[str], run: Path | None = None) -> None:
    """A command works as soon as the resource is there."""
    _, _, module, *arguments = line
    done = seep(module.removeprefix("seep_lightning."), *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    if run is not None:
        assert json.loads((run / "summary.json").read_text())["status"] == "finished"


def test_a_training_with_little_memory(large_chips: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = train_line(large_chips, run, *LARGE)
    assert_told(run_line(line, preexec_fn=limited(resource.RLIMIT_AS, LITTLE_MEMORY)), "memory ran out", run)
    assert_goes_on(line, run)


def test_a_map_with_little_memory(trained: Path, large_chips: Path, tmp_path: Path) -> None:
    scene = sorted((large_chips / IMAGES).iterdir())[0]
    pixels = np.tile(cv2.imread(str(scene), cv2.IMREAD_UNCHANGED), (4, 4))
    assert cv2.imwrite(str(tmp_path / "scene.tif"), pixels)
    settings = [f"run={trained}", f"input={tmp_path / 'scene.tif'}", f"output={tmp_path / 'maps'}", "window=4096"]
    line = [sys.executable, "-m", "seep_lightning.predict", *settings]
    assert_told(run_line(line, preexec_fn=limited(resource.RLIMIT_AS, LITTLE_MEMORY)), "memory ran out")
    assert_goes_on(line)


def test_few_handles(chips: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = train_line(chips, run, "data.num_workers=1")
    few = limited(resource.RLIMIT_NOFILE, FEW_HANDLES)
    assert_told(run_line(line, preexec_fn=few), "too many files are open at once", run)
    assert_goes_on(resume_line(run), run)


@pytest.mark.parametrize("lacking", [{"HOME": "/proc"}, {"TMPDIR": "/nowhere"}], ids=str)
def test_a_home_that_cannot_be_written_or_no_folder_for_drafts(
    lacking: dict[str, str], chips: Path, tmp_path: Path
) -> None:
    done = run_line(train_line(chips, tmp_path / "run"), env={**os.environ, **lacking})
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_a_reader_that_is_killed(chips: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = train_line(chips, run, "data.num_workers=1", "trainer.max_epochs=100000")
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (run / "metrics.csv").is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    done = subprocess.CompletedProcess(line, process.returncode, "", told)
    assert_told(done, "a process that reads chips was killed", run)
    assert_goes_on([*resume_line(run), "trainer.max_epochs=5"], run)


def test_a_working_folder_that_cannot_be_written(chips: Path) -> None:
    line = [part for part in train_line(chips, Path("run")) if not part.startswith("hydra.run.dir")]
    done = run_line(line, cwd="/proc")
    assert done.returncode == 2, done.stderr
    (told,) = done.stderr.splitlines()
    assert "outputs" in told
