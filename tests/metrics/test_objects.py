"""Scores of objects, by hand and by the independent script."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.morphology import skeletonize

from helpers.chips import seeps_config, write_chip
from helpers.paths import ROOT
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import GridConfig
from seep_lightning.data.loading import load_chips
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.scenes import count_on_scenes
from seep_lightning.metrics.object_counts import add_up
from seep_lightning.metrics.objects import MinAreaSearch, count_objects
from seep_lightning.metrics.summaries import object_summary, objects_found_together
from seep_lightning.metrics.tolerance import count_within_tolerance

SCORE = ROOT.parent / "shared" / "tools" / "score.py"
ALL = np.ones((100, 100), bool)


def best_min_area(*masks: tuple[np.ndarray, np.ndarray]) -> int:
    """The least area of chips, each with its predicted and its true mask."""
    search = MinAreaSearch()
    for predicted, truth in masks:
        search.add(predicted, truth)
    return search.best()


def test_the_least_area_is_the_one_that_leaves_the_false_objects_out() -> None:
    truth, predicted = np.zeros((2, 100, 100), bool)
    truth[10:20, 10:40] = predicted[10:20, 10:40] = True
    assert best_min_area((predicted, truth)) == 20
    for row in (40, 60, 80):
        predicted[row : row + 6, 5:12] = True  # 42 px each
    assert best_min_area((predicted, truth)) == 50
    assert best_min_area() == 20


def blank() -> np.ndarray:
    return np.zeros((100, 100), bool)


def speckled(seed: int, share: float = 0.9) -> np.ndarray:
    """Blobs of all sizes."""
    noise = np.random.default_rng(seed).standard_normal((100, 100))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.asarray(smooth > np.quantile(smooth, share))


def test_objects_count_by_their_size_and_by_the_share_that_is_covered() -> None:
    truth, predicted = blank(), blank()
    truth[0:5, 0:5] = truth[20:30, 20:30] = truth[50:54, 0:100] = True  # 25, 100 and 400 px
    truth[90, 90:99] = True  # 9 px: does not count
    predicted[20, 20:30] = predicted[50, 0:39] = True  # 10 of 100 px, 39 of 400 px
    predicted[70:80, 70:80] = True  # 100 px where nothing is
    scored = object_summary(count_objects(predicted, truth, ALL))
    assert scored["object_recall"] == pytest.approx(1 / 3)  # the second one only
    assert scored["object_precision"] == pytest.approx(1 / 2)  # the line of 10 px does not count
    sizes = scored["by_size"]
    assert {name: row["true"] for name, row in sizes.items()} == {
        "20 to 49 px": 1, "50 to 199 px": 1, "200 to 999 px": 1, "1000 px or more": 0
    }  # fmt: skip
    assert sizes["50 to 199 px"] == {
        "true": 1, "found": 1, "recall": 1.0, "predicted": 1, "right": 0, "precision": 0.0
    }  # fmt: skip
    assert sizes["20 to 49 px"]["precision"] == 1.0
    specks = blank()
    specks[20, 20:30] = True
    nothing = object_summary(count_objects(specks, truth, ALL))
    assert nothing["object_recall"] == 0  # beside no predicted object
    assert nothing["object_precision"] is None and nothing["by_size"]["20 to 49 px"]["precision"] is None
    everything = object_summary(count_objects(ALL, truth, ALL))
    assert objects_found_together(everything).startswith("1 predicted object covers 3 true ones")
    assert objects_found_together(scored) == ""
    assert scored["false_per_megapixel"] == pytest.approx(1e6 / (100 * 100 - 25 - 100 - 400 - 9))


def test_the_centre_line_is_found_as_far_as_it_is_covered() -> None:
    truth, predicted = blank(), blank()
    truth[40:45, 10:90] = True
    predicted[42, 10:50] = True
    assert object_summary(count_objects(predicted, truth, ALL))["centre_line_recall"] == pytest.approx(0.5, abs=0.03)
    predicted[42], predicted[40] = False, True  # beside it
    assert object_summary(count_objects(predicted, truth, ALL))["centre_line_recall"] < 0.05


def test_centre_lines_do_not_depend_on_the_sea_around_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        height, width = rng.integers(1, 60, 2)
        smooth = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 2)
        truth = smooth > np.quantile(smooth, 0.8)
        counts = count_objects(truth, truth, np.ones_like(truth))
        assert counts.line == skeletonize(truth).sum()


@pytest.mark.parametrize(("shift", "agrees"), [(2, 1.0), (5, 0.0)])
def test_outlines_agree_within_two_pixels(shift: int, agrees: float) -> None:
    truth = blank()
    truth[:, 20:60] = True
    assert object_summary(count_objects(np.roll(truth, shift, 1), truth, ALL))["boundary_f1"] == agrees


def test_nodata_counts_nowhere_and_nothing_at_all_has_figures() -> None:
    valid = ALL.copy()
    valid[:, 50:] = False
    inside, beyond = blank(), blank()
    inside[10:20, 10:20] = beyond[10:20, 60:70] = True
    scored = object_summary(count_objects(inside | beyond, inside, valid))
    assert scored["object_precision"] == 1.0 and scored["false_per_megapixel"] == 0
    assert object_summary(count_objects(blank(), blank(), ~ALL))["object_recall"] is None


def by_script(home: Path) -> dict[str, float]:
    """What the independent script says of `home`/predicted, with truth and pictures in `home`."""
    folders = ["--truth", home / "train_masks_256", "--image", home / "train_images_256"]
    command = [sys.executable, SCORE, "--pred", home / "predicted/train_masks_256", *folders]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def agree(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    names = ("object_recall", "object_precision", "boundary_f1")
    return all(ours[name] == theirs[name] > 0 for name in names)


@pytest.mark.skipif(not SCORE.is_file(), reason="the independent script is not here")
def test_the_independent_script_agrees_to_all_digits(tmp_path: Path) -> None:
    counts = []
    for k in range(6):
        image = np.full((100, 100), 9, np.uint8)
        image[:, :k] = 0
        truth, predicted = speckled(k), speckled(k) & speckled(k + 50, 0.3) | speckled(k + 100, 0.97)
        write_chip(tmp_path, f"S.{k}.tif", image, truth.astype(np.uint8))
        write_chip(tmp_path / "predicted", f"S.{k}.tif", image, predicted.astype(np.uint8))
        counts.append(count_objects(predicted, truth, image > 0))
    scored = object_summary(add_up(counts))
    assert agree(scored, by_script(tmp_path)) and scored["object_recall"] < 1


@pytest.mark.skipif(not SCORE.is_file(), reason="the independent script is not here")
def test_evaluate_scores_objects_on_scenes_as_the_independent_script_does(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    scored = evaluate(EvaluateConfig(run=str(run), part="all"))["objects"]
    chips = load_chips(seeps_config(trained.parent / "chips", grid={"S": GridConfig(columns=4)}))
    for scene in set(chips.scenes):
        image, truth, predicted = np.zeros((3, 64, 128), np.uint16)
        for i, (row, column) in enumerate(chips.cells()):
            if chips.scenes[i] == scene:
                at = np.s_[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
                image[at], truth[at] = chips.read(i)[0][0], chips.read(i)[1]
                predicted[at] = cv2.imread(str(run / "evaluate/all/masks" / chips.names[i]), cv2.IMREAD_UNCHANGED)
        write_chip(tmp_path, f"{scene}.tif", image, truth.astype(np.uint8))
        write_chip(tmp_path / "predicted", f"{scene}.tif", image, predicted.astype(np.uint8))
    assert agree(scored, by_script(tmp_path))
    assert json.loads((run / "evaluate/all/summary.json").read_text())["objects"] == scored


@pytest.mark.parametrize(("columns", "objects"), [(2, 1), (None, 2)])
def test_a_seep_across_two_chips_is_one_where_it_is_known_how_they_lay(tmp_path, columns, objects) -> None:
    seep = np.zeros((32, 32), np.uint8)
    seep[10:14] = 1
    for tile in range(2):
        write_chip(tmp_path, f"S.{tile}.tif", np.full((32, 32), 9, np.uint8), seep)
    grid = {"S": GridConfig(columns=columns)} if columns else {}
    chips = load_chips(seeps_config(tmp_path, grid=grid))
    counts = add_up(count_on_scenes(chips, [0, 1], tmp_path / "train_masks_256").objects)
    assert counts.true.sum() == counts.found.sum() == objects


def test_objects_of_a_scene_add_up_from_the_chips_that_touch_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = rng.random((4 * 32, 5 * 32)) > 0.4
    predicted = np.roll(whole, 1, axis=0)
    known = np.zeros_like(whole)
    # two that touch by a corner, one apart at the scene's end, and two that touch by a side
    for row, column in ((0, 0), (1, 1), (3, 0), (0, 4), (1, 4)):
        box = np.s_[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
        known[box] = True
        image = np.full((32, 32), 9, np.uint8)
        write_chip(tmp_path, f"S.{5 * row + column}.tif", image, whole[box].astype(np.uint8))
        write_chip(tmp_path / "predicted", f"S.{5 * row + column}.tif", image, predicted[box].astype(np.uint8))
    chips = load_chips(seeps_config(tmp_path, grid={"S": GridConfig(columns=5)}))
    counted = count_on_scenes(chips, range(5), tmp_path / "predicted/train_masks_256")
    expected = count_objects(predicted, whole, known)
    assert len(counted.objects) == 3
    for name, value in vars(add_up(counted.objects)).items():
        assert np.array_equal(value, getattr(expected, name)), name
    assert counted.within_tolerance["S"].tolist() == count_within_tolerance(predicted, whole, known).tolist()
