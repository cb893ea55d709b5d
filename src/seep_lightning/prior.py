"""Weight and smoothing of what history adds, chosen on trained folds: `python -m seep_lightning.prior`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.tables import print_table
from seep_lightning.config.commands import PriorConfig

if TYPE_CHECKING:
    from seep_lightning.folds.history_tuning import PriorRow, TunedPrior

COLUMNS = ("dice", "gain", "low", "high", "better")


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
    print_settings(tuned)
    return len(tuned.rows)


def print_settings(tuned: "TunedPrior") -> None:
    """Print what each setting brings, and the line for `predict`.

    Args:
        tuned: What was measured.
    """
    rows = {_name(row): asdict(row) for row in tuned.rows}
    print_table(f"pooled Dice of {tuned.scenes} scenes, each with the history of the others", rows, COLUMNS)
    chosen = tuned.chosen
    tell(
        f"chosen for each scene on the others: {chosen.gain:+.4f} (95 % over scenes {chosen.low:+.4f} to "
        f"{chosen.high:+.4f}), better in {chosen.better} of {tuned.scenes}"
    )
    if chosen.weight == 0:
        tell("no weight is better than none: leave history= out")
        return
    keys = f"history=recurrence.tif history_weight={chosen.weight:g} history_smoothing={chosen.smoothing:g}"
    tell(f"use it:  {keys}   (px: in metres for scenes with coordinates)")


def _name(row: "PriorRow") -> str:
    """A setting in words."""
    return f"weight {row.weight:g}, {row.smoothing:g} px"


make_callable(__name__, api.prior)

if __name__ == "__main__":
    run_command("prior", main)
