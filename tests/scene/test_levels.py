"""Probabilities and classes in 8 bit."""

import numpy as np

from helpers.scene_maps import dequantise
from seep_lightning.scene.levels import MASK_NODATA, classify, level, quantise


def test_probabilities_survive_8_bit_to_half_a_level() -> None:
    p = np.linspace(0, 1, 5001, dtype=np.float32)[None]
    valid = np.ones(p.shape, bool)
    valid[0, 17] = False
    q = quantise(p, valid)
    assert (q[valid] > 0).all()
    assert q[0, 17] == 0
    assert np.isnan(dequantise(q)[0, 17])
    assert np.nanmax(np.abs(dequantise(q) - p)) <= 1 / 508 + 1e-6
    for t in (0.1, 0.3, 0.5, 0.7, 100 / 254, 1.0):
        assert ((dequantise(q) >= t - 1e-6)[valid] == (q >= level(t))[valid]).all()
    assert (level(0), level(1e-9)) == (1, 2)  # of a tiny threshold too: what has no probability at all is sea


def test_the_mask_names_the_most_probable_class() -> None:
    q, numbers = np.array([[0, 10, 200, 130]], np.uint8), np.array([[1, 1, 2, 1]], np.uint8)
    assert classify(q, numbers, 0.5).tolist() == [[MASK_NODATA, 0, 2, 1]]
