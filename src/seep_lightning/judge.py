"""A judge of objects, taught on what trained folds found out of fold: `python -m seep_lightning.judge`."""

import shlex
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.progress import tell_file
from seep_lightning.config.commands import JudgeConfig
from seep_lightning.data.inputs import path_argument

if TYPE_CHECKING:
    from seep_lightning.folds.judge_teaching import Gain, TaughtJudge

WORDS = {"dice": "pooled Dice", "object_f1": "object F1"}


def main(cfg: DictConfig) -> int:
    """Do the job of one `seep judge`.

    Args:
        cfg: The composed config.

    Returns:
        How many objects it was taught on.
    """
    from seep_lightning.folds.judge_teaching import judge_objects

    config: JudgeConfig = typed_config(cfg)
    taught = judge_objects(config)
    print_gains(taught)
    tell_file(taught.path.absolute())
    runs = path_argument("run", config.runs)
    history = " history=recurrence.tif history_weight=0" if config.recurrence else ""
    look = shlex.quote(f"second_look={config.output}")
    tell(f"use it:  python -m seep_lightning.predict {runs} input=PATH output=maps {look}{history}")
    return taught.objects


def print_gains(taught: "TaughtJudge") -> None:
    """Print what a judge brought.

    Args:
        taught: The judge.
    """
    tell(f"taught on {taught.judge.taught_on}; an object is kept from a score of {taught.judge.least:g}")
    for gain in taught.gains:
        tell(_line(gain, "with a second look"))
    for gain in taught.tuned_gains:
        tell(f"against a least p_max and area that are tuned too, {_line(gain, 'with a second look')}")
    for gain in taught.recurrence_gains:
        tell(f"recurrence alone, {_line(gain, 'with it')}")


def _line(gain: "Gain", change: str) -> str:
    """What a change brought to one figure, on scenes that nothing was taught on."""
    difference = f"{gain.with_judge - gain.without:+.4f}"
    if gain.interval is not None:
        low, high = gain.interval
        difference += f", 95 % over scenes {low:+.4f} to {high:+.4f}"
    figures = f"{gain.without:.4f} without, {gain.with_judge:.4f} {change}"
    return f"{WORDS[gain.figure]}: {figures} ({difference}); better in {gain.better} of {gain.scenes} scenes"


make_callable(__name__, api.judge)

if __name__ == "__main__":
    run_command("judge", main)
