"""What an evaluation returns to Python: the contents of its summary.json by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seep_lightning.metrics.figures import ToleranceFigure, declared
from seep_lightning.metrics.floors import stored_floors


@dataclass(frozen=True)
class Evaluation:
    """The figures of a run on some chips, and where they were written.

    Attributes:
        directory: `evaluate/<name>` of the run, with masks, probabilities and tables.
        part: The part of the run's split that was scored; `all`: every chip of a data set.
        chips: How many chips that were.
        threshold: The probability above which a pixel counts as seep.
        figures: Pooled over pixels, by name, such as `dice`.
        within_tolerance: Figures of pixels that are right within 2 px, by name, such as `dice_2px`.
        floors: Dice of rules without learning, on the same chips, by name: `all_seep`, `no_seep`,
            `darker_than`.
        objects: Figures of whole seeps, by name.
        calibration_error: How far probabilities lie from shares of seep, 0..1.
        summary: Everything, as summary.json holds it.
    """

    directory: Path
    part: str
    chips: int
    threshold: float
    figures: dict[str, Any]
    within_tolerance: dict[str, float]
    floors: dict[str, float]
    objects: dict[str, Any]
    calibration_error: float
    summary: dict[str, Any]

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> "Evaluation":
        """Take the values from what `evaluate` returns.

        Args:
            summary: What summary.json holds, and `out`, the folder.
        """
        within_tolerance = {figure.key: summary["within_tolerance"][figure.key] for figure in declared(ToleranceFigure)}
        floors = {key: values["dice"] for key, values in stored_floors(summary).items()}
        return cls(
            directory=Path(summary["out"]),
            part=summary["part"],
            chips=summary["data"]["chips"],
            threshold=summary["threshold"],
            figures=summary["figures"],
            within_tolerance=within_tolerance,
            floors=floors,
            objects=summary["objects"],
            calibration_error=summary["calibration_error"],
            summary=dict(summary),
        )
