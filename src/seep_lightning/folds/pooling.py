"""The pooled figures of folds on scenes that they never saw, and the difference between two recipes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.shapes import Count, as_shape
from seep_lightning.errors import UserError
from seep_lightning.folds.fold_runs import Fold, find_folds
from seep_lightning.folds.operating_points import OperatingPoint, choose_operating_point, count_reliability
from seep_lightning.folds.part_maps import SCENES, PartMaps, Way
from seep_lightning.metrics.calibration import Reliability
from seep_lightning.metrics.counts import Counts, count_pixels
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.jackknife import added_by_scene, interval_over_scenes, pixel_weights
from seep_lightning.metrics.object_counts import ObjectCounts, add_up
from seep_lightning.metrics.objects import count_objects
from seep_lightning.metrics.paired import dice_difference, interval_of_difference
from seep_lightning.metrics.summaries import object_summary, pooled_figures

Interval = tuple[float, float]
NO_INTERVAL = (float("nan"), float("nan"))

POOL = "python benchmarks/accuracy/pool.py"
ADVICE = "Pool the folds again."
# figures of objects that a row tells
OBJECT_FIGURES = ("boundary_f1", "object_recall", "object_precision")


@dataclass
class FoldCounts:
    """What is counted of the test scenes of folds.

    Attributes:
        pixels: Right, false and missed pixels (3,) by fold and scene.
        objects: Of each scene.
        reliability: Of probabilities after scaling.
        operating_points: Of each fold.
    """

    pixels: dict[tuple[int, str], Counts] = field(default_factory=dict)
    objects: list[ObjectCounts] = field(default_factory=list)
    reliability: Reliability = field(default_factory=Reliability)
    operating_points: list[tuple[Fold, OperatingPoint]] = field(default_factory=list)

    def add(self, fold: Fold, way: Way) -> None:
        """Predict and count the test scenes of a fold."""
        operating_point = choose_operating_point(PartMaps(fold, "val", way).scenes)
        self.operating_points.append((fold, operating_point))
        for scene in PartMaps(fold, "test", way).scenes():
            mask = operating_point.mask(scene)
            key = (fold.number, scene.scene)
            self.pixels[key] = self.pixels.get(key, np.zeros(3, np.int64)) + count_pixels(mask, scene.seep)
            self.objects.append(count_objects(mask, scene.seep, scene.valid))
            self.reliability.counts += count_reliability([scene], operating_point.scaling).counts


def score_folds(folders: Sequence[str | Path], way: Way = SCENES) -> dict[str, Any]:
    """Score the folds of a recipe on their test scenes, and pool them.

    Args:
        folders: Folders of folds, or runs; of several folders the networks of a fold act as one.
        way: How chips are predicted.

    Returns:
        One row: what was scored and how, the pooled figures with the interval of Dice, and the counts of each scene by
        `FOLD SCENE`.

    Raises:
        UserError: The runs are not folds of one split, or something cannot be predicted.
    """
    folds = find_folds(folders)
    counts = FoldCounts()
    for fold in folds:
        counts.add(fold, way)
    return _origin(folds, folders, way) | _figures(counts)


def _origin(folds: Sequence[Fold], folders: Sequence[str | Path], way: Way) -> dict[str, Any]:
    """What was scored, and how."""
    first = folds[0].run
    runs = [run for fold in folds for run in fold.runs]
    seconds = [run.summary().get("seconds", 0) for run in runs]
    return {
        "runs": len(runs),
        "split": first.config.split.kind,
        "by": first.config.split.by,
        "folders": [str(folder) for folder in folders],
        "way": way.name(len(folds[0].runs)),
        "seed": first.config.seed,
        "device": first.summary().get("device", ""),
        "seconds": round(sum(seconds)),
    }


def _figures(counts: FoldCounts) -> dict[str, Any]:
    """The pooled figures, and what they come from."""
    scenes = added_by_scene([scene for _, scene in counts.pixels], counts.pixels.values())
    objects = object_summary(add_up(counts.objects))
    chosen = []
    for fold, operating_point in counts.operating_points:
        own = {
            "threshold": operating_point.threshold,
            "min_area": operating_point.min_area,
            "scaling": operating_point.scaling,
        }
        chosen.append({"run": fold.name} | own)
    return {
        **pooled_figures(list(scenes.values())),
        "interval": interval(np.array(list(scenes.values()))),
        **{key: objects[key] for key in OBJECT_FIGURES},
        "calibration_error": counts.reliability.calibration_error(),
        "chosen": chosen,
        "scenes": {f"{fold} {scene}": pixels.tolist() for (fold, scene), pixels in counts.pixels.items()},
    }


def interval(table: Counts) -> Interval:
    """The 95 % interval over scenes of pooled Dice.

    Args:
        table: Counts of pixels (scenes, 3); or (scenes, 2, 3) for the Dice of the first less that of the second.

    Returns:
        Its ends; not numbers with too few scenes.
    """
    if table.ndim == 2:
        ends = interval_over_scenes(table, DICE.function, pixel_weights(table))
    else:
        ends = interval_of_difference(table)
    return ends or NO_INTERVAL


def against(row: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say the difference of pooled Dice to another row of `score_folds` on the same scenes, with its interval.

    Raises:
        UserError: The rows are of other scenes.
    """
    counts, other_counts = (_by_scene(each) for each in (row, other))
    if counts.keys() != other_counts.keys():
        raise UserError("the two were not scored on the same scenes. Pool folds of one split, in the same way.")
    pairs = np.array([(counts[name], other_counts[name]) for name in counts])
    low, high = interval(pairs)
    gain = float(dice_difference(pairs.sum(axis=0)))
    return f"{gain:+.3f} ({low:+.3f} to {high:+.3f}), paired over {len(pairs)} scenes"


def row_file(folder: Path, way: str) -> Path:
    """The file in which `benchmarks/accuracy/pool.py` keeps a row.

    Args:
        folder: The first folder of folds.
        way: What the way of predicting is called, see `Way.name`.
    """
    return folder / f"pool-{way}.json"


def read_row(folder: Path, way: Way) -> dict[str, Any]:
    """Read a row of `score_folds` that was kept.

    Args:
        folder: A folder of folds.
        way: How it was pooled.

    Raises:
        UserError: It was not pooled in this way, or the file is no such row.
    """
    path = row_file(folder, way.name())
    if not is_there(path):
        raise UserError(f"{folder} was not pooled in this way: it has no {path.name}. Pool it first: {POOL} {folder}")
    row = read_json(path, dict[str, Any], advice=ADVICE)
    as_shape(row.get("scenes"), dict[str, tuple[Count, Count, Count]], f"{path}, scenes", advice=ADVICE)
    return row


def _by_scene(row: Mapping[str, Any]) -> dict[str, Counts]:
    """The counts of a row by scene; of a scene that lies in several folds their sum."""
    # the fold comes first, whose name has no blank; that of a scene may
    return added_by_scene([name.partition(" ")[2] for name in row["scenes"]], row["scenes"].values())
