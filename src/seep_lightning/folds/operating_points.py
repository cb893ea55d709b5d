"""The operating point that a fold chooses on its validation: threshold, smallest object, meaning of probabilities."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.folds.part_maps import FoldScene
from seep_lightning.metrics.calibration import Reliability, Scaling, scaled
from seep_lightning.metrics.counts import count_pixels
from seep_lightning.metrics.histogram import dice_by_threshold
from seep_lightning.metrics.objects import MIN_AREAS
from seep_lightning.metrics.summaries import pooled_figures
from seep_lightning.scene.levels import LEVELS

Mask = NDArray[np.bool_]
Scenes = Callable[[], Iterable[FoldScene]]
"""Gives scenes anew at each call, so that no more than one lies in memory."""

UNSCALED: Scaling = (1.0, 0.0)
# probabilities are taken as this far from 0 and 1 at least: 8 bit tell no more
LEAST_DISTANCE = 1e-3


@dataclass(frozen=True)
class OperatingPoint:
    """From which probability on, and from which area on, a fold takes pixels for seep: chosen on its validation.

    Attributes:
        level: A pixel is seep where its stored probability (1 + 254 p) is above it.
        min_area: Objects of fewer pixels are dropped.
        scaling: (a, b): sigmoid(a x logit + b) is the probability that means what it says.
    """

    level: int
    min_area: int
    scaling: Scaling

    @property
    def threshold(self) -> float:
        """The probability between the last level that is sea and the first that is seep."""
        return (self.level - 0.5) / LEVELS

    def mask(self, scene: FoldScene) -> Mask:
        """Where a scene is seep, (H, W)."""
        return mask_of(scene, self.level, self.min_area)

    def predicted(self, scene: FoldScene) -> NDArray[np.uint8]:
        """The class of each pixel that is seep, (H, W), 0 elsewhere."""
        return np.where(self.mask(scene), np.maximum(scene.classes, 1), 0).astype(np.uint8)

    def probability(self, scene: FoldScene) -> NDArray[np.float64]:
        """Probabilities (H, W) after scaling; 0 where there are no data."""
        scaled_values = scaled(probability_of(scene), self.scaling)
        return np.where(scene.probability > 0, scaled_values, 0.0)


def probability_of(scene: FoldScene) -> NDArray[np.float64]:
    """The probabilities (H, W) of a scene before scaling, strictly between 0 and 1."""
    p = (scene.probability.astype(float) - 1) / LEVELS
    return np.clip(p, LEAST_DISTANCE, 1 - LEAST_DISTANCE)


def mask_of(scene: FoldScene, level: int, min_area: int) -> Mask:
    """Where the stored probability is above a level, without objects of fewer than `min_area` px: (H, W)."""
    mask = scene.probability > level
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    is_large = stats[:, cv2.CC_STAT_AREA] >= min_area
    large: Mask = mask & is_large[labels]
    return large


def choose_operating_point(scenes: Scenes) -> OperatingPoint:
    """Choose the operating point on the scenes of validation.

    Args:
        scenes: Gives them; called three times.
    """
    level = best_level(scenes())
    min_area = best_min_area(scenes(), level)
    return OperatingPoint(level, min_area, count_reliability(scenes()).scaling())


def best_level(scenes: Iterable[FoldScene]) -> int:
    """The level above which a pixel is seep with the largest pooled Dice."""
    counts = np.zeros((2, 256), np.int64)
    for scene in scenes:
        for is_seep in (False, True):
            levels = scene.probability[scene.valid & (scene.seep == is_seep)]
            counts[int(is_seep)] += np.bincount(levels, minlength=256)
    # level 0 holds nodata and 1 the open sea: the least threshold is above 1
    return int(dice_by_threshold(counts)[2:].argmax()) + 1


def best_min_area(scenes: Iterable[FoldScene], level: int) -> int:
    """The least area of objects with the largest pooled Dice, px; 0 for all, of equals the smallest."""
    areas = (0, *MIN_AREAS)
    counts = np.zeros((len(areas), 3), np.int64)
    for scene in scenes:
        masks = _masks_by_area(scene, level, areas)
        counts += [count_pixels(mask, scene.seep) for mask in masks]
    dice = [pooled_figures([row])["dice"] for row in counts]
    return areas[int(np.argmax(dice))]


def _masks_by_area(scene: FoldScene, level: int, areas: Iterable[int]) -> Iterator[Mask]:
    """The mask of a scene for each least area."""
    for area in areas:
        yield mask_of(scene, level, area)


def count_reliability(scenes: Iterable[FoldScene], scaling: Scaling = UNSCALED) -> Reliability:
    """Count probabilities after scaling; the lowest level (p < 0.002) is open sea and left out."""
    counts = Reliability()
    for scene in scenes:
        is_counted = scene.valid & (scene.probability > 1)
        counts.add(scaled(probability_of(scene), scaling), scene.seep, is_counted)
    return counts
