"""An object's second look: objects found out of fold, judged again by a small classifier.

    python benchmarks/accuracy/second_look.py outputs/folds/NAME --cache FOLDER

The folds are those of history.py. An object is a connected patch of pixels above a probability. Features of its own,
of the sea around it and of the other days at its place are given to scikit-learn's gradient boosting, which is taught
on the objects of all other folds. Probability, smallest object and least score are those with the best figure on the
other folds, where each fold's objects were judged by a classifier that did not see that fold either.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from days import COARSE, Day, days_of
from numpy.typing import NDArray
from pool import dice_of, interval
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.data.grid import cell
from seep_lightning.data.mosaic import lay
from seep_lightning.evaluation.parts import part_of
from seep_lightning.metrics.jackknife import Scale, interval_over_scenes
from seep_lightning.metrics.objects import COVERED_SHARE, MIN_AREAS
from seep_lightning.metrics.object_counts import SIZE_CLASSES
from seep_lightning.runs.directory import Run
from seep_lightning.sources.history_odds import MeanRate, log_odds_over_mean

PROBABILITIES = (0.2, 0.3, 0.4)
SCORES = np.arange(0, 0.95, 0.05)
SMOOTHINGS = (32, 96)
RING = 9
"""Px around an object that are its surroundings."""
NAMES = (
    "p_mean", "p_max", "p_std", "p_ring", "log_area", "length", "width", "solidity", "contrast", "spread", "neighbours",
    "distance", "valid_ring", *(f"history_{smoothing}" for smoothing in SMOOTHINGS),
)  # fmt: skip


@dataclass(frozen=True)
class Objects:
    """The objects of a day above one probability, and how they meet those of the truth.

    Attributes:
        fold: Of the day.
        features: (objects, features).
        areas, hits: Pixels, and those that are seep, (objects,).
        pairs: Which object (row 0) shares so many pixels (row 2) with which true one (row 1).
        true_areas: Pixels of the true objects.
        seep: True pixels of the day.
    """

    fold: str
    features: NDArray[np.float64]
    areas: NDArray[np.int64]
    hits: NDArray[np.int64]
    pairs: NDArray[np.int64]
    true_areas: NDArray[np.int64]
    seep: int

    @property
    def right(self) -> NDArray[np.bool_]:
        return self.hits >= COVERED_SHARE * self.areas

    def counts(self, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
        """True positives, false positives, false negatives; found, true, right and predicted objects."""
        hits = int(self.hits[keep].sum())
        number, true_number, pixels = self.pairs
        covered = np.bincount(true_number, pixels * keep[number], len(self.true_areas))
        counted, large = self.true_areas >= SIZE_CLASSES[0], keep & (self.areas >= SIZE_CLASSES[0])
        found = int((covered >= COVERED_SHARE * self.true_areas)[counted].sum())
        right = int(self.right[large].sum())
        pixel_counts = [hits, int(self.areas[keep].sum()) - hits, self.seep - hits]
        return np.array([*pixel_counts, found, int(counted.sum()), right, int(large.sum())])


def objects_of(day: Day, image: NDArray[np.float32], log_odds: Sequence[NDArray[np.float32]], least: float) -> Objects:
    """The objects of a day above a probability."""
    p = (day.level.astype(np.float32) - 1).clip(0) / 254
    count, labels, stats, _ = cv2.connectedComponentsWithStats((p > least).astype(np.uint8), connectivity=8)
    true_count, true_labels, true_stats, _ = cv2.connectedComponentsWithStats(day.truth.astype(np.uint8), connectivity=8)
    both = (labels > 0) & day.truth
    keys, pixels = np.unique((labels[both] - 1) * (true_count - 1) + true_labels[both] - 1, return_counts=True)
    pairs = np.stack([*np.divmod(keys, true_count - 1), pixels])
    hits = np.bincount(labels[both], minlength=count)[1:]
    rows = [features_of(k, labels, stats[k], p, image, day, log_odds) for k in range(1, count)]
    features = np.array(rows).reshape(-1, len(NAMES))
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
    return Objects(
        day.fold, features, areas, hits, pairs, true_stats[1:, cv2.CC_STAT_AREA].astype(np.int64), int(day.truth.sum())
    )


def features_of(number, labels, stats, p, image, day, log_odds) -> list[float]:
    """Features of an object, in the order of `NAMES`."""
    left, top, width, height, area = stats
    box = np.s_[max(0, top - RING) : top + height + RING, max(0, left - RING) : left + width + RING]
    patch, valid = labels[box], day.valid[box]
    own = patch == number
    near = cv2.dilate(own.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0
    ring = near & ~own
    sea = ring & valid & (patch == 0)
    others = np.unique(patch[ring & (patch > 0)])
    inside, around = image[box][own], image[box][sea]
    contrast = float(inside.mean() - around.mean()) if len(around) else 0.0
    spread = float(inside.std() / (around.std() + 1e-3)) if len(around) else 1.0
    points = np.argwhere(own).astype(np.float32)
    (_, sides, _) = cv2.minAreaRect(points)
    hull = cv2.contourArea(cv2.convexHull(points)) if len(points) > 2 else 0
    away = cv2.distanceTransform((patch != number).astype(np.uint8), cv2.DIST_L2, 3)
    distance = float(away[patch > 0][patch[patch > 0] != number].min()) if len(others) else RING + 1.0
    row, column = int(top + height / 2), int(left + width / 2 + day.left)
    history = [float(cells[row // COARSE, column // COARSE]) for cells in log_odds]
    values = p[box][own]
    p_ring = float(p[box][ring & valid].mean()) if (ring & valid).any() else 0.0
    return [
        values.mean(), values.max(), values.std(), p_ring, np.log(area), max(sides) + 1, min(sides) + 1,
        area / max(hull, area), contrast, spread, len(others), distance, valid[ring].mean() if ring.any() else 1.0,
        *history,
    ]  # fmt: skip


def images_of(folds: Path) -> dict[str, NDArray[np.float32]]:
    """The logarithms of each scene's values, laid of its chips."""
    run = Run(min(folds.glob("*/summary.json")).parent)
    chips = part_of(run, EvaluateConfig(run=str(run.dir), part="all")).chips
    tiles: dict[str, dict] = {}
    for i, path in enumerate(chips.image_paths):
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32)
        values = values if values.ndim == 2 else values[..., 0]
        tiles.setdefault(chips.scenes[i], {})[cell(chips.config, chips.scenes[i], chips.tiles[i])] = np.log(values + 1)
    return {scene: lay(cells) for scene, cells in tiles.items()}


def all_objects(folds: Path, cache: Path) -> tuple[list[Day], list[list[Objects]]]:
    """Objects [probability][day]."""
    days, images = days_of(folds, cache), images_of(folds)
    size = (max(d.level.shape[0] for d in days) // COARSE, max(d.left + d.level.shape[1] for d in days) // COARSE)
    seen, looked = [d.seen(size) for d in days], [d.looked(size) for d in days]
    found: list[list[Objects]] = [[] for _ in PROBABILITIES]
    for number, day in enumerate(days):
        others = [k for k in range(len(days)) if k != number]
        sums = [np.sum([each[k] for k in others], axis=0) for each in (seen, looked)]
        log_odds = [log_odds_over_mean(*sums, s / COARSE, MeanRate.of(*sums)) for s in SMOOTHINGS]
        for k, least in enumerate(PROBABILITIES):
            found[k].append(objects_of(day, images[day.name], log_odds, least))
    return days, found


def taught(objects: Sequence[Objects], columns: Sequence[int], by_pixels: bool, seed: int):
    """A judge of objects: the share of an object that is seep (for Dice), or whether it is right."""
    x = np.concatenate([each.features[:, columns] for each in objects])
    options = {"max_iter": 150, "learning_rate": 0.05, "max_leaf_nodes": 15, "min_samples_leaf": 20, "random_state": seed}
    if by_pixels:
        areas, hits = (np.concatenate([getattr(each, name) for each in objects]) for name in ("areas", "hits"))
        model = HistGradientBoostingRegressor(**options).fit(x, hits / areas, sample_weight=areas)
        return lambda each: model.predict(each.features[:, columns]) if len(each.features) else np.zeros(0)
    model = HistGradientBoostingClassifier(**options).fit(x, np.concatenate([each.right for each in objects]))
    return lambda each: model.predict_proba(each.features[:, columns])[:, 1] if len(each.features) else np.zeros(0)


def object_f1(counts: NDArray) -> NDArray:
    """Twice recall x precision through their sum, of counts (..., 7)."""
    found, true, right, predicted = np.moveaxis(counts[..., 3:], -1, 0)
    recall, precision = found / np.maximum(true, 1), right / np.maximum(predicted, 1)
    return 2 * recall * precision / np.maximum(recall + precision, 1e-12)


def dice(counts: NDArray) -> NDArray:
    return dice_of(counts[..., :3])


def tables(found: list[list[Objects]], columns: Sequence[int], by_pixels: bool, seed: int) -> dict[str, NDArray]:
    """Counts (days, settings, 7), by the fold that is scored and those that it is chosen on.

    Returns:
        For each fold f: the days' counts where day of fold g was judged without f and g (g != f), or without f (g = f).
    """
    folds = sorted({each.fold for each in found[0]})
    result = {}
    for scored in folds:
        table = []
        for objects in found:
            scores = [np.zeros(0)] * len(objects)
            for judged in folds:
                others = [each for each in objects if each.fold not in (scored, judged)]
                judge = taught(others, columns, by_pixels, seed)
                scores = [judge(each) if each.fold == judged else score for each, score in zip(objects, scores)]
            table.append([[each.counts(score >= s) for s in SCORES] for each, score in zip(objects, scores)])
        result[scored] = np.array(table).transpose(1, 0, 2, 3).reshape(len(found[0]), -1, 7)
    return result


def plain_tables(found: list[list[Objects]]) -> dict[str, NDArray]:
    """The same without a second look: every probability and smallest object."""
    areas = (0, *MIN_AREAS)
    table = np.array([[[each.counts(each.areas >= a) for a in areas] for each in objects] for objects in found])
    table = table.transpose(1, 0, 2, 3).reshape(len(found[0]), -1, 7)
    return {each.fold: table for each in found[0]}


def scored(by_fold: dict[str, NDArray], folds: Sequence[str], figure) -> NDArray:
    """Counts (days, 7) with the setting that is best on the other folds."""
    of_day = np.array(folds)
    result = np.zeros((len(folds), 7), np.int64)
    for fold, table in by_fold.items():
        best = figure(table[of_day != fold].sum(axis=0)).argmax()
        result[of_day == fold] = table[of_day == fold, best]
    return result


def difference(after: NDArray, before: NDArray, figure) -> str:
    """How much better, with its interval over scenes."""
    pairs = np.stack([after, before], axis=1)
    gain = float(figure(after.sum(axis=0)) - figure(before.sum(axis=0)))
    weights = (2 * pairs[..., 0] + pairs[..., 1] + pairs[..., 2]).sum(axis=1)
    ends = interval_over_scenes(
        pairs, lambda sums: figure(sums[..., 0, :]) - figure(sums[..., 1, :]), weights, Scale.DIFFERENCE
    )
    return f"{gain:+.4f} ({ends[0]:+.4f} to {ends[1]:+.4f})"


def main(folds: Path, cache: Path) -> None:
    days, found = all_objects(folds, cache)
    of_day = [day.fold for day in days]
    everything = range(len(NAMES))
    without_history = range(len(NAMES) - len(SMOOTHINGS))
    for figure, by_pixels in ((dice, True), (object_f1, False)):
        before = scored(plain_tables(found), of_day, figure)
        totals = before.sum(axis=0)
        print(f"{figure.__name__}: without {figure(totals):.4f}, Dice {dice(totals):.4f}, object F1 {object_f1(totals):.4f}")
        for name, columns in (("with", everything), ("without history", without_history)):
            for seed in (0,):
                after = scored(tables(found, columns, by_pixels, seed), of_day, figure)
                totals = after.sum(axis=0)
                print(f"  second look {name}, seed {seed}: Dice {dice(totals):.4f} {difference(after, before, dice)}, "
                      f"object F1 {object_f1(totals):.4f} {difference(after, before, object_f1)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.folds, arguments.cache)
