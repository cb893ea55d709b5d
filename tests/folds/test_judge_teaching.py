"""`seep judge`: objects found out of fold teach a judge, and it is told what that brings."""

import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from helpers.robustness.damaged_documents import Trojan
from seep_lightning.config.commands import JudgeConfig
from seep_lightning.errors import InUse, UserError
from seep_lightning.folds import judge_teaching, object_tables
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.judge_fit import RIDGE, teach
from seep_lightning.folds.judge_teaching import judge_objects
from seep_lightning.folds.object_rows import ObjectRows
from seep_lightning.folds.object_tables import SceneObjects, objects_of_fold
from seep_lightning.folds.part_maps import PartMaps, Way
from seep_lightning.folds.place_days import PlaceDay
from seep_lightning.locks import lock_path, locked
from seep_lightning.metrics.counts import count_pixels
from seep_lightning.scene.boxes import Box
from seep_lightning.scene.levels import level
from seep_lightning.scene.object_features import FEATURES, PLACE_FEATURES, POINTS
from seep_lightning.scene.object_judge import Judge, term_count, terms_of

NAMES = list(FEATURES)


def made_up_scene(number: int, fold: int) -> SceneObjects:
    """A scene whose objects are right if they are long, and as probable if they are wrong."""
    rng = np.random.default_rng(number)
    rows = rng.normal(size=(60, len(NAMES)))
    is_long = rows[:, NAMES.index("log_length_px")] + rng.normal(0, 0.3, 60) > 0
    areas = np.full(60, 100)
    pairs = np.stack([np.flatnonzero(is_long), np.arange(is_long.sum()), np.full(is_long.sum(), 80)])
    true_areas = np.full(is_long.sum(), 100)
    usual, points = np.ones(60, bool), np.zeros((60, POINTS, 2))
    seep = int(true_areas.sum())
    return SceneObjects(f"s{number}", fold, rows, areas, 80 * is_long, usual, pairs, true_areas, seep, points)


def lying_on_oil(scene: SceneObjects) -> SceneObjects:
    """The scene with its objects in one row of cells: right ones where all scenes have oil, wrong ones elsewhere."""
    is_right = scene.hits > 0
    place = np.where(is_right[:, None], [40.0, 4.0], [160.0, 4.0])
    seen, looked = np.zeros((1, 32), np.float32), np.ones((1, 32), np.float32)
    seen[0, 4:6] = 1
    points = np.repeat(place[:, None], POINTS, axis=1)
    rows = np.random.default_rng(0).normal(size=scene.rows.shape)
    return replace(scene, rows=rows, points=points, day=PlaceDay(0, seen, looked))


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
        columns, rows = objects.points[..., 0].astype(int), objects.points[..., 1].astype(int)
        assert core[rows, columns].all() and objects.points.shape[1:] == (POINTS, 2)
        assert objects.counts(np.zeros(len(objects.areas), bool))[[0, 1, 3, 5, 6]].tolist() == [0] * 5


def test_pixels_whose_truth_nobody_knows_are_not_false(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_tables, "features_of", lambda seep: np.zeros(len(NAMES)))
    monkeypatch.setattr(object_tables, "points_of", lambda seep: np.zeros((POINTS, 2)))
    truth, valid = np.zeros((8, 40), np.int32), np.ones((8, 40), bool)
    truth[:, :10], valid[:, 10:] = 1, False
    collector = object_tables._Collector(truth, valid)
    for left, right in ((0, 20), (20, 40), (0, 10)):
        collector.note(SimpleNamespace(box=Box(0, 8, left, right), core=np.ones((8, right - left), bool)))
    # 80 of the 160 px of the first are known; of the second none
    assert collector.areas == [80, 80] and collector.sizes == [160, 80]
    assert collector.pairs == [(0, 0, 80), (1, 0, 80)]


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
    monkeypatch.setattr(judge_teaching, "find_folds", lambda runs: folds[: len(runs)])
    monkeypatch.setattr(judge_teaching, "objects_of_fold", lambda fold, way, recurs: fold)
    config = JudgeConfig(runs=["0", "1", "2", "3"], output=str(tmp_path / "judge.json"))
    taught = judge_objects(config)
    assert Judge.read(taught.path) == taught.judge
    dice, object_f1 = taught.gains
    assert dice.without == pytest.approx(2 * 80 / (100 + 200), abs=0.05)
    assert dice.with_judge > dice.without + 0.1 and object_f1.with_judge > object_f1.without + 0.1
    assert dice.interval is not None and dice.interval[0] > 0 and dice.better == dice.scenes == 8
    # p_max and area tell nothing here, however they are tuned
    tuned, _ = taught.tuned_gains
    assert tuned.with_judge == dice.with_judge > tuned.without + 0.1
    # pieces of a scene in several folds count as one
    folds[:] = [[replace(scene, name="north bay") for scene in fold] for fold in folds]
    assert judge_objects(replace(config, overwrite=True)).gains[0].scenes == 1
    folds[:] = [[made_up_scene(k, k)] for k in range(4)]
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
        ("deviations", [5e-324] * len(NAMES)),
        ("deviations", [1e308] * len(NAMES)),
        ("means", [float("nan")] * len(NAMES)),
        ("means", [-1e308] * len(NAMES)),
        ("weights", [1e308, -1e308] * 39),
        ("least", 2),
        ("taught_on", "x" * 2000),
    ],
)
def test_numbers_that_are_none_of_a_judge_are_refused(key: str, value: object, tmp_path: Path) -> None:
    judge = teach(np.random.default_rng(0).normal(size=(60, len(NAMES))), np.ones(60), np.ones(60))
    (tmp_path / "judge.json").write_text(json.dumps({**asdict(judge), key: value}))
    with pytest.raises(UserError, match=f"judge.json.*{key}"):
        Judge.read(tmp_path / "judge.json")


def test_a_feature_that_stands_in_a_judge_again_and_again_is_not_measured_so_often(tmp_path: Path) -> None:
    count = 1000
    judge = Judge(["p_around"] * count, [0.0] * count, [1.0] * count, [0.0] * term_count(count), least=0.5)
    (tmp_path / "judge.json").write_text(json.dumps(asdict(judge)))
    with pytest.raises(UserError, match=r"judge.json: a feature stands twice in it"):
        Judge.read(tmp_path / "judge.json")


@pytest.mark.parametrize(("weight", "expected"), [(1e6, 1.0), (-1e6, 0.0)])
def test_the_largest_numbers_of_a_judge_give_a_score(weight: float, expected: float, tmp_path: Path) -> None:
    count = len(NAMES)
    judge = Judge(NAMES, [-1e6] * count, [1e-30] * count, [weight] * term_count(count), least=0.5)
    (tmp_path / "judge.json").write_text(json.dumps(asdict(judge)))
    rows = np.stack([np.zeros(count), np.full(count, 1e6), np.full(count, np.inf)])
    with np.errstate(all="raise"):
        assert Judge.read(tmp_path / "judge.json").scores(rows) == pytest.approx(expected)


def test_a_feature_that_nobody_can_tell_counts_as_the_mean() -> None:
    rng = np.random.default_rng(0)
    judge = teach(rng.normal(5, 2, size=(60, len(NAMES))), rng.random(60), np.ones(60))
    row = rng.normal(5, 2, size=len(NAMES))
    row[3] = judge.means[3]
    unknown = row.copy()
    unknown[3] = np.nan
    assert judge.scores(unknown[None]) == judge.scores(row[None])


def test_a_pickle_is_no_judge(tmp_path: Path) -> None:
    (tmp_path / "judge.json").write_bytes(pickle.dumps(Trojan()))
    with pytest.raises(UserError, match="judge.json"):
        Judge.read(tmp_path / "judge.json")
    assert not Path("planted_by_a_document").exists()


def test_recurrence_at_an_object_teaches_a_judge_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folds: list[Any] = [[lying_on_oil(made_up_scene(2 * k + n, k)) for n in range(2)] for k in range(4)]
    monkeypatch.setattr(judge_teaching, "find_folds", lambda runs: folds)
    monkeypatch.setattr(judge_teaching, "objects_of_fold", lambda fold, way, recurs: fold)
    taught = judge_objects(JudgeConfig(runs="x", output=str(tmp_path / "judge.json"), recurrence=True))
    dice, _ = taught.recurrence_gains
    assert dice.with_judge - dice.without > 0.1 and taught.gains[0].with_judge == dice.with_judge
    judge = Judge.read(taught.path)
    assert judge.features == [*FEATURES, *PLACE_FEATURES] and judge.place_features == list(PLACE_FEATURES)
    assert "with recurrence" in judge.taught_on


def test_no_object_knows_outlines_of_its_own_scene_or_of_a_fold_that_is_judged() -> None:
    scenes = [lying_on_oil(made_up_scene(number, number // 2)) for number in range(6)]
    own, hidden = scenes[2], frozenset([0])
    rows = ObjectRows(scenes, recurs=True).of(own, hidden)
    # whatever scene 2 and fold 0 outline: the rows stay; those of scene 3 and fold 2 count
    for other in range(6):
        day = replace(own.day, seen=np.ones_like(own.day.seen)) if own.day else None
        changed = [replace(scene, day=day) if number == other else scene for number, scene in enumerate(scenes)]
        same = (ObjectRows(changed, recurs=True).of(changed[2], hidden) == rows).all()
        assert same == (other in (0, 1, 2))
    # parts of one scene in several folds, as of a split by chips, are one scene
    parts = [replace(scene, name="s2") for scene in scenes]
    assert (ObjectRows(parts, recurs=True).of(parts[2], frozenset())[:, -1] == 0).all()


def test_what_teaches_and_what_judges_never_knows_the_fold_that_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = [lying_on_oil(made_up_scene(number, number)) for number in range(4)]
    asked: list[tuple[int, frozenset[int]]] = []
    rows = ObjectRows(scenes, recurs=True)
    recurrence = rows.of

    def noted(scene: SceneObjects, hidden: frozenset[int]) -> Any:
        asked.append((scene.fold, hidden))
        return recurrence(scene, hidden)

    monkeypatch.setattr(rows, "of", noted)
    judge_teaching._judged(scenes, rows)
    for fold in range(4):
        assert (fold, frozenset([fold])) in asked
        # the least score: each other fold is judged by what knows neither of the two
        for inner in set(range(4)) - {fold}:
            both = frozenset([fold, inner])
            assert {asking for asking, hidden in asked if hidden == both} == set(range(4))
    assert all(hidden for _, hidden in asked)
