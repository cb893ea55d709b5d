"""Scaled probabilities mean what they say."""

import numpy as np
import pytest

from seep_lightning.metrics.calibration import Reliability, scaled


def drawn(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and a truth that is seep with sigmoid(a x logit + b) of them."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-1, 2, (1000, 1000))
    return 1 / (1 + np.exp(-logits)), rng.random(logits.shape) < 1 / (1 + np.exp(-(a * logits + b)))


@pytest.mark.parametrize("ab", [(1.0, 0.0), (0.4, -0.7), (2.0, 0.5)])
def test_the_scaling_that_made_the_truth_is_found(ab: tuple[float, float]) -> None:
    reliability = Reliability()
    probability, truth = drawn(*ab)
    reliability.add(probability, truth, np.ones_like(truth))
    assert reliability.scaling() == pytest.approx(ab, abs=0.02)


def test_overconfidence_is_measured_and_put_right() -> None:
    probability, truth = drawn(0.4, -0.7)
    before, after, valid = Reliability(), Reliability(), np.ones_like(truth)
    before.add(probability, truth, valid)
    a, b = before.scaling()
    after.add(1 / (1 + np.exp(-(a * np.log(probability / (1 - probability)) + b))), truth, valid)
    assert before.calibration_error() > 0.1
    assert after.calibration_error() < 0.005


def test_the_error_is_that_of_plain_arithmetic() -> None:
    rng = np.random.default_rng(1)
    probability, valid = rng.uniform(0, 1, (300, 300)), rng.random((300, 300)) < 0.9
    truth = rng.random((300, 300)) < probability**2
    reliability = Reliability()
    reliability.add(probability, truth, valid)
    kept = valid & (probability >= 0.01)
    order = np.argsort(probability[kept])
    bins = np.array_split(np.stack([probability[kept], truth[kept]])[:, order], 15, axis=1)
    plain = sum(abs(b[0].mean() - b[1].mean()) * b.shape[1] for b in bins) / kept.sum()
    assert reliability.calibration_error() == pytest.approx(plain, abs=2e-3)


def test_a_net_that_knows_nothing_says_the_share_of_seep_everywhere() -> None:
    reliability = Reliability()
    probability, truth = drawn(-0.5, -3.0)  # the more it says seep, the less there is
    reliability.add(probability, truth, np.ones_like(truth))
    assert scaled(probability, reliability.scaling()).mean() == pytest.approx(truth.mean(), rel=0.05)


def test_a_net_that_is_never_wrong_is_not_taken_to_be_certain() -> None:
    reliability = Reliability()
    truth = np.arange(1000) < 100
    reliability.add(np.where(truth, 0.9, 0.02), truth, np.ones_like(truth))
    seep, sea = (float(scaled(p, reliability.scaling())) for p in (0.9, 0.02))
    assert seep == pytest.approx(101 / 102, abs=1e-4)
    assert sea == pytest.approx(1 / 902, rel=0.05)


def test_nodata_and_sea_alone_scale_nothing() -> None:
    reliability = Reliability()
    reliability.add(np.full((4, 4), 0.9), np.ones((4, 4), bool), np.zeros((4, 4), bool))
    assert reliability.scaling() == (1.0, 0.0)
    assert reliability.calibration_error() == 0
    assert scaled(0.3, (1.0, 0.0)) == pytest.approx(0.3)


def test_where_nothing_is_likely_the_first_fit_stays() -> None:
    reliability, truth = Reliability(), np.zeros((500, 500), bool)
    truth[0, :250] = True  # one pixel in a thousand, of which the net says 0.4
    reliability.add(np.full(truth.shape, 0.4), truth, np.ones_like(truth))
    assert scaled(0.4, reliability.scaling()) == pytest.approx(0.001, rel=0.1)


def test_open_sea_does_not_decide_the_scaling_of_what_may_be_seep() -> None:
    probability, truth = drawn(0.5, -0.5)
    sea = np.full((4000, 1000), 1 / (1 + np.exp(8.0)))  # 0.0003, which the scaling of the rest would make 0.01
    before, after = Reliability(), Reliability()
    for p, t in ((probability, truth), (sea, np.zeros(sea.shape, bool))):
        before.add(p, t, np.ones_like(t))
    a, b = before.scaling()
    scaled_p = [1 / (1 + np.exp(-(a * np.log(p / (1 - p)) + b))) for p in (probability, sea)]
    after.add(scaled_p[0], truth, np.ones_like(truth))
    after.add(scaled_p[1], np.zeros(sea.shape, bool), np.ones(sea.shape, bool))
    assert after.calibration_error() < 0.01
