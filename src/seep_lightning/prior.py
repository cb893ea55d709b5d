"""Weight and smoothing of what history adds, chosen on trained folds: `python -m seep_lightning.prior`."""

from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.tables import print_table
from seep_lightning.config.commands import PriorConfig
from seep_lightning.data.inputs import path_argument

if TYPE_CHECKING:
    from seep_lightning.folds.history_tuning import PriorRow, TunedPrior

DICE, GAIN, INTERVAL = "dice", "gain", "95 % over scenes"


def main(cfg: DictConfig) -> int:
    """Do the job of one `seep prior`.

    Args:
        cfg: The composed config.

    Returns:
        How many settings were compared.
    """
    from seep_lightning.folds.history_tuning import tune_prior

    config: PriorConfig = typed_config(cfg)
    tuned = tune_prior(config)
    print_settings(tuned, config)
    return len(tuned.rows)


def print_settings(tuned: "TunedPrior", config: PriorConfig) -> None:
    """Print what each setting brings, and the line for `predict`.

    Args:
        tuned: What was measured.
        config: The settings of the command.
    """
    better = f"better, of {tuned.scenes}"
    rows = {_name(row): _cells(row, better) for row in tuned.rows}
    print_table(
        f"pooled Dice of {tuned.scenes} scenes, each with the history of the others",
        rows,
        [DICE, GAIN, INTERVAL, better],
    )
    chosen = tuned.chosen
    tell(
        f"chosen for each scene on the others: {chosen.gain:+.4f} (95 % over scenes {chosen.low:+.4f} to "
        f"{chosen.high:+.4f}), better in {chosen.better} of {tuned.scenes}"
    )
    if chosen.weight == 0:
        tell("no weight is better than none: leave history= out")
        return
    if not chosen.low > 0:
        tell("the gain is not beyond chance: the interval contains zero, or there are too few scenes")
    runs = path_argument("run", config.runs)
    keys = f"history=recurrence.tif history_weight={chosen.weight:g} history_smoothing={chosen.smoothing:g}"
    tell(f"use it:  python -m seep_lightning.predict {runs} input=PATH output=maps {keys}")
    tell("history_smoothing is in px here: give it in metres for scenes with coordinates")


def _cells(row: "PriorRow", better: str) -> dict[str, Any]:
    """A setting as the table shows it; better: the name of the last column."""
    interval = f"{row.low:+.3f} to {row.high:+.3f}"
    return {DICE: row.dice, GAIN: f"{row.gain:+.3f}", INTERVAL: interval, better: row.better}


def _name(row: "PriorRow") -> str:
    """A setting in words."""
    return f"weight {row.weight:g}, {row.smoothing:g} px"


make_callable(__name__, api.prior)

if __name__ == "__main__":
    run_command("prior", main)
