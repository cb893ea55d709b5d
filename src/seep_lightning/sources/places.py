"""Which cells make one place, and which slicks belong to it.

A cell is in a place if its recurrence alone is more than chance gives anywhere. Such cells are first cut into pieces,
one around each peak: from every cell the way leads to its most surprising neighbour. Pieces that mostly the same slicks
make are then one place, whether they adjoin or not: a plume that drifts the same way on many days recurs along all of
it. Pieces that other slicks make stay apart, though they adjoin: two origins side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.cells import CellSet
from seep_lightning.sources.days import Slick
from seep_lightning.sources.neighbours import neighbours_of, widened
from seep_lightning.sources.surprise import Floats

Numbers = NDArray[np.int64]

MOSTLY = 0.5
"""A piece joins a place if more than this share of its slicks touch the place's peak piece too."""


@dataclass(frozen=True)
class Recurrent:
    """The cells whose recurrence is more than chance gives.

    Attributes:
        cells: The cells.
        surprise: Of each, (cells,).
        p_corrected: Of each, (cells,).
    """

    cells: CellSet
    surprise: Floats
    p_corrected: Floats


@dataclass(frozen=True)
class Places:
    """Places and their slicks.

    Attributes:
        of_cell: The place of each recurrent cell, from 0: the one with the most surprising cell first, (cells,).
        is_core: Whether the cell is in the piece around its place's peak, (cells,).
        of_slick: The place of each slick, (slicks,); -1 for those that touch none.
    """

    of_cell: Numbers
    is_core: NDArray[np.bool_]
    of_slick: Numbers

    @property
    def number(self) -> int:
        """How many places there are."""
        return int(self.of_cell.max(initial=-1)) + 1


def places_of(recurrent: Recurrent, slicks: Sequence[Slick], reach: int, min_days: int) -> Places:
    """Make places of recurrent cells, and give them their slicks.

    Args:
        recurrent: The cells.
        slicks: Of all days.
        reach: Cells around a slick that it touches as well.
        min_days: A place has slicks of its own on so many days, or it is part of the place that its slicks belong to.

    Returns:
        The places.
    """
    piece = pieces_of(recurrent)
    touches = touches_of(slicks, recurrent.cells, piece, reach)
    days = np.array([slick.day for slick in slicks], np.int64)
    leader = _with_own_days(touches, joined(touches), days, min_days)
    owner = owners_of(touches, leader)
    _, of_piece = np.unique(leader, return_inverse=True)
    if not len(of_piece):
        return Places(piece, np.zeros(0, bool), owner)
    return Places(of_piece[piece], leader[piece] == piece, np.where(owner >= 0, of_piece[owner], -1))


def pieces_of(recurrent: Recurrent) -> Numbers:
    """Cut recurrent cells into pieces, one around each peak.

    Args:
        recurrent: The cells.

    Returns:
        The piece of each cell, (cells,), from 0: the most surprising peak first.
    """
    count = len(recurrent.cells)
    # rank 0 is the most surprising cell: no two cells are equal, so every way upwards ends
    order = np.lexsort((recurrent.cells.keys, -recurrent.surprise))
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    neighbours = neighbours_of(recurrent.cells)
    ranks = np.where(neighbours >= 0, rank[neighbours], count)
    peak = ranks.min(axis=1, initial=count)[order]
    while True:
        further = peak[peak]
        if np.array_equal(further, peak):
            break
        peak = further
    _, piece = np.unique(peak[rank], return_inverse=True)
    return piece.astype(np.int64)


def touches_of(slicks: Sequence[Slick], cells: CellSet, piece: Numbers, reach: int) -> Any:
    """Count the cells of each piece that slicks touch.

    Args:
        slicks: All slicks.
        cells: The cells of pieces.
        piece: The piece of each cell, (cells,).
        reach: Cells around a slick that it touches as well.

    Returns:
        (slicks, pieces), a sparse matrix of scipy in rows.
    """
    from scipy.sparse import csr_array

    rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for number, slick in enumerate(slicks):
        near = widened(slick.cells, reach).intersection(cells)
        touched = piece[np.searchsorted(cells.keys, near.keys)]
        rows.append(np.full(len(touched), number))
        columns.append(touched)
    shape = (len(slicks), int(piece.max(initial=-1)) + 1)
    entries = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.ones(len(entries[0]), np.int64), entries), shape=shape)


def joined(touches: Any) -> Numbers:
    """Join pieces that mostly the same slicks make, the most surprising first.

    Args:
        touches: Cells of each piece that slicks touch, (slicks, pieces), as `touches_of` counts them.

    Returns:
        The piece at the peak of each piece's place, (pieces,); that of a peak piece is itself.
    """
    touched = (touches > 0).astype(np.int64)
    together = (touched.T @ touched).toarray()
    leader = np.arange(together.shape[0])
    for piece in range(1, len(leader)):
        leaders = np.unique(leader[:piece])
        shared = together[piece, leaders]
        closest = int(shared.argmax())
        if shared[closest] > MOSTLY * together[piece, piece]:
            leader[piece] = leaders[closest]
    return leader


def owners_of(touches: Any, leader: Numbers) -> Numbers:
    """Find the place that each slick touches most; of several, the most surprising one.

    Args:
        touches: Cells of each piece that slicks touch, (slicks, pieces).
        leader: The peak piece of each piece's place, (pieces,).

    Returns:
        The peak piece of the place, by slick, (slicks,); -1 for a slick that touches none.
    """
    places = len(leader)
    owner = np.full(touches.shape[0], -1, np.int64)
    for slick in range(touches.shape[0]):
        row = slice(touches.indptr[slick], touches.indptr[slick + 1])
        cells_by_place = np.bincount(leader[touches.indices[row]], touches.data[row], minlength=places)
        if cells_by_place.any():
            owner[slick] = cells_by_place.argmax()
    return owner


def _with_own_days(touches: Any, leader: Numbers, days: Numbers, min_days: int) -> Numbers:
    """Join places to which slicks of too few days belong to the place that most of their slicks belong to."""
    touched = touches > 0
    leader = leader.copy()
    while True:
        owner = owners_of(touches, leader)
        weakest = _weakest(leader, owner, days, min_days)
        if weakest is None:
            return leader
        through = touched[:, np.flatnonzero(leader == weakest)].sum(axis=1) > 0
        others = owner[through & (owner != weakest)]
        if not len(others):
            return leader
        leader[leader == weakest] = np.bincount(others).argmax()


def _weakest(leader: Numbers, owner: Numbers, days: Numbers, min_days: int) -> int | None:
    """Find the least surprising place whose slicks are of too few days; None where there is none."""
    for place in np.unique(leader)[::-1].tolist():
        if len(np.unique(days[owner == place])) < min_days:
            return int(place)
    return None
