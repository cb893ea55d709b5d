"""What a page says about several runs: their settings and figures side by side, curves, and folds pooled."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seep_lightning.config.commands import ReportConfig
from seep_lightning.errors import UserError
from seep_lightning.masking import masked_values
from seep_lightning.metrics.figures import DICE
from seep_lightning.reporting.comparison import Row, floors_of_rows, not_above_floors
from seep_lightning.reporting.folds import UNLEARNED, PooledFolds, groups_of_folds, pool_evaluations
from seep_lightning.reporting.scored_parts import scored_part
from seep_lightning.runs.recipes import FOLD
from seep_lightning.runs.records import read_history

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepSection:
    """What the page says about several runs.

    Attributes:
        rows: The runs, best first.
        settings: The names of the settings that differ between them.
        histories: The rows of each run's metrics.csv, by its path in the folder.
        points: Settings and figures of each run that has figures.
        without_curves: The paths of runs that kept no metrics.csv.
        floors: The floors on validation in words, where all runs have the same.
        not_above: Lines about runs that are not above them.
        pooled: The recipes of which all folds were trained, with the figures of their folds as one, best first.
        notes: What is missing, and why.
    """

    rows: Sequence[Row]
    settings: list[str]
    histories: dict[str, list[dict[str, Any]]]
    points: list[dict[str, Any]]
    without_curves: list[str]
    floors: str
    not_above: list[str]
    pooled: list[PooledFolds] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def plotted(self) -> list[str]:
        """The settings that are drawn against the score; the number of a fold says nothing."""
        return [key for key in self.settings if key != FOLD]


def about_sweep(home: Path, rows: Sequence[Row]) -> SweepSection:
    """Collect all that the page says about several runs; a class among their settings stands without its modules."""
    histories = {}
    without_curves = []
    for row in rows:
        row.settings = {key: _shown_setting(key, value) for key, value in row.settings.items()}
        history = read_history(row.run.metrics_path)
        name = str(row.run.dir.relative_to(home))
        if history:
            histories[name] = history
        else:
            without_curves.append(name)
    points = [row.settings | row.figures for row in rows if row.figures]
    return SweepSection(
        rows=rows,
        settings=list(rows[0].settings),
        histories=histories,
        points=points,
        without_curves=without_curves,
        floors=floors_of_rows(rows),
        not_above=not_above_floors(rows, home),
    )


def add_pooled_folds(section: SweepSection, config: ReportConfig) -> None:
    """Score the folds of each recipe, and pool them; the page says why where that cannot be.

    Args:
        section: What the page says about the runs.
        config: The part, and the device to score it on.
    """
    if config.part not in UNLEARNED:
        return
    try:
        for folds in groups_of_folds(section.rows):
            for row in folds:
                scored_part(row.run, config)
            section.pooled.append(pool_evaluations(folds, config.part))
    except UserError as error:
        section.pooled.clear()
        section.notes.append(f"The folds are not pooled: {error}")
        log.warning("the page lacks something. %s", section.notes[-1])
    section.pooled.sort(key=lambda recipe: -recipe.figures[DICE.key])


def _shown_setting(key: str, value: Any) -> Any:
    """A setting of a sweep as the page shows it."""
    return masked_values(_without_modules(value), key.rpartition(".")[2])


def _without_modules(value: Any) -> Any:
    """A setting; where it is the path of a class, its name alone."""
    return value.rpartition(".")[2] if isinstance(value, str) else value
