"""Figures that a training is judged by: the best epoch, early stopping, a search."""

from typing import Literal


def monitor_mode(monitor: str) -> Literal["min", "max"]:
    """Whether less of a figure is better, as a loss, or more, as most others."""
    return "min" if monitor.startswith("loss") else "max"
