"""Objects, centre lines and outlines of predicted masks against the truth's."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.centre_lines import centre_lines
from seep_lightning.metrics.object_counts import SIZE_CLASSES, ObjectCounts
from seep_lightning.metrics.tolerance import within_tolerance

Mask = NDArray[np.bool_]
Classes = NDArray[np.uint8]
Counts = NDArray[np.int64]

# an object is found, or right, where the other mask covers this share of it
COVERED_SHARE = 0.1
# px among which `MinAreaSearch` chooses
MIN_AREAS = (20, 30, 50, 80, 120, 200)


def count_objects(predicted: Mask, truth: Mask, valid: Mask, lines: Mask | None = None) -> ObjectCounts:
    """Count objects, centre lines and outlines.

    Args:
        predicted: Where seep was predicted, (H, W).
        truth: Where seep is, (H, W).
        valid: Pixels to count; all others are left out of both masks.
        lines: `centre_lines` of the valid seep, (H, W); None finds them here.

    Returns:
        The counts of this chip or scene.
    """
    predicted = predicted & valid
    truth = truth & valid
    both = predicted & truth
    true_objects = _hits(_labelled(truth), both)
    predicted_objects = _hits(_labelled(predicted), both)
    line = centre_lines(truth) if lines is None else lines
    predicted_outline = _outline(predicted)
    true_outline = _outline(truth)
    return ObjectCounts(
        found=true_objects.covered,
        true=true_objects.total,
        right=predicted_objects.covered,
        predicted=predicted_objects.total,
        line_found=_count(line & predicted),
        line=_count(line),
        predicted_outline_near=_count(predicted_outline & within_tolerance(true_outline)),
        predicted_outline=_count(predicted_outline),
        true_outline_near=_count(true_outline & within_tolerance(predicted_outline)),
        true_outline=_count(true_outline),
        sea=_count(valid & ~truth),
    )


def confuse_objects(predicted: Classes, truth: Classes, size: int) -> Counts:
    """Count objects by their true class (row) and the commonest class predicted in them (column).

    An object is a patch of one class, of `SIZE_CLASSES[0]` pixels or more. Column 0 holds true objects that were missed
    (less than `COVERED_SHARE` of them is predicted), row 0 predicted objects that are false, by their class.

    Args:
        predicted: Classes (H, W), 0 for the sea.
        truth: Classes (H, W), 0 for the sea.
        size: Number of classes, the sea included.

    Returns:
        The matrix (size, size).
    """
    matrix = np.zeros((size, size), np.int64)
    for number in range(1, size):
        matrix[number] = _classes_in_objects(truth == number, predicted, size)
    for number in range(1, size):
        matrix[0, number] = _classes_in_objects(predicted == number, truth, size)[0]
    return matrix


class MinAreaSearch:
    """Looks for the least area of predicted objects with which their F1 is best; what is smaller would be dropped.

    Chips are counted one after the other, so that no mask need be kept.
    """

    def __init__(self) -> None:
        """Count nothing yet, at any of `MIN_AREAS`."""
        self._found, self._true, self._right, self._predicted = np.zeros((4, len(MIN_AREAS)))

    def add(self, prediction: Mask, truth: Mask) -> None:
        """Count the objects of a chip.

        Args:
            prediction: The predicted mask (H, W), without nodata.
            truth: The true one, likewise.
        """
        objects = _labelled(prediction)
        true_objects = _labelled(truth)
        for k, min_area in enumerate(MIN_AREAS):
            kept = objects.mask_of(min_area)
            true_hits = _hits(true_objects, kept)
            kept_hits = _hits(_labelled(kept), truth)
            self._found[k] += true_hits.covered.sum()
            self._true[k] += true_hits.total.sum()
            self._right[k] += kept_hits.covered.sum()
            self._predicted[k] += kept_hits.total.sum()

    def best(self) -> int:
        """The least area, px: one of `MIN_AREAS`, the smallest of equals."""
        recall = self._found / self._true.clip(1)
        precision = self._right / self._predicted.clip(1)
        # half of F1, whose largest is at the same place
        half_f1 = recall * precision / (recall + precision).clip(1e-12)
        return MIN_AREAS[int(half_f1.argmax())]


@dataclass(frozen=True)
class _LabelledObjects:
    """Connected objects (8 neighbours): labels (H, W) from 1, 0 beside them; areas (objects,), px."""

    labels: NDArray[Any]
    areas: NDArray[Any]

    def mask_of(self, least: int) -> Mask:
        """Where objects of so many pixels or more are."""
        is_kept = np.append(False, self.areas >= least)
        mask: Mask = is_kept[self.labels]
        return mask


@dataclass(frozen=True)
class _Hits:
    """Objects that the other mask covers by `COVERED_SHARE`, and all objects, by size class: (4,) each."""

    covered: Counts
    total: Counts


def _labelled(mask: Mask) -> _LabelledObjects:
    """Label the connected objects of a mask."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    # OpenCV's own statistics take six times as long
    areas = np.bincount(labels[mask], minlength=count)[1:]
    return _LabelledObjects(labels, areas)


def _hits(objects: _LabelledObjects, other: Mask) -> _Hits:
    """Count the objects that another mask covers; what it holds beside them does not count."""
    covered_pixels = np.bincount(objects.labels[other], minlength=len(objects.areas) + 1)[1:]
    is_covered = covered_pixels >= COVERED_SHARE * objects.areas
    # 0 for what is smaller than the first class
    sizes = np.searchsorted(SIZE_CLASSES, objects.areas, side="right")
    covered = np.bincount(sizes[is_covered], minlength=len(SIZE_CLASSES) + 1)[1:]
    total = np.bincount(sizes, minlength=len(SIZE_CLASSES) + 1)[1:]
    return _Hits(covered, total)


def _classes_in_objects(mask: Mask, other: Classes, size: int) -> Counts:
    """Count objects by the commonest class in them, 0 for none: (size,)."""
    if not mask.any():
        return np.zeros(size, np.int64)
    objects = _labelled(mask)
    keys = (objects.labels[mask] - 1) * size + other[mask]
    pixels = np.bincount(keys, minlength=len(objects.areas) * size)
    # rows: objects; columns: classes, without the sea
    pixels = pixels.reshape(-1, size)[:, 1:]
    is_covered = pixels.sum(axis=1) >= COVERED_SHARE * objects.areas
    classes = np.where(is_covered, 1 + pixels.argmax(axis=1), 0)
    large_enough = objects.areas >= SIZE_CLASSES[0]
    return np.bincount(classes[large_enough], minlength=size)


def _count(mask: Mask) -> int:
    """How many pixels a mask holds; ten times as fast as its sum."""
    return int(np.count_nonzero(mask))


def _outline(mask: Mask) -> Mask:
    """Pixels of a mask with a side on something else; the array's end is not something else."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross)
    return mask & np.equal(inner, 0)
