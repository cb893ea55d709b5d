"""What the history of a place adds to a network: pooled Dice with and without, by the number of days of history.

    python -m seep_lightning.train -m data=seeps data.root=DIR split=kfold split.fold=0,1,2,3,4 trainer.max_epochs=6 \
        hydra.sweep.dir=outputs/folds/NAME
    python benchmarks/accuracy/history.py outputs/folds/NAME --cache FOLDER

Each scene is predicted by the network of the fold that tests it. Its history is the outlines of other scenes at the
same place, never its own: `weight` x (log odds there - log odds of the mean) is added to its logits. Threshold, and
weight and smoothing where they are chosen, are those with the largest pooled Dice of all other scenes.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from days import COARSE, Day, days_of
from numpy.typing import NDArray

from seep_lightning.folds.pooling import interval
from seep_lightning.metrics.figures import DICE
from seep_lightning.sources.history_odds import MeanRate, log_odds_over_mean

SMOOTHINGS = (16, 32, 64, 96, 128)
"""Standard deviations of the Gaussian, px."""
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
DAY_COUNTS = (3, 6, 9, 12)
SEEDS = 5
LIMIT = 8.0
"""Log odds are counted in 256 steps between this and its negative."""
THRESHOLDS = np.arange(-4, 4, 0.05)
"""As logits."""

Array = NDArray[np.float64]


class Counter:
    """Counts pixels of a day by probability, truth and log odds of its history."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.keys = (day.level[day.valid].astype(np.int64) * 2 + day.truth[day.valid]) * 256

    def count(self, log_odds: NDArray[np.float32]) -> NDArray[np.int64]:
        """Pixels (256 levels, 2 truths, 256 steps) with log odds in cells of the ground grid."""
        height, width = self.day.level.shape
        left = self.day.left // COARSE
        cells = log_odds[: height // COARSE, left : left + width // COARSE]
        pixels = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)[self.day.valid]
        steps = np.rint((pixels / LIMIT + 1) * 127.5).clip(0, 255).astype(np.int64)
        return np.bincount(self.keys + steps, minlength=256 * 2 * 256).reshape(256, 2, 256)


def counts_by_threshold(joint: NDArray[np.int64], weight: float) -> Array:
    """True positives, false positives and false negatives (thresholds, 3) with a weight."""
    # the lowest level holds all of p < 1/254
    p = (np.arange(256).clip(1.5, 254.5) - 1) / 254
    logits = np.log(p / (1 - p))
    prior = (np.arange(256) / 127.5 - 1) * LIMIT
    scores = logits[:, None] + weight * prior
    above = np.searchsorted(THRESHOLDS, scores.ravel())
    sea, seep = (
        np.bincount(above, joint[:, truth].ravel(), len(THRESHOLDS) + 1)[::-1].cumsum()[::-1][1:] for truth in (0, 1)
    )
    return np.stack([seep, sea, joint[:, 1].sum() - seep], axis=-1)


def histories(days: Sequence[Day], choose: Callable[[int], Sequence[int]]) -> list[list[NDArray[np.int64]]]:
    """Joint counts [day][smoothing] with the history that `choose` names for each day."""
    height = max(day.level.shape[0] for day in days) // COARSE
    width = max(day.left + day.level.shape[1] for day in days) // COARSE
    seen = [day.seen((height, width)) for day in days]
    looked = [day.looked((height, width)) for day in days]
    joints = []
    for number, day in enumerate(days):
        counter, others = Counter(day), choose(number)
        assert number not in others
        sums = [sum((each[k] for k in others), np.zeros((height, width), np.float32)) for each in (seen, looked)]
        joints.append(
            [
                counter.count(log_odds_over_mean(*sums, smoothing / COARSE, MeanRate.of(*sums)))
                for smoothing in SMOOTHINGS
            ]
        )
    return joints


def left_out(table: Array) -> Array:
    """Counts (days, 3), each with the setting that is best of all other days, of (days, settings, 3)."""
    others = table.sum(axis=0) - table
    best = DICE.function(others).argmax(axis=1)
    return table[np.arange(len(table)), best]


def settings_table(joints: list[list[NDArray[np.int64]]]) -> Array:
    """Counts (days, smoothings, weights, thresholds, 3)."""
    return np.array([[[counts_by_threshold(j, w) for w in WEIGHTS] for j in of_day] for of_day in joints])


def row(name: str, with_prior: Array, without: Array) -> dict[str, object]:
    """Pooled Dice of days (days, 3), and its difference to that without a prior."""
    return {
        "name": name,
        "dice": float(DICE.function(with_prior.sum(axis=0))),
        "interval": interval(with_prior),
        "gain": float(DICE.function(with_prior.sum(axis=0)) - DICE.function(without.sum(axis=0))),
        "gain interval": interval(np.stack([with_prior, without], axis=1)),
        "better": int((DICE.function(with_prior) > DICE.function(without)).sum()),
    }


def rows_of(name: str, table: Array) -> list[dict[str, object]]:
    """Rows of one history: each smoothing and weight, and what is chosen on other days."""
    without = left_out(table[:, 0, 0])
    rows = []
    for s, smoothing in enumerate(SMOOTHINGS):
        for w, weight in enumerate(WEIGHTS[1:], start=1):
            rows.append(row(f"{name}, {smoothing} px, w {weight:g}", left_out(table[:, s, w]), without))
    flat = table.reshape(len(table), -1, 3)
    rows.append(row(f"{name}, chosen on the others", left_out(flat), without))
    return rows


def subset(count: int, seed: int, days: Sequence[Day]) -> Callable[[int], Sequence[int]]:
    """A choice of so many other days at random for each day."""
    rng = np.random.default_rng([seed, count])
    chosen = [
        rng.choice([k for k in range(len(days)) if k != number], count, replace=False) for number in range(len(days))
    ]
    return lambda number: chosen[number].tolist()


def main(folds: Path, cache: Path) -> None:
    days = days_of(folds, cache)
    everyone = range(len(days))
    taught = [[k for k in everyone if days[k].name in day.taught] for day in days]
    ways = {
        f"all other days ({len(days) - 1})": lambda number: [k for k in everyone if k != number],
        "days of the fold's training": lambda number: taught[number],
    }
    rows = [r for name, choose in ways.items() for r in rows_of(name, settings_table(histories(days, choose)))]
    for count in (count for count in DAY_COUNTS if count < len(days)):
        by_seed = [
            rows_of(f"{count} days, seed {seed}", settings_table(histories(days, subset(count, seed, days))))
            for seed in range(SEEDS)
        ]
        rows += [r for each in by_seed for r in each]
    (cache / "history.json").write_text(json.dumps(rows, indent=1) + "\n")
    for r in rows:
        print(
            r["name"],
            f"{r['dice']:.4f} {r['gain']:+.4f}",
            "({:+.4f} to {:+.4f})".format(*r["gain interval"]),
            r["better"],
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.folds, arguments.cache)
