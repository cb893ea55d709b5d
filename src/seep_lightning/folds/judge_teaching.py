"""Teach a judge on out-of-fold objects, and tell what it brings on scenes that it was not taught on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import JudgeConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.counted import counted
from seep_lightning.data import loading
from seep_lightning.data.inputs import path_list
from seep_lightning.errors import UserError
from seep_lightning.files import remove_leftovers, with_home, write_text
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.judge_fit import chosen_threshold, teach
from seep_lightning.folds.object_rows import Folds, ObjectRows
from seep_lightning.folds.object_tables import COUNTED, Counts, SceneObjects, objects_of_fold
from seep_lightning.folds.part_maps import Way
from seep_lightning.folds.told_once import told_once
from seep_lightning.folds.tuned_rule import counts_by_tuned_rule
from seep_lightning.locks import lock_path, locked
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.jackknife import added_by_scene
from seep_lightning.metrics.paired import FigureFunction, interval_of_difference, paired_difference
from seep_lightning.scene.object_judge import Judge

FEWEST_FOLDS = 3
"""A fold is judged by what two others taught, at least."""
FEWEST_OBJECTS = 50
SCORES = np.round(np.arange(0.0, 0.95, 0.025), 3)
"""Among which the least score is chosen."""

Objects = Sequence[SceneObjects]


def dice(counts: Counts) -> NDArray[np.float64]:
    """Pooled Dice of counts (..., 7)."""
    figure: NDArray[np.float64] = DICE.function(counts[..., :3])
    return figure


def object_f1(counts: Counts) -> NDArray[np.float64]:
    """The harmonic mean of object recall and object precision, of counts (..., 7)."""
    found, true, right, predicted = np.moveaxis(counts[..., 3:], -1, 0)
    recall = found / np.maximum(true, 1)
    precision = right / np.maximum(predicted, 1)
    return np.asarray(2 * recall * precision / np.maximum(recall + precision, 1e-12))


JUDGED_FIGURES: dict[str, FigureFunction] = {"dice": dice, "object_f1": object_f1}


@dataclass(frozen=True)
class Gain:
    """What a second look brings on scenes that it was not taught on.

    Attributes:
        figure: Its name, a key of `JUDGED_FIGURES`.
        without: The figure of the objects that are kept without it.
        with_judge: That of those that the judge keeps.
        interval: 95 % of the difference over scenes; None with too few.
        better: In how many scenes it is better.
        scenes: How many there are.
    """

    figure: str
    without: float
    with_judge: float
    interval: tuple[float, float] | None
    better: int
    scenes: int


@dataclass(frozen=True)
class TaughtJudge:
    """A judge with what it brought out of fold.

    Attributes:
        judge: Taught on all objects.
        path: Its file.
        objects: How many.
        gains: One for each figure.
        tuned_gains: The same against least maximum and least area that are tuned on the other folds, as the judge is.
        recurrence_gains: What recurrence brings to a judge without it; none where it was not asked for.
    """

    judge: Judge
    path: Path
    objects: int
    gains: list[Gain]
    tuned_gains: list[Gain]
    recurrence_gains: list[Gain]


@trusting_its_config
def judge_objects(config: JudgeConfig) -> TaughtJudge:
    """Do what `seep judge` is asked for.

    Args:
        config: The settings of the command.

    Raises:
        InUse: Another process writes `output`.
        UserError: The runs are not the folds of one split, or too few of them; the output is there already.
    """
    check_config(config)
    path = with_home(config.output)
    with locked(lock_path(path), f"output={config.output}", "judge"):
        if path.exists() and not config.overwrite:
            raise UserError(f"{path} is there already. Choose another output, or pass overwrite=true to replace it.")
        remove_leftovers(path.parent)
        return _taught_of_runs(config, path)


def _taught_of_runs(config: JudgeConfig, path: Path) -> TaughtJudge:
    """Teach a judge and write its file."""
    folds = find_folds(path_list("runs", config.runs))
    if len(folds) < FEWEST_FOLDS:
        raise UserError(f"runs={config.runs}: {len(folds)} folds; expected {FEWEST_FOLDS} at least (split=kfold).")
    way = Way(device=config.device)
    recurs = config.recurrence
    # each fold would tell the same of its files
    with told_once(loading.__name__):
        found = (objects_of_fold(fold, way, recurs) for fold in counted(folds, "judged", "folds"))
        scenes = list(chain.from_iterable(found))
    count = sum(len(scene.areas) for scene in scenes)
    if count < FEWEST_OBJECTS:
        raise UserError(f"runs={config.runs}: {count} objects on their test scenes; expected {FEWEST_OBJECTS} or more.")
    rows = ObjectRows(scenes, recurs)
    judged = _judged(scenes, rows)
    names = [scene.name for scene in scenes]
    gains = _gains(names, _as_usual(scenes), judged)
    tuned_gains = _gains(names, counts_by_tuned_rule(scenes, dice), judged)
    recurrence_gains = _gains(names, _judged(scenes, ObjectRows(scenes, recurs=False)), judged) if recurs else []
    told = f"{count} objects of {len(scenes)} scenes, {len(folds)} folds"
    if recurs:
        told += ", with recurrence at their places"
    judge = replace(_taught(scenes, rows), least=_least(scenes, rows), taught_on=told)
    write_text(path, json.dumps(asdict(judge), indent=1) + "\n")
    return TaughtJudge(judge, path, count, gains, tuned_gains, recurrence_gains)


def _as_usual(scenes: Objects) -> Counts:
    """Counts (N, 7) of the objects that are kept without a judge."""
    return np.array([scene.counts(scene.usual) for scene in scenes])


def _judged(scenes: Objects, rows: ObjectRows) -> Counts:
    """Counts (N, 7) of the objects that are kept where each fold's scenes are judged by what all others taught."""
    counts = np.zeros((len(scenes), len(COUNTED)), np.int64)
    for fold in {scene.fold for scene in scenes}:
        others = [scene for scene in scenes if scene.fold != fold]
        hidden = frozenset([fold])
        judge, least = _taught(others, rows, hidden), _least(others, rows, hidden)
        for number, scene in enumerate(scenes):
            if scene.fold == fold:
                counts[number] = scene.counts(judge.scores(rows.of(scene, hidden)) >= least)
    return counts


def _gains(names: Sequence[str], without: Counts, with_judge: Counts) -> list[Gain]:
    """What a second look brings to each figure; pieces that the split cut of a scene count as one."""
    without, with_judge = (np.array(list(added_by_scene(names, counts).values())) for counts in (without, with_judge))
    return [_gain(name, without, with_judge) for name in JUDGED_FIGURES]


def _gain(name: str, without: Counts, with_judge: Counts) -> Gain:
    figure = JUDGED_FIGURES[name]
    pairs = np.stack([with_judge, without], axis=1)
    return Gain(
        name,
        float(figure(without.sum(axis=0))),
        float(figure(with_judge.sum(axis=0))),
        interval_of_difference(pairs, paired_difference(figure)),
        int((figure(with_judge) > figure(without)).sum()),
        len(without),
    )


def _taught(scenes: Objects, rows: ObjectRows, hidden: Folds = frozenset()) -> Judge:
    """A judge of the objects of some scenes, which knows no outline of hidden folds.

    The share of an object that is seep decides whether it raises Dice. Taught by objects that each count as one, and
    chosen by their F1, it is worse on scenes that it was not taught on: a few large false objects cost most.
    """
    features = np.concatenate([rows.of(scene, hidden) for scene in scenes])
    areas = np.concatenate([scene.areas for scene in scenes])
    share = np.concatenate([scene.hits for scene in scenes]) / areas
    return teach(features, share, areas / areas.mean(), rows.names)


def _least(scenes: Objects, rows: ObjectRows, hidden: Folds = frozenset()) -> float:
    """The least score with the best pooled Dice for some scenes, each judged by what the other folds taught."""
    tables = []
    for fold in {scene.fold for scene in scenes}:
        both = hidden | {fold}
        judge = _taught([scene for scene in scenes if scene.fold != fold], rows, both)
        for scene in scenes:
            if scene.fold == fold:
                scores = judge.scores(rows.of(scene, both))
                tables.append([scene.counts(scores >= least) for least in SCORES])
    figures = dice(np.sum(tables, axis=0))
    return chosen_threshold(figures.tolist(), SCORES.tolist())
