"""Measures of one object's shape, from its pixels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra
from skimage.morphology import skeletonize

Core = NDArray[np.bool_]
"""An object's pixels, (h, w)."""
ToMetres = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Scene columns and rows (N, 2) to metres east and north (N, 2)."""


STAIRS = 0.75  # px: simplifying by this much turns the pixels' stairs of a slanting edge into a line


@dataclass(frozen=True)
class Line:
    """Length of a centre line, in scene pixels and in metres."""

    pixels: float
    metres: float


def centre_line(core: Core, to_pixels: Affine, to_metres: ToMetres) -> Line:
    """Length of the centre line: the longest way along the skeleton (Zhang and Suen 1984), from edge to edge.

    The way's stairs are taken out (Douglas and Peucker 1973), and at both ends it goes on to the object's edge: a line
    one pixel wide is as long as it has pixels, at any angle, and a rectangle about as long as it is. Side branches are
    left out. The ways of an object's parts are added up.
    """
    padded = np.pad(core, 1)  # neighbours of the last column are not those of the next row
    flat = np.flatnonzero(skeletonize(padded))  # type: ignore[no-untyped-call]
    row, column = np.divmod(flat, padded.shape[1])
    to_edge = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).ravel()[flat] - 0.5
    pixels = _apply(to_pixels, column - 0.5, row - 0.5)
    scale = float(to_pixels.a)
    pitch = scale * float(np.sqrt(abs(np.linalg.det(_jacobian(pixels.mean(axis=0), to_metres)))))
    in_pixels = in_metres = 0.0
    for way in _longest_ways(pixels, *_steps(flat, padded.shape[1])):
        ends = float(to_edge[way[0]] + to_edge[way[-1]])
        line = pixels[way[[0, -1]]] if len(way) < 3 else _without_stairs(pixels[way], scale)
        in_pixels += _length(line) + ends * scale
        in_metres += _length(to_metres(line)) + ends * pitch
    return Line(in_pixels, in_metres)


def _length(points: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _without_stairs(points: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    coordinates: NDArray[np.float64] = shapely.get_coordinates(shapely.LineString(points).simplify(STAIRS * scale))
    return coordinates


def _longest_ways(points: NDArray[np.float64], a: NDArray[np.intp], b: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """The longest of the shortest ways between two points, in each connected part of a graph with edges a-b.

    By two sweeps of Dijkstra, the second from where the first ended: exact for trees, close to it for loops.
    """
    graph = coo_array((np.hypot(*(points[a] - points[b]).T), (a, b)), (len(points), len(points))).tocsr()
    parts, part = connected_components(graph, directed=False)
    ends = np.unique(part, return_index=True)[1]
    for _ in range(2):
        away, before, _ = dijkstra(graph, directed=False, indices=ends, min_only=True, return_predecessors=True)
        order = np.lexsort((away, part))  # the last of each part is its farthest point
        ends = order[np.searchsorted(part[order], np.arange(parts), side="right") - 1]
    for end in ends:
        way = [end]
        while before[way[-1]] >= 0:
            way.append(before[way[-1]])
        yield np.array(way)


def _steps(flat: NDArray[np.intp], width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Neighbouring pixels among sorted positions in an array `width` wide, as pairs of indexes into `flat`."""

    def there(positions: NDArray[np.intp]) -> tuple[Core, NDArray[np.intp]]:
        index = np.minimum(np.searchsorted(flat, positions), len(flat) - 1)
        return flat[index] == positions, index

    here, beside = [], []
    for step, corners in ((1, ()), (width, ()), (width + 1, (1, width)), (width - 1, (-1, width))):
        yes, index = there(flat + step)
        for corner in corners:
            yes &= ~there(flat + corner)[0]
        here.append(np.flatnonzero(yes))
        beside.append(index[yes])
    return np.concatenate(here), np.concatenate(beside)


def pieces(core: Core) -> int:
    """Parts and holes of an object, by sides: an upper bound of the rings of its outline."""
    parts, _ = cv2.connectedComponents(core.astype(np.uint8), connectivity=4)
    holes, _ = cv2.connectedComponents((~core).astype(np.uint8), connectivity=4)
    return int(parts + holes - 2)


def rim(outline: shapely.MultiPolygon, scale: float) -> shapely.MultiLineString:
    """The rings of an outline of pixels (sides `scale` long) without the pixels' stairs.

    Through the middle of each pixel side, as marching squares do, then simplified by half a pixel: a disc's comes out
    3 % long, not 27 %, a bar's at any angle within 3 %; a rectangle loses its corners (1.2 px in all).
    """
    rings = shapely.get_rings(shapely.get_parts(shapely.segmentize(outline, scale)))
    middles = [(points[:-1] + points[1:]) / 2 for points in map(shapely.get_coordinates, rings)]
    smooth = shapely.simplify([shapely.LinearRing(points) for points in middles], 0.5 * scale)
    return shapely.MultiLineString(list(smooth))


def axes(core: Core, to_pixels: Affine, to_metres: ToMetres) -> tuple[float, float]:
    """Direction of the long axis (degrees clockwise from north, 0..180) and long over short axis.

    Of the ellipse with the object's second moments (pixels count as squares, so that a line has a width).
    """
    m = cv2.moments(core.astype(np.uint8), binaryImage=True)
    moments = np.array([[m["mu20"], m["mu11"]], [m["mu11"], m["mu02"]]]) / m["m00"] + np.eye(2) / 12
    centre = _apply(to_pixels, np.array([m["m10"] / m["m00"] + 0.5]), np.array([m["m01"] / m["m00"] + 0.5]))[0]
    jacobian = _jacobian(centre, to_metres) * to_pixels.a
    size, direction = np.linalg.eigh(jacobian @ moments @ jacobian.T)
    east, north = direction[:, 1]
    return float(np.degrees(np.arctan2(east, north)) % 180), float(np.sqrt(size[1] / size[0]))


def rim_share(core: Core, nodata: Core) -> float:
    """Share of the object's rim pixels (with a side on something else) that touch nodata or the array's end, 0..1."""
    inner = cv2.erode(core.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), borderValue=0)
    rim = core & (inner == 0)
    beyond = np.pad(nodata, 1, constant_values=True).astype(np.uint8)
    near = cv2.dilate(beyond, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    return float((rim & near).sum() / max(rim.sum(), 1))


def _apply(matrix: Affine, column: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack((matrix.a * column + matrix.c, matrix.e * row + matrix.f))


def _jacobian(pixel: NDArray[np.float64], to_metres: ToMetres) -> NDArray[np.float64]:
    """Metres east and north (rows) per pixel column and row (columns), around a pixel (2,)."""
    corners = to_metres(pixel + np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, -0.5], [0.0, 0.5]]))
    return np.column_stack((corners[1] - corners[0], corners[3] - corners[2]))
