"""Runs side by side, ranked by validation, with the settings by which they differ."""

import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seep_lightning.documents.regular_files import entries_below, is_there, read_bytes
from seep_lightning.documents.tables import LARGEST_TABLE
from seep_lightning.errors import UserError, printable
from seep_lightning.metrics.figures import DICE, lower_is_better
from seep_lightning.metrics.floors import FloorValues, floors_above, floors_in_words, floors_not_beaten
from seep_lightning.metrics.ranking import RANKING
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import compared, flatten
from seep_lightning.runs.status import RunStatus
from seep_lightning.scene.locations import check_name

log = logging.getLogger(__name__)


@dataclass
class Row:
    """One run in a comparison.

    Attributes:
        run: The run.
        status: What became of its training.
        figures: On validation, by key; empty where the training has not ended.
        settings: Those by which it differs from the others; None where it does not have one.
        all_settings: All that its config holds, by dotted key.
        note: Why it failed.
        floors: What rules without learning reach on validation; empty for runs of before they were stored.
        rank: Among the runs compared, from 1.
    """

    run: Run
    status: str
    figures: dict[str, float]
    settings: dict[str, Any]
    all_settings: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    floors: dict[str, FloorValues] = field(default_factory=dict)
    rank: int = 0


def find_runs(folders: Sequence[str], *, tells_failed_starts: bool = True) -> list[Run]:
    """Find every run directory at or below the folders, in the order of their paths.

    Args:
        folders: Runs, or folders that hold some.
        tells_failed_starts: Whether it is told which jobs failed before their training began.

    Raises:
        UserError: A folder does not exist, or no run is in any of them.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise UserError(f"runs={folder}: there is no such directory. Expected runs, or folders that hold some.")
    holders = _folders_with(("split.csv", "train.log"), folders)
    runs = [folder for folder in holders["split.csv"] if _has_config(folder)]
    failed_starts = [folder for folder in holders["train.log"] if not _has_config(folder)]
    if failed_starts and tells_failed_starts:
        more = len(failed_starts) - 1
        others = f" and {more} more" if more else ""
        reason = Run(failed_starts[0]).summary().get("error", "no training began, or not yet; see its train.log")
        log.warning("left out: %s%s: %s", printable(failed_starts[0]), others, printable(reason))
    if not runs:
        raise UserError(f"runs={','.join(folders)}: no run in there (no config.yaml and split.csv below).")
    return [Run(path) for path in runs]


def compare(folders: Sequence[str], metric: str = RANKING.key, *, tells_failed_starts: bool = True) -> list[Row]:
    """Set all runs below the folders side by side.

    Args:
        folders: Runs, or folders that hold some.
        metric: The figure on validation that they are ranked by.
        tells_failed_starts: See `find_runs`.

    Returns:
        The runs, best first, with the settings that differ in some; after the finished ones come those that a search
        ended early, and last those without figures.

    Raises:
        UserError: No run is in there, or none has this figure.
    """
    runs = find_runs(folders, tells_failed_starts=tells_failed_starts)
    rows = _readable_rows(runs, metric)
    keep_differing_settings(rows)
    rows.sort(key=lambda row: (_rank(row, metric), str(row.run.dir)))
    for rank, row in enumerate(rows, 1):
        row.rank = rank
    return rows


def floors_of_rows(rows: Sequence[Row]) -> str:
    """The floors on validation in one line; empty where runs have others, or none."""
    lines = {floors_in_words(row.floors) for row in rows if row.figures}
    return lines.pop() if len(lines) == 1 else ""


def not_above_floors(rows: Sequence[Row], home: Path) -> list[str]:
    """A line for each run whose Dice on validation is not above its floors, with its path from a folder."""
    lines = []
    for row in rows:
        line = floors_not_beaten(row.figures.get(DICE.key, math.inf), row.floors)
        if line:
            lines.append(f"{os.path.relpath(row.run.dir, home)}: {line}")
    return lines


def floors_above_all(rows: Sequence[Row]) -> dict[str, FloorValues]:
    """The floors that no run is above, of runs that have the same floors; none for a single run."""
    if len(rows) < 2 or any(row.floors != rows[0].floors for row in rows):
        return {}
    best = max(row.figures.get(DICE.key, math.inf) for row in rows)
    return floors_above(best, rows[0].floors)


def _folders_with(names: Sequence[str], folders: Sequence[str]) -> dict[str, list[Path]]:
    """For each name, the folders at or below some, in order, that hold a file of that name."""
    holders: dict[str, set[Path]] = {name: set() for name in names}
    # one walk for all names: below some folders lie a million files
    for folder in folders:
        for path in entries_below(Path(folder)):
            if path.name in holders:
                holders[path.name].add(path.parent.resolve())
    return {name: sorted(found) for name, found in holders.items()}


def _has_config(folder: Path) -> bool:
    """Whether a folder holds the config of a run."""
    return (folder / "config.yaml").is_file()


def _readable_rows(runs: Sequence[Run], metric: str) -> list[Row]:
    """The rows of runs; says which are left out, being damaged, of another version or of another task."""
    rows = []
    unreadable = []
    # runs of one sweep have one split, byte by byte: it is read once
    sets_of_splits: dict[bytes, frozenset[str]] = {}
    validation_sets: dict[str, set[frozenset[str]]] = {}
    for run in runs:
        try:
            row = _row_of(run, metric)
            if row.figures:
                content = _content(run.split_path)
                if content not in sets_of_splits:
                    sets_of_splits[content] = _validation_chips(run)
                validation_sets.setdefault(_fold_in_words(run), set()).add(sets_of_splits[content])
            rows.append(row)
        except UserError as error:
            unreadable.append(error)
    if unreadable and not any(row.figures for row in rows):
        raise unreadable[0]
    for reason in unreadable:
        log.warning("left out: %s", reason)
    _warn_of_different_validation(validation_sets)
    return rows


def _row_of(run: Run, metric: str) -> Row:
    """The row of a run; `UserError` where its name or config cannot be read, or its figures lack the metric."""
    # it stands on the page and in the table
    check_name(run.dir)
    summary = run.summary()
    figures = summary.get("figures", {}).get("val", {})
    if figures and metric not in figures:
        raise UserError(f"metric={metric} is not in {run.summary_path}. Known: {', '.join(figures)}.")
    status = summary.get("status", "running")
    if status == "running":
        status = "unfinished"
    floors = summary.get("floors", {}).get("val", {})
    settings = flatten(run.config)
    return Row(run, status, figures, compared(settings), settings, summary.get("error", ""), floors)


def _fold_in_words(run: Run) -> str:
    """Which fold of which split a run is; empty for a split of another kind."""
    split = run.config.split
    return f"{split.fold} of {split.folds}, {split.by}, seed {split.seed}" if split.kind == "kfold" else ""


def _warn_of_different_validation(validation_sets: Mapping[str, set[frozenset[str]]]) -> None:
    """Warn where runs were validated on different chips, but for the folds of a split, which are meant to be.

    Args:
        validation_sets: The sets of validation chips by `_fold_in_words`.
    """
    differ = any(len(sets) > 1 for sets in validation_sets.values())
    if differ or ("" in validation_sets and len(validation_sets) > 1):
        count = len(set().union(*validation_sets.values()))
        log.warning("these runs were validated on %d different sets of chips, between which ranks say little", count)


def _validation_chips(run: Run) -> frozenset[str]:
    """The names of the chips that a run was validated on."""
    return frozenset(name for name, part in run.parts().items() if part == "val")


def _content(path: Path) -> bytes:
    """The bytes of a table; none where there is no file.

    Raises:
        UserError: It is a pipe or the like.
    """
    return read_bytes(path, largest=LARGEST_TABLE) if is_there(path) else b""


def keep_differing_settings(rows: Sequence[Row]) -> None:
    """Leave out the settings that are the same in all runs; one that a run does not have is None."""
    names = sorted(set().union(*[row.settings for row in rows]))
    differing = [name for name in names if _differs(name, rows)]
    for row in rows:
        row.settings = {name: row.settings.get(name) for name in differing}


def _differs(name: str, rows: Sequence[Row]) -> bool:
    """Whether a setting has several values; by their text, since lists and dictionaries are no members of a set."""
    values = {repr(row.settings.get(name)) for row in rows}
    return len(values) > 1


def _rank(row: Row, metric: str) -> tuple[bool, float]:
    """What the best run has the least of: not pruned, for a search calls no pruned run its best, and the figure.

    A figure that is no number stands last: compared with it, any two runs would stand in any order.
    """
    is_pruned = row.status == RunStatus.PRUNED
    value = row.figures.get(metric, math.nan)
    if math.isnan(value):
        return True, math.inf
    return is_pruned, value if lower_is_better(metric) else -value
