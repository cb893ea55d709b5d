"""The text that stands for the run directory in the settings of loggers and callbacks."""

from typing import Any

from seep_lightning.config.targets import mapped_values
from seep_lightning.runs.directory import Run

RUN_PLACEHOLDER = "{run}"
"""Stands for the run directory in the values of a node of `logger` or `callbacks`."""


def fill_in_run(value: Any, run: Run) -> Any:
    """A value of such a node with the run directory filled in.

    Args:
        value: A text, another value, or mappings and lists of them.
        run: The run.
    """

    def filled(text: Any) -> Any:
        return text.replace(RUN_PLACEHOLDER, str(run.dir)) if isinstance(text, str) else text

    return mapped_values(value, filled)
