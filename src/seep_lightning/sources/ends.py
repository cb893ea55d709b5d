"""The ends of slicks: one of them is where the oil came up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.projections import Points
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.days import Day, Slick
from seep_lightning.sources.neighbours import STEPS, stepped

LEAST_ELONGATION = 3.0
"""A slick that is not so many times as long as wide is a blob: its ends mean nothing."""
MOST_CORNERS = 1000
"""Of a hull, all pairs of which are measured; a file of 5 MB may hold an outline whose pairs take a terabyte."""


@dataclass(frozen=True)
class Ends:
    """The ends of one slick.

    Attributes:
        day: Number of its day.
        number: Its number in the day.
        points: The two ends, (2, 2): x, y.
        whole: Whether each is an end and not the edge of what was looked at, (2,).
    """

    day: int
    number: int
    points: Points
    whole: NDArray[np.bool_]


def ends_of_day(day: Day, grid: CellGrid) -> list[Ends]:
    """Find the ends of a day's slicks, the two points of an outline that lie furthest apart; none of a blob.

    Args:
        day: The day.
        grid: The grid of its cells.

    Returns:
        The ends of all slicks that have some.
    """
    ends = []
    for slick in day.slicks:
        points = _furthest_points(slick)
        if points is not None:
            ends.append(Ends(slick.day, slick.number, points, _amid_looked(points, day, grid)))
    return ends


def _furthest_points(slick: Slick) -> Points | None:
    """The two points of an outline that lie furthest apart, (2, 2); None for a blob."""
    hull = _hull(slick.outline)
    distances = np.linalg.norm(hull[:, None] - hull[None], axis=2)
    first, second = np.unravel_index(distances.argmax(), distances.shape)
    # a bar of this length and area would be area / length wide
    if distances[first, second] ** 2 < LEAST_ELONGATION * slick.area:
        return None
    return hull[[first, second]]


def _hull(outline: Points) -> NDArray[np.float64]:
    """The corners of the convex hull, (H, 2)."""
    import shapely

    hull = shapely.convex_hull(shapely.MultiPoint(outline))
    corners = np.unique(shapely.get_coordinates(hull), axis=0)
    return corners if len(corners) <= MOST_CORNERS else _outermost(corners)


def _outermost(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners that lie outermost in `MOST_CORNERS` directions: a length between them is right to 1e-5."""
    angles = np.linspace(0, 2 * np.pi, MOST_CORNERS, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # one direction at a time: the products of all take gigabytes
    outermost = {int((corners @ direction).argmax()) for direction in directions}
    return corners[sorted(outermost)]


def _amid_looked(points: Points, day: Day, grid: CellGrid) -> NDArray[np.bool_]:
    """Whether all cells around each of some points were looked at."""
    keys = grid.keys_at(points)
    around = [day.looked.holds(stepped(keys, step)) for step in STEPS]
    amid: NDArray[np.bool_] = np.all(around, axis=0)
    return amid
