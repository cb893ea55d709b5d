"""What history adds out of fold: weight and smoothing of `predict history=`, chosen on trained folds.

Each scene is predicted by the fold that tests it. Its history is the outlines of all other scenes on the ground grid
that they share, never its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PriorConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.counted import counted
from seep_lightning.data import loading
from seep_lightning.data.inputs import path_list
from seep_lightning.errors import UserError
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.part_maps import FoldScene, PartMaps, Way
from seep_lightning.folds.place_days import PlaceDay
from seep_lightning.folds.pooling import interval
from seep_lightning.folds.told_once import told_once
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.jackknife import added_by_scene
from seep_lightning.scene.levels import LEVELS
from seep_lightning.sources.history_odds import Floats

LIMIT = 8.0
"""Log odds are counted in 256 steps between this and its negative."""
THRESHOLDS = np.arange(-4.0, 4.0, 0.05)
"""As logits: the threshold is chosen anew for each setting."""
FEWEST_SCENES = 3

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class PriorRow:
    """One setting of the history.

    Attributes:
        weight: Of the log odds; 0: no history.
        smoothing: Standard deviation, px.
        dice: Pooled Dice; each scene with the threshold that is best for the others.
        gain: Less that without a history.
        low: Lower end of its 95 % interval over scenes; NaN with too few.
        high: Upper end.
        better: In how many scenes it is better.
    """

    weight: float
    smoothing: float
    dice: float
    gain: float
    low: float
    high: float
    better: int


@dataclass(frozen=True)
class TunedPrior:
    """What was measured.

    Attributes:
        rows: Each weight with each smoothing.
        chosen: Weight (0: none is better than no history) and smoothing of the best row; its other figures are those
            of choosing weight and smoothing too for each scene on the others.
        scenes: How many there are.
    """

    rows: list[PriorRow]
    chosen: PriorRow
    scenes: int


@dataclass(frozen=True)
class _Day:
    """A scene, or the piece of it that one fold tests, with its pixels as keys for counting."""

    name: str
    place: PlaceDay
    shape: tuple[int, int]
    valid: NDArray[np.bool_]
    keys: Counts

    @classmethod
    def of(cls, scene: FoldScene) -> "_Day":
        place = PlaceDay.of(scene)
        keys = (scene.probability[scene.valid].astype(np.int64) * 2 + scene.seep[scene.valid]) * 256
        return cls(scene.scene, place, scene.seep.shape, scene.valid, keys)

    def joint(self, log_odds: Floats) -> Counts:
        """Pixels by probability, truth and log odds of its cells: (256, 2, 256)."""
        height, width = self.shape
        pixels = cv2.resize(log_odds, (width, height), interpolation=cv2.INTER_LINEAR)[self.valid]
        steps = np.rint((pixels / LIMIT + 1) * 127.5).clip(0, 255).astype(np.int64)
        return np.bincount(self.keys + steps, minlength=256 * 2 * 256).reshape(256, 2, 256)


@trusting_its_config
def tune_prior(config: PriorConfig) -> TunedPrior:
    """Do what `seep prior` is asked for.

    Args:
        config: The settings of the command.

    Raises:
        UserError: The runs are not the folds of one split, or their scenes share no ground grid.
    """
    check_config(config)
    folds = find_folds(path_list("runs", config.runs))
    way = Way(device=config.device)
    # each fold would tell the same of its files
    with told_once(loading.__name__):
        days = [
            _Day.of(scene) for fold in counted(folds, "read", "folds") for scene in PartMaps(fold, "test", way).scenes()
        ]
    names = {day.name for day in days}
    if len(names) < FEWEST_SCENES:
        raise UserError(f"runs={config.runs}: {len(names)} scenes; expected {FEWEST_SCENES} at least.")
    weights = [0.0, *config.weights]
    tables = [_counts_of_day(day, days, config.smoothings, weights) for day in days]
    # what the split cut of a scene is no scene of its own: neither in choices nor in intervals
    table = np.array(list(added_by_scene([day.name for day in days], tables).values()))
    without = _left_out(table[:, 0, 0])
    rows = [
        _row(weight, smoothing, _left_out(table[:, s, w]), without)
        for s, smoothing in enumerate(config.smoothings)
        for w, weight in enumerate(weights)
        if weight > 0
    ]
    return TunedPrior(rows, _chosen(table, without, rows), len(names))


def _counts_of_day(own: _Day, days: Sequence[_Day], smoothings: Sequence[float], weights: Sequence[float]) -> Counts:
    """Counts (smoothings, weights, thresholds, 3) of a scene with the history of all others."""
    others = [day.place for day in days if day.name != own.name]
    table = []
    for log_odds in own.place.log_odds(others, smoothings):
        joint = own.joint(log_odds)
        table.append([_by_threshold(joint, weight) for weight in weights])
    return np.array(table)


def _by_threshold(joint: Counts, weight: float) -> Counts:
    """True positives, false positives and false negatives (thresholds, 3) with a weight."""
    # the lowest level holds all probabilities below the first step
    p = (np.arange(256).clip(1.5, 254.5) - 1) / LEVELS
    prior = (np.arange(256) / 127.5 - 1) * LIMIT
    scores = np.log(p / (1 - p))[:, None] + weight * prior
    bins = np.searchsorted(THRESHOLDS, scores.ravel())
    above = [
        np.bincount(bins, joint[:, truth].ravel(), len(THRESHOLDS) + 1)[::-1].cumsum()[::-1][1:] for truth in (0, 1)
    ]
    return np.stack([above[1], above[0], joint[:, 1].sum() - above[1]], axis=-1).astype(np.int64)


def _best_on_others(table: Counts) -> NDArray[np.int64]:
    """The setting (N,) of (N, settings, 3) that is best for all other scenes."""
    return np.asarray(DICE.function(table.sum(axis=0) - table).argmax(axis=1))


def _left_out(table: Counts) -> Counts:
    """Counts (N, 3), each scene with the setting that is best for the others."""
    chosen: Counts = table[np.arange(len(table)), _best_on_others(table)]
    return chosen


def _row(weight: float, smoothing: float, after: Counts, before: Counts) -> PriorRow:
    """A setting against none."""
    dice, without = (float(DICE.function(counts.sum(axis=0))) for counts in (after, before))
    low, high = interval(np.stack([after, before], axis=1))
    better = int((DICE.function(after) > DICE.function(before)).sum())
    return PriorRow(weight, smoothing, dice, dice - without, low, high, better)


def _chosen(table: Counts, without: Counts, rows: Sequence[PriorRow]) -> PriorRow:
    """The best of the settings, with what choosing one on the others brings to a scene left out."""
    best = max(rows, key=lambda row: row.dice)
    weight = best.weight if best.gain > 0 else 0.0
    return _row(weight, best.smoothing, _left_out(table.reshape(len(table), -1, 3)), without)
