"""Features of the objects of a map, by which a judge tells slicks from what only looks like one."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene import shapes
from seep_lightning.scene.levels import LEVELS
from seep_lightning.scene.measured_object import MeasuredObject
from seep_lightning.scene.projections import Points

Floats = NDArray[np.float64]

RIM = 5
"""Pixels around an object whose probabilities count as those around it."""


def _around(seep: MeasuredObject) -> float:
    """Mean probability of the pixels around an object."""
    side = 2 * RIM + 1
    near = cv2.dilate(seep.core.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    around = near & ~seep.core & (seep.stored > 0)
    return float((seep.stored[around].mean() - 1) / LEVELS) if around.any() else 0.0


def _pixels(seep: MeasuredObject) -> int:
    return int(np.count_nonzero(seep.core))


# A network sees pixels: sizes are in these, whatever a pixel is on the ground.
FEATURES: Mapping[str, Callable[[MeasuredObject], float]] = {
    "p_mean": lambda seep: (float(seep.stored[seep.core].mean()) - 1) / LEVELS,
    "p_max": lambda seep: (float(seep.stored[seep.core].max()) - 1) / LEVELS,
    "p_spread": lambda seep: float(seep.stored[seep.core].std()) / LEVELS,
    "p_around": _around,
    "log_area_px": lambda seep: float(np.log(_pixels(seep))),
    "log_length_px": lambda seep: float(np.log(seep.centre_line.pixels)),
    "log_width_px": lambda seep: float(np.log(_pixels(seep) / seep.centre_line.pixels)),
    "log_aspect": lambda seep: float(np.log(seep.axes.aspect)),
    "compactness": lambda seep: min(1.0, 4 * np.pi * seep.area / seep.perimeter**2),
    "log_contrast": lambda seep: float(np.log(seep.contrast)) if seep.contrast else 0.0,
    "nodata_share": lambda seep: shapes.rim_share(seep.core, seep.stored == 0),
}
"""What an object is judged by. A judge names those that it was taught with."""
PLACE_FEATURES: Mapping[str, Mapping[str, float]] = {
    "recurrence": {"m": 1000.0, "px": 100.0},
}
"""What an object is judged by where the history of its place is known: the mean, over the object, of the log odds of
recurrence over those of the mean rate; 0 where nobody looked. The values are standard deviations of the Gaussian that
smooths the history, by the unit of its coordinates."""
POINTS = 16
"""The history of an object is looked up at so many of its pixels."""

PlaceFeature = Callable[[str, MeasuredObject], float]
"""Gives a feature of an object's place, a key of `PLACE_FEATURES`."""


def features_of(seep: MeasuredObject) -> Floats:
    """All features of an object, in the order of `FEATURES`."""
    return np.array([function(seep) for function in FEATURES.values()])


def points_of(seep: MeasuredObject) -> Points:
    """Some pixels of an object at which its history is looked up: columns and rows of the scene, (`POINTS`, 2)."""
    rows, columns = np.nonzero(seep.core)
    some = np.linspace(0, len(rows) - 1, POINTS).round().astype(int)
    corner = np.array([seep.box.left, seep.box.top])
    middles: Points = corner + np.column_stack([columns[some], rows[some]]) + 0.5
    return middles
