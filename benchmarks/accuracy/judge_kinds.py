"""Kinds of judges for `seep judge`: objects found out of fold, judged again by a small classifier.

    python benchmarks/accuracy/judge_kinds.py outputs/folds/NAME --cache FOLDER

The folds are those of history.py. An object is a connected patch of pixels above a probability. Features of its own,
of the sea around it and (with history) of other days at its place are given to a judge, which is taught on the objects
of all other folds: gradient boosting, or logistic regression. Probability, smallest object, least maximum and least
score are those with the best figure on the other folds, where each fold's objects were judged by a judge that did not
see that fold either. The history of an object is that of the folds that teach, without its own day.
"""

import argparse
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from days import COARSE, Day, days_of
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.object_counts import SIZE_CLASSES
from seep_lightning.metrics.objects import COVERED_SHARE, MIN_AREAS
from seep_lightning.metrics.paired import interval_of_difference, paired_difference
from seep_lightning.sources.history_odds import MeanRate, log_odds_over_mean

PROBABILITIES = (0.2, 0.3, 0.4)
SCORES = np.arange(0, 0.95, 0.05)
SMOOTHINGS = (32, 96)
MAXIMA = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8)
SQUARES = True
RING = 9
"""Px around an object that are its surroundings."""
NAMES = (
    "p_mean", "p_max", "p_std", "p_ring", "log_area", "length", "width", "solidity", "contrast", "spread", "neighbours",
    "distance", "valid_ring",
)  # fmt: skip


@dataclass(frozen=True)
class Objects:
    """The objects of a day above one probability, and how they meet those of the truth.

    Attributes:
        day: Its number.
        fold: Of the day.
        features: (objects, features).
        areas, hits: Pixels, and those that are seep, (objects,).
        cells: Row and column of the ground grid of each object's middle, in cells, (objects, 2).
        pairs: Which object (row 0) shares so many pixels (row 2) with which true one (row 1).
        true_areas: Pixels of the true objects.
        seep: True pixels of the day.
    """

    day: int
    fold: str
    features: NDArray[np.float64]
    areas: NDArray[np.int64]
    hits: NDArray[np.int64]
    cells: NDArray[np.int64]
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


def objects_of(number: int, day: Day, least: float) -> Objects:
    """The objects of a day above a probability."""
    p = (day.level.astype(np.float32) - 1).clip(0) / 254
    count, labels, stats, _ = cv2.connectedComponentsWithStats((p > least).astype(np.uint8), connectivity=8)
    true_count, true_labels, true_stats, _ = cv2.connectedComponentsWithStats(
        day.truth.astype(np.uint8), connectivity=8
    )
    both = (labels > 0) & day.truth
    keys, pixels = np.unique((labels[both] - 1) * (true_count - 1) + true_labels[both] - 1, return_counts=True)
    pairs = np.stack([*np.divmod(keys, true_count - 1), pixels])
    hits = np.bincount(labels[both], minlength=count)[1:]
    rows = [features_of(k, labels, stats[k], p, day) for k in range(1, count)]
    middles = (stats[1:, [1, 0]] + stats[1:, [3, 2]] // 2 + np.array([0, int(day.left)])) // COARSE
    features = np.array(rows).reshape(-1, len(NAMES))
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
    return Objects(
        number,
        day.fold,
        features,
        areas,
        hits,
        middles,
        pairs,
        true_stats[1:, cv2.CC_STAT_AREA].astype(np.int64),
        int(day.truth.sum()),
    )


def features_of(number, labels, stats, p, day) -> list[float]:
    """Features of an object, in the order of `NAMES`."""
    left, top, width, height, area = stats
    box = np.s_[max(0, top - RING) : top + height + RING, max(0, left - RING) : left + width + RING]
    patch, valid = labels[box], day.valid[box]
    own = patch == number
    near = cv2.dilate(own.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0
    ring = near & ~own
    sea = ring & valid & (patch == 0)
    others = np.unique(patch[ring & (patch > 0)])
    inside, around = day.image[box].astype(np.float32)[own], day.image[box].astype(np.float32)[sea]
    contrast = float(inside.mean() - around.mean()) if len(around) else 0.0
    spread = float(inside.std() / (around.std() + 1e-3)) if len(around) else 1.0
    points = np.argwhere(own).astype(np.float32)
    (_, sides, _) = cv2.minAreaRect(points)
    hull = cv2.contourArea(cv2.convexHull(points)) if len(points) > 2 else 0
    away = cv2.distanceTransform((patch != number).astype(np.uint8), cv2.DIST_L2, 3)
    distance = float(away[patch > 0][patch[patch > 0] != number].min()) if len(others) else RING + 1.0
    values = p[box][own]
    p_ring = float(p[box][ring & valid].mean()) if (ring & valid).any() else 0.0
    return [
        values.mean(), values.max(), values.std(), p_ring, np.log(area), max(sides) + 1, min(sides) + 1,
        area / max(hull, area), contrast, spread, len(others), distance, valid[ring].mean() if ring.any() else 1.0,
    ]  # fmt: skip


class Histories:
    """Log odds of recurrence at objects, from the days of some folds without the object's own."""

    def __init__(self, days: Sequence[Day]) -> None:
        self.folds = [day.fold for day in days]
        rows = max(day.level.shape[0] for day in days) // COARSE
        columns = max(int(day.left) + day.level.shape[1] for day in days) // COARSE
        self.seen = [day.seen((rows, columns)) for day in days]
        self.looked = [day.looked((rows, columns)) for day in days]
        self.fields: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}

    def at(self, objects: Objects, without: Sequence[str]) -> NDArray[np.float32]:
        """The history of objects, (objects, smoothings), which no day of some folds is in."""
        teach = tuple(k for k, fold in enumerate(self.folds) if fold not in without and k != objects.day)
        if teach not in self.fields:
            sums = [np.sum([each[k] for k in teach], axis=0) for each in (self.seen, self.looked)]
            mean = MeanRate.of(*sums)
            self.fields[teach] = [log_odds_over_mean(*sums, s / COARSE, mean) for s in SMOOTHINGS]
        rows, columns = objects.cells.T
        return np.stack([field[rows, columns] for field in self.fields[teach]], axis=1)


@dataclass(frozen=True)
class JudgeKind:
    """How objects are judged.

    Attributes:
        kind: `boosting` or `logistic`.
        with_history: Whether the history is among the features.
        by_pixels: The share of an object that is seep (for Dice), or else whether it is right.
    """

    kind: str
    with_history: bool
    by_pixels: bool

    def features(self, each: Objects, histories: Histories, without: Sequence[str]) -> NDArray[np.float64]:
        if not self.with_history:
            return each.features
        return np.concatenate([each.features, histories.at(each, without)], axis=1)

    def taught(self, objects: Sequence[Objects], histories: Histories, without: Sequence[str]):
        """A function of features, taught on the objects of all folds but some."""
        x = np.concatenate([self.features(each, histories, without) for each in objects])
        areas, hits = (np.concatenate([getattr(each, name) for each in objects]) for name in ("areas", "hits"))
        if self.kind == "logistic":
            # each object as a right and a wrong one, by its share of seep
            share = hits / areas if self.by_pixels else (hits >= COVERED_SHARE * areas).astype(float)
            weight = areas / areas.mean() if self.by_pixels else np.ones(len(areas))
            model = make_pipeline(
                StandardScaler(),
                PolynomialFeatures(2 if SQUARES else 1),
                StandardScaler(),
                LogisticRegression(C=0.1, max_iter=300),
            )
            y = np.repeat([1, 0], len(x))
            weights = np.concatenate([share * weight, (1 - share) * weight])
            model.fit(np.concatenate([x, x]), y, logisticregression__sample_weight=weights)
            return lambda rows: model.predict_proba(rows)[:, 1] if len(rows) else np.zeros(0)
        options = {"max_iter": 150, "learning_rate": 0.05, "max_leaf_nodes": 15, "min_samples_leaf": 20}
        if self.by_pixels:
            boosted = HistGradientBoostingRegressor(**options).fit(x, hits / areas, sample_weight=areas)
            return lambda rows: boosted.predict(rows) if len(rows) else np.zeros(0)
        classifier = HistGradientBoostingClassifier(**options).fit(x, hits >= COVERED_SHARE * areas)
        return lambda rows: classifier.predict_proba(rows)[:, 1] if len(rows) else np.zeros(0)


def tables(found: list[list[Objects]], judge: JudgeKind, histories: Histories) -> dict[str, NDArray]:
    """Counts (days, settings, 7), by the fold that is scored: each day judged without that fold and without its own."""
    folds = sorted({each.fold for each in found[0]})
    result = {}
    for scored in folds:
        table = []
        for objects in found:
            scores = [np.zeros(0)] * len(objects)
            for judged in folds:
                without = (scored, judged)
                function = judge.taught([each for each in objects if each.fold not in without], histories, without)
                for number, each in enumerate(objects):
                    if each.fold == judged:
                        scores[number] = function(judge.features(each, histories, without))
            table.append(
                [[each.counts(score >= s) for s in SCORES] for each, score in zip(objects, scores, strict=True)]
            )
        result[scored] = np.array(table).transpose(1, 0, 2, 3).reshape(len(found[0]), -1, 7)
    return result


def plain_tables(found: list[list[Objects]]) -> dict[str, NDArray]:
    """The same without a second look: every probability, smallest object and least maximum."""
    settings = [(area, least) for area in (0, *MIN_AREAS) for least in MAXIMA]
    table = np.array(
        [
            [[each.counts((each.areas >= a) & (each.features[:, 1] >= m)) for a, m in settings] for each in objects]
            for objects in found
        ]
    )
    table = table.transpose(1, 0, 2, 3).reshape(len(found[0]), -1, 7)
    return {each.fold: table for each in found[0]}


def object_f1(counts: NDArray) -> NDArray:
    """Twice recall x precision through their sum, of counts (..., 7)."""
    found, true, right, predicted = np.moveaxis(counts[..., 3:], -1, 0)
    recall, precision = found / np.maximum(true, 1), right / np.maximum(predicted, 1)
    return 2 * recall * precision / np.maximum(recall + precision, 1e-12)


def dice(counts: NDArray) -> NDArray:
    return DICE.function(counts[..., :3])


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
    ends = interval_of_difference(pairs, paired_difference(figure))
    better = int((figure(after) > figure(before)).sum())
    return f"{gain:+.4f} ({ends[0]:+.4f} to {ends[1]:+.4f}; {better} scenes better)"


def main(folds: Path, cache: Path) -> None:
    days = days_of(folds, cache)
    kept = cache / "objects.pkl"
    if not kept.exists():
        kept.write_bytes(pickle.dumps([[objects_of(n, day, p) for n, day in enumerate(days)] for p in PROBABILITIES]))
    found, histories = pickle.loads(kept.read_bytes()), Histories(days)
    of_day = [day.fold for day in days]
    for figure, by_pixels in ((dice, True), (object_f1, False)):
        before = scored(plain_tables(found), of_day, figure)
        totals = before.sum(axis=0)
        print(
            f"best {figure.__name__}, without: Dice {dice(totals):.4f}, object F1 {object_f1(totals):.4f}", flush=True
        )
        for kind, with_history in product(("logistic", "boosting"), (False, True)):
            judge = JudgeKind(kind, with_history, by_pixels)
            after = scored(tables(found, judge, histories), of_day, figure)
            totals = after.sum(axis=0)
            print(
                f"  {kind}{', history' * with_history}: Dice {dice(totals):.4f} {difference(after, before, dice)}, "
                f"object F1 {object_f1(totals):.4f} {difference(after, before, object_f1)}", flush=True
            )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.folds, arguments.cache)
