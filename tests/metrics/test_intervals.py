"""Intervals over scenes hold what they promise: simulated, for what benchmarks/accuracy/coverage.py draws."""

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers.paths import ROOT
from seep_lightning.metrics.figures import DICE, PRECISION, RECALL, PixelFigure, declared
from seep_lightning.metrics.jackknife import (
    FEWEST_SCENES,
    Scale,
    effective_scenes,
    interval_over_scenes,
    pixel_weights,
    sums_by_scene,
)
from seep_lightning.reporting.intervals import intervals

DRAWS = 1200


def load_coverage() -> Any:
    """The module benchmarks/accuracy/coverage.py."""
    spec = importlib.util.spec_from_file_location("coverage_of_intervals", ROOT / "benchmarks/accuracy/coverage.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # its dataclasses look their module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


coverage = load_coverage()


def share_held(draw: Callable[..., Any], figure: Callable[[Any], Any], scenes: int) -> float:
    sets = draw(np.random.default_rng(1), (DRAWS, scenes))
    ends = coverage.jackknife(sets, figure)
    assert (ends[0] <= ends[1]).all()
    lowest = 0 if sets.ndim == 3 else -1
    assert ends.min() >= lowest and ends.max() <= 1
    return float(coverage.share_held(ends, coverage.whole(draw, figure)))


@pytest.mark.parametrize("scenes", [6, 10, 14])
@pytest.mark.parametrize("population", coverage.POPULATIONS)
def test_the_interval_of_the_pooled_dice_holds_what_it_promises(population: str, scenes: int) -> None:
    held = share_held(coverage.POPULATIONS[population], DICE.function, scenes)
    assert 92 <= round(100 * held) <= 97


@pytest.mark.parametrize("scenes", [6, 10, 14])
@pytest.mark.parametrize("pair", coverage.PAIRS)
def test_the_interval_of_a_paired_difference_holds_what_it_promises(pair: str, scenes: int) -> None:
    held = share_held(coverage.PAIRS[pair], coverage.dice_difference, scenes)
    assert 92 <= round(100 * held) <= 97


@pytest.mark.parametrize("figure", [PRECISION, RECALL])
def test_so_do_those_of_other_figures(figure: PixelFigure) -> None:
    for name in ("14 real scenes, `generated.pt`", "sizes of spread 0.8"):
        assert 0.9 <= share_held(coverage.POPULATIONS[name], figure.function, 10) <= 0.98


def test_percentiles_of_a_bootstrap_held_less() -> None:
    draw = coverage.POPULATIONS["14 real scenes, `generated.pt`"]
    sets = draw(np.random.default_rng(1), (DRAWS, 6))
    true = coverage.whole(draw, DICE.function)
    assert coverage.share_held(coverage.percentiles(sets, DICE.function, 0.025), true) < 0.88


def test_a_mean_over_chips_weighs_scenes_by_their_chips() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(DRAWS):
        scene_level = rng.normal(0, 1, 8)
        chips = rng.integers(3, 30, 8)
        rows = [
            {"scene": str(scene), "tp": right, "fp": 20, "fn": 20}
            for scene, level in enumerate(scene_level)
            for right in np.exp(3 + level + rng.normal(0, 0.5, chips[scene])).astype(int)
        ]
        low, high = intervals(rows)["dice_per_chip"]
        held += low <= MEAN_OF_CHIPS <= high
    assert 0.91 <= held / DRAWS <= 0.98


def mean_of_chips() -> float:
    """The mean Dice of the chips above."""
    right = np.exp(3 + np.random.default_rng(9).normal(0, np.hypot(1, 0.5), 400_000)).astype(int)
    return float(np.mean(2 * right / (2 * right + 40)))


MEAN_OF_CHIPS = mean_of_chips()


def test_one_scene_that_decides_alone_leaves_next_to_nothing_known() -> None:
    counts = np.array([[90_000, 10_000, 10_000]] + [[10, 10, 10]] * 9)
    low, high = interval_over_scenes(counts, DICE.function, pixel_weights(counts)) or (0, 0)
    assert low < 0.01 and high > 0.99
    assert effective_scenes(pixel_weights(counts)) == pytest.approx(1, abs=0.01)
    assert effective_scenes(np.full(9, 7)) == pytest.approx(9)


def test_scenes_that_agree_have_an_interval_of_one_point() -> None:
    same = np.tile([30, 10, 10], (6, 1))
    assert interval_over_scenes(same, DICE.function, pixel_weights(same)) == pytest.approx((0.75, 0.75))
    for counts in ([0, 0, 0], [5, 0, 0]):
        perfect = np.tile(counts, (6, 1))
        assert interval_over_scenes(perfect, DICE.function, pixel_weights(perfect)) == (1, 1)
    nothing_right = np.array([[0, 5, size] for size in range(6)])
    assert interval_over_scenes(nothing_right, DICE.function, pixel_weights(nothing_right)) == (0, 0)


def test_below_six_scenes_there_is_none() -> None:
    counts = np.array([[size, 5, 5] for size in range(FEWEST_SCENES - 1)])
    assert interval_over_scenes(counts, DICE.function, pixel_weights(counts)) is None


def test_a_figure_that_is_no_share_may_lie_anywhere() -> None:
    sums = np.arange(1.0, 9)[:, None]
    low, high = interval_over_scenes(sums, lambda totals: totals[..., 0], np.ones(8), Scale.UNBOUNDED) or (0, 0)
    assert low < 36 < high
    assert high - 36 == pytest.approx(36 - low)
    assert high > 1


def test_chips_are_added_up_by_scene() -> None:
    rows = [{"scene": "b", "tp": 1}, {"scene": "a", "tp": 2}, {"scene": "b", "tp": 3}]
    assert sums_by_scene(rows, ("tp",)).tolist() == [[2], [4]]
    assert {figure.key for figure in declared(PixelFigure)} == intervals(
        [{"scene": str(scene), "tp": 5 + scene, "fp": 2, "fn": 3} for scene in range(6)]
    ).keys()
