"""`seep judge`: objects found out of fold teach a judge, and it is told what that brings."""

import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from helpers.robustness.damaged_documents import Trojan
from seep_lightning.config.commands import JudgeConfig
from seep_lightning.errors import InUse, UserError
from seep_lightning.folds import second_look
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.object_tables import SceneObjects, objects_of_fold
from seep_lightning.folds.part_maps import PartMaps, Way
from seep_lightning.folds.second_look import judge_objects
from seep_lightning.folds.taught_judge import RIDGE, teach
from seep_lightning.locks import lock_path, locked
from seep_lightning.metrics.counts import count_pixels
from seep_lightning.scene.levels import level
from seep_lightning.scene.second_look import FEATURES, Judge, terms_of

NAMES = list(FEATURES)


def made_up_scene(number: int, fold: int) -> SceneObjects:
    """A scene whose objects are right if they are long, and as probable if they are wrong."""
    rng = np.random.default_rng(number)
    rows = rng.normal(size=(60, len(NAMES)))
    is_long = rows[:, NAMES.index("log_length_px")] + rng.normal(0, 0.3, 60) > 0
    areas = np.full(60, 100)
    pairs = np.stack([np.flatnonzero(is_long), np.arange(is_long.sum()), np.full(is_long.sum(), 80)])
    true_areas = np.full(is_long.sum(), 100)
    return SceneObjects(
        f"s{number}", fold, rows, areas, 80 * is_long, np.ones(60, bool), pairs, true_areas, int(true_areas.sum())
    )


def test_objects_are_counted_as_their_pixels_are(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    (fold,) = find_folds([run])
    scenes = PartMaps(fold, "test").scenes()
    threshold = float(second_look_threshold(run))
    for scene, objects in zip(scenes, objects_of_fold(fold, Way()), strict=True):
        group = (scene.probability >= level(0.6 * threshold)).astype(np.uint8)
        _, labels = cv2.connectedComponents(group, connectivity=8)
        core = scene.probability >= level(threshold)
        large = np.bincount(labels[core], minlength=labels.max() + 1) >= 20
        mask = core & large[labels]
        counts = objects.counts(np.ones(len(objects.areas), bool))
        assert counts[:3].tolist() == count_pixels(mask, scene.seep).tolist()
        assert objects.rows.shape == (len(objects.areas), len(NAMES)) and np.isfinite(objects.rows).all()
        assert objects.counts(np.zeros(len(objects.areas), bool))[[0, 1, 3, 5, 6]].tolist() == [0] * 5


def second_look_threshold(run: Path) -> float:
    from seep_lightning.predictor.loading import load

    return load(run).threshold


def test_the_judge_is_a_logistic_regression() -> None:
    scenes = [made_up_scene(number, 0) for number in range(3)]
    rows, right = (np.concatenate([getattr(scene, name) for scene in scenes]) for name in ("rows", "right"))
    judge = teach(rows, right, np.ones(len(rows)))
    terms = terms_of(rows, rows.mean(axis=0), rows.std(axis=0))[:, 1:]
    other = LogisticRegression(C=1 / RIDGE, tol=1e-8, max_iter=5000).fit(terms, right)
    assert judge.scores(rows) == pytest.approx(other.predict_proba(terms)[:, 1], abs=1e-4)


def test_it_brings_what_it_says_on_scenes_that_it_was_not_taught_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folds: list[Any] = [[made_up_scene(2 * k, k), made_up_scene(2 * k + 1, k)] for k in range(4)]
    monkeypatch.setattr(second_look, "find_folds", lambda runs: folds[: len(runs)])
    monkeypatch.setattr(second_look, "objects_of_fold", lambda fold, way: fold)
    config = JudgeConfig(runs=["0", "1", "2", "3"], output=str(tmp_path / "judge.json"))
    taught = judge_objects(config)
    assert Judge.read(taught.path) == taught.judge
    dice, object_f1 = taught.gains
    assert dice.without == pytest.approx(2 * 80 / (100 + 200), abs=0.05)
    assert dice.with_judge > dice.without + 0.1 and object_f1.with_judge > object_f1.without + 0.1
    assert dice.interval is not None and dice.interval[0] > 0 and dice.better == dice.scenes == 8
    with pytest.raises(UserError, match="is there already"):
        judge_objects(config)
    with pytest.raises(UserError, match="2 folds; expected 3"):
        judge_objects(replace(config, runs=["0", "1"], overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["judge.json"]
    lock = lock_path(taught.path)
    with locked(lock, "output=judge.json", "judge"), ThreadPoolExecutor(1) as other, pytest.raises(InUse):
        other.submit(judge_objects, replace(config, overwrite=True)).result()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("deviations", [0.0] * len(NAMES)),
        ("means", [float("nan")] * len(NAMES)),
        ("least", 2),
        ("taught_on", "x" * 2000),
    ],
)
def test_numbers_that_are_none_of_a_judge_are_refused(key: str, value: object, tmp_path: Path) -> None:
    judge = teach(np.random.default_rng(0).normal(size=(60, len(NAMES))), np.ones(60), np.ones(60))
    (tmp_path / "judge.json").write_text(json.dumps({**asdict(judge), key: value}))
    with pytest.raises(UserError, match=f"judge.json.*{key}"):
        Judge.read(tmp_path / "judge.json")


def test_a_pickle_is_no_judge(tmp_path: Path) -> None:
    (tmp_path / "judge.json").write_bytes(pickle.dumps(Trojan()))
    with pytest.raises(UserError, match="judge.json"):
        Judge.read(tmp_path / "judge.json")
    assert not Path("planted_by_a_document").exists()
