"""Looks from an analyst's outlines: one for each date of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.dates import date_in, date_of
from seep_lightning.sources.drawing import inner_cells
from seep_lightning.sources.look_sources import LookGround, key_of, parts_beside, state_of
from seep_lightning.sources.looks import Look, LookFacts, measured_slicks, whole_look
from seep_lightning.sources.map_source import TIME, check_same_kind
from seep_lightning.sources.outline_reading import (
    FileOutlines,
    layer_of,
    measure_columns,
    on_grid,
    read_file_outlines,
)


@dataclass(frozen=True)
class OutlineSource:
    """The outlines of one date in a file.

    Attributes:
        name: The file's name without its suffix, with the date where the file has several.
        path: The file.
        date: YYYY-MM-DD; empty where nobody knows it.
        date_column: The column of dates; None where all outlines are of one look.
        area: A file whose polygons were looked at; None: the hull of all outlines of the file was.
    """

    name: str
    path: Path
    date: str
    date_column: str | None = None
    area: Path | None = None

    def key(self) -> str:
        """A hash of the names, sizes and times of change of the files and their parts, and of the date."""
        files = [self.path] if self.area is None else [self.path, self.area]
        return key_of("outlines", state_of(*files, *parts_beside(*files)), self.date, self.date_column)

    def ground(self) -> LookGround:
        """Where it lies."""
        drawn = _outlines_of(self.path, self.date_column)
        if self.area is not None and not len(drawn.shapes):
            drawn = read_file_outlines(self.area, [])
        if not len(drawn.shapes):
            raise UserError(
                f"{drawn.path} holds no polygons: where was looked is not known. Leave it out, or give the area: "
                "area=FILE."
            )
        west, south, east, north = shapely.total_bounds(drawn.shapes)
        return LookGround(drawn.crs or "", np.array([[(west + east) / 2, (south + north) / 2]]))

    def read(self, grid: CellGrid) -> Look:
        """Read it."""
        outlines = _outlines_of(self.path, self.date_column)
        check_same_kind(self.path, outlines.crs or "", grid)
        area = self._looked_area(outlines, grid)
        of_date = on_grid(outlines.select(self._is_of_date(outlines)), grid)
        slicks = measured_slicks(of_date.shapes, grid, of_date.measures(grid.unit))
        facts = LookFacts(self.name, self.date, self.date, self.key(), str(self.path.absolute()))
        return whole_look(facts, inner_cells(area, grid), slicks)

    def _is_of_date(self, outlines: FileOutlines) -> NDArray[np.bool_]:
        """Which outlines of the file are of this look, (N,)."""
        if self.date_column is None:
            return np.ones(len(outlines.shapes), bool)
        dates = dates_of(outlines.columns[self.date_column])
        return np.array([date == self.date for date in dates], bool)

    def _looked_area(self, outlines: FileOutlines, grid: CellGrid) -> shapely.Geometry:
        """What was looked at, in the coordinates of the grid."""
        if self.area is None:
            placed = on_grid(outlines, grid)
            return shapely.convex_hull(shapely.geometrycollections(placed.shapes))
        drawn = read_file_outlines(self.area, [])
        check_same_kind(self.area, drawn.crs or "", grid)
        return shapely.union_all(on_grid(drawn, grid).shapes)


@lru_cache(maxsize=1)
def _outlines_of(path: Path, date_column: str | None) -> FileOutlines:
    """The outlines of a file, kept for its next date."""
    columns = [*measure_columns(), date_column] if date_column else measure_columns()
    return read_file_outlines(path, columns)


def dates_of(column: NDArray[Any]) -> list[str]:
    """The date in each cell of a column, YYYY-MM-DD; empty where there is none."""
    if column.dtype.kind == "M":
        return [date_of(value) for value in column]
    return [date_of(value) for value in column.tolist()]


def outline_sources(path: Path, date_column: str | None, area: Path | None) -> list[OutlineSource]:
    """The looks of a file of outlines.

    Args:
        path: Any vector file with one layer of polygons.
        date_column: The column of dates; None: `time`, where the file has it, or else the date in its name.
        area: A file whose polygons were looked at on each date.

    Raises:
        UserError: The file cannot be read, or lacks the column; some outlines have no date.
    """
    _outlines_of.cache_clear()
    column = date_column or _usual_column(path)
    if column is None:
        return [OutlineSource(path.stem, path, date_in(path.stem), None, area)]
    fields = layer_of(path).fields
    if column not in fields:
        raise UserError(f"{path} has no attribute {column}; those that it has: {', '.join(fields) or 'none'}.")
    dates = dates_of(_outlines_of(path, column).columns[column])
    _check_dates(path, column, dates)
    return [OutlineSource(f"{path.stem} {date}", path, date, column, area) for date in sorted(set(dates))]


def _usual_column(path: Path) -> str | None:
    """The column in which `predict` writes the time, where a file has it, and a date in each of its cells."""
    if TIME not in layer_of(path).fields:
        return None
    dates = dates_of(_outlines_of(path, TIME).columns[TIME])
    return TIME if dates and all(dates) else None


def _check_dates(path: Path, column: str, dates: Sequence[str]) -> None:
    """Raise `UserError` where some outlines have no date, or there are none at all."""
    missing = sum(not date for date in dates)
    if missing:
        raise UserError(
            f"{path}: {missing} of {len(dates)} outlines have no date in {column}. Expected dates such as 2018-01-14 "
            "or 20180114 in each."
        )
    if not dates:
        raise UserError(f"{path} holds no outlines: of which days it is, nobody knows. Leave it out.")
