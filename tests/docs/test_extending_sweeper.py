"""The template of a sweeper in docs/extending.md works as it stands, and what does not fit is one line."""

from pathlib import Path

import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep_from_scratch
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve

SECTION = "A sweeper"


@pytest.mark.slow
def test_the_template_sweeps_by_its_own_command(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    [command] = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=2", "hydra.sweep.dir=sweep"]
    done = seep_from_scratch("train", *command[3:], *tiny, "hydra.sweeper.trials=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    runs = sorted((tmp_path / "sweep").iterdir())
    assert [len(curve(run)) for run in runs] == [2, 2]
    assert all(run.name.startswith("lr-") for run in runs)
    assert "best: optimizer.lr=" in done.stdout


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra/sweeper=random_rate"], "hydra/sweeper=random_rate: there is no such config. Did"),
        (["hydra/sweeper=random_rates", "hydra.sweeper.trails=2"], "Key 'trails' not in 'RandomRatesConfig'"),
        (
            ["hydra/sweeper=basic", "hydra.sweeper._target_=my.Sweeper"],
            "Invalid plugin 'my.Sweeper': not the hydra_plugins package. Hydra takes sweepers",
        ),
    ],
)
def test_what_is_no_sweeper_is_told_in_one_line_before_the_training(
    overrides: list[str], message: str, tmp_path: Path
) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    done = seep_from_scratch("train", "-m", *overrides, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
