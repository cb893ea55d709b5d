"""Measures of one object. core: its pixels, (h, w); to_metres: columns and rows in it to metres, (N, 2) both."""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components, dijkstra
from skimage.graph import pixel_graph
from skimage.morphology import skeletonize

Core = NDArray[np.bool_]
Points = NDArray[np.float64]
ToMetres = Callable[[Points], Points]
STAIRS = 0.75  # px: simplifying by this much turns the pixels' stairs of a slanting edge into a line


def centre_line(core: Core, to_metres: ToMetres) -> tuple[float, float]:
    """Length of the centre line in pixels and in metres: the longest way along the skeleton (Zhang and Suen 1984).

    The way's stairs are taken out (Douglas and Peucker 1973), and at both ends it goes on to the object's edge: a line
    one pixel wide is as long as it has pixels, at any angle, and a rectangle about as long as it is. Side branches are
    left out. The ways of an object's parts are added up.
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
    """The longest of the shortest ways between two nodes, in each connected part of a weighted graph.

    By two sweeps of Dijkstra, the second from where the first ended: exact for trees, close to it for loops.
    """
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


def pieces(core: Core) -> int:
    """Parts and holes of an object, by sides: an upper bound of the rings of its outline."""
    return sum(cv2.connectedComponents(half.astype(np.uint8), connectivity=4)[0] - 1 for half in (core, ~core))


def rim(outline: shapely.MultiPolygon) -> shapely.MultiLineString:
    """The rings of an outline of pixels without the pixels' stairs.

    Through the middle of each pixel side, as marching squares do, then simplified by half a pixel: a disc's comes out
    3 % long, not 27 %, a bar's at any angle within 3 %; a rectangle loses its corners (1.2 px in all).
    """
    rings = shapely.get_rings(shapely.get_parts(shapely.segmentize(outline, 1)))
    middles = [(points[:-1] + points[1:]) / 2 for points in map(shapely.get_coordinates, rings)]
    return shapely.MultiLineString(list(shapely.simplify([shapely.LinearRing(points) for points in middles], 0.5)))


def axes(core: Core, to_metres: ToMetres) -> tuple[float, float]:
    """Direction of the long axis (degrees clockwise from north, 0..180) and long over short axis.

    Of the ellipse with the object's second moments (pixels count as squares, so that a line has a width).
    """
    m = cv2.moments(core.astype(np.uint8), binaryImage=True)
    moments = np.array([[m["mu20"], m["mu11"]], [m["mu11"], m["mu02"]]]) / m["m00"] + np.eye(2) / 12
    jacobian = _jacobian(np.array([m["m10"], m["m01"]]) / m["m00"] + 0.5, to_metres)
    size, direction = np.linalg.eigh(jacobian @ moments @ jacobian.T)
    east, north = direction[:, 1]
    return float(np.degrees(np.arctan2(east, north)) % 180), float(np.sqrt(size[1] / size[0]))


def rim_share(core: Core, nodata: Core) -> float:
    """Share of the object's rim pixels (with a side on something else) that touch nodata or the array's end, 0..1."""
    rim = core & ~ndimage.binary_erosion(core)
    near = ndimage.binary_dilation(np.pad(nodata, 1, constant_values=True), np.ones((3, 3)))[1:-1, 1:-1]
    return float(near[rim].mean())


def _jacobian(pixel: Points, to_metres: ToMetres) -> Points:
    """Metres east and north (rows) per pixel column and row (columns), around a pixel (2,)."""
    corners = to_metres(pixel + np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, -0.5], [0.0, 0.5]]))
    return np.column_stack((corners[1] - corners[0], corners[3] - corners[2]))
