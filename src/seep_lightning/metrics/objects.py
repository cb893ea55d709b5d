"""Objects, centre lines and outlines against the truth's: counts of chips or scenes, which add up, and figures."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

Mask = NDArray[np.bool_]
Classes = NDArray[np.uint8]
Counts = NDArray[np.int64]

SIZE_CLASSES = (
    20,
    50,
    200,
    1000,
)  # px from which on an object is in the next size class; below the first it does not count
SHARE = 0.1  # an object is found, or right, where the other mask covers this share of it
MIN_AREAS = (20, 30, 50, 80, 120, 200)  # px among which `best_min_area` chooses
TOLERANCE = 2  # px between two outlines that agree


class ObjectCounts(NamedTuple):
    """Whole numbers that add up over chips and scenes. By size class, (4,) each: true objects that were found, true
    ones, predicted ones that are right, predicted ones. line (2,): centre-line pixels of the truth that were found, all
    of them. outline (4,): outline pixels of the prediction near the truth's, all; of the truth near the prediction's,
    all. sea (): valid pixels without true seep.
    """

    found: Counts
    true: Counts
    right: Counts
    predicted: Counts
    line: Counts
    outline: Counts
    sea: Counts


def count_objects(predicted: Mask, truth: Mask, valid: Mask) -> ObjectCounts:
    """Counts of two masks (H, W); pixels that are not valid are left out of both."""
    predicted, truth = predicted & valid, truth & valid
    line = skeletonize(truth)  # type: ignore[no-untyped-call]
    ours, theirs = _outline(predicted), _outline(truth)
    outline = [ours & _near(theirs), ours, theirs & _near(ours), theirs]
    lines, outlines = (np.array([part.sum() for part in parts]) for parts in ([line & predicted, line], outline))
    sea = np.array((valid & ~truth).sum())
    return ObjectCounts(*_hits(truth, predicted), *_hits(predicted, truth), lines, outlines, sea)


def add_up(counts: Iterable[ObjectCounts]) -> ObjectCounts:
    """The counts of all together."""
    return ObjectCounts(*(np.sum(part, axis=0) for part in zip(*counts, strict=True)))


def confuse_objects(predicted: Classes, truth: Classes, size: int) -> Counts:
    """Objects by their true class (row) and the commonest class found in them (column), (size, size).

    predicted, truth: classes (H, W), 0 sea. Objects of one class, `SIZE_CLASSES[0]` px or more. Column 0: true ones
    that were missed, by `SHARE`; row 0: predicted objects that are false, by the class that was predicted.
    """

    def found(objects: Mask, other: Classes) -> Counts:
        labels, area = _labelled(objects)
        seen = np.bincount(labels.ravel() * size + other.ravel(), minlength=(len(area) + 1) * size)
        seen = seen.reshape(-1, size)[1:, 1:]
        number = np.where(seen.sum(1) >= SHARE * area, 1 + seen.argmax(1), 0)[area >= SIZE_CLASSES[0]]
        return np.bincount(number, minlength=size)

    matrix = np.stack([np.zeros(size, np.int64), *(found(truth == k, predicted) for k in range(1, size))])
    matrix[0, 1:] = [found(predicted == k, truth)[0] for k in range(1, size)]
    return matrix


def best_min_area(chips: Iterable[tuple[Mask, Mask]]) -> int:
    """The least area (px, of `MIN_AREAS`) of predicted objects with which their F1 is best: what is smaller goes.

    chips: predicted and true masks (H, W), nodata in neither. The smallest of equals.
    """
    hits = np.zeros((len(MIN_AREAS), 4))  # true objects found, true ones, predicted ones right, predicted ones
    for predicted, truth in chips:
        labels, areas = _labelled(predicted)
        size = np.append(0, areas)[labels]
        for row, area in zip(hits, MIN_AREAS, strict=True):
            row += [part.sum() for part in (*_hits(truth, size >= area), *_hits(size >= area, truth))]
    recall, precision = (hits[:, k] / hits[:, k + 1].clip(1) for k in (0, 2))
    return MIN_AREAS[int((recall * precision / (recall + precision).clip(1e-12)).argmax())]


def rows(scored: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Recall, precision and numbers of a scene's `figures` as rows of a table: all objects, then by size."""
    sizes: dict[str, dict[str, float]] = scored["by_size"]
    numbers = {name: sum(row[name] for row in sizes.values()) for name in ("true", "predicted")}
    return {"all": {"recall": scored["object_recall"], "precision": scored["object_precision"], **numbers}, **sizes}


def object_figures(counts: ObjectCounts) -> dict[str, Any]:
    """Shares in 0..1, and false objects per million pixels of sea; see docs/metrics.md.

    centre_line_recall: topology sensitivity of clDice (Shit et al. 2021, eq. 1).
    """
    near_ours, ours, near_theirs, theirs = counts.outline
    precision, recall = near_ours / max(ours, 1), near_theirs / max(theirs, 1)
    names = [f"{a} to {b - 1} px" for a, b in pairwise(SIZE_CLASSES)] + [f"{SIZE_CLASSES[-1]} px or more"]
    rows = zip(names, *(column.tolist() for column in counts[:4]), strict=True)
    return {
        "object_recall": _share(counts.found, counts.true),
        "object_precision": _share(counts.right, counts.predicted),
        "centre_line_recall": _share(counts.line[:1], counts.line[1:]),
        "boundary_f1": float(2 * precision * recall / max(precision + recall, 1e-12)),
        "false_per_megapixel": float((counts.predicted - counts.right).sum() / max(counts.sea, 1) * 1e6),
        "by_size": {
            name: {"recall": f / max(t, 1), "true": t, "precision": r / max(p, 1), "predicted": p}
            for name, f, t, r, p in rows
        },
    }


def _share(part: Counts, whole: Counts) -> float:
    return float(part.sum() / max(whole.sum(), 1))


def _labelled(objects: Mask) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels (H, W) of connected objects (8 neighbours), 0 beside them, and the size of each, px."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(objects.astype(np.uint8), connectivity=8)
    return labels, stats[1:, cv2.CC_STAT_AREA]


def _hits(objects: Mask, other: Mask) -> tuple[Counts, Counts]:
    """Connected objects (8 neighbours) that the other mask covers by `SHARE`, and all, by size class."""
    labels, size = _labelled(objects)
    covered = np.bincount(labels[other], minlength=len(size) + 1)[1:]
    edges = (*SIZE_CLASSES, np.iinfo(np.int64).max)
    return np.histogram(size[covered >= SHARE * size], edges)[0], np.histogram(size, edges)[0]


def _outline(mask: Mask) -> Mask:
    """Pixels of a mask with a side on something else; the array's end is not something else."""
    inner = cv2.erode(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return mask & np.equal(inner, 0)


def _near(outline: Mask) -> Mask:
    """Pixels whose centre lies within `TOLERANCE` of an outline pixel's."""
    y, x = np.ogrid[-TOLERANCE : TOLERANCE + 1, -TOLERANCE : TOLERANCE + 1]
    disc = (x**2 + y**2 <= TOLERANCE**2).astype(np.uint8)
    return np.asarray(cv2.dilate(outline.astype(np.uint8), disc) > 0)  # 15 times as fast as distances, on a scene
