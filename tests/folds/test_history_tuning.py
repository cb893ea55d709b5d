"""`seep prior`: weight and smoothing of the history, chosen out of fold."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from seep_lightning.config.commands import PriorConfig
from seep_lightning.config.data import GridConfig
from seep_lightning.errors import UserError
from seep_lightning.folds import history_tuning
from seep_lightning.folds.history_tuning import THRESHOLDS, PriorRow, TunedPrior, tune_prior
from seep_lightning.folds.place_days import PlaceDay
from seep_lightning.prior import print_settings
from seep_lightning.sources.history_odds import MeanRate, log_odds_over_mean

SIDE = 128
GRIDS = {"a": GridConfig(1, 0), "b": GridConfig(1, 1)}


def made_up_scene(number: int, grids: dict[str, GridConfig]) -> Any:
    """A scene with oil at one place of the ground, and as sure a false alarm where it is by chance."""
    rng = np.random.default_rng(number)
    name = f"{'ab'[number % 2]}{number}"
    shift = 64 if name[0] == "b" else 0  # the place on the ground, in this scene; chips are 64 px wide
    seep = np.zeros((SIDE, 2 * SIDE), bool)
    seep[40:64, 60 + shift : 100 + shift] = True
    probability = np.where(seep, 110, 20).astype(np.uint8)
    row, column = rng.integers(72, 100), rng.integers(0, 200)
    probability[row : row + 20, column : column + 30] = 125
    valid = np.ones(seep.shape, bool)
    chips = SimpleNamespace(config=SimpleNamespace(grid=grids), size=(64, 64))
    return SimpleNamespace(name=name, scene=name, probability=probability, seep=seep, valid=valid, chips=chips)


def tuned(monkeypatch: pytest.MonkeyPatch, grids: dict[str, GridConfig]) -> Any:
    folds = [[made_up_scene(number, grids) for number in range(6)][k::2] for k in range(2)]
    monkeypatch.setattr(history_tuning, "find_folds", lambda runs: folds)
    monkeypatch.setattr(history_tuning, "PartMaps", lambda fold, part, way: SimpleNamespace(scenes=lambda: iter(fold)))
    return tune_prior(PriorConfig(runs="x", weights=[0.5, 1.0], smoothings=[8.0, 16.0]))


def test_a_history_that_tells_is_chosen_and_measured_as_plain_numpy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    result = tuned(monkeypatch, GRIDS)
    assert result.scenes == 6 and len(result.rows) == 4
    assert result.chosen.gain > 0.1 and result.chosen.better == 6 and result.chosen.low > 0
    scenes = [made_up_scene(number, GRIDS) for number in range(6)]
    # all on one canvas of the ground, in cells of 8 px
    seen = np.zeros((6, 16, 40), np.float32)
    looked = np.zeros_like(seen)
    for number, scene in enumerate(scenes):
        left = 0 if scene.name[0] == "b" else 8
        cells = cv2.resize(scene.seep.astype(np.float32), (32, 16), interpolation=cv2.INTER_AREA) > 0
        seen[number, :, left : left + 32], looked[number, :, left : left + 32] = cells, 1
    logits, truths = [], []
    for number, scene in enumerate(scenes):
        others = np.arange(6) != number
        sums = seen[others].sum(axis=0), looked[others].sum(axis=0)
        left = 0 if scene.name[0] == "b" else 8
        cells = log_odds_over_mean(*sums, 2.0, MeanRate.of(*sums))[:, left : left + 32]
        p = (scene.probability - 1) / 254
        logits.append(np.log(p / (1 - p)) + 0.5 * cv2.resize(cells, (2 * SIDE, SIDE)))
        truths.append(scene.seep)
    dice = [
        2 * sum(((x > t) & y).sum() for x, y in zip(logits, truths, strict=True))
        / sum((x > t).sum() + y.sum() for x, y in zip(logits, truths, strict=True))
        for t in THRESHOLDS
    ]  # fmt: skip
    row = next(row for row in result.rows if (row.weight, row.smoothing) == (0.5, 16.0))
    assert row.dice == pytest.approx(max(dice), abs=0.02)


def test_a_scene_that_the_split_cut_never_has_its_own_outlines_as_history(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [made_up_scene(number, GRIDS) for number in range(6)]
    asked: list[int] = []
    log_odds = PlaceDay.log_odds

    def noted(day: PlaceDay, days: list[PlaceDay], smoothings: list[float]) -> Any:
        asked.append(len(days))
        return log_odds(day, days, smoothings)

    monkeypatch.setattr(PlaceDay, "log_odds", noted)
    for number, piece in enumerate(pieces):
        piece.scene = f"day {number // 2}"
    monkeypatch.setattr(history_tuning, "find_folds", lambda runs: [pieces[::2], pieces[1::2]])
    monkeypatch.setattr(history_tuning, "PartMaps", lambda fold, part, way: SimpleNamespace(scenes=lambda: iter(fold)))
    result = tune_prior(PriorConfig(runs="x", weights=[0.5], smoothings=[16.0]))
    assert asked == [4] * 6 and result.scenes == 3 and result.chosen.better <= 3


def test_scenes_without_a_common_ground_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"a0 lies on no ground grid .* set data.grid"):
        tuned(monkeypatch, {})


def test_scenes_that_lie_beyond_the_earth_take_no_memory() -> None:
    cells = np.ones((4, 4), np.float32)
    day, far = PlaceDay(0, cells, cells), PlaceDay(32_000_000, cells, cells)
    with pytest.raises(UserError, match=r"256,000,032 px apart .* Correct data.grid"):
        list(day.log_odds([far], [64.0]))


def test_the_last_line_is_a_command_and_says_what_is_not_beyond_chance(capsys: pytest.CaptureFixture[str]) -> None:
    row = PriorRow(weight=0.5, smoothing=96.0, dice=0.65, gain=0.002, low=-0.006, high=0.011, better=11)
    print_settings(TunedPrior([row], row, 14), PriorConfig(runs=["a b", "c"]))
    told = capsys.readouterr().out
    assert "not beyond chance" in told and "-0.006 to +0.011" in told and "better, of 14" in told
    assert "seep_lightning.predict 'run=[a b,c]' input=PATH output=maps history=recurrence.tif" in told
