"""From pixel values to network input."""

from dataclasses import asdict

import numpy as np
import pytest

from seep_lightning.data.normalise import DARKEST, FULL_SCALE, LIMIT, Normaliser, histogram, quartiles_of
from seep_lightning.errors import UserError

QUARTERS = [0.25, 0.5, 0.75]


def picture(seed: int = 0, mean: float = 8000, size: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Speckled values (1, size, size) in 0..1 with a corner of nodata, and what is valid."""
    values = np.random.default_rng(seed).gamma(30, mean / 30, (1, size, size)).clip(1, 65535).round()
    values[:, :6, :9] = 0
    return (values / 65535).astype(np.float32), values[0] > 0


def quartiles(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.quantile(image[0][valid], QUARTERS).astype(np.float32)[None]


def test_scale_is_value_over_full_scale():
    image, valid = picture()
    out = Normaliser(kind="scale", log=False)(image, valid, quartiles(image, valid))
    np.testing.assert_array_equal(out, image)
    assert out.dtype == np.float32


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["chip", "scene"])
def test_robust_kinds_are_the_distance_from_the_median_in_robust_standard_deviations(kind, log):
    image, valid = picture()
    quarters = quartiles(*picture(seed=1, mean=9000)) if kind == "scene" else quartiles(image, valid)
    out = Normaliser(kind, log)(image, valid, quarters)
    values, (low, centre, high) = (
        (np.log(image[0][valid]), np.log(quarters[0])) if log else (image[0][valid], quarters[0])
    )
    expected = np.clip((values - centre) / ((high - low) / 1.349), -LIMIT, LIMIT)
    np.testing.assert_allclose(out[0][valid], expected, atol=1e-3)
    if kind == "chip":
        np.testing.assert_allclose(np.quantile(out[0][valid], QUARTERS)[[0, 2]] @ [-1, 1], 1.349, atol=0.01)
        assert abs(np.median(out[0][valid])) < 0.01


def test_log_of_scale_is_the_logarithm_above_a_floor():
    image = np.array([[[0.25, DARKEST / 4, 1.0]]], np.float32)
    out = Normaliser("scale", log=True)(image, np.ones((1, 3), bool), np.ones((1, 3), np.float32))
    np.testing.assert_allclose(out[0, 0], np.log([0.25, DARKEST, 1.0]), rtol=1e-6)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["scale", "chip", "scene"])
def test_nodata_becomes_zero_and_the_rest_is_finite(kind, log):
    image, valid = picture()
    out = Normaliser(kind, log)(image, valid, quartiles(image, valid))
    assert (out[0][~valid] == 0).all() and np.isfinite(out).all()
    assert (out[0][valid] != 0).mean() > 0.99


def test_a_brighter_picture_of_the_same_sea_is_the_same_to_the_network():
    image, valid = picture(mean=6000)
    brighter = image * np.float32(2.5)
    normalise = Normaliser("chip", log=True)
    faint = image / np.float32(200)  # raw numbers of 16 bit: most lie below `DARKEST`
    first, *others = (normalise(each, valid, quartiles(each, valid)) for each in (image, brighter, faint))
    for other in others:
        np.testing.assert_allclose(first, other, atol=1e-3)
    scale = Normaliser("scale", log=True)
    assert abs(scale(image, valid, image[:, 0, :3]) - scale(brighter, valid, image[:, 0, :3])).max() > 0.5


def test_ships_and_holes_are_clipped():
    image, valid = picture()
    image[0, 20, 20], image[0, 21, 21] = 1.0, 1e-6
    out = Normaliser("chip", log=True)(image, valid, quartiles(image, valid))
    assert out[0, 20, 20] == LIMIT and out[0, 21, 21] == -LIMIT


def test_a_picture_of_one_value_does_not_divide_by_nothing():
    image = np.full((1, 8, 8), 0.3, np.float32)
    out = Normaliser("chip", log=True)(image, np.ones((8, 8), bool), np.full((1, 3), 0.3, np.float32))
    assert (out == 0).all()


def test_an_unknown_kind_is_refused_and_the_known_ones_are_named():
    with pytest.raises(UserError, match=r"data\.normalise\.kind: 'zscore' is not known.*scale, chip, scene"):
        Normaliser("zscore")


def test_a_normaliser_travels_as_primitives():
    normalise = Normaliser("scene", log=False)
    assert asdict(normalise) == {"kind": "scene", "log": False}
    assert Normaliser(**asdict(normalise)) == normalise


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_quartiles_of_a_histogram_are_numpys(dtype):
    image = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, (31, 17), dtype)
    valid = image > np.iinfo(dtype).max // 9
    counts = histogram(image[None], valid)[0]
    assert counts.shape == (np.iinfo(dtype).max + 1,) and counts.sum() == valid.sum()
    expected = np.quantile(image[valid], QUARTERS, method="inverted_cdf") / FULL_SCALE[image.dtype.name]
    np.testing.assert_allclose(quartiles_of(counts), expected, rtol=1e-6)


def test_quartiles_of_nothing_are_zeros():
    assert (quartiles_of(np.zeros(256, np.int64)) == 0).all()
