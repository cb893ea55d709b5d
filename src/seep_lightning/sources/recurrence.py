"""The raster of recurrence: on how many days each cell was looked at, and on how many it had a slick."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from seep_lightning.files import draft_of
from seep_lightning.scene.cog import SparseContent, write_copy_as_cog
from seep_lightning.scene.datasets import open_dataset
from seep_lightning.sources.cells import CellBox, CellGrid
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.tiles import TILE, TileKey

BANDS = ("days_seen", "days_looked", "rate")
"""rate is days_seen / days_looked."""
NODATA = float("nan")
"""Of cells where nobody ever looked."""
MOST_EMPTY_CELLS = 1 << 27
EMPTIEST = 16
"""A raster of more cells than those, of which fewer than one in so many lies in a tile with data, has no overviews."""
Counts = NDArray[np.float32]
"""Bands of a tile, (3, TILE, TILE)."""


def recurrence_tiles(days: DayList) -> Iterator[tuple[TileKey, Counts]]:
    """The counts of each tile that a day looked at; one tile of one day is in memory at a time.

    Args:
        days: The days.

    Yields:
        The tile, and its bands.
    """
    days_of_tile: dict[TileKey, list[int]] = defaultdict(list)
    for facts in days.facts:
        for key in facts.tiles:
            days_of_tile[key].append(facts.number)
    for key in sorted(days_of_tile):
        yield key, _counts(days, key, days_of_tile[key])


def _counts(days: DayList, key: TileKey, numbers: list[int]) -> Counts:
    """The bands of a tile, from the days that looked at it."""
    days_seen = np.zeros((TILE, TILE), np.float32)
    days_looked = np.zeros((TILE, TILE), np.float32)
    for number in numbers:
        marks = days.tile(number, key)
        assert marks is not None
        looked, seen = marks
        days_looked += looked
        days_seen += seen
    was_looked_at = days_looked > 0
    rate = days_seen / np.maximum(days_looked, 1)
    bands = np.stack([days_seen, days_looked, rate])
    return np.where(was_looked_at, bands, np.float32(NODATA)).astype(np.float32)


def write_recurrence(days: DayList, grid: CellGrid, path: Path) -> None:
    """Write the raster, all or nothing.

    Args:
        days: The days.
        grid: The grid of their cells.
        path: The file, a Cloud Optimized GeoTIFF.

    Raises:
        UserError: The days lie too far apart or looked at too much, or the disk refuses it.
    """
    ground = days.store.ground(grid)
    # a raster needs a pixel
    box = ground.box or CellBox(0, 0, 1, 1)
    parts = [key.box.common(box) for key in sorted(ground.tiles)]
    with draft_of(path, ".tif") as draft:
        _write_plain(days, grid, box, draft)
        tags = {"CELL_SIZE": f"{grid.size:g} {grid.unit}", "DAYS": str(len(days))}
        content = SparseContent([_window(part, box) for part in parts], _resampling(box, len(parts)))
        write_copy_as_cog(draft, path, content, tags)


def _resampling(box: CellBox, tiles: int) -> str | None:
    """How overviews are made; None for none: of seas far apart they take a minute, and show next to nothing."""
    rows, columns = box.shape
    is_large = rows * columns > MOST_EMPTY_CELLS
    is_empty = rows * columns > EMPTIEST * tiles * TILE**2
    return None if is_large and is_empty else "average"


def _window(part: CellBox, box: CellBox) -> Window:
    """Where a rectangle of cells lies in the raster of another."""
    rows, columns = part.shape
    return Window(part.left - box.left, part.top - box.top, columns, rows)


def _write_plain(days: DayList, grid: CellGrid, box: CellBox, path: Path) -> None:
    """Write the tiles into a plain GeoTIFF."""
    height, width = box.shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": len(BANDS),
        "dtype": "float32",
        "nodata": NODATA,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": "DEFLATE",
        "sparse_ok": True,
        "bigtiff": "IF_SAFER",
        "transform": grid.transform(box.top, box.left),
        "crs": grid.wkt or None,
    }
    with open_dataset(path, "w", **profile) as file:
        file.descriptions = BANDS
        for key, counts in recurrence_tiles(days):
            part = key.box.common(box)
            rows = slice(part.top - key.box.top, part.bottom - key.box.top)
            columns = slice(part.left - key.box.left, part.right - key.box.left)
            file.write(counts[:, rows, columns], window=_window(part, box))
