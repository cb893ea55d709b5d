"""Whether a network that is no better than a rule is worth more epochs, and how many."""

import math
from contextlib import suppress
from dataclasses import dataclass

from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.floors import floors_above
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_history
from seep_lightning.training.length import FEW_STEPS, epochs_of_steps

LEAST_VALIDATIONS = 3
"""Of fewer, a curve does not tell whether it rises."""


@dataclass(frozen=True)
class FurtherTraining:
    """What more epochs may do for a network that is no better than a rule.

    Attributes:
        steps: Of the optimiser, that it has had.
        epochs: To give it: enough for `FEW_STEPS`, and twice as many as it had at least.
        still_rises: Whether its last validation is the best one of `LEAST_VALIDATIONS` or more.
    """

    steps: int
    epochs: int
    still_rises: bool

    @property
    def is_short(self) -> bool:
        """Whether it has had too few steps to learn anything."""
        return self.steps < FEW_STEPS


def further_training(run: Run) -> FurtherTraining | None:
    """Judge a finished run whose Dice on validation is not above its floors.

    Args:
        run: The run.

    Returns:
        None where its Dice is above, or where something else than `trainer.max_epochs` ended it.
    """
    # reads weights with torch
    from seep_lightning.runs.checkpoints import read_checkpoint

    summary = run.summary()
    epochs = summary["epochs"]
    floors = summary.get("floors", {}).get("val", {})
    is_above = not floors_above(summary["figures"]["val"][DICE.key], floors)
    if is_above or epochs != run.config.trainer.max_epochs:
        return None
    # without it nothing goes on
    with suppress(UserError):
        steps = int(read_checkpoint(run.last)["global_step"])
        enough = max(epochs_of_steps(FEW_STEPS, steps // epochs), 2 * int(epochs))
        return FurtherTraining(steps, enough, _still_rises(run))
    return None


def _still_rises(run: Run) -> bool:
    """Whether the tuned Dice of the last validation is the best of several."""
    column = f"{DICE.key}/val"
    if not run.metrics_path.is_file():
        return False
    values = [row.get(column, math.nan) for row in read_history(run.metrics_path)]
    validated = [value for value in values if not math.isnan(value)]
    return len(validated) >= LEAST_VALIDATIONS and validated[-1] == max(validated)
