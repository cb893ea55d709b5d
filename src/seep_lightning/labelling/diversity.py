"""How unlike candidates are to what is labelled or chosen already: distances in a space of features."""

import numpy as np
from numpy.typing import NDArray

# standard deviations at which a feature ends: one odd pixel must not make a candidate the most diverse of all
FEATURE_LIMIT = 4.0
# pairs of candidates of which the usual distance is taken
SAMPLED_PAIRS = 2000
# labelled ones whose distances to all candidates are taken at once
LABELLED_AT_ONCE = 64

Features = NDArray[np.float32]


class Spread:
    """The distance of each candidate to the nearest one that is labelled or chosen.

    Args:
        features: Of the candidates, (N, D).
        labelled: Of what is labelled, (M, D).
        seed: Of the pairs by which the usual distance is found.
    """

    def __init__(self, features: Features, labelled: Features, seed: int) -> None:
        centre = features.mean(axis=0)
        spread = features.std(axis=0)
        self._features = _scores(features, centre, spread)
        self._usual = _usual_distance(self._features, seed)
        self._nearest = np.full(len(features), np.inf)
        known = _scores(labelled, centre, spread)
        for first in range(0, len(known), LABELLED_AT_ONCE):
            self._take(known[first : first + LABELLED_AT_ONCE])

    @property
    def diversity(self) -> NDArray[np.float64]:
        """0 for one like what is there already, a half at the distance of two candidates, 1 far away, (N,)."""
        # infinite where nothing is there yet
        return 1 - self._usual / (self._nearest + self._usual)

    def add(self, index: int) -> None:
        """Take a candidate as chosen.

        Args:
            index: Its position.
        """
        self._take(self._features[index][None])

    def _take(self, others: Features) -> None:
        """Measure the distances to others (K, D)."""
        squares = np.square(self._features).sum(axis=1)[:, None] + np.square(others).sum(axis=1)
        # differences of all pairs would need the memory of all features times K
        squares -= 2 * self._features @ others.T
        nearest = np.sqrt(squares.min(axis=1).clip(0) / self._features.shape[1])
        self._nearest = np.minimum(self._nearest, nearest)


def _scores(features: Features, centre: Features, spread: Features) -> Features:
    """Features (N, D) in standard deviations of the candidates; one that never varies is 0."""
    varies = spread > 0
    scores = (features - centre) / np.where(varies, spread, 1)
    return np.asarray(np.clip(np.where(varies, scores, 0), -FEATURE_LIMIT, FEATURE_LIMIT), np.float32)


def _usual_distance(features: Features, seed: int) -> float:
    """The median distance of two candidates; 1 where all are alike."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(len(features), size=(2, SAMPLED_PAIRS))
    distances = np.sqrt(np.square(features[first] - features[second]).mean(axis=1))
    median = float(np.median(distances))
    return median if median > 0 else 1.0
