"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seep_lightning.commands.tables import print_table
from seep_lightning.errors import UserError
from seep_lightning.files import write_table
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import settings_of

log = logging.getLogger(__name__)
MOST_COLUMNS = 4  # of settings, side by side: more of them go into one


@dataclass
class Row:
    """One run: its status, figures on validation, and the settings by which it differs from the others."""

    run: Run
    status: str
    figures: dict[str, float]
    settings: dict[str, Any]
    note: str = ""


def find_runs(folders: Sequence[str]) -> list[Run]:
    """Every run directory at or below the folders, by name."""
    found, logs = set[Path](), set[Path]()
    for folder in folders:
        home = Path(folder)
        if not home.is_dir():
            raise UserError(f"runs={folder}: there is no such directory. Expected runs, or folders that hold some.")
        found |= {p.parent.resolve() for p in home.rglob("split.csv") if (p.parent / "config.yaml").is_file()}
        logs |= {p.parent.resolve() for p in home.rglob("train.log") if not (p.parent / "config.yaml").is_file()}
    if logs:
        more = f" and {len(logs) - 1} more" if len(logs) > 1 else ""
        log.warning("left out: %s%s: no training began, or not yet; see its train.log", min(logs), more)
    if not found:
        raise UserError(f"runs={','.join(folders)}: no run in there (no config.yaml and split.csv below).")
    return [Run(path) for path in sorted(found)]


def compare(folders: Sequence[str], metric: str = "dice") -> list[Row]:
    """All runs below the folders, best first by `metric` on validation, with the settings that differ in some."""
    rows, unread = list[Row](), list[UserError]()
    for run in find_runs(folders):
        summary = run.summary()
        status = summary.get("status", "running").replace("running", "unfinished")
        scored = summary.get("figures", {}).get("val", {})
        try:
            if scored and metric not in scored:
                raise UserError(f"metric={metric} is not in {run.summary_path}. Known: {', '.join(scored)}.")
            rows.append(Row(run, status, scored, settings_of(run.config), summary.get("error", "")))
        except UserError as error:
            unread.append(error)
    if unread and not any(row.figures for row in rows):
        raise unread[0]
    for reason in unread:  # of another version, or of another task
        log.warning("left out: %s", reason)
    splits = [row.run.parts() for row in rows if row.figures]
    validated = {frozenset(name for name, part in parts.items() if part == "val") for parts in splits}
    if len(validated) > 1:
        said = "these runs were validated on %d different sets of chips, between which ranks say little"
        log.warning(said, len(validated))
    keys = sorted({key for row in rows for key in row.settings})
    differing = [k for k in keys if len({repr(row.settings.get(k)) for row in rows}) > 1]
    for row in rows:
        row.settings = {k: row.settings.get(k) for k in differing}
    return sorted(rows, key=lambda row: (-row.figures.get(metric, -1.0), str(row.run.dir)))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """The comparison as CSV; an existing file is refused."""
    if path.exists():
        raise UserError(f"csv={path} exists. Choose another name.")
    flat: list[dict[str, Any]] = [{"run": row.run.dir, "status": row.status} for row in rows]
    for line, row in zip(flat, rows, strict=True):
        line |= {f"val/{name}": value for name, value in row.figures.items()} | row.settings
    write_table(path, flat)


def print_rows(rows: Sequence[Row], metric: str) -> None:
    """The comparison as a table: rank, metric, what differs, the run."""
    home = os.path.commonpath([row.run.dir.parent for row in rows])
    table: dict[str, dict[str, str]] = {}
    narrow = len(rows[0].settings) > MOST_COLUMNS
    for rank, row in enumerate(rows, 1):
        score = f"{row.figures[metric]:.3f}" if row.figures else ""
        score = f"{score} {row.status}".strip() if row.status != "finished" else score
        told = {k: str(v) for k, v in row.settings.items()}
        told = {"settings": ", ".join(f"{k}={v}" for k, v in told.items())} if narrow else told
        table[str(rank)] = {metric: score, **told}
        table[str(rank)]["run"] = os.path.relpath(row.run.dir, home)
    print_table(f"{len(rows)} runs by val {metric}", table, list(table["1"]), justify="left")
    for row in rows:
        if row.status != "finished":
            print(f"{row.status}: {row.run.dir} {row.note}".rstrip())
