"""Figures that a training is judged by: the best epoch, early stopping, a search."""

from typing import Literal

from seep_lightning.metrics.figures import lower_is_better


def monitor_mode(monitor: str) -> Literal["min", "max"]:
    """Whether less of a figure is better, as of a loss, or more, as of most others."""
    return "min" if lower_is_better(monitor) else "max"
