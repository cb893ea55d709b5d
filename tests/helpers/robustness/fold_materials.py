"""Materials of trained folds, of a review that they gave, and of a judge of objects."""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from helpers.chips import GRID, MASKS, TINY, make_chips
from seep_lightning.scene.object_features import FEATURES, PLACE_FEATURES
from seep_lightning.scene.object_judge import Judge, term_count

ANSWERS = ("unsure", "keep", "drop", "redraw")


def folds(folder: Path, run: Any) -> None:
    """Three folds of one split."""
    make_chips(folder / "chips", scenes=6, tiles=12)
    for scene in range(6):
        _plant_errors(folder / "chips" / MASKS, scene)
    settings = ["data=seeps", "data.root=in/chips", GRID, *TINY, "data.num_workers=0", "optimizer.lr=0.02"]
    split = ["split=kfold", "split.folds=3", "split.fold=0,1,2", "test=true"]
    run("train", "-m", *settings, *split, "trainer.max_epochs=8", "hydra.sweep.dir=in/folds")


def _plant_errors(masks: Path, scene: int) -> None:
    """Take the outline of one chip away, and draw one on the sea of another."""
    for tile, value in ((1, 0), (5, 2)):
        path = masks / f"S{scene}.{tile:06d}.tif"
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        place = np.s_[:] if value == 0 else np.s_[2:8, 4:26] if not mask[:12].any() else np.s_[22:28, 4:26]
        mask[place] = value
        assert cv2.imwrite(str(path), mask)


def reviewed(folder: Path, run: Any) -> None:
    """A review with an answer to each label, in all of its files."""
    from seep_lightning.labelling.suspect_kinds import KINDS

    run("review", "runs=in/folds", "output=in/review", "most=12")
    table = folder / "review" / "review.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        wished = ANSWERS[number % len(ANSWERS)]
        choices = [answer.value for answer in KINDS[row["kind"]].choices]
        row["answer"] = wished if wished in choices else choices[0]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    _answer_layer(folder / "review" / "review.gpkg", {row["number"]: row["answer"] for row in rows})


def _answer_layer(path: Path, answers: dict[str, str]) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as database, database:
        (table,) = database.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'").fetchone()
        # triggers call functions that only GDAL has
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER [{trigger}]")
        for number, answer in answers.items():
            database.execute(f"UPDATE [{table}] SET answer = ? WHERE number = ?", (answer, number))


def judged(folder: Path, _: Any) -> None:
    """A judge of objects that keeps nearly all of them, beside a scene and a trained run."""
    _write_judge(folder / "judge.json", list(FEATURES))


def judged_places(folder: Path, _: Any) -> None:
    """A judge that knows recurrence as well, beside a history."""
    _write_judge(folder / "judge.json", [*FEATURES, *PLACE_FEATURES])


def _write_judge(path: Path, features: list[str]) -> None:
    count = len(features)
    weights = [1.0, *([0.1] * (term_count(count) - 1))]
    judge = Judge(features, [0.0] * count, [1.0] * count, weights, least=0.05, taught_on="nothing")
    path.write_text(json.dumps(asdict(judge)))
