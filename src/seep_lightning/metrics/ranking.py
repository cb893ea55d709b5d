"""What runs are ranked by, declared once: sweeps, searches, `compare`, reports and TensorBoard's HPARAMS tab.

A run is ranked by a figure on validation at the threshold that was tuned there, as its maps are made with it. What its
epochs are told apart by (`monitor`) is measured while it trains, mostly at 0.5.
"""

from collections.abc import Mapping

from seep_lightning.metrics.figures import DICE, ClassFigure, PixelFigure, declared, key_of

RANKING = DICE
"""The figure that runs are ranked by, where nobody asks for another one."""


def ranking_key(monitor: str) -> str:
    """The figure that a sweep ranks its jobs by: that of its monitor where training works it out, else `RANKING`.

    Args:
        monitor: Of the config, such as `dice_before_scaling/val`, `macro_dice/val`, `loss/val` or `epoch`.
    """
    key = key_of(monitor)
    is_final = any(figure.key == key for kind in (PixelFigure, ClassFigure) for figure in declared(kind))
    return key if monitor.endswith("/val") and is_final else RANKING.key


def ranking_value(monitor: str, score: float, figures: Mapping[str, float]) -> float:
    """What a sweeper is told of a run.

    Args:
        monitor: Of its config.
        score: The monitor at the best epoch.
        figures: On validation, at the tuned threshold.

    Returns:
        The figure of `ranking_key`; the score itself where the monitor is none of the final figures, such as a loss.
    """
    return figures.get(ranking_key(monitor), score) if is_ranked_by(monitor) else score


def is_ranked_by(monitor: str) -> bool:
    """Whether runs with a monitor are ranked by its own figure, or by Dice for `epoch`, which names none."""
    return monitor == "epoch" or key_of(monitor) == ranking_key(monitor)
