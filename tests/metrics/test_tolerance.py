"""Pixels that are right within two pixels: by hand, by distances, beside what is unknown, on scenes and of classes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from helpers.chips import MASKS, seeps_config, write_chip
from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.config.data import GridConfig
from seep_lightning.data.loading import load_chips
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.scenes import count_on_scenes, scene_masks
from seep_lightning.metrics.figures import DICE_WITHIN_TOLERANCE
from seep_lightning.metrics.tolerance import count_within_tolerance
from seep_lightning.reporting.page import report
from seep_lightning.reporting.tables import print_evaluation

ALL = np.ones((60, 60), bool)


def line_at(row: int) -> np.ndarray:
    mask = np.zeros((60, 60), bool)
    mask[row, 10:50] = True
    return mask


def dice_2px(predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray = ALL) -> float:
    return float(DICE_WITHIN_TOLERANCE.function(count_within_tolerance(predicted, truth, valid)))


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (2, 1), (3, 0)])
def test_a_thin_line_may_be_two_pixels_off(shift: int, expected: float) -> None:
    assert dice_2px(line_at(30 + shift), line_at(30)) == expected


def test_counts_are_those_of_distances() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        predicted, truth = rng.random((2, 60, 60)) > 0.98
        predicted_near = (predicted & (ndimage.distance_transform_edt(~truth) <= 2)).sum()
        true_near = (truth & (ndimage.distance_transform_edt(~predicted) <= 2)).sum()
        counts = count_within_tolerance(predicted, truth, ALL)
        assert counts.tolist() == [predicted_near, predicted.sum(), true_near, truth.sum()]
        expected_precision, expected_recall = predicted_near / predicted.sum(), true_near / truth.sum()
        expected = 2 * expected_precision * expected_recall / (expected_precision + expected_recall)
        assert dice_2px(predicted, truth) == pytest.approx(expected)


def test_nothing_is_right_where_one_mask_is_empty_and_all_where_both_are() -> None:
    nothing = np.zeros_like(ALL)
    assert dice_2px(nothing, nothing) == 1
    assert dice_2px(line_at(5), nothing) == dice_2px(nothing, line_at(5)) == 0


def test_what_is_unknown_neither_helps_nor_hurts() -> None:
    valid = ALL.copy()
    valid[:30] = False
    # true pixels that are not known do not make their neighbours right
    assert dice_2px(line_at(30), line_at(29), valid) == 0
    # predicted and missed pixels that are not known do not count
    known, unknown = line_at(40), line_at(20)
    assert dice_2px(known | unknown, known, valid) == dice_2px(known, known | unknown, valid) == 1


def test_a_neighbour_in_the_next_chip_counts_where_it_is_known_how_they_lie(tmp_path: Path) -> None:
    for tile, column in ((0, 31), (1, 0)):
        mask = np.zeros((32, 32), np.uint8)
        mask[:, column] = 1
        write_chip(tmp_path, f"S.{tile}.tif", np.full((32, 32), 9, np.uint8), mask * (tile == 0))
        write_chip(tmp_path / "predicted", f"S.{tile}.tif", np.full((32, 32), 9, np.uint8), mask * (tile == 1))
    for grid, near in (({"S": GridConfig(columns=2)}, 32), ({}, 0)):
        chips = load_chips(seeps_config(tmp_path, grid=grid))
        counts = count_on_scenes(chips, [0, 1], tmp_path / "predicted/train_masks_256", classes=True)
        assert {scene: row.tolist() for scene, row in counts.within_tolerance.items()} == {"S": [near, 32, near, 32]}
        assert counts.class_within_tolerance[:3].tolist() == [[0] * 4, [near, 32, near, 32], [0] * 4]


@pytest.mark.parametrize(("size", "scenes"), [(None, 1), (32, 1), (30, 2), (40, 2)])
def test_chips_that_were_cropped_or_padded_are_no_neighbours(tmp_path: Path, size: int | None, scenes: int) -> None:
    for tile in range(2):
        chip = np.full((32, 32), 9, np.uint8)
        write_chip(tmp_path, f"S.{tile}.tif", chip, chip // 9)
        predicted = np.ones((size or 32, size or 32), np.uint8)
        write_chip(tmp_path / "predicted", f"S.{tile}.tif", predicted, predicted)
    chips = load_chips(seeps_config(tmp_path, grid={"S": GridConfig(columns=2)}, size=size))
    assert len(list(scene_masks(chips, [0, 1], tmp_path / "predicted" / MASKS))) == scenes


def test_it_stands_beside_dice_in_summary_table_and_page(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    summary = evaluate(EvaluateConfig(run=str(run), part="all"))
    scored = summary["within_tolerance"]
    total = np.sum(list(scored["scenes"].values()), axis=0)
    assert scored["dice_2px"] == pytest.approx(float(DICE_WITHIN_TOLERANCE.function(total)))
    assert scored["dice_2px"] > summary["figures"]["dice"]
    assert "dice_2px" not in summary["figures"]
    assert total[3] == sum(summary["histogram"][1])
    print_evaluation(summary)
    heads = next(line.split() for line in capsys.readouterr().out.splitlines() if "dice_per_chip" in line)
    assert heads.index("dice_2px") > heads.index("dice")
    page = report(ReportConfig(run=str(run), part="all", device="cpu")).read_text()
    assert f"<td>Dice within 2 px</td><td>{scored['dice_2px']:.3f}</td>" in page
    assert "<span>Dice within 2 px, all</span>" in page
