"""Runs with the pixel counts of their scenes, as training or `evaluate` stored them: nothing is predicted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seep_lightning.documents.regular_files import is_there
from seep_lightning.metrics.counts import Counts
from seep_lightning.metrics.jackknife import sums_by_scene
from seep_lightning.reporting.comparison import Row
from seep_lightning.reporting.intervals import COUNT_COLUMNS
from seep_lightning.reporting.pairing import check_scored
from seep_lightning.runs.recipes import FOLD, SEED, SPLIT_SEED
from seep_lightning.runs.records import read_chip_rows

VALIDATION = "val"


@dataclass(frozen=True)
class ScoredRun:
    """A run and what was counted of a part of its chips.

    Attributes:
        row: The run with its settings.
        chips: The names of the chips.
        scenes: Right, false and missed pixels (3,) by scene.
    """

    row: Row
    chips: frozenset[str]
    scenes: Mapping[str, Counts]

    @property
    def fold(self) -> int:
        """Its fold; 0 for a split of another kind."""
        return int(self.row.all_settings.get(FOLD, 0))

    @property
    def repetition(self) -> str:
        """What tells it from runs of the same setting and fold: its seeds, in words."""
        seed = f"{SEED}={self.row.all_settings.get(SEED)}"
        # the order of groups is drawn anew with it: other folds of the same chips
        split_seed = self.row.all_settings.get(SPLIT_SEED, 0)
        return f"{seed} {SPLIT_SEED}={split_seed}" if split_seed else seed


def scored_run(row: Row, part: str) -> ScoredRun | None:
    """Read what was counted of a part of a run's chips.

    Args:
        row: The run.
        part: `val`, which training counts; or what `evaluate` scored: `test`, or another name of a folder.

    Returns:
        The counts; None where the run was not scored on it.

    Raises:
        UserError: A file is damaged, or of another part or checkpoint.
    """
    stored = row.run.summary().get("scene_counts", {}).get(part)
    if stored is not None:
        chips = frozenset(name for name, own_part in row.run.parts().items() if own_part == part)
        return ScoredRun(row, chips, {scene: np.array(counts, np.int64) for scene, counts in stored.items()})
    return _evaluated(row, part)


def _evaluated(row: Row, part: str) -> ScoredRun | None:
    """What `evaluate` counted; None where there is no such evaluation."""
    path = row.run.dir / "evaluate" / part / "chips.csv"
    if not is_there(path):
        return None
    check_scored(path.parent, part)
    chips = read_chip_rows(path)
    sums = sums_by_scene(chips, COUNT_COLUMNS).astype(np.int64)
    scenes = sorted({chip["scene"] for chip in chips})
    return ScoredRun(row, frozenset(chip["name"] for chip in chips), dict(zip(scenes, sums, strict=True)))
