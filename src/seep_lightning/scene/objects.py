"""Objects of a probability raster of any height: connected pixels, found a strip of rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seep_lightning.errors import UserError
from seep_lightning.scene.source import Source

PIXELS = 1 << 22  # of a strip: its labels take 16 MB


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


@dataclass(frozen=True)
class Objects:
    """Objects as columns, one entry each, int64.

    first: row * width + column of the object's first pixel in reading order, which names it. top, left, bottom, right:
    its box, half open. pixels: at `group` or above. core: at `trim` or above. peak: its largest stored value.
    """

    first: NDArray[np.int64]
    top: NDArray[np.int64]
    left: NDArray[np.int64]
    bottom: NDArray[np.int64]
    right: NDArray[np.int64]
    pixels: NDArray[np.int64]
    core: NDArray[np.int64]
    peak: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))

    @classmethod
    def join(cls, parts: "list[Objects]") -> "Objects":
        """One after the other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def merged(self, number: NDArray[np.int32], count: int) -> "Objects":
        """Objects with the same number, 0..count-1, become one."""
        columns = {}
        for field in fields(self):
            how, start = _MERGE[field.name]
            columns[field.name] = np.full(count, start, np.int64)
            how.at(columns[field.name], number, getattr(self, field.name))
        return Objects(**columns)


_LARGE = np.iinfo(np.int64).max
_MERGE: dict[str, tuple[np.ufunc, int]] = {
    "first": (np.minimum, _LARGE), "top": (np.minimum, _LARGE), "left": (np.minimum, _LARGE),
    "bottom": (np.maximum, 0), "right": (np.maximum, 0), "pixels": (np.add, 0), "core": (np.add, 0),
    "peak": (np.maximum, 0),
}  # fmt: skip
_NONE = Objects(*(np.zeros(0, np.int64) for _ in fields(Objects)))


def find_objects(
    source: Source, group: int, trim: int, keep: int, smallest: int = 1, rows: int | None = None
) -> Iterator[Objects]:
    """Objects of band 1 of `source` by thresholds on its stored values, each once, as soon as it is complete.

    group, trim, keep: see `Thresholds`, as stored values. smallest: least number of `trim` pixels. rows: height of a
    strip; by default such that it holds four million pixels. Memory is that of a strip and of the objects that cross
    its lower edge.

    Every strip is labelled by itself (OpenCV); objects that touch across a seam are joined as the connected components
    of the graph of touching labels (SciPy), which is union-find without a loop.
    """
    step = rows or max(1, PIXELS // source.width)
    open_objects = _NONE  # those that touch the last row seen, numbered 1.. in `seam`
    seam = np.zeros(source.width, np.int32)
    for start in range(0, source.height, step):
        values, valid = source.read(start, min(start + step, source.height))
        plane = np.where(valid, values[0], 0)
        labels, found = _label(plane, start, group, trim)
        pairs = _touching(seam, labels[0])
        everything = Objects.join([open_objects, found])
        size, known = len(everything), len(open_objects)
        graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0] - 1, pairs[:, 1] - 1 + known)), (size, size))
        count, number = connected_components(graph, directed=False) if size else (0, np.zeros(0, np.int32))
        merged = everything.merged(number, count)
        # the last row decides which go on; they are numbered anew
        last = labels[-1]
        goes_on = np.zeros(count, bool)
        goes_on[number[last[last > 0] - 1 + known]] = True
        renumber = np.cumsum(goes_on, dtype=np.int32)
        seam = np.zeros_like(last)
        seam[last > 0] = renumber[number[last[last > 0] - 1 + known]]
        open_objects = merged[goes_on]
        yield from _worthy(merged[~goes_on], keep, smallest)
    yield from _worthy(open_objects, keep, smallest)


def _worthy(objects: Objects, keep: int, smallest: int) -> Iterator[Objects]:
    chosen = objects[(objects.peak >= keep) & (objects.core >= max(1, smallest))]
    if len(chosen):
        yield chosen


def _label(plane: NDArray[np.uint8], start: int, group: int, trim: int) -> tuple[NDArray[np.int32], Objects]:
    """Labels 0, 1.. of a strip (n, W) whose first row is `start`, and its objects in the order of their labels."""
    seen = cv2.connectedComponentsWithStats((plane >= group).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    count, labels, stats = seen[0] - 1, np.asarray(seen[1], np.int32), seen[2]
    if count == 0:
        return labels, _NONE
    where = np.flatnonzero(labels)
    number, value = labels.ravel()[where] - 1, plane.ravel()[where]
    first = np.full(count, _LARGE, np.int64)
    np.minimum.at(first, number, where)
    peak = np.zeros(count, np.int64)
    np.maximum.at(peak, number, value)
    core = np.bincount(number[value >= trim], minlength=count)
    box = stats[1:].astype(np.int64)
    top, left = box[:, cv2.CC_STAT_TOP] + start, box[:, cv2.CC_STAT_LEFT]
    bottom, right = top + box[:, cv2.CC_STAT_HEIGHT], left + box[:, cv2.CC_STAT_WIDTH]
    first += start * plane.shape[1]
    return labels, Objects(first, top, left, bottom, right, box[:, cv2.CC_STAT_AREA], core.astype(np.int64), peak)


def _touching(above: NDArray[np.int32], below: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pairs of labels (N, 2) of two neighbouring rows whose pixels are 8-neighbours, each pair once."""
    shifted = [(above, below), (above[1:], below[:-1]), (above[:-1], below[1:])]
    pairs = np.concatenate([np.stack([a[(a > 0) & (b > 0)], b[(a > 0) & (b > 0)]], 1) for a, b in shifted])
    return np.unique(pairs.astype(np.int64), axis=0)
