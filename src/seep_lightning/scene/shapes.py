"""The shape of one object, from its pixels: centre line, rim, axes, and how much of its rim touches nodata."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components, dijkstra
from skimage.graph import pixel_graph
from skimage.morphology import skeletonize

from seep_lightning.scene.projections import Points, PointTransform

STAIRS = 0.75
"""Pixels: simplifying by this much turns the pixels' stairs of a slanting edge into a line."""
EDGE_MIDDLES = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, -0.5], [0.0, 0.5]])
"""The middle of each side of a pixel, from its own middle: left, right, above, below."""
Core = NDArray[np.bool_]
"""Pixels of one object, (h, w)."""


class CentreLine(NamedTuple):
    """Length of an object's centre line."""

    pixels: float
    metres: float


class Axes(NamedTuple):
    """The axes of the ellipse that has an object's second moments.

    Attributes:
        direction: Direction of the long axis in degrees clockwise from north, 0..180.
        aspect: Long over short axis.
    """

    direction: float
    aspect: float


def centre_line(core: Core, to_metres: PointTransform) -> CentreLine:
    """The longest way along an object's skeleton (Zhang and Suen 1984), to the object's edge at both ends.

    The pixels' stairs are taken out (Douglas and Peucker 1973). The lengths of an object's parts add up.

    Args:
        core: Pixels of the object, (h, w), at least one.
        to_metres: Function that turns pixels (N, 2) of the array into metres.

    Returns:
        The length in pixels and in metres.
    """
    padded = np.pad(core, 1)
    skeleton = skeletonize(padded)  # type: ignore[no-untyped-call]
    graph, nodes = pixel_graph(skeleton, connectivity=2)  # type: ignore[no-untyped-call]
    to_edge = _distance_to_edge(padded).ravel()[nodes]
    rows, columns = np.unravel_index(nodes, padded.shape)
    # half a pixel to a pixel's centre, less one for the padding
    points = np.column_stack((columns, rows)) - 0.5
    metres_per_pixel = _pixel_size(points.mean(axis=0), to_metres)
    in_pixels = in_metres = 0.0
    for way in _longest_ways(graph):
        ends = float(to_edge[way[0]] + to_edge[way[-1]])
        line = _line(points[way])
        in_pixels += line.length + ends
        in_metres += shapely.transform(line, to_metres).length + ends * metres_per_pixel
    return CentreLine(in_pixels, in_metres)


def _distance_to_edge(pixels: Core) -> NDArray[np.float32]:
    """From each pixel's middle to the nearest edge of the object, (h, w)."""
    to_middle = cv2.distanceTransform(pixels.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(to_middle - 0.5, np.float32)


def _line(points: Points) -> shapely.LineString:
    """Points (N, 2) as a line without stairs; one point as a line without length."""
    if len(points) == 1:
        points = np.repeat(points, 2, axis=0)
    return shapely.LineString(points).simplify(STAIRS)


def _longest_ways(graph: Any) -> Iterator[list[int]]:
    """The longest of the shortest ways in each part of a weighted graph, by two sweeps: exact for trees."""
    count, part = connected_components(graph, directed=False)
    ends = np.unique(part, return_index=True)[1]
    for _ in range(2):
        distance, before, _ = dijkstra(graph, directed=False, indices=ends, min_only=True, return_predecessors=True)
        order = np.lexsort((distance, part))
        # the last node of each part is the farthest
        last = np.searchsorted(part[order], np.arange(count), side="right") - 1
        ends = order[last]
    for end in ends:
        yield _way_back(int(end), before)


def _way_back(end: int, before: NDArray[np.int32]) -> list[int]:
    """The nodes from an end to the start of its way, by the node before each one (negative at the start)."""
    way = [end]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way


def rim(outline: shapely.MultiPolygon) -> shapely.MultiLineString:
    """The smooth rings of an outline that runs along pixels.

    A ring goes through the middle of each pixel's side, simplified by half a pixel: its length is right to 3 %.

    Args:
        outline: An outline along pixels, in pixels.

    Returns:
        A ring for each ring of the outline.
    """
    by_pixel = shapely.segmentize(outline, 1)
    stairs = shapely.get_rings(shapely.get_parts(by_pixel))
    rings = [_through_the_middles(ring) for ring in stairs]
    simple = shapely.simplify(rings, 0.5)
    return shapely.MultiLineString(list(simple))


def _through_the_middles(ring: shapely.LinearRing) -> shapely.LinearRing:
    """The ring through the middle of each side."""
    points = shapely.get_coordinates(ring)
    middles = (points[:-1] + points[1:]) / 2
    return shapely.LinearRing(middles)


def axes(core: Core, to_metres: PointTransform) -> Axes:
    """The axes of an object by its second moments on the ground.

    Args:
        core: Pixels of the object, (h, w), at least one.
        to_metres: Function that turns pixels (N, 2) of the array into metres east and north.

    Returns:
        Direction of the long axis, and the ratio of the axes.
    """
    moments = cv2.moments(core.astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    mixed = moments["mu11"]
    covariance = np.array([[moments["mu20"], mixed], [mixed, moments["mu02"]]]) / area
    # a pixel is a square, whose own variance is 1/12 along each side
    covariance = covariance + np.eye(2) / 12
    centre = np.array([moments["m10"], moments["m01"]]) / area + 0.5
    jacobian = _jacobian(centre, to_metres)
    on_the_ground = jacobian @ covariance @ jacobian.T
    # in ascending order, so that the long axis comes last
    variances, directions = np.linalg.eigh(on_the_ground)
    east, north = directions[:, 1]
    direction = np.degrees(np.arctan2(east, north)) % 180
    aspect = np.sqrt(variances[1] / variances[0])
    return Axes(float(direction), float(aspect))


def rim_share(core: Core, nodata: Core) -> float:
    """Share of an object's rim that touches nodata or the array's end.

    Args:
        core: Pixels of the object, (h, w), at least one. Its rim are the pixels with a side on something else.
        nodata: Pixels without data, (h, w).

    Returns:
        The share, 0..1.
    """
    rim_pixels = core & ~ndimage.binary_erosion(core)
    beyond = np.pad(nodata, 1, constant_values=True)
    near_nodata = ndimage.binary_dilation(beyond, np.ones((3, 3)))[1:-1, 1:-1]
    return float(near_nodata[rim_pixels].mean())


def _pixel_size(pixel: Points, to_metres: PointTransform) -> float:
    """Side of a square of the area that a pixel (2,) has on the ground, in metres."""
    area = abs(np.linalg.det(_jacobian(pixel, to_metres)))
    return float(np.sqrt(area))


def _jacobian(pixel: Points, to_metres: PointTransform) -> Points:
    """Metres east and north (rows) per pixel column and row (columns), around a pixel (2,)."""
    left, right, above, below = to_metres(pixel + EDGE_MIDDLES)
    return np.column_stack((right - left, below - above))
