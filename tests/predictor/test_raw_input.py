"""What stands before the network in an exported graph prepares numbers as a predictor does."""

from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seep_lightning.data.normalise import Floats, Normaliser, ValueRange
from seep_lightning.errors import UserError
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.onnx_graph import LikeliestChannel
from seep_lightning.predictor.raw_input import RawInput, RawValues

WAYS = [Normaliser(kind, log) for kind, log in product(("scale", "chip", "scene"), (True, False))]
BLANK = -9999.0


class InputOnly(Predictor):
    """Gives its input as probabilities."""

    def probability(self, batch: Floats) -> Floats:
        return batch


def facts(normaliser: Normaliser, **changes: Any) -> dict[str, Any]:
    known = {"normalise": asdict(normaliser), "nodata": 0, "bands": 1, "values": None}
    return {**known, **changes}


def window(dtype: str, bands: int = 1) -> NDArray[Any]:
    """Speckle on a sea that gets darker, with a dark streak and a corner without data."""
    rng = np.random.default_rng(3)
    values = rng.gamma(4, 1, (bands, 48, 64)) * np.linspace(1, 3, 64) / 12
    values[:, 20:24] /= 6
    values[:, :9, :11] = 0
    match dtype:
        case "uint8" | "uint16":
            full = np.iinfo(dtype).max
            return (values * full / 2).clip(0, full).astype(dtype)
        case "db":
            values[values == 0] = 1
            decibels = 10 * np.log10(values)
            decibels[:, :9, :11] = BLANK
            return decibels.astype(np.float32)
        case _:
            return values.astype(np.float32)


def prepared(known: dict[str, Any], image: NDArray[Any], values: str | None = None) -> NDArray[Any]:
    """The network input of one window of stored numbers."""
    raw_input = RawInput(RawValues.of_network(known, values), Normaliser(**known["normalise"]))
    network_input, valid = raw_input(torch.from_numpy(image[None].astype(np.float32)))
    assert not network_input[~valid.expand_as(network_input)].any()
    return network_input[0].numpy()


def expected(known: dict[str, Any], image: NDArray[Any]) -> NDArray[Any]:
    return InputOnly(known, 0.5).class_probabilities(image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("normaliser", WAYS, ids=str)
def test_8_and_16_bit_are_told_by_the_window(normaliser: Normaliser, dtype: str) -> None:
    known = facts(normaliser)
    image = window(dtype)
    np.testing.assert_allclose(prepared(known, image), expected(known, image), atol=1e-5)
    np.testing.assert_allclose(prepared(known, image, dtype), expected(known, image), atol=1e-5)


@pytest.mark.parametrize("normaliser", WAYS, ids=str)
def test_floats_have_the_range_of_the_training(normaliser: Normaliser) -> None:
    linear = facts(normaliser, values=ValueRange((0.0,), (0.9,)).as_facts())
    np.testing.assert_allclose(prepared(linear, window("linear")), expected(linear, window("linear")), atol=1e-5)
    decibels = facts(normaliser, nodata=BLANK, values=ValueRange((0.0,), (0.9,), "db").as_facts())
    np.testing.assert_allclose(prepared(decibels, window("db")), expected(decibels, window("db")), atol=1e-4)


def test_stored_integers_are_multiplied_as_in_the_training() -> None:
    known = facts(Normaliser(), nodata=None, factor=0.01, values=ValueRange((0.0,), (0.9,), "db").as_facts())
    hundredths = np.where(window("db") == BLANK, -32768, window("db") * 100).round().astype(np.int16)
    np.testing.assert_allclose(prepared(known, hundredths), expected(known, hundredths), atol=1e-4)
    # a program that reads the file's own scale feeds dB
    floats = np.where(window("db") == BLANK, BLANK, hundredths / np.float32(100)).astype(np.float32)
    np.testing.assert_allclose(prepared(known, floats, "db"), expected(known, hundredths), atol=1e-4)


def test_numbers_that_cannot_be_what_the_run_was_trained_on_are_refused() -> None:
    known = facts(Normaliser(), values=ValueRange((0.0,), (0.9,)).as_facts())
    with pytest.raises(UserError, match="values=uint8: this run was trained on floats.*Leave the key out"):
        RawValues.of_network(known, "uint8")


@pytest.mark.parametrize("nodata_bands", ["all", "any"])
def test_bands_have_their_own_statistics_and_nodata_by_the_runs_rule(nodata_bands: str) -> None:
    known = facts(Normaliser(), bands=2, **{"nodata bands": nodata_bands})
    image = window("uint8", bands=2)
    image[1] //= 3
    image[0, 30:, 40:] = 0
    np.testing.assert_allclose(prepared(known, image), expected(known, image), atol=1e-5)


def test_floats_that_the_run_was_not_trained_on_are_brought_to_twice_the_windows_median() -> None:
    known = facts(Normaliser("scale", log=False))
    linear = window("linear")
    median = np.quantile(linear[linear != 0], 0.5, method="inverted_cdf")
    np.testing.assert_allclose(prepared(known, linear, "linear"), (linear / (2 * median)).clip(0, 1), atol=1e-6)
    decibels = facts(Normaliser("scale", log=False), nodata=BLANK)
    np.testing.assert_allclose(prepared(decibels, window("db"), "db"), prepared(known, linear, "linear"), atol=1e-5)


def test_a_dark_window_of_16_bit_is_scored_as_one_of_8_bit() -> None:
    known = facts(Normaliser())
    image = (window("uint16") / 400).astype(np.uint16)
    assert image.max() < 256
    np.testing.assert_allclose(prepared(known, image), expected(known, image), atol=1e-5)


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_a_window_without_data_is_no_number_too_many(fill: float) -> None:
    blank = np.full((1, 32, 32), fill, np.float32)
    for values in (None, "uint8", "linear", "db"):
        assert not prepared(facts(Normaliser()), blank, values).any()


def test_each_window_of_a_batch_has_its_own_statistics() -> None:
    known = facts(Normaliser())
    bright, dark = window("uint8"), window("uint8") // 3
    dark[0, 10:20] = 0
    raw_input = RawInput(RawValues.of_network(known, None), Normaliser())
    together, _ = raw_input(torch.from_numpy(np.stack([bright, dark]).astype(np.float32)))
    np.testing.assert_allclose(together[0], expected(known, bright), atol=1e-5)
    np.testing.assert_allclose(together[1], expected(known, dark), atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_numbers_that_a_program_divided_are_whole_again(dtype: str) -> None:
    known = facts(Normaliser())
    image = window(dtype)
    raw_input = RawInput(RawValues.of_network(known, None), Normaliser(), divisor=255.0)
    divided = np.float32(image[None] * 1.0 / 255.0)
    network_input, _ = raw_input(torch.from_numpy(divided))
    np.testing.assert_allclose(network_input[0], expected(known, image), atol=1e-5)


def test_the_plugins_channels_are_decided_by_the_probability_of_seep_alone() -> None:
    seep = torch.tensor([[[[0.8, 0.4]]]])
    classes = torch.tensor([[[[0.3, 0.3]], [[0.5, 0.1]]]])
    has_data = torch.ones(1, 1, 1, 2, dtype=torch.bool)
    binary = LikeliestChannel()(seep, has_data)
    np.testing.assert_allclose(binary, [[[[0, 0]], [[0.8, 0.4]]]])
    told_apart = LikeliestChannel()(torch.cat([seep, classes], 1), has_data)
    np.testing.assert_allclose(told_apart, [[[[0, 0]], [[0, 0.4]], [[0.8, 0]]]])
