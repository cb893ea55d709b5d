"""The declared figures worked out, as dictionaries under their keys: what summary.json and the CSV files hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.classes import Matrix, counts_by_class, true_classes
from seep_lightning.metrics.counts import Counts
from seep_lightning.metrics.figures import (
    DICE,
    PRECISION,
    RECALL,
    ClassFigure,
    ObjectFigure,
    ToleranceFigure,
    declared,
    mean_pixel_figures,
    pooled_pixel_figures,
    share_of_objects,
)
from seep_lightning.metrics.object_counts import ObjectCounts, size_class_names
from seep_lightning.metrics.tolerance import TolerantCounts

# what is told of each class and of each size of objects
CLASS_COLUMNS = (DICE, PRECISION, RECALL)


def pixel_figures(counts: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Work out the pooled figures (...) of pixel counts (..., 3)."""
    return {figure.key: figure.function(counts) for figure in pooled_pixel_figures()}


def pooled_figures(chips: Sequence[Counts]) -> dict[str, float]:
    """Work out figures over all pixels of chips, and means over chips; without chips the means are 0.

    Args:
        chips: The counts (3,) of each chip.
    """
    table = np.reshape(chips, (-1, 3))
    pooled = pixel_figures(table.sum(axis=0))
    figures = {key: float(value) for key, value in pooled.items()}
    for figure in mean_pixel_figures():
        mean = 0.0
        if len(table) > 0:
            mean = float(figure.function(table).mean())
        figures[figure.key] = mean
    return figures


def tolerance_figures(counts: TolerantCounts) -> dict[str, float]:
    """Work out the figures of counts (4,) of pixels that are right within the tolerance."""
    return {figure.key: float(figure.function(counts)) for figure in declared(ToleranceFigure)}


def mean_figures(by_class: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean over classes of each figure; nothing where there is no class."""
    rows = list(by_class)
    if not rows:
        return {}
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def class_figures(matrix: Matrix) -> dict[str, float]:
    """Work out the figures of a matrix (N + 1, N + 1) of true and predicted classes."""
    return {figure.key: float(figure.function(matrix)) for figure in declared(ClassFigure)}


def class_summary(matrix: Matrix) -> dict[str, Any]:
    """Work out `class_figures`, and under `by_class` Dice, precision, recall and true pixels of each class.

    Each class is set against all else. The sea, and classes that the truth does not hold, are left out.
    """
    counts = counts_by_class(matrix)
    pixels = matrix.sum(axis=1)
    by_class = {}
    for number in true_classes(matrix):
        row: dict[str, Any] = {}
        for figure in CLASS_COLUMNS:
            row[figure.key] = figure.function(counts[number]).item()
        row["pixels"] = pixels[number].item()
        by_class[str(number)] = row
    return {**class_figures(matrix), "by_class": by_class}


def object_summary(counts: ObjectCounts) -> dict[str, Any]:
    """Work out the figures of objects, and under `by_size` numbers, recall and precision by size class.

    A figure of no objects is None. True objects stand in the row of their own size, whatever the size of the predicted
    ones that found them; predicted ones in that of theirs.
    """
    if not counts.predicted.any():
        # of predicted specks alone, none is an object: beside none, a recall would mislead
        counts = replace(counts, found=np.zeros_like(counts.found))
    summary: dict[str, Any] = {}
    for figure in declared(ObjectFigure):
        summary[figure.key] = _or_none(float(figure.function(counts)))
    by_size = {}
    for k, name in enumerate(size_class_names()):
        true, found = counts.true[k].item(), counts.found[k].item()
        predicted, right = counts.predicted[k].item(), counts.right[k].item()
        by_size[name] = {
            "true": true,
            "found": found,
            "recall": _or_none(share_of_objects(found, true)),
            "predicted": predicted,
            "right": right,
            "precision": _or_none(share_of_objects(right, predicted)),
        }
    return {**summary, "by_size": by_size}


def objects_of_all_sizes(objects: Mapping[str, Any]) -> dict[str, Any]:
    """The row of all sizes above those of `by_size`.

    Args:
        objects: What `object_summary` says; numbers that an older version did not count are left out.
    """
    by_size = objects["by_size"].values()
    row: dict[str, Any] = {"recall": objects["object_recall"], "precision": objects["object_precision"]}
    for number in ("true", "found", "predicted", "right"):
        if all(number in size for size in by_size):
            row[number] = sum(size[number] for size in by_size)
    return row


def objects_found_together(objects: Mapping[str, Any]) -> str:
    """Say in one line that few predicted objects found many true ones; empty where they did not.

    Args:
        objects: What `object_summary` says.
    """
    row = objects_of_all_sizes(objects)
    found, predicted = row.get("found", 0), row.get("predicted", 0)
    if found <= predicted:
        return ""
    those = "1 predicted object covers" if predicted == 1 else f"{predicted} predicted objects cover"
    return f"{those} {found} true ones: an object counts as found whatever the size of what covers it."


def _or_none(value: float) -> float | None:
    """A number as JSON holds it: nothing in place of what is not a number."""
    return None if np.isnan(value) else value
