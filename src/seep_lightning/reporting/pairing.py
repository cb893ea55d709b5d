"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.files import digest
from seep_lightning.metrics.bootstrap import interval_over_scenes, sums_by_scene
from seep_lightning.metrics.counts import pixel_figures
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_rows


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
    spread = interval_over_scenes(sums, lambda pair: -np.diff(pixel_figures(pair)["dice"])[..., 0])
    whole = pixel_figures(sums.sum(axis=0))["dice"]
    return Paired(float(whole[0]), float(whole[1]), len(sums), spread and (float(spread[0]), float(spread[1])))


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
