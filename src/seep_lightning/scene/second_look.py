"""An object's second look: a small judge that scores each object of a map by its probabilities, shape and contrast."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.shapes import Finite, Probability
from seep_lightning.errors import UserError
from seep_lightning.scene import shapes
from seep_lightning.scene.levels import LEVELS
from seep_lightning.scene.measured_object import MeasuredObject
from seep_lightning.scene.projections import Points

Floats = NDArray[np.float64]

JUDGE_FORMAT = 1
RIM = 5
"""Pixels around an object whose probabilities count as those around it."""
MOST_DEVIATIONS = 4.0
"""A feature further from the mean of the teaching is taken for so far from it: squares must not run away."""
ADVICE = "Give a file that `seep judge` wrote."
Deviation = Annotated[float, Meta(gt=0, le=sys.float_info.max)]
# it stands in the metadata of outlines
Note = Annotated[str, Meta(max_length=1000)]


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


@dataclass(frozen=True)
class Judge:
    """A logistic regression on features, their squares and their products; the fields are those of its file.

    Attributes:
        features: Names of the features, of `FEATURES` and `PLACE_FEATURES`.
        means: Of the features in the teaching.
        deviations: Their standard deviations.
        weights: Of a constant, of each standardised feature, and of each product of two.
        least: The score from which an object is kept.
        taught_on: What it was taught on, for people.
        format: Of the file.
    """

    features: list[str]
    means: list[Finite]
    deviations: list[Deviation]
    weights: list[Finite]
    least: Probability
    taught_on: Note = ""
    format: int = JUDGE_FORMAT

    @classmethod
    def read(cls, path: Path) -> "Judge":
        """Read a judge.

        Args:
            path: A file that `seep judge` wrote.

        Raises:
            UserError: It is something else, or of a later version.
        """
        judge = read_json(path, cls, advice=ADVICE)
        unknown = sorted(set(judge.features) - set(FEATURES) - set(PLACE_FEATURES))
        if judge.format != JUDGE_FORMAT or unknown:
            raise UserError(f"{path} is of another version (format {judge.format}; unknown: {unknown}). {ADVICE}")
        count = len(judge.features)
        if {len(judge.means), len(judge.deviations)} != {count} or len(judge.weights) != term_count(count):
            raise UserError(f"{path}: its lists are not of one length. {ADVICE}")
        return judge

    @property
    def place_features(self) -> list[str]:
        """Names of those features that need the history of the place."""
        return [name for name in self.features if name in PLACE_FEATURES]

    def score(self, seep: MeasuredObject, place: PlaceFeature | None = None) -> float:
        """The probability that an object is right.

        Args:
            seep: The object.
            place: Gives `place_features`; None where there are none.

        Returns:
            0 to 1.
        """
        row = []
        for name in self.features:
            if place is not None and name in PLACE_FEATURES:
                row.append(place(name, seep))
            else:
                row.append(FEATURES[name](seep))
        return float(self.scores(np.array([row]))[0])

    def scores(self, rows: Floats) -> Floats:
        """Scores (N,) of objects with features (N, F), in the order of `features`."""
        terms = terms_of(rows, np.array(self.means), np.array(self.deviations))
        scores: Floats = 1 / (1 + np.exp(-terms @ np.array(self.weights)))
        return scores


def term_count(features: int) -> int:
    """How many terms there are: a constant, each feature, and each product of two."""
    return 1 + features + features * (features + 1) // 2


def terms_of(rows: Floats, means: Floats, deviations: Floats) -> Floats:
    """The terms (N, T) of features (N, F)."""
    standardised = ((rows - means) / deviations).clip(-MOST_DEVIATIONS, MOST_DEVIATIONS)
    first, second = np.triu_indices(rows.shape[1])
    products = standardised[:, first] * standardised[:, second]
    return np.concatenate([np.ones((len(rows), 1)), standardised, products], axis=1)
