"""The templates of a loss in docs/extending.md train as they stand, and what does not fit is one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning.errors import UserError
from seep_lightning.training.session import train

SECTION = "A loss"
COMMANDS = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
Compose = Callable[..., object]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[-1])
def test_the_template_is_trained_with_by_its_own_command(command: list[str], tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=2", "hydra.run.dir=run"]
    done = seep("train", *command[3:], *tiny, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = curve(tmp_path / "run")
    assert len(rows) == 2
    if command[-1] == "loss=focal_and_dice":
        for stage in ("train", "val"):
            last = {name: float(value) for name, value in rows[-1].items() if value}
            total = 2 * last[f"loss_focal/{stage}"] + 0.5 * last[f"loss_dice/{stage}"]
            assert last[f"loss/{stage}"] == pytest.approx(total, rel=1e-4)
            assert f"loss_bce/{stage}" not in last


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("{_target_:torch.nn.TripletMarginLoss}", r"TripletMarginLoss is called with \(anchor, positive, negative\)"),
        ("{_target_:torch.nn.BCELoss}", r"BCELoss refuses logits .* \(all elements of input should be between 0 and 1"),
        ("{_target_:monai.losses.DiceLoss}", r"DiceLoss is .* Expected a loss of logits.*sigmoid=true"),
        ("{_target_:torch.nn.CrossEntropyLoss}", r"CrossEntropyLoss has no gradient"),
        ("{_target_:torch.optim.AdamW}", r"loss._target_=torch.optim.AdamW is not a torch.nn"),
        ("{_target_:seep_lightning.training.losses.CEDice}", r"loss=CEDice is for task=classes, not binary"),
        ("{_target_:no_such_library.Loss}", r"cannot import it .*pip install no-such-library"),
    ],
)
def test_a_loss_that_does_not_fit_is_one_line_before_the_training(
    node: str, message: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as error:
        train(compose_tiny("~loss", f"+loss={node}"), tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "config.yaml").exists()
