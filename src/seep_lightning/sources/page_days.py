"""The strip of days by sources: on which day each source was seen, looked at without being seen, or not looked at."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.drawing import inner_cells
from seep_lightning.sources.tiles import Marks, TileKey
from seep_lightning.sources.written import WrittenSource, WrittenSources

UNLOOKED, LOOKED, SEEN = range(3)
States = NDArray[np.uint8]
"""Of each source on each day, (sources, days): `UNLOOKED`, `LOOKED` or `SEEN`."""
CellNumbers = dict[TileKey, NDArray[np.int64]]
"""Row and column of cells within each tile, (N, 2)."""


def states_of(written: WrittenSources, sources: Sequence[WrittenSource]) -> States:
    """Tell seen from looked at, by the rule of `seep sources`: a source was looked at if half of its cells were.

    Args:
        written: What was written.
        sources: Some of the sources.
    """
    states = np.full((len(sources), len(written.days)), UNLOOKED, np.uint8)
    cells = [_cells_of(source, written) for source in sources]
    keys = {key for of_source in cells for key in of_source}
    for day in range(len(written.days)):
        looked = _looked_tiles(written.days, day, keys)
        for row, of_source in enumerate(cells):
            if _is_looked_at(looked, of_source):
                states[row, day] = LOOKED
    for row, source in enumerate(sources):
        states[row, list(source.seen_on)] = SEEN
    return states


def _looked_tiles(days: DayList, day: int, keys: Iterable[TileKey]) -> dict[TileKey, Marks]:
    """What a day looked at in some tiles."""
    tiles = {key: days.tile(day, key) for key in keys}
    return {key: marks[0] for key, marks in tiles.items() if marks is not None}


def _cells_of(source: WrittenSource, written: WrittenSources) -> CellNumbers:
    """The cells of a source, tile by tile."""
    marks = inner_cells(source.shape, written.grid)
    return {key: np.argwhere(tile) for key, tile in marks.tiles.items()}


def _is_looked_at(looked: Mapping[TileKey, Marks], cells: CellNumbers) -> bool:
    """Whether half of some cells or more were looked at."""
    count = 0
    for key, positions in cells.items():
        if key in looked:
            rows, columns = positions.T
            count += int(looked[key][rows, columns].sum())
    return 2 * count >= sum(map(len, cells.values()))
