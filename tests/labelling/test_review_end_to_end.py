"""The whole way by commands: folds, a review, answers, a corrected data set, a training on it."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.chips import GRID, MASKS, TINY, make_chips
from helpers.command_line import seep

OVERLOOKED, INVENTED = "S0.000001.tif", "S3.000002.tif"


@pytest.mark.slow
def test_from_folds_to_a_training_on_corrected_labels(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", scenes=6, tiles=8)
    labels = plant_errors(root)
    data = ["data=seeps", GRID, *TINY]
    folds = ["split=kfold", "split.folds=3", "split.fold=0,1,2", f"hydra.sweep.dir={tmp_path / 'folds'}"]
    said("train", "-m", *data, *folds, f"data.root={root}", "trainer.max_epochs=15")
    listed = said("review", f"runs={tmp_path / 'folds'}", f"output={tmp_path / 'review'}")
    assert "judged 48 of 48 chips: each by the run that did not learn from it" in listed
    again = seep("review", f"runs={tmp_path / 'folds'}", f"output={tmp_path / 'review'}")
    assert again.returncode == 2
    assert "exists and is not empty. Choose another, or pass overwrite=true." in again.stderr
    answer(tmp_path / "review" / "review.csv", {("missing", OVERLOOKED): "redraw", ("false", INVENTED): "unsure"})
    corrected = tmp_path / "corrected"
    done = said("prepare", f"review={tmp_path / 'review' / 'review.csv'}", f"output={corrected}")
    assert "labels are answered: 1 redraw, 1 unsure" in done or "labels are answered: 1 unsure, 1 redraw" in done
    assert "ignored:   1, 110 px" in done
    drawn = cv2.imread(str(corrected / MASKS / OVERLOOKED), cv2.IMREAD_UNCHANGED) > 0
    assert (drawn & (labels > 0)).sum() >= 0.7 * (labels > 0).sum()
    run = [f"data.root={corrected}", "trainer.max_epochs=1", f"hydra.run.dir={tmp_path / 'run'}"]
    assert "data: 2 labels were reviewed: 1 corrected" in said("train", *data, *run)


def said(*arguments: str) -> str:
    """What a command prints that ends well."""
    done = seep(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def plant_errors(root: Path) -> np.ndarray:
    """Take an outline away, and draw one on the sea. Returns the labels that were taken away."""
    overlooked, invented = root / MASKS / OVERLOOKED, root / MASKS / INVENTED
    labels = cv2.imread(str(overlooked), cv2.IMREAD_UNCHANGED)
    assert cv2.imwrite(str(overlooked), np.zeros_like(labels))
    others = cv2.imread(str(invented), cv2.IMREAD_UNCHANGED)
    row = 4 if others[:16].sum() == 0 else 22
    others[row : row + 5, 4:26] = 2
    assert cv2.imwrite(str(invented), others)
    return labels


def answer(table: Path, answers: dict[tuple[str, str], str]) -> None:
    """Answer by kind and chip: there is one of each in the list."""
    with table.open() as file:
        rows = list(csv.DictReader(file))
    for (kind, chip), text in answers.items():
        (row,) = [row for row in rows if row["kind"] == kind and chip in row["chips"]]
        row["answer"] = text
    with table.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
