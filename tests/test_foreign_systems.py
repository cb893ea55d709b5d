"""Windows and macOS lack modules, functions and signals of Linux; import hooks take them away here.

`make lint` has mypy look for names that they lack. Neither system itself was at hand.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from helpers.chips import TINY, make_chips
from helpers.paths import ROOT
from helpers.rasters import write_raster

# what locks, waits for signals, asks for processes or keeps files by the system's own functions
LOCKS_AND_SIGNALS = """
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.files import draft_of, publish, remove_leftovers
from seep_lightning.locks import locked
from seep_lightning.scene.journal import Journal
from seep_lightning.training.os_signals import preemptible, sigusr1_as_sigterm

folder = Path.cwd()
journal = Journal(folder / "map", "key", (2, 1, 4))
try:
    Journal(folder / "map", "key", (2, 1, 4))
    raise SystemExit("two processes write one map")
except UserError as error:
    assert "another process maps this scene" in str(error)
journal.discard()
with locked(folder / ".train.lock", "run", "train"), preemptible(None), sigusr1_as_sigterm():
    pass
with draft_of(folder / "a.txt") as draft:
    draft.write_text("whole")
    remove_leftovers(folder)
    publish(draft, folder / "a.txt")
print((folder / "a.txt").read_text())
"""


def on_system(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "helpers.foreign_system", name, *arguments]
    paths = f"{ROOT / 'src'}:{ROOT / 'tests'}"
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env={"PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    return done


def test_locks_signals_and_drafts_do_without_unix(tmp_path: Path) -> None:
    assert on_system("win32", "-c", LOCKS_AND_SIGNALS, cwd=tmp_path).stdout == "whole\n"


@pytest.mark.slow
def test_a_run_is_trained_scored_and_mapped_without_unix(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    workers = ["data.num_workers=1", "trainer.max_epochs=1", "trainer.accelerator=auto", "test=true"]
    line = ["data=seeps", f"data.root={root}", *TINY, *workers, "hydra.run.dir=run"]
    trained = on_system("win32", "train", *line, cwd=tmp_path)
    assert (tmp_path / "run/evaluate/test/summary.json").is_file(), trained.stderr
    write_raster(
        tmp_path / "scene.tif",
        np.full((64, 64), 120, np.uint8),
        crs="EPSG:32639",
        transform=from_origin(5e5, 3e6, 10, 10),
    )
    on_system("win32", "predict", "run=run", "input=scene.tif", "output=maps", "picture=true", cwd=tmp_path)
    assert (tmp_path / "maps/scene.gpkg").is_file()
