"""The folds of a k-fold split as one: each chip is scored by the run that did not learn from it, and all are pooled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seep_lightning.metrics.summaries import pooled_figures
from seep_lightning.reporting.comparison import Row
from seep_lightning.reporting.intervals import COUNT_COLUMNS, intervals
from seep_lightning.reporting.pairing import read_folds

FOLD = "split.fold"


@dataclass(frozen=True)
class PooledFolds:
    """The figures of the folds of one recipe, over the pixels of all their chips.

    Attributes:
        settings: Of the recipe, as far as recipes differ.
        folds: The runs.
        figures: By key.
        intervals: 95 % over scenes, by key.
        scenes: How many scenes the chips are of.
        chips: How many chips.
    """

    settings: dict[str, Any]
    folds: list[Row]
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    scenes: int = 0
    chips: int = 0

    @property
    def name(self) -> str:
        """The settings in words."""
        words = [f"{key}={value}" for key, value in self.settings.items()]
        return ", ".join(words) or "all folds"


def groups_of_folds(rows: Sequence[Row]) -> list[list[Row]]:
    """The runs that are folds of one recipe: alike in all but the fold.

    Args:
        rows: Runs with the settings that differ.

    Returns:
        The groups, best first; none where not each run with figures has a fold beside it.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.figures:
            groups.setdefault(repr(_recipe(row)), []).append(row)
    for folds in groups.values():
        numbers = {row.settings.get(FOLD) for row in folds}
        if len(folds) < 2 or None in numbers or len(numbers) < len(folds):
            return []
    return list(groups.values())


def pool(folds: Sequence[Row], part: str) -> PooledFolds:
    """Pool the evaluations of some folds.

    Args:
        folds: The runs, each with `evaluate/<part>`.
        part: The part.

    Raises:
        UserError: An evaluation is damaged, or a chip was scored in two folds.
    """
    chips = list(read_folds([row.run.dir / "evaluate" / part / "chips.csv" for row in folds]).values())
    counts = [np.array([chip[column] for column in COUNT_COLUMNS]) for chip in chips]
    return PooledFolds(
        settings=_recipe(folds[0]),
        folds=list(folds),
        figures=pooled_figures(counts),
        intervals=intervals(chips),
        scenes=len({chip["scene"] for chip in chips}),
        chips=len(chips),
    )


def _recipe(row: Row) -> dict[str, Any]:
    """The settings of a run but for its fold, and for what it chose from its own training chips."""
    chosen = row.run.summary().get("chosen", {})
    return {key: value for key, value in row.settings.items() if key != FOLD and key not in chosen}
