"""The template of a callback in docs/extending.md works as it stands, and what does not fit is one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning.errors import UserError
from seep_lightning.training.session import train

SECTION = "A callback"
Compose = Callable[..., object]


@pytest.mark.slow
def test_the_template_is_trained_with_by_its_own_command(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    [command] = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=2", "hydra.run.dir=run"]
    first_epoch_is_good = "callbacks.stop_when_good.enough=0"
    done = seep("train", *command[3:], *tiny, first_epoch_is_good, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(curve(tmp_path / "run")) == 1
    callbacks = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["callbacks"]
    assert callbacks["StopWhenGood"] == {"stopped_in": 0}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["+callbacks.mine._target_=my_callbacks.Stop"],
            r"callbacks.mine._target_=my_callbacks.Stop: cannot import it",
        ),
        (["+callbacks.mine._target_=pathlib.Path"], r"callbacks.mine._target_=pathlib.Path is not a .*Callback"),
        (
            ["+callbacks.mine._target_=my_callbacks.StopWhenGood", "+callbacks.mine.enuogh=1"],
            r"callbacks.mine.enuogh: StopWhenGood takes figure, enough; did you mean 'enough'\?",
        ),
    ],
)
def test_what_is_no_callback_is_told_in_one_line_before_the_training(
    overrides: list[str], message: str, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=message):
        train(compose_tiny(*overrides), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()
