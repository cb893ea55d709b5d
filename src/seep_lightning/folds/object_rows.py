"""Features of out-of-fold objects, with the recurrence at their places from outlines that a judge may know."""

from collections.abc import Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from seep_lightning.folds.object_tables import SceneObjects
from seep_lightning.folds.place_days import CELL
from seep_lightning.scene.object_features import FEATURES, PLACE_FEATURES
from seep_lightning.sources.history import LocalHistory

Floats = NDArray[np.float64]
Folds = frozenset[int]


class ObjectRows:
    """The rows of objects that a judge is taught with, and judges.

    Args:
        scenes: All scenes of all folds; with `recurs` each with its `day`.
        recurs: Whether rows hold the recurrence too.

    Attributes:
        names: Names of their columns.
    """

    def __init__(self, scenes: Sequence[SceneObjects], recurs: bool) -> None:
        self.names = [*FEATURES, *PLACE_FEATURES] if recurs else list(FEATURES)
        self._scenes = scenes
        self._recurs = recurs
        self._kept: dict[tuple[str, int, Folds], Floats] = {}

    def of(self, scene: SceneObjects, hidden: Folds) -> Floats:
        """The rows of a scene's objects, (N, F).

        Args:
            scene: One of all scenes. Its own outlines never count for its recurrence.
            hidden: Folds whose outlines do not count either: those that are judged, whose truth nobody may know.
        """
        if not self._recurs:
            return scene.rows
        key = (scene.name, scene.fold, hidden)
        if key not in self._kept:
            self._kept[key] = np.column_stack([scene.rows, self._recurrence(scene, hidden)])
        return self._kept[key]

    def _recurrence(self, scene: SceneObjects, hidden: Folds) -> Floats:
        """The features of the objects' places, (N, `PLACE_FEATURES`)."""
        known = [other for other in self._scenes if other.fold not in hidden and other.name != scene.name]
        days = [other.day for other in known if other.day is not None]
        smoothings = [by_unit["px"] for by_unit in PLACE_FEATURES.values()]
        assert scene.day is not None
        columns = []
        for log_odds in scene.day.log_odds(days, smoothings):
            history = LocalHistory(log_odds, np.ones(log_odds.shape, bool), Affine.scale(CELL))
            values = history.at(scene.points.reshape(-1, 2)).reshape(scene.points.shape[:2])
            columns.append(values.mean(axis=1))
        return np.stack(columns, axis=1).astype(np.float64)
