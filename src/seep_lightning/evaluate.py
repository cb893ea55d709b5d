"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.reporting.tables import print_evaluation


def main(cfg: DictConfig) -> float:
    """Do the job of one `seep evaluate`.

    Args:
        cfg: The composed config.

    Returns:
        The pooled Dice.
    """
    summary = evaluate(typed_config(cfg))
    print_evaluation(summary)
    return float(summary["figures"]["dice"])


make_callable(__name__, api.evaluate)

if __name__ == "__main__":
    run_command("evaluate", main)
