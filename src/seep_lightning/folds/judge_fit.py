"""Teaching a judge of objects: logistic regression on out-of-fold objects, each with the share of it that is seep."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seep_lightning.logistic import logistic
from seep_lightning.scene.object_features import FEATURES
from seep_lightning.scene.object_judge import Judge, terms_of

Floats = NDArray[np.float64]

RIDGE = 3.0
"""Penalty on the squares of the weights but the constant's, in objects."""
STEPS = 30


def teach(rows: Floats, right: Floats, weights: Floats, features: Sequence[str] = tuple(FEATURES)) -> Judge:
    """Teach a judge.

    Args:
        rows: Features of objects, (N, F).
        right: How right each is, 0 to 1, (N,).
        weights: How much each counts, (N,); 1 on the mean.
        features: Names of the columns of `rows`.

    Returns:
        The judge, with a least score of 0.5.
    """
    means, deviations = rows.mean(axis=0), rows.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1.0)
    found = _likeliest(terms_of(rows, means, deviations), right, weights)
    return Judge(list(features), means.tolist(), deviations.tolist(), found.tolist(), least=0.5)


def _likeliest(terms: Floats, right: Floats, weights: Floats) -> Floats:
    """The likeliest weights (T,) of terms (N, T), by Newton's method with a penalty (Hastie et al. 2009, 4.4.1)."""
    penalty = np.full(terms.shape[1], RIDGE)
    penalty[0] = 1e-6
    found = np.zeros(terms.shape[1])
    for _ in range(STEPS):
        scores = logistic(terms @ found)
        slope = terms.T @ (weights * (right - scores)) - penalty * found
        curvature = (terms * (weights * scores * (1 - scores))[:, None]).T @ terms + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        found = found + step
        if np.abs(step).max() < 1e-6:
            break
    return found


def chosen_threshold(figures: Sequence[float], scores: Sequence[float]) -> float:
    """The score with the best figure; of equals the middle one."""
    best = np.flatnonzero(np.asarray(figures) >= max(figures) - 1e-12)
    return float(scores[best[len(best) // 2]])
