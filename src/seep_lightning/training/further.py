"""How long to train a network on that is no better than a rule."""

from contextlib import suppress

from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.floors import floors_above
from seep_lightning.runs.directory import Run
from seep_lightning.training.length import FEW_STEPS, epochs_of_steps


def epochs_to_train_further(run: Run) -> int | None:
    """How many epochs to give a finished run whose Dice on validation is not above its floors.

    Args:
        run: The run.

    Returns:
        Enough for `FEW_STEPS`, and twice as many as it had at least; None where its Dice is above, or where something
        else than `trainer.max_epochs` ended it.
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
        return max(epochs_of_steps(FEW_STEPS, steps // epochs), 2 * int(epochs))
    return None
