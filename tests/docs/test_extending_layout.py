"""The template of docs/extending.md, "A data set layout", is checked, trained and scored by config alone."""

from pathlib import Path

import cv2
import pytest

from helpers.chips import IMAGES, MASKS, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import write_blocks
from seep_lightning.runs.directory import Run

SECTION = "A data set layout"


def folder_per_scene(chips: Path, root: Path) -> Path:
    """The same chips as SCENE/sar_TILE.tif and SCENE/seeps_TILE.png."""
    for image in (chips / IMAGES).iterdir():
        scene, tile, _ = image.name.split(".")
        folder = root / scene
        folder.mkdir(parents=True, exist_ok=True)
        image.rename(folder / f"sar_{tile}.tif")
        mask = cv2.imread(str(chips / MASKS / image.name), cv2.IMREAD_UNCHANGED)
        assert cv2.imwrite(str(folder / f"seeps_{tile}.png"), mask)
    return root


@pytest.mark.slow
def test_the_template_is_checked_trained_and_scored_by_config_alone(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = folder_per_scene(make_chips(tmp_path / "chips", classes=1), tmp_path / "mine")
    line = ["--config-dir=my_conf", "data=mine", f"data.root={root}"]
    checked = seep("check", *line, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "30 pairs" in checked.stdout
    run = tmp_path / "run"
    trained = seep("train", *line, *TINY, "trainer.max_epochs=2", f"hydra.run.dir={run}", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert Run(run).summary()["status"] == "finished"
    assert {name.split(".")[0] for name in Run(run).parts()} == {"S0", "S1", "S2", "S3", "S4"}
    scored = seep("evaluate", f"run={run}", "trusted=[my_layout]", "part=val", "device=cpu", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert sorted((run / "evaluate" / "val" / "masks").iterdir())[0].name.endswith(".000000.tif")


def test_a_layout_that_finds_nothing_is_one_line(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    (tmp_path / "empty").mkdir()
    done = seep("check", "--config-dir=my_conf", "data=mine", "data.root=empty", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "data.layout: FolderPerScene finds no chips in empty" in done.stderr
