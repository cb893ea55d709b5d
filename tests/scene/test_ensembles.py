"""Models made of models: each view is brought back to its place, and the mean is that of all."""

import numpy as np

from seep_lightning.scene.ensembles import augmented, ensemble
from seep_lightning.scene.interfaces import Floats


def test_augmentation_averages_over_all_turns_and_flips() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.random((2, 1, 32, 48), np.float32)
    once: list[tuple[int, ...]] = []

    def model(x: Floats) -> Floats:
        once.append(x.shape)
        assert x.flags.c_contiguous
        return x * np.linspace(0, 1, x.shape[3], dtype=np.float32)  # not symmetric: brighter to the right

    result = augmented(model)(inputs)
    assert once == [(2, 1, 32, 48), (2, 1, 32, 48), (2, 1, 48, 32), (2, 1, 48, 32)] * 2
    np.testing.assert_allclose(result, inputs / 2, atol=1e-6)
    assert result.flags.c_contiguous
    once.clear()
    np.testing.assert_allclose(augmented(model, turns=1)(inputs), inputs / 2, atol=1e-6)
    assert once == [(2, 1, 32, 48)] * 2


def test_augmentation_brings_each_view_back_to_its_place() -> None:
    inputs = np.zeros((1, 1, 32, 32), np.float32)
    inputs[0, 0, 3, 20] = 1
    np.testing.assert_allclose(augmented(lambda x: x.copy())(inputs), inputs, atol=1e-7)


def test_an_ensemble_is_the_mean_of_its_models() -> None:
    inputs = np.ones((1, 1, 4, 4), np.float32)
    result = ensemble([lambda x: x, lambda x: 2 * x, lambda x: 6 * x])(inputs)
    np.testing.assert_allclose(result, 3)
    assert (inputs == 1).all()
