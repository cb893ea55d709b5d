"""Objects of a probability raster of any height: found a strip of rows at a time, each as soon as it is complete."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seep_lightning.scene.raster import Raster

STRIP_PIXELS = 1 << 22
"""Pixels of a strip: its labels take 16 MB."""
LARGEST_BOX_PIXELS = 1 << 24
"""Pixels of an object's box from which on it is cut at the next strip, so that memory is bounded."""
NARROWEST_BOX_SHARE = 8
"""An object's box counts as at least one such part of the scene wide."""
Labels = NDArray[np.int32]
Numbers = NDArray[np.int64]
Core = NDArray[np.bool_]
"""Pixels of one object, (h, w)."""
ObjectTable = NDArray[np.void]
"""Objects in a structured array (N,), whose fields are those of `SceneObject`."""


class SceneObject(NamedTuple):
    """One object of a scene.

    Attributes:
        first: Its first pixel, row * width + column.
        top: First row.
        left: First column.
        bottom: Row after the last.
        right: Column after the last.
        peak: Largest stored value.
        core: Number of pixels at the `trim` threshold or above.
    """

    first: int
    top: int
    left: int
    bottom: int
    right: int
    peak: int
    core: int


OBJECT_DTYPE = np.dtype([(name, np.int64) for name in SceneObject._fields])
MERGED_BY = {
    "first": np.minimum,
    "top": np.minimum,
    "left": np.minimum,
    "bottom": np.maximum,
    "right": np.maximum,
    "peak": np.maximum,
    "core": np.add,
}
"""How each field of an object follows from those of its parts."""


def find_objects(source: Raster, group: int, trim: int, keep: int, smallest: int = 1) -> Iterator[SceneObject]:
    """Objects of a probability raster by thresholds on its stored values, each once.

    An object whose box holds `LARGEST_BOX_PIXELS` ends with its strip; what lies below counts as another object.

    Args:
        source: The raster, of which band 1 is read.
        group: Stored value at which pixels that touch (8 neighbours) are one object.
        trim: Stored value at which a pixel counts for the size of its object.
        keep: Stored value that an object reaches somewhere.
        smallest: Least number of pixels at `trim`.

    Yields:
        Each object as soon as it is complete.
    """
    strip_rows = max(1, STRIP_PIXELS // source.width)
    open_objects = np.zeros(0, OBJECT_DTYPE)
    # for each pixel of the last row seen the number, from 1, of its open object
    seam: Labels = np.zeros(source.width, np.int32)
    for start in range(0, source.height, strip_rows):
        stop = min(start + strip_rows, source.height)
        values, valid = source.read(start, stop)
        labels, new_objects = _label(np.where(valid, values[0], 0), start, group, trim)
        parts = np.concatenate((open_objects, new_objects))
        numbers = _joined_across(seam, labels[0], len(open_objects), len(parts))
        objects = _merge(parts, numbers)
        # the object of each pixel of the last row, -1 for none
        object_of_label = np.append(-1, numbers[len(open_objects) :])
        last_row = object_of_label[labels[-1]]
        goes_on = np.isin(np.arange(len(objects)), last_row)
        goes_on &= _fits_into_memory(objects, source.width)
        goes_on &= stop < source.height
        seam = _renumber(last_row, goes_on)
        open_objects = objects[goes_on]
        yield from _select(objects[~goes_on], keep, smallest)


def _label(plane: NDArray[np.uint8], start: int, group: int, trim: int) -> tuple[Labels, ObjectTable]:
    """Labels 0, 1.. of a strip (n, W) whose first row is `start`, and its objects in the order of their labels."""
    mask = (plane >= group).astype(np.uint8)
    count, labelled, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    labels = np.asarray(labelled, np.int32)
    # the first row is of label 0, which belongs to no object
    boxes = stats[1:]
    objects = np.zeros(count - 1, OBJECT_DTYPE)
    objects["top"] = boxes[:, cv2.CC_STAT_TOP] + start
    objects["left"] = boxes[:, cv2.CC_STAT_LEFT]
    objects["bottom"] = objects["top"] + boxes[:, cv2.CC_STAT_HEIGHT]
    objects["right"] = objects["left"] + boxes[:, cv2.CC_STAT_WIDTH]
    pixels = np.flatnonzero(labels)
    numbers = labels.ravel()[pixels] - 1
    values = plane.ravel()[pixels]
    objects["first"] = _first_pixels(pixels, numbers, count - 1) + start * plane.shape[1]
    objects["peak"] = _largest_values(values, numbers, count - 1)
    objects["core"] = np.bincount(numbers[values >= trim], minlength=count - 1)
    return labels, objects


def _first_pixels(pixels: Numbers, numbers: Labels, count: int) -> Numbers:
    """The first of each object's pixels, which ascend."""
    first = np.zeros(count, np.int64)
    # of several pixels of an object the last assigned stays
    first[numbers[::-1]] = pixels[::-1]
    return first


def _largest_values(values: NDArray[np.uint8], numbers: Labels, count: int) -> NDArray[np.uint8]:
    """The largest of each object's values."""
    largest = np.zeros(count, np.uint8)
    np.maximum.at(largest, numbers, values)
    return largest


def _joined_across(seam: Labels, row: Labels, open_count: int, count: int) -> Labels:
    """The object of each part, (count,): those that touch across the seam of two strips are one.

    seam: numbers of open objects above, 1..open_count; row: labels below, 1.. from part `open_count` on.
    """
    if not count:
        return np.zeros(0, np.int32)
    straight = _pairs(seam, row)
    to_the_left = _pairs(seam[1:], row[:-1])
    to_the_right = _pairs(seam[:-1], row[1:])
    above, below = np.concatenate((straight, to_the_left, to_the_right), axis=1)
    touching = np.ones(len(above), bool)
    graph = coo_array((touching, (above - 1, below - 1 + open_count)), (count, count))
    numbers: Labels = connected_components(graph, directed=False)[1]
    return numbers


def _pairs(above: Labels, below: Labels) -> Labels:
    """Numbers of neighbours, (2, N), where there is an object on both sides."""
    on_both_sides = (above > 0) & (below > 0)
    return np.stack((above[on_both_sides], below[on_both_sides]))


def _merge(parts: ObjectTable, numbers: Labels) -> ObjectTable:
    """Objects in the order of their numbers, from their parts (N,) and the number of each part's object."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    objects = np.zeros(len(starts), OBJECT_DTYPE)
    for field, merge in MERGED_BY.items():
        objects[field] = merge.reduceat(parts[field][order], starts)
    return objects


def _fits_into_memory(objects: ObjectTable, scene_width: int) -> Core:
    """Whether the box of each object is small enough for the object to go on, (N,)."""
    heights = objects["bottom"] - objects["top"]
    widths = objects["right"] - objects["left"]
    counted_widths = np.maximum(widths, scene_width // NARROWEST_BOX_SHARE)
    return np.asarray(heights * counted_widths < LARGEST_BOX_PIXELS)


def _renumber(row: Labels, goes_on: Core) -> Labels:
    """A row's objects (-1 for none) as numbers 1.. of those that go on, and 0 for all others."""
    numbers = np.where(goes_on, np.cumsum(goes_on), 0)
    # -1 takes the last entry
    with_none = np.append(numbers, 0)
    return with_none[row].astype(np.int32)


def _select(objects: ObjectTable, keep: int, smallest: int) -> Iterator[SceneObject]:
    """The complete objects that are sure and large enough; one without core pixels never is."""
    chosen = (objects["peak"] >= keep) & (objects["core"] >= max(1, smallest))
    rows: Any = objects[chosen].tolist()
    for row in rows:
        yield SceneObject(*row)
