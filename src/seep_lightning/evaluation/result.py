"""What an evaluation returns to Python: the contents of its summary.json by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """The figures of a run on some chips, and where they were written.

    Attributes:
        directory: `evaluate/<name>` of the run, with masks, probabilities and tables.
        part: The part of the run's split that was scored; `all`: every chip of a data set.
        chips: How many chips that were.
        threshold: The probability above which a pixel counts as seep.
        figures: Pooled over pixels, by name, such as `dice`.
        objects: Figures of whole seeps, by name.
        calibration_error: How far probabilities lie from shares of seep, 0..1.
        summary: Everything, as summary.json holds it.
    """

    directory: Path
    part: str
    chips: int
    threshold: float
    figures: dict[str, Any]
    objects: dict[str, Any]
    calibration_error: float
    summary: dict[str, Any]

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> "Evaluation":
        """Take the values from what `evaluate` returns.

        Args:
            summary: What summary.json holds, and `out`, the folder.
        """
        return cls(
            directory=Path(summary["out"]),
            part=summary["part"],
            chips=summary["data"]["chips"],
            threshold=summary["threshold"],
            figures=summary["figures"],
            objects=summary["objects"],
            calibration_error=summary["calibration_error"],
            summary=dict(summary),
        )
