"""Sources, origins and slicks as layers of a GeoPackage, and the tables beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import shapely

from seep_lightning.scene.feature_layers import FeatureBatch, FeatureLayer
from seep_lightning.scene.vector_layers import Shapes
from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.columns import (
    ORIGIN_COLUMNS,
    SLICK_COLUMNS,
    SOURCE_COLUMNS,
    LayerColumn,
    NamedSource,
    PlacedSlick,
)
from seep_lightning.sources.day_colours import LOOKS
from seep_lightning.sources.day_list import DayFacts, DayList
from seep_lightning.sources.looks import LookFacts, LookSlicks
from seep_lightning.sources.seen_counts import SeenCounts
from seep_lightning.sources.source import SlickKey, Source

SOURCES = "sources"
ORIGINS = "origins"
SLICKS = "slicks"

Subject = TypeVar("Subject")


def layers_of(
    sources: Sequence[Source], days: DayList, grid: CellGrid, counts: SeenCounts, about: Mapping[str, str]
) -> list[FeatureLayer]:
    """The layers of one output.

    Args:
        sources: The sources.
        days: The days.
        grid: The grid of their cells.
        counts: On how many days each cell had a slick.
        about: Texts for the layers' metadata by name.
    """
    named = [_named(source, days, counts) for source in sources]
    slicks = _slick_batches(sources, days, counts, grid)
    return [
        _layer(SOURCES, "MultiPolygon", SOURCE_COLUMNS, grid, [_source_batch(named, grid)], about),
        _layer(ORIGINS, "Point", ORIGIN_COLUMNS, grid, [_origin_batch(named, grid)], about),
        _layer(SLICKS, "MultiPolygon", SLICK_COLUMNS, grid, slicks, about),
    ]


def _layer(
    name: str,
    geometry: str,
    columns: Sequence[LayerColumn[Any]],
    grid: CellGrid,
    batches: Iterable[FeatureBatch],
    about: Mapping[str, str],
) -> FeatureLayer:
    written = [column.column(grid.unit) for column in columns]
    return FeatureLayer(name, geometry, grid.wkt, written, batches, about, LOOKS[name])


def _named(source: Source, days: DayList, counts: SeenCounts) -> NamedSource:
    names = tuple(days.facts[day.day].name for day in source.by_day)
    return NamedSource(source, names, counts.most(source.cells))


def _source_batch(named: Sequence[NamedSource], grid: CellGrid) -> FeatureBatch:
    """The sources as the outlines of their cells."""
    shapes = [outline_of_cells(item.source.cells, grid) for item in named]
    return FeatureBatch(_array(shapes), _values(SOURCE_COLUMNS, named, grid))


def _origin_batch(named: Sequence[NamedSource], grid: CellGrid) -> FeatureBatch:
    """The origins of sources, as points."""
    points = [shapely.Point(item.source.origin) for item in named]
    return FeatureBatch(_array(points), _values(ORIGIN_COLUMNS, named, grid))


def _slick_batches(
    sources: Sequence[Source], days: DayList, counts: SeenCounts, grid: CellGrid
) -> Iterator[FeatureBatch]:
    """All slicks, those of one look at a time."""
    source_of = {key: source for source in sources for key in source.slicks}
    for facts in days.facts:
        first = 0
        for look, slicks in days.slicks_of(facts.number):
            placed = list(_placed(slicks, look, facts, first, source_of, counts))
            yield FeatureBatch(slicks.shapes, _values(SLICK_COLUMNS, placed, grid))
            first += len(slicks)


def _placed(
    slicks: LookSlicks,
    look: LookFacts,
    day: DayFacts,
    first: int,
    source_of: Mapping[SlickKey, Source],
    counts: SeenCounts,
) -> Iterator[PlacedSlick]:
    """The slicks of a look with what is known of their places; first: the number of the first of them in the day."""
    for position in range(len(slicks)):
        number = first + position
        yield PlacedSlick(
            day=day,
            look=look,
            number=number,
            source=source_of.get(SlickKey(day.number, number)),
            days_here=counts.most(slicks.cells[position]),
            area=float(slicks.area[position]),
            length=float(slicks.length[position]),
            p_mean=_number(slicks.p_mean[position]),
            class_number=_whole(slicks.class_number[position]),
        )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _values(columns: Sequence[LayerColumn[Subject]], subjects: Sequence[Subject], grid: CellGrid) -> dict[str, Any]:
    """The values of all columns by name."""
    return {column.column_name(grid.unit): [column.value(subject) for subject in subjects] for column in columns}


def _array(shapes: Sequence[shapely.Geometry]) -> Shapes:
    array = np.empty(len(shapes), object)
    array[:] = shapes
    return array


def outline_of_cells(cells: CellSet, grid: CellGrid) -> shapely.Geometry:
    """The outline of some cells.

    Args:
        cells: The cells, at least one.
        grid: Their grid.
    """
    top_left = grid.points(cells.positions)
    bottom_right = grid.points(cells.positions + 1)
    boxes = shapely.box(top_left[:, 0], bottom_right[:, 1], bottom_right[:, 0], top_left[:, 1])
    return shapely.union_all(boxes)


def day_rows(days: DayList, sources: Sequence[Source], grid: CellGrid) -> list[dict[str, Any]]:
    """The rows of days.csv.

    Args:
        days: The days.
        sources: The sources.
        grid: The grid of their cells.
    """
    in_sources: dict[int, set[int]] = {}
    for source in sources:
        for key in source.slicks:
            in_sources.setdefault(key.day, set()).add(key.number)
    rows = []
    for facts in days.facts:
        looked, seen = _cell_counts(days, facts)
        row = {
            "day": facts.number,
            "name": facts.name,
            "date": facts.date,
            "scenes": " ".join(look.name for look in facts.looks),
            "slicks": facts.slick_count,
            "slicks_of_sources": len(in_sources.get(facts.number, ())),
            "cells_seen": seen,
            "cells_looked": looked,
            f"looked_{grid.unit}2": f"{looked * grid.size**2:.0f}",
        }
        rows.append(row)
    return rows


def _cell_counts(days: DayList, facts: DayFacts) -> tuple[int, int]:
    """How many cells a day looked at, and in how many it saw a slick."""
    looked_count = seen_count = 0
    for key in facts.tiles:
        marks = days.tile(facts.number, key)
        assert marks is not None
        looked_count += int(marks[0].sum())
        seen_count += int(marks[1].sum())
    return looked_count, seen_count


def source_day_rows(days: DayList, sources: Sequence[Source], grid: CellGrid) -> list[dict[str, Any]]:
    """The rows of source_days.csv: each source on each day on which it was seen.

    Args:
        days: The days.
        sources: The sources.
        grid: The grid of their cells.
    """
    rows = []
    for source in sources:
        for of_day in source.by_day:
            row = {
                "source": source.number,
                "day": of_day.day,
                "name": days.facts[of_day.day].name,
                "date": days.facts[of_day.day].date,
                "slicks": sum(key.day == of_day.day for key in source.slicks),
                f"area_{grid.unit}2": f"{of_day.area:.0f}",
                f"length_{grid.unit}": f"{of_day.length:.0f}",
            }
            rows.append(row)
    return rows
