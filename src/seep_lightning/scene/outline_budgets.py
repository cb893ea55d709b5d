"""How much work the outlines of a file may make: one of 20 kB may cross itself a million times, and be never repaired.

Repairing an outline takes about 0.1 ms for each place where it meets itself, and whatever looks at an outline compares
those of its sides whose boxes meet. Outlines that people draw, or that are made of pixels, meet themselves hardly ever.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from seep_lightning.errors import UserError

MOST_CROSSINGS = 100_000
"""Places where the damaged outlines of a file meet themselves: some 10 s of work."""
MOST_COMPARISONS = 5_000_000
"""Pairs of sides of the outlines of a file whose boxes meet, beyond `USUAL_COMPARISONS` for each side."""
USUAL_COMPARISONS = 32
"""Sides whose boxes meet that of one side."""
SAMPLED_SIDES = 32
"""Sides of an outline for which that is counted."""
# of an outline with fewer corners, all sides are compared with each other in no time
_FEW_CORNERS = 500
# a triangle does not cross itself
_LEAST_CORNERS = 5
# results of one look into the index
_MOST_RESULTS = 4_000_000
_POLYGON = 3
_MULTIPLE_TYPES = (4, 5, 6, 7)
Shapes = NDArray[np.object_]
Sides = NDArray[np.float64]
"""Both ends of the sides of an outline, (N, 2, 2)."""


def check_comparisons(shapes: Shapes, path: Path) -> None:
    """Check outlines before anything looks for places where they meet themselves.

    Args:
        shapes: The outlines, (N,).
        path: Their file, for messages.

    Raises:
        UserError: Too many of their sides lie side by side, as far as can be told from some of them.
    """
    comparisons = 0.0
    for shape in shapes[shapely.get_num_coordinates(shapes) > _FEW_CORNERS]:
        comparisons += _comparisons(_sides(shape))
        if comparisons > MOST_COMPARISONS:
            raise _too_much(shape, path, f"so many long sides that {MOST_COMPARISONS:,} pairs of them lie side by side")


def check_crossings(shapes: Shapes, path: Path) -> None:
    """Check damaged outlines before they are repaired.

    Args:
        shapes: The outlines, (N,).
        path: Their file, for messages.

    Raises:
        UserError: They meet themselves too often.
    """
    crossings = 0
    for shape in shapes[shapely.get_num_coordinates(shapes) >= _LEAST_CORNERS]:
        for more in _crossings(_sides(shape)):
            crossings += more
            if crossings > MOST_CROSSINGS:
                raise _too_much(shape, path, f"crosses or touches itself more often than {MOST_CROSSINGS:,} times")


def _sides(shape: shapely.Geometry) -> Sides:
    """The sides of all rings and lines of a shape, (N, 2, 2)."""
    parts = shapely.get_parts(shape)
    while np.isin(shapely.get_type_id(parts), _MULTIPLE_TYPES).any():
        parts = shapely.get_parts(parts)
    is_polygon = shapely.get_type_id(parts) == _POLYGON
    lines = np.concatenate([shapely.get_rings(parts[is_polygon]), parts[~is_polygon]])
    corners, owner = shapely.get_coordinates(lines, return_index=True)
    sides = np.stack((corners[:-1], corners[1:]), axis=1)
    return np.asarray(sides[owner[:-1] == owner[1:]])


def _comparisons(sides: Sides) -> float:
    """About how many pairs of sides have boxes that meet, without those of any outline."""
    if not len(sides):
        return 0.0
    west, south = np.minimum(sides[:, 0], sides[:, 1]).T.copy()
    east, north = np.maximum(sides[:, 0], sides[:, 1]).T.copy()
    # by chance, so that nobody can lay the long sides elsewhere
    sampled = np.random.default_rng().integers(len(sides), size=SAMPLED_SIDES)
    met = 0
    for side in sampled:
        beside = (west <= east[side]) & (east >= west[side])
        beside &= (south <= north[side]) & (north >= south[side])
        met += int(np.count_nonzero(beside))
    return max(met / SAMPLED_SIDES - USUAL_COMPARISONS, 0) * len(sides)


def _crossings(sides: Sides) -> Iterator[int]:
    """How often sides meet others than their neighbours, some sides at a time."""
    lines = shapely.linestrings(sides)
    index = shapely.STRtree(lines)
    step = max(1, _MOST_RESULTS // len(lines))
    for first in range(0, len(lines), step):
        some = lines[first : first + step]
        pairs = index.query(some, predicate="intersects").shape[1]
        # each meets itself and the two next to it, and each pair is met from both sides
        yield max(pairs - 3 * len(some), 0) // 2


def _too_much(shape: shapely.Geometry, path: Path, problem: str) -> UserError:
    """The error for outlines that make too much work."""
    corners = shapely.get_num_coordinates(shape)
    return UserError(
        f"{path} is not read: an outline of {corners:,} corners in it, or several together, "
        f"{problem}, as no outline of a seep does. Remove it, or draw it again."
    )
