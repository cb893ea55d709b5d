"""Objects of a probability raster of any height: found a strip of rows at a time, and measured one by one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra
from skimage.graph import pixel_graph
from skimage.morphology import skeletonize

from seep_lightning.scene.ground import Move, Points
from seep_lightning.scene.raster import Raster

PIXELS = 1 << 22  # of a strip: its labels take 16 MB
LARGEST = 1 << 24  # pixels of an object's box from which on it is cut at the next strip, so that memory is bounded
STAIRS = 0.75  # px: simplifying by this much turns the pixels' stairs of a slanting edge into a line
Labels = NDArray[np.int32]
Table = NDArray[np.int64]
"""(N, 7), an object a row: -first, -top, -left, bottom, right, peak, core (see `Found`). Those of two parts of one
object become its own by the maximum of the first six and the sum of the last."""
Core = NDArray[np.bool_]
"""Pixels of one object, (h, w)."""


class Found(NamedTuple):
    """An object: its first pixel (row * width + column), box (half open), largest value, pixels at `trim` or above."""

    first: int
    top: int
    left: int
    bottom: int
    right: int
    peak: int
    core: int


def find_objects(source: Raster, group: int, trim: int, keep: int, smallest: int = 1) -> Iterator[Found]:
    """Objects of band 1 of `source` by thresholds on its stored values, each once, as soon as it is complete.

    group, trim, keep: as in `options.Thresholds`. smallest: least number of `trim` pixels. An object whose box (taken
    as an eighth of the scene wide at least) holds `LARGEST` pixels ends with its strip, and what is below is another.
    """
    step = max(1, PIXELS // source.width)
    going = np.zeros((0, 7), np.int64)  # objects that touch the last row seen, numbered 1.. in `seam`
    seam: Labels = np.zeros(source.width, np.int32)
    for start in range(0, source.height, step):
        values, valid = source.read(start, min(start + step, source.height))
        labels, found = _label(np.where(valid, values[0], 0), start, group, trim)
        parts = np.concatenate((going, found))
        neighbours = [(seam, labels[0]), (seam[1:], labels[0, :-1]), (seam[:-1], labels[0, 1:])]
        above, below = np.concatenate([np.stack(pair)[:, (pair[0] > 0) & (pair[1] > 0)] for pair in neighbours], axis=1)
        graph = coo_array((np.ones(len(above), bool), (above - 1, below - 1 + len(going))), (len(parts), len(parts)))
        count, number = connected_components(graph, directed=False) if len(parts) else (0, np.zeros(0, np.int32))
        merged = np.full((count, 7), [np.iinfo(np.int64).min] * 6 + [0])
        np.maximum.at(merged[:, :6], number, parts[:, :6])
        np.add.at(merged[:, 6], number, parts[:, 6])
        last = np.append(-1, number[len(going) :])[labels[-1]]  # of each pixel of the last row, -1 for none
        width = np.maximum(merged[:, 4] + merged[:, 2], source.width // 8)
        goes_on = np.isin(np.arange(count), last) & ((merged[:, 3] + merged[:, 1]) * width < LARGEST)
        goes_on &= start + step < source.height
        seam = np.append(np.where(goes_on, np.cumsum(goes_on), 0), 0)[last].astype(np.int32)
        going, ended = merged[goes_on], merged[~goes_on]
        ended = ended[(ended[:, 5] >= keep) & (ended[:, 6] >= max(1, smallest))]
        yield from (Found(*row) for row in (ended * [-1, -1, -1, 1, 1, 1, 1]).tolist())


def _label(plane: NDArray[np.uint8], start: int, group: int, trim: int) -> tuple[Labels, Table]:
    """Labels 0, 1.. of a strip (n, W) whose first row is `start`, and its objects in the order of their labels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((plane >= group).astype(np.uint8), connectivity=8)
    where = np.flatnonzero(labels)
    number, value = np.asarray(labels, np.int32).ravel()[where] - 1, plane.ravel()[where]
    left, top, width, height = stats[1:, :4].T.astype(np.int64)
    first, peak = np.zeros((2, count - 1), np.int64)
    first[number[::-1]] = where[::-1] + start * plane.shape[1]  # of several, the last assigned stays
    np.maximum.at(peak, number, value)
    core = np.bincount(number[value >= trim], minlength=count - 1)
    sides = -top - start, -left, top + start + height, left + width
    return np.asarray(labels, np.int32), np.column_stack((-first, *sides, peak, core))


def centre_line(core: Core, to_metres: Move) -> tuple[float, float]:
    """Length of the centre line in pixels and in metres: the longest way along the skeleton (Zhang and Suen 1984).

    Its stairs are taken out (Douglas and Peucker 1973), it ends at the object's edge, and those of parts add up.
    """
    padded = np.pad(core, 1)
    graph, flat = pixel_graph(skeletonize(padded), connectivity=2)  # type: ignore[no-untyped-call]
    to_edge = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).ravel()[flat] - 0.5
    pixels = np.column_stack(np.unravel_index(flat, padded.shape))[:, ::-1] - 0.5
    pitch = float(np.sqrt(abs(np.linalg.det(_jacobian(pixels.mean(axis=0), to_metres)))))
    in_pixels = in_metres = 0.0
    for way in _longest_ways(graph):
        ends = float(to_edge[way[0]] + to_edge[way[-1]])
        line = shapely.LineString(pixels[way if len(way) > 1 else way * 2]).simplify(STAIRS)
        in_pixels += line.length + ends
        in_metres += shapely.transform(line, to_metres).length + ends * pitch
    return in_pixels, in_metres


def _longest_ways(graph: Any) -> Iterator[list[int]]:
    """The longest of the shortest ways in each part of a weighted graph, by two sweeps: exact for trees."""
    parts, part = connected_components(graph, directed=False)
    ends = np.unique(part, return_index=True)[1]
    for _ in range(2):
        away, before, _ = dijkstra(graph, directed=False, indices=ends, min_only=True, return_predecessors=True)
        order = np.lexsort((away, part))  # the last of each part is its farthest point
        ends = order[np.searchsorted(part[order], np.arange(parts), side="right") - 1]
    for end in ends:
        way = [int(end)]
        while before[way[-1]] >= 0:
            way.append(int(before[way[-1]]))
        yield way


def rim(outline: shapely.MultiPolygon) -> shapely.MultiLineString:
    """The rings of an outline of pixels through the middle of each side, simplified by half a pixel: right to 3 %."""
    rings = shapely.get_rings(shapely.get_parts(shapely.segmentize(outline, 1)))
    middles = [(points[:-1] + points[1:]) / 2 for points in map(shapely.get_coordinates, rings)]
    return shapely.MultiLineString(list(shapely.simplify([shapely.LinearRing(points) for points in middles], 0.5)))


def axes(core: Core, to_metres: Move) -> tuple[float, float]:
    """Direction of the long axis (degrees clockwise from north, 0..180) and long over short axis, by second moments."""
    m = cv2.moments(core.astype(np.uint8), binaryImage=True)
    moments = np.array([[m["mu20"], m["mu11"]], [m["mu11"], m["mu02"]]]) / m["m00"] + np.eye(2) / 12  # squares
    jacobian = _jacobian(np.array([m["m10"], m["m01"]]) / m["m00"] + 0.5, to_metres)
    size, direction = np.linalg.eigh(jacobian @ moments @ jacobian.T)
    east, north = direction[:, 1]
    return float(np.degrees(np.arctan2(east, north)) % 180), float(np.sqrt(size[1] / size[0]))


def rim_share(core: Core, nodata: Core) -> float:
    """Share of the object's rim pixels (with a side on something else) that touch nodata or the array's end, 0..1."""
    rim = core & ~ndimage.binary_erosion(core)
    near = ndimage.binary_dilation(np.pad(nodata, 1, constant_values=True), np.ones((3, 3)))[1:-1, 1:-1]
    return float(near[rim].mean())


def _jacobian(pixel: Points, to_metres: Move) -> Points:
    """Metres east and north (rows) per pixel column and row (columns), around a pixel (2,)."""
    corners = to_metres(pixel + np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, -0.5], [0.0, 0.5]]))
    return np.column_stack((corners[1] - corners[0], corners[3] - corners[2]))
