"""The templates of a learning-rate schedule in docs/extending.md train as they stand; what does not fit is one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import assert_equal_runs, break_off, curve
from seep_lightning.errors import UserError
from seep_lightning.training.session import train

SECTION = "A learning-rate schedule"
Compose = Callable[..., object]


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["warm_then_cosine", "inverse_root"])
def test_the_template_is_trained_with_by_its_own_command(scheduler: str, tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    [command] = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    command = [part.replace("warm_then_cosine", scheduler) for part in command]
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=2", "hydra.run.dir=run"]
    done = seep("train", *command[3:], *tiny, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rates = [float(row["lr"]) for row in curve(tmp_path / "run")]
    assert rates[0] != rates[1]
    assert max(rates) < 0.005


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("{_target_:torch.optim.lr_scheduler.StepLR,step_size:1,interval:week}", r"scheduler.interval=week: expected"),
        ("{_target_:torch.optim.lr_scheduler.StepLR,step:1}", r"scheduler.step: StepLR takes step_size, gamma"),
        ("{_target_:torch.optim.lr_scheduler.LambdaLR,lr_lambda:x}", r"scheduler: LambdaLR refuses its settings"),
        ("{_target_:torch.nn.Linear}", r"scheduler._target_=torch.nn.Linear is not a torch.optim"),
        (
            "{_target_:torch.optim.lr_scheduler.CosineAnnealingLR,T_max:'{steps}',interval:epoch}",
            r"scheduler holds {steps}, but it is stepped after each epoch and counts epochs. Write {epochs}, or",
        ),
    ],
)
def test_a_schedule_that_does_not_fit_is_one_line_before_the_training(
    node: str, message: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(compose_tiny("~scheduler", f"+scheduler={node}"), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_a_length_that_is_not_known_is_one_line(compose_tiny: Compose, tmp_path: Path) -> None:
    node = "{_target_:torch.optim.lr_scheduler.CosineAnnealingLR,T_max:'{epochs}'}"
    with pytest.raises(UserError, match="scheduler needs to know the training's length"):
        train(compose_tiny("~scheduler", f"+scheduler={node}", "trainer.max_epochs=-1"), tmp_path / "run")


@pytest.mark.parametrize(
    "node",
    [
        "{_target_:torch.optim.lr_scheduler.OneCycleLR,max_lr:0.01}",
        "{_target_:torch.optim.lr_scheduler.MultiStepLR,milestones:[1,2]}",
        "{_target_:torch.optim.lr_scheduler.ChainedScheduler,schedulers:["
        "{_target_:torch.optim.lr_scheduler.ExponentialLR,gamma:0.9},"
        "{_target_:torch.optim.lr_scheduler.PolynomialLR,total_iters:'{epochs}'}]}",
    ],
)
def test_a_run_with_torchs_schedule_resumes_bit_for_bit(
    node: str, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("~scheduler", f"+scheduler={node}", "trainer.max_epochs=3")
    train(config, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power cut"):
        break_off(config, tmp_path / "broken", monkeypatch, 1, RuntimeError("power cut"))
    train(config, tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")
