"""The folds of a k-fold split as one: each chip is scored by the run that did not learn from it, and all are pooled.

Seeds are repetitions: their figures are averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seep_lightning.metrics.summaries import mean_figures, pooled_figures
from seep_lightning.reporting.comparison import Row
from seep_lightning.reporting.intervals import COUNT_COLUMNS, intervals
from seep_lightning.reporting.pairing import read_folds
from seep_lightning.runs.recipes import FOLD, SEED

UNLEARNED = ("val", "test")
"""Parts of which each fold has chips of its own."""


@dataclass(frozen=True)
class PooledFolds:
    """The figures of the folds of one recipe, over the pixels of all their chips.

    Attributes:
        settings: Of the recipe, as far as recipes differ.
        folds: The runs.
        figures: By key; of several seeds their mean.
        intervals: 95 % over scenes, by key.
        scenes: How many scenes the chips are of.
        chips: How many chips.
        seeds: How many seeds.
    """

    settings: dict[str, Any]
    folds: list[Row]
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    scenes: int = 0
    chips: int = 0
    seeds: int = 1

    @property
    def name(self) -> str:
        """The settings in words."""
        words = [f"{key}={value}" for key, value in self.settings.items()]
        return ", ".join(words) or "all folds"

    @property
    def counted(self) -> str:
        """What is pooled, such as `5 folds` or `5 folds x 2 seeds`."""
        folds = f"{len(self.folds) // self.seeds} folds"
        return folds if self.seeds == 1 else f"{folds} x {self.seeds} seeds"


def groups_of_folds(rows: Sequence[Row]) -> list[list[Row]]:
    """The runs that are folds of one recipe: alike in all but the fold and the seed.

    Args:
        rows: Runs with the settings that differ.

    Returns:
        The groups, best first; none where not each run with figures has a fold beside it, or seeds have unlike folds.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.figures:
            groups.setdefault(repr(_recipe(row)), []).append(row)
    for folds in groups.values():
        numbers = [sorted(str(row.settings.get(FOLD)) for row in same) for same in _by_seed(folds)]
        first = numbers[0]
        are_whole = all(own == first for own in numbers)
        if not are_whole or len(first) < 2 or len(set(first)) < len(first) or "None" in first:
            return []
    return list(groups.values())


def _by_seed(folds: Sequence[Row]) -> list[list[Row]]:
    """The folds of each seed."""
    seeds: dict[str, list[Row]] = {}
    for row in folds:
        seeds.setdefault(repr(row.settings.get(SEED)), []).append(row)
    return list(seeds.values())


def pool_evaluations(folds: Sequence[Row], part: str) -> PooledFolds:
    """Pool the evaluations of some folds.

    Args:
        folds: The runs, each with `evaluate/<part>`.
        part: The part.

    Raises:
        UserError: An evaluation is damaged, or a chip was scored in two folds.
    """
    chips_by_seed = [_chips_of(same, part) for same in _by_seed(folds)]
    first = chips_by_seed[0]
    return PooledFolds(
        settings=_recipe(folds[0]),
        folds=list(folds),
        figures=mean_figures([_figures_of(chips) for chips in chips_by_seed]),
        # the pixels of all seeds together have their mean within a thousandth
        intervals=intervals([chip for chips in chips_by_seed for chip in chips]),
        scenes=len({chip["scene"] for chip in first}),
        chips=len(first),
        seeds=len(chips_by_seed),
    )


def _chips_of(folds: Sequence[Row], part: str) -> list[dict[str, Any]]:
    """The rows of the chips that the folds of one seed scored."""
    return list(read_folds([row.run.dir / "evaluate" / part / "chips.csv" for row in folds]).values())


def _figures_of(chips: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The pooled figures of some chips."""
    return pooled_figures([np.array([chip[column] for column in COUNT_COLUMNS]) for chip in chips])


def _recipe(row: Row) -> dict[str, Any]:
    """The settings of a run but for its fold and seed, and for what it chose from its own training chips."""
    chosen = row.run.summary().get("chosen", {})
    return {key: value for key, value in row.settings.items() if key not in (FOLD, SEED, *chosen)}
