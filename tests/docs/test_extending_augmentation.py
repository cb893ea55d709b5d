"""The template of docs/extending.md, "An augmentation", trains by config alone."""

from pathlib import Path

import pytest

from helpers.chips import TINY, make_chips
from helpers.command_line import seep
from helpers.documents import write_blocks
from helpers.trainings import curve
from seep_lightning.runs.directory import Run

SECTION = "An augmentation"


@pytest.mark.slow
def test_the_template_trains_two_epochs_by_config_alone_and_its_draws_repeat(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    line = [
        "--config-dir=my_conf",
        "experiment=streaks",
        "data=seeps",
        f"data.root={root}",
        *TINY,
        "trainer.max_epochs=2",
    ]
    curves = {}
    for name, changes in {"first": [], "again": [], "plain": ["augment=[]"]}.items():
        done = seep("train", *line, *changes, f"hydra.run.dir={tmp_path / name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert Run(tmp_path / name).summary()["status"] == "finished"
        curves[name] = curve(tmp_path / name)
    assert len(curves["first"]) == 2
    assert curves["first"] == curves["again"] != curves["plain"]


@pytest.mark.slow
def test_one_that_does_not_fit_is_one_line_and_leaves_no_run(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    crop = "augment=[{_target_:albumentations.RandomCrop,height:16,width:16}]"
    done = seep("train", crop, "data=seeps", f"data.root={root}", *TINY, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "augment[0]: RandomCrop makes" in done.stderr
    assert not (tmp_path / "run" / "checkpoints").exists()
