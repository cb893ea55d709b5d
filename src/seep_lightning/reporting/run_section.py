"""What a page says about one run: its config, curves, figures with their intervals, and its worst and best chips."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seep_lightning.config.commands import ReportConfig
from seep_lightning.config.training import TrainConfig
from seep_lightning.documents.text import read_text
from seep_lightning.errors import UserError
from seep_lightning.masking import masked, masked_values
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.floors import (
    FloorValues,
    classes_not_above_floors,
    declared_floors,
    floors_not_beaten,
    stored_floors,
)
from seep_lightning.metrics.requested_figures import request_figures
from seep_lightning.reporting.chip_views import ChipViews, view_chips
from seep_lightning.reporting.intervals import intervals, tolerance_intervals
from seep_lightning.reporting.scored_parts import scored_part
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_chip_rows, read_history

log = logging.getLogger(__name__)

# chips at either end
MOST_CHIPS = 12
# of chips.csv, beside names and counts
SHOWN_COLUMNS = ("tile", "dice", "seep_px", "width_px", "contrast")


@dataclass
class RunSection:
    """What the page says about one run.

    Attributes:
        dir: The run's directory.
        config: Its config.
        yaml: The same as text.
        history: The rows of metrics.csv.
        summary: The run's summary.json.
        part: The part whose figures are shown.
        notes: What is missing, and why.
        scored: The summary of `evaluate/<part>`; None where there is none.
        intervals: 95 % intervals by figure.
        seeps: The rows of chips.csv that have seep.
        chips: The worst and the best chips with their pictures.
    """

    dir: Path
    config: TrainConfig
    yaml: str
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    part: str
    notes: list[str] = field(default_factory=list)
    scored: dict[str, Any] | None = None
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    seeps: list[dict[str, Any]] = field(default_factory=list)
    chips: dict[str, list[ChipViews]] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """The figures in the page's head: of the part, or, where it is not scored, those of training's validation."""
        if self.scored is not None:
            figures: dict[str, float] = self.scored["figures"]
            return figures
        if self.part == "val":
            validated: dict[str, float] = self.summary.get("figures", {}).get("val", {})
            return validated
        return {}

    @property
    def within_tolerance(self) -> dict[str, Any]:
        """Figures within the tolerance, and counts by scene; empty where the part is not scored, or was long ago."""
        scored = self.scored or {}
        figures: dict[str, Any] = scored.get("within_tolerance", {})
        return figures

    @property
    def floors(self) -> list[tuple[str, float]]:
        """Each floor of `figures`, as a rule in words, and its Dice."""
        return [(floor.text(values), values["dice"]) for floor, values in declared_floors(self._floors)]

    @property
    def not_above(self) -> list[str]:
        """Lines about what is not above its floors."""
        if not self.figures:
            return []
        lines = [floors_not_beaten(self.figures[DICE.key], self._floors)]
        if self.scored is not None and "classes" in self.scored:
            lines.append(classes_not_above_floors(self.scored["classes"]))
        return [line for line in lines if line]

    def leave_out(self, note: str) -> None:
        """Say on the page and on the terminal what the page lacks, and why."""
        self.notes.append(note)
        log.warning("the page lacks something. %s", note)

    @property
    def _floors(self) -> dict[str, FloorValues]:
        """What is stored of the floors of `figures`."""
        if self.scored is not None:
            return stored_floors(self.scored)
        validated: dict[str, FloorValues] = self.summary.get("floors", {}).get("val", {})
        return validated


def about_run(run: Run, config: ReportConfig) -> RunSection:
    """Collect all that the page says about one run; its `notes` tell what is missing, and why."""
    section = RunSection(
        dir=run.dir,
        config=_without_secrets(run.config),
        yaml=masked(read_text(run.config_path)),
        history=read_history(run.metrics_path),
        summary=run.summary(),
        part=config.part,
    )
    if not run.finished:
        status = section.summary.get("status", "unfinished")
        reason = section.summary.get("error", "")
        section.notes.append(f"This run is not finished ({status}): the page tells what it has left so far. {reason}")
    if not section.history:
        section.notes.append("No curves: there is no metrics.csv, which the logger csv writes after each epoch.")
    try:
        request_figures(run.config.figures)
        section.scored = scored_part(run, config)
    except UserError as error:
        section.leave_out(f"No figures of part={config.part}: {error}")
        return section
    rows = read_chip_rows(run.dir / "evaluate" / config.part / "chips.csv", SHOWN_COLUMNS)
    section.intervals = intervals(rows) | tolerance_intervals(section.within_tolerance.get("scenes", {}))
    section.seeps = [row for row in rows if row["seep_px"]]
    try:
        section.chips = _chips_at_the_ends(run, section, rows)
    except UserError as error:
        section.leave_out(f"No pictures of part={config.part}: {error}")
    return section


def _without_secrets(config: TrainConfig) -> TrainConfig:
    """A config whose nodes have stars for what looks like a secret."""
    nodes = {name: masked_values(getattr(config, name)) for name in ("model", "loss", "optimizer", "scheduler")}
    return replace(config, **nodes)


def _chips_at_the_ends(run: Run, section: RunSection, rows: Sequence[dict[str, Any]]) -> dict[str, list[ChipViews]]:
    """The worst chips, half of them at most, and the best ones of the others that have seep."""
    assert section.scored is not None
    by_dice = sorted(rows, key=lambda row: (row["dice"], -row["fp"] - row["fn"]))
    half = -(-len(rows) // 2)
    worst = by_dice[: min(MOST_CHIPS, half)]
    others = [row for row in section.seeps if row not in worst]
    best = sorted(others, key=lambda row: (-row["dice"], -row["tp"]))[:MOST_CHIPS]
    return {"worst": view_chips(run, section.scored, worst), "best": view_chips(run, section.scored, best)}
