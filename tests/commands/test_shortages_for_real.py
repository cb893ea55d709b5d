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

import pytest

from helpers.chips import GRID, TINY, make_chips

pytestmark = pytest.mark.slow

LITTLE_MEMORY = 1_200_000 * 1024
"""Bytes of addresses: enough for the libraries, too few for a step."""


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chips(tmp_path_factory.mktemp("shortages") / "chips")


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


def test_little_memory(chips: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    little = limited(resource.RLIMIT_AS, LITTLE_MEMORY)
    # whether a summary can be written is a matter of what is left
    assert_told(run_line(train_line(chips, run), preexec_fn=little), "memory ran out")


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


def test_a_working_folder_that_cannot_be_written(chips: Path) -> None:
    line = [part for part in train_line(chips, Path("run")) if not part.startswith("hydra.run.dir")]
    done = run_line(line, cwd="/proc")
    assert done.returncode == 2, done.stderr
    (told,) = done.stderr.splitlines()
    assert "outputs" in told
