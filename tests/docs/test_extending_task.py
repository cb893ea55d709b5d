"""The template of a task in docs/extending.md trains as it stands."""

from pathlib import Path

import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning.runs.directory import Run

SECTION = "A task"


@pytest.mark.slow
def test_the_template_is_trained_with_by_its_own_command(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    [command] = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=2", "hydra.run.dir=run"]
    done = seep("train", *command[3:], *tiny, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "macro_dice_before_scaling/val" in curve(tmp_path / "run")[-1]
    config = Run(tmp_path / "run").config
    assert (config.task, config.monitor, config.loss["tau"]) == ("classes", "macro_dice_before_scaling/val", 0.0)
