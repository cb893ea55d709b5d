"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

import csv
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from seep_lightning.config import CompareConfig
from seep_lightning.door import open_door, typed
from seep_lightning.errors import UserError
from seep_lightning.evaluate import print_table
from seep_lightning.run import Run, digest, settings_of, write_table
from seep_lightning.scores import figures

Array = NDArray[Any]
RESAMPLES = 2000
FEWEST_SCENES = 6  # below it a bootstrap over scenes says nothing, and none is given
MOST_COLUMNS = 4  # of settings, side by side: more of them go into one

log = logging.getLogger(__name__)


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


class Paired(NamedTuple):
    """Difference of the pooled Dice of two sets of scored chips, with a 95 % interval where it can be given."""

    first: float
    second: float
    scenes: int
    interval: tuple[float, float] | None


def paired(first: Sequence[Path], second: Sequence[Path]) -> Paired:
    """Compare two sets of `chips.csv` (one run each, or the pooled folds of two recipes) on the same chips.

    The bootstrap draws whole scenes, the same for both, and pools their pixels (Efron & Tibshirani 1993, ch. 13).
    """
    a, b = (read_folds(paths) for paths in (first, second))
    if odd := sorted(a.keys() ^ b.keys()):
        raise UserError(
            f"paired=true needs the same chips in both; {len(odd)} are in one only, such as {odd[0]}. "
            "Evaluate both runs on the same part of the same split."
        )
    sums = np.stack([sums_by_scene(table.values(), ("tp", "fp", "fn")) for table in (a, b)], axis=1)
    spread = interval_over_scenes(sums, lambda pair: -np.diff(figures(pair)["dice"])[..., 0])
    whole = figures(sums.sum(axis=0))["dice"]
    return Paired(float(whole[0]), float(whole[1]), len(sums), spread and (float(spread[0]), float(spread[1])))


def interval_over_scenes(sums: Array, figures: Callable[[Array], Array]) -> tuple[Array, Array] | None:
    """Lower and upper end of the 95 % percentile interval of figures over resampled scenes; None below `FEWEST_SCENES`.

    sums: (scenes, ...), what each scene adds; figures: (RESAMPLES, ...) totals to (RESAMPLES,) or (RESAMPLES, figures).
    """
    if len(sums) < FEWEST_SCENES:
        return None
    draws = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.quantile(figures(sums[draws].sum(axis=1)), [0.025, 0.975], axis=0)
    return low, high


def sums_by_scene(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Array:
    """Columns of scored chips added up for each scene, in order: (scenes, columns)."""
    chips: dict[str, list[list[float]]] = {}
    for row in rows:
        chips.setdefault(row["scene"], []).append([row[column] for column in columns])
    return np.array([np.sum(chips[scene], axis=0) for scene in sorted(chips)])


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of `chips.csv` or `metrics.csv`, numbers as floats and NaN where there is none; no file, no rows."""
    texts = ("name", "scene", "tile")
    rows = csv.DictReader(path.read_text().splitlines() if path.is_file() else ())
    return [{k: v if k in texts else float(v or "nan") for k, v in row.items()} for row in rows]


def check_scored(folder: Path, name: str) -> None:
    """Raise `UserError` where an evaluation is of another part than its name says, or of a checkpoint that changed."""
    summary, checkpoints = json.loads((folder / "summary.json").read_text()), Run(folder.parents[1]).checkpoints
    if summary["part"] != name in ("train", "val", "test", "all"):
        raise UserError(f"{folder} holds figures of part={summary['part']}. Evaluate part={name} anew.")
    path, scored = checkpoints / f"{summary.get('checkpoint', 'best')}.ckpt", summary.get("checkpoint_digest")
    if scored and path.is_file() and digest(path) != scored:
        raise UserError(f"{folder} was scored before {path} was trained on. Evaluate it anew, with overwrite=true.")


def read_folds(paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """The rows of several `chips.csv`, by chip, which may stand in one of them only."""
    table: dict[str, dict[str, Any]] = {}
    for path in paths:
        rows = {row["name"]: row for row in read_rows(path)}
        if twice := sorted(rows.keys() & table.keys()):
            raise UserError(f"{path}: {twice[0]} was scored in another fold already.")
        table |= rows
    return table


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


def task(cfg: DictConfig) -> Any:
    """The job of one `seep compare`."""
    config: CompareConfig = typed(cfg)
    folders = [str(f) for f in (config.runs if isinstance(config.runs, list) else [config.runs])]
    if config.paired:
        files = [sorted(Path(f).rglob(f"evaluate/{config.part}/chips.csv")) for f in folders]
        if len(files) != 2 or not all(files):
            raise UserError(f"paired=true needs runs=[A,B], each evaluated with part={config.part}; found {folders}.")
        for path in (*files[0], *files[1]):
            check_scored(path.parent, config.part)
        result = first, second, scenes, interval = paired(*files)
        spread = "95 % {:+.3f} to {:+.3f}".format(*interval) if interval else "no interval below 6 scenes"
        print(f"{folders[0]}: Dice {first:.4f}\n{folders[1]}: Dice {second:.4f}")
        print(f"difference {first - second:+.4f} over {scenes} scenes, {spread} (bootstrap over paired scenes)")
        return result
    rows = compare(folders, config.metric)
    print_rows(rows, config.metric)
    if config.csv is not None:
        write_rows(Path(config.csv), rows)
        print(f"written to {config.csv}")
    return rows


if __name__ == "__main__":
    open_door("compare", task)
