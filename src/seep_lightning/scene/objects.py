"""Objects of a probability raster of any height: connected pixels, found a strip of rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seep_lightning.errors import UserError
from seep_lightning.scene.source import Source

PIXELS = 1 << 22  # of a strip: its labels take 16 MB
LARGEST = 1 << 24  # pixels of an object's box from which on it is cut at the next strip, so that memory is bounded
Labels = NDArray[np.int32]
Table = NDArray[np.int64]
"""(N, 7), an object a row: -first, -top, -left, bottom, right, peak, core (see `Found`). Those of two parts of one
object become its own by the maximum of the first six and the sum of the last."""


@dataclass(frozen=True)
class Thresholds:
    """Instances by three thresholds on the probability (after Cerulean, SkyTruth).

    Pixels at `group` or above that touch (8 neighbours) belong to one object; of it the pixels at `trim` or above stay;
    and the object stays if its maximum reaches `keep`.
    """

    group: float = 0.3
    trim: float = 0.5
    keep: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.group <= self.trim <= self.keep <= 1:
            raise UserError(
                f"Thresholds are group={self.group:g}, trim={self.trim:g}, keep={self.keep:g}: they must "
                "ascend from above 0 to 1 at most. One threshold t for all three gives plain connected components."
            )


class Found(NamedTuple):
    """An object: its first pixel in reading order (row * width + column), box (half open), largest stored value, and
    number of pixels at `trim` or above.
    """

    first: int
    top: int
    left: int
    bottom: int
    right: int
    peak: int
    core: int


def find_objects(
    source: Source, group: int, trim: int, keep: int, smallest: int = 1, rows: int | None = None
) -> Iterator[Found]:
    """Objects of band 1 of `source` by thresholds on its stored values, each once, as soon as it is complete.

    group, trim, keep: see `Thresholds`, as stored values. smallest: least number of `trim` pixels. rows: height of a
    strip; by default four million pixels. An object whose box (taken as an eighth of the scene wide at least) holds
    `LARGEST` pixels or more ends with its strip, and what is below is another. Every strip is labelled by itself;
    objects that touch across a seam are joined as the connected components of the graph of touching labels.
    """
    step = rows or max(1, PIXELS // source.width)
    open_objects = np.zeros((0, 7), np.int64)  # those that touch the last row seen, numbered 1.. in `seam`
    seam: Labels = np.zeros(source.width, np.int32)
    for start in range(0, source.height, step):
        values, valid = source.read(start, min(start + step, source.height))
        labels, found = _label(np.where(valid, values[0], 0), start, group, trim)
        size, known = len(open_objects) + len(found), len(open_objects)
        above, below = _touching(seam, labels[0])
        graph = coo_array((np.ones(len(above), bool), (above - 1, below - 1 + known)), (size, size))
        count, number = connected_components(graph, directed=False) if size else (0, np.zeros(0, np.int32))
        merged = np.full((count, 7), np.iinfo(np.int64).min)
        merged[:, 6] = 0
        parts = np.concatenate((open_objects, found))
        np.maximum.at(merged[:, :6], number, parts[:, :6])
        np.add.at(merged[:, 6], number, parts[:, 6])
        last = np.append(-1, number[known:])[labels[-1]]  # of each pixel of the last row, -1 for none
        goes_on = np.zeros(count, bool)
        goes_on[last[last >= 0]] = True
        goes_on &= (merged[:, 3] + merged[:, 1]) * np.maximum(merged[:, 4] + merged[:, 2], source.width // 8) < LARGEST
        seam = np.where(
            (last >= 0) & np.append(goes_on, False)[last], np.append(np.cumsum(goes_on, dtype=np.int32), 0)[last], 0
        )
        open_objects = merged[goes_on]
        yield from _worthy(merged[~goes_on], keep, smallest)
    yield from _worthy(open_objects, keep, smallest)


def _worthy(objects: Table, keep: int, smallest: int) -> Iterator[Found]:
    chosen = objects[(objects[:, 5] >= keep) & (objects[:, 6] >= max(1, smallest))]
    yield from (Found(*row) for row in (chosen * [-1, -1, -1, 1, 1, 1, 1]).tolist())


def _label(plane: NDArray[np.uint8], start: int, group: int, trim: int) -> tuple[Labels, Table]:
    """Labels 0, 1.. of a strip (n, W) whose first row is `start`, and its objects in the order of their labels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((plane >= group).astype(np.uint8), connectivity=8)
    where = np.flatnonzero(labels)
    number, value = np.asarray(labels, np.int32).ravel()[where] - 1, plane.ravel()[where]
    table = np.zeros((count - 1, 7), np.int64)
    box = np.asarray(stats[1:], np.int64)
    table[:, 0] = np.iinfo(np.int64).min
    np.maximum.at(table[:, 0], number, -(where + start * plane.shape[1]))
    table[:, 1], table[:, 2] = -(box[:, cv2.CC_STAT_TOP] + start), -box[:, cv2.CC_STAT_LEFT]
    table[:, 3] = box[:, cv2.CC_STAT_HEIGHT] - table[:, 1]
    table[:, 4] = box[:, cv2.CC_STAT_WIDTH] - table[:, 2]
    np.maximum.at(table[:, 5], number, value)
    table[:, 6] = np.bincount(number[value >= trim], minlength=count - 1)
    return np.asarray(labels, np.int32), table


def _touching(above: Labels, below: Labels) -> tuple[Labels, Labels]:
    """Labels of two neighbouring rows whose pixels are 8-neighbours: those above, and beside each the one below."""
    shifted = [(above, below), (above[1:], below[:-1]), (above[:-1], below[1:])]
    pairs = np.concatenate([np.stack((a, b))[:, (a > 0) & (b > 0)] for a, b in shifted], axis=1)
    return pairs[0], pairs[1]
