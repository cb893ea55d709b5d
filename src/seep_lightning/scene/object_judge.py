"""A small judge that scores each object of a map by its features: `seep judge` teaches it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.shapes import Probability
from seep_lightning.errors import UserError
from seep_lightning.logistic import logistic
from seep_lightning.scene.measured_object import MeasuredObject
from seep_lightning.scene.object_features import FEATURES, PLACE_FEATURES, PlaceFeature

Floats = NDArray[np.float64]

JUDGE_FORMAT = 1
MOST_DEVIATIONS = 4.0
"""A feature further from the mean of the teaching is taken for so far from it: squares must not run away."""
ADVICE = "Give a file that `seep judge` wrote."
# features are shares and logarithms of pixels, and weights have a penalty: far beyond what teaching gives, and so small
# that no sum of terms overflows
Mean = Annotated[float, Meta(ge=-1e6, le=1e6)]
Deviation = Annotated[float, Meta(ge=1e-30, le=1e6)]
Weight = Annotated[float, Meta(ge=-1e6, le=1e6)]
# it stands in the metadata of outlines
Note = Annotated[str, Meta(max_length=1000)]


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
    means: list[Mean]
    deviations: list[Deviation]
    weights: list[Weight]
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
        # each is measured at each object: a thousand times the same one would take minutes
        if len(set(judge.features)) < count:
            raise UserError(f"{path}: a feature stands twice in it. {ADVICE}")
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
        return logistic(terms @ np.array(self.weights))


def term_count(features: int) -> int:
    """How many terms there are: a constant, each feature, and each product of two."""
    return 1 + features + features * (features + 1) // 2


def terms_of(rows: Floats, means: Floats, deviations: Floats) -> Floats:
    """The terms (N, T) of features (N, F); a feature that nobody can tell (NaN) counts as the mean of the teaching."""
    from_mean = np.where(np.isnan(rows), 0.0, rows - means)
    standardised = (from_mean / deviations).clip(-MOST_DEVIATIONS, MOST_DEVIATIONS)
    first, second = np.triu_indices(rows.shape[1])
    products = standardised[:, first] * standardised[:, second]
    return np.concatenate([np.ones((len(rows), 1)), standardised, products], axis=1)
