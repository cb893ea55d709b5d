"""The template of a logger in docs/extending.md works as it stands, and what does not fit is one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import Logger

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning.errors import UserError
from seep_lightning.training.session import train

SECTION = "A logger"
Compose = Callable[..., object]


class WithoutAccount(Logger):
    """A logger that cannot be opened."""

    name = ""
    version = ""

    def log_hyperparams(self, *_: Any) -> None:
        raise PermissionError("no account")

    def log_metrics(self, *_: Any) -> None: ...


@pytest.mark.slow
def test_the_template_is_trained_with_by_its_own_command(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    [command] = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=2", "hydra.run.dir=run"]
    done = seep("train", *command[3:], *tiny, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    dice = [line["dice/val"] for line in lines if "dice/val" in line]
    assert dice == [float(row["dice/val"]) for row in curve(tmp_path / "run")]
    assert len(dice) == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+logger.mine._target_=my_loggers.Json"], "logger.mine._target_=my_loggers.Json: cannot import it"),
        (["+logger.mine._target_=pathlib.Path"], "logger.mine._target_=pathlib.Path is not a .*Logger"),
        (
            ["+logger.mine._target_=my_loggers.JsonLines", "+logger.mine.savedir=x"],
            r"logger.mine.savedir: JsonLines takes",
        ),
        ([f"+logger.mine._target_={__name__}.WithoutAccount"], "logger.mine: no account"),
    ],
)
def test_what_is_no_logger_or_cannot_be_opened_is_told_in_one_line_before_the_training(
    overrides: list[str], message: str, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=message):
        train(compose_tiny(*overrides), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()
