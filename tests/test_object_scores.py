"""Scores of objects, by hand and by the independent script."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, write_chip
from seep_lightning.object_scores import add_up, count_objects, figures

SCORE = ROOT.parent / "shared" / "tools" / "score.py"
ALL = np.ones((100, 100), bool)


def blank() -> np.ndarray:
    return np.zeros((100, 100), bool)


def speckled(seed: int, share: float = 0.9) -> np.ndarray:
    """Blobs of all sizes."""
    import cv2

    noise = np.random.default_rng(seed).standard_normal((100, 100))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.asarray(smooth > np.quantile(smooth, share))


def test_objects_count_by_their_size_and_by_the_share_that_is_covered() -> None:
    truth, predicted = blank(), blank()
    truth[0:5, 0:5] = truth[20:30, 20:30] = truth[50:54, 0:100] = True  # 25, 100 and 400 px
    truth[90, 90:99] = True  # 9 px: does not count
    predicted[20, 20:30] = predicted[50, 0:39] = True  # 10 of 100 px, 39 of 400 px
    predicted[70:80, 70:80] = True  # 100 px where nothing is
    scored = figures(count_objects(predicted, truth, ALL))
    assert scored["object_recall"] == pytest.approx(1 / 3)  # the second one only
    assert scored["object_precision"] == pytest.approx(1 / 2)  # the line of 10 px does not count
    sizes = scored["by_size"]
    assert {name: row["true"] for name, row in sizes.items()} == {
        "20 to 49 px": 1, "50 to 199 px": 1, "200 to 999 px": 1, "1000 px or more": 0
    }  # fmt: skip
    assert sizes["50 to 199 px"] == {"recall": 1.0, "true": 1, "precision": 0.0, "predicted": 1}
    assert sizes["20 to 49 px"]["precision"] == 1.0
    assert scored["false_per_megapixel"] == pytest.approx(1e6 / (100 * 100 - 25 - 100 - 400 - 9))


def test_the_centre_line_is_found_as_far_as_it_is_covered() -> None:
    truth, predicted = blank(), blank()
    truth[40:45, 10:90] = True
    predicted[42, 10:50] = True
    assert figures(count_objects(predicted, truth, ALL))["centre_line_recall"] == pytest.approx(0.5, abs=0.03)
    predicted[42], predicted[40] = False, True  # beside it
    assert figures(count_objects(predicted, truth, ALL))["centre_line_recall"] < 0.05


@pytest.mark.parametrize(("shift", "agrees"), [(2, 1.0), (5, 0.0)])
def test_outlines_agree_within_two_pixels(shift: int, agrees: float) -> None:
    truth = blank()
    truth[:, 20:60] = True
    assert figures(count_objects(np.roll(truth, shift, 1), truth, ALL))["boundary_f1"] == agrees


def test_nodata_counts_nowhere_and_nothing_at_all_has_figures() -> None:
    valid = ALL.copy()
    valid[:, 50:] = False
    inside, beyond = blank(), blank()
    inside[10:20, 10:20] = beyond[10:20, 60:70] = True
    scored = figures(count_objects(inside | beyond, inside, valid))
    assert scored["object_precision"] == 1.0 and scored["false_per_megapixel"] == 0
    assert figures(count_objects(blank(), blank(), ~ALL))["object_recall"] == 0


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
    folders = ["--truth", tmp_path / "train_masks_256", "--image", tmp_path / "train_images_256"]
    command = [sys.executable, SCORE, "--pred", tmp_path / "predicted/train_masks_256", *folders]
    theirs = json.loads(subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout)
    ours = figures(add_up(counts))
    for name in ("object_recall", "object_precision", "boundary_f1"):
        assert ours[name] == theirs[name] and 0 < theirs[name] < 1
