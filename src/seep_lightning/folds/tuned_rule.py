"""Objects kept by a plain rule, least maximum and least area, that is tuned as fairly as a judge is."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seep_lightning.folds.object_tables import Counts, SceneObjects
from seep_lightning.metrics.objects import MIN_AREAS
from seep_lightning.scene.object_features import FEATURES

KEEPS = np.round(np.arange(0.0, 1.0, 0.05), 2)
"""Among which k is chosen: an object needs the maximum t + k (1 - t), where t is its fold's threshold.

`predict` has 0.4.
"""


def counts_by_tuned_rule(
    scenes: Sequence[SceneObjects], figure: Callable[[Counts], NDArray[np.float64]]
) -> NDArray[np.int64]:
    """Count what the best rule of the other folds keeps of each scene.

    Args:
        scenes: The objects of all folds.
        figure: What the rule is best in, of counts (..., 7).

    Returns:
        Counts (N, 7).
    """
    tables = np.array([_by_rule(scene) for scene in scenes])
    folds = np.array([scene.fold for scene in scenes])
    counts = np.zeros_like(tables[:, 0])
    for fold in np.unique(folds):
        best = int(np.argmax(figure(tables[folds != fold].sum(axis=0))))
        counts[folds == fold] = tables[folds == fold, best]
    return counts


def _by_rule(scene: SceneObjects) -> Counts:
    """Counts (rules, 7) of a scene for each least maximum with each least area."""
    maxima = scene.rows[:, list(FEATURES).index("p_max")]
    leasts = scene.threshold + KEEPS * (1 - scene.threshold)
    rules = [(least, area) for least in leasts for area in MIN_AREAS]
    return np.array([scene.counts((maxima >= least) & (scene.areas >= area)) for least, area in rules])
