"""What `seep sources` wrote, read again: its sources, and the slicks around each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.tables import read_csv
from seep_lightning.errors import UserError
from seep_lightning.scene.vector_layers import (
    POLYGON_TYPES,
    Shapes,
    VectorLayer,
    check_columns,
    polygon_layer,
    read_as_polygons,
    read_features,
)
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.layers import ORIGINS, SLICKS, SOURCES
from seep_lightning.sources.outputs import SourceOutputs
from seep_lightning.sources.source import SHARED_END, SourceSettings
from seep_lightning.sources.store import LookStore

NUMBERS_OF_SOURCE = (
    "days_seen",
    "days_looked",
    "rate",
    "rate_low",
    "rate_high",
    "expected_by_chance",
    "p_corrected",
)
SOURCE_VALUES = (*NUMBERS_OF_SOURCE, "first", "last")
# NumPy's letters of integers, with and without a sign
WHOLE_KINDS = ("i", "u")
FARTHEST = 1e9
"""Of a coordinate from the corner of a grid, m or px: no place on the earth is farther."""
SOURCES_AGAIN = "Give the command seep sources again, and then this one."
Values = dict[str, NDArray[Any]]
Origin = tuple[shapely.Point, str, float]
"""Place, kind and spread."""


@dataclass(frozen=True)
class WrittenSource:
    """A source as the layers tell it.

    Attributes:
        number: From 1, the surest first.
        shape: The outline of its cells.
        origin: x, y.
        origin_kind: What the origin is.
        origin_spread: How far the days lie from it, m or px.
        seen_on: Numbers of the days on which it was seen.
        values: Its values by the names of `SOURCE_VALUES`.
    """

    number: int
    shape: shapely.Geometry
    origin: tuple[float, float]
    origin_kind: str
    origin_spread: float
    seen_on: tuple[int, ...]
    values: dict[str, Any]

    @property
    def has_shared_end(self) -> bool:
        """Whether its days share an end."""
        return self.origin_kind == SHARED_END


@dataclass(frozen=True)
class SlicksOfSource:
    """The slicks of a source.

    Attributes:
        shapes: Their polygons, (N,).
        days: The number of the day of each, (N,).
    """

    shapes: Shapes
    days: NDArray[np.int64]


@dataclass(frozen=True)
class WrittenSources:
    """What one call of `seep sources` wrote.

    Attributes:
        outputs: Its files.
        grid: The grid of the cells.
        days: The days.
        sources: The sources, the surest first.
        settings: How they were told from chance.
    """

    outputs: SourceOutputs
    grid: CellGrid
    days: DayList
    sources: Sequence[WrittenSource]
    settings: SourceSettings

    def slicks_of(self, number: int) -> SlicksOfSource:
        """The slicks of a source.

        Args:
            number: Its number.

        Raises:
            UserError: The GeoPackage cannot be read.
        """
        path = self.outputs.layers
        shapes, values = _read(path, SLICKS, ("day",), f"source = {number:d}")
        _check_whole_numbers(path, SLICKS, values, ("day",))
        _check_shapes(path, SLICKS, shapes, POLYGON_TYPES)
        if not len(shapes):
            raise UserError(f"{path} has no {SLICKS} of source {number}. {SOURCES_AGAIN}")
        return SlicksOfSource(shapes, values["day"].astype(np.int64))


def read_sources(folder: str) -> WrittenSources:
    """Read what `seep sources` wrote.

    Args:
        folder: Its `output`.

    Raises:
        UserError: There is nothing of it, or a file is damaged.
    """
    outputs = SourceOutputs.of(folder)
    store = LookStore(outputs.store)
    for path in (outputs.layers, outputs.recurrence, outputs.source_days, store.grid_path):
        if not is_there(path):
            name = path.relative_to(outputs.folder)
            raise UserError(
                f"maps={folder} has no {name}; expected the output of seep sources. Find the sources first: "
                f"seep sources {quote(f'maps={folder}')} output=SOURCES, then seep report maps=SOURCES."
            )
    store.open()
    days = DayList(store)
    return WrittenSources(outputs, store.grid(), days, _sources(outputs, len(days)), _settings(outputs.layers))


def _sources(outputs: SourceOutputs, days: int) -> list[WrittenSource]:
    """The sources, the surest first; days: how many there are."""
    path = outputs.layers
    shapes, values = _read(path, SOURCES, ("source", *SOURCE_VALUES))
    _check_shapes(path, SOURCES, shapes, POLYGON_TYPES)
    _check_whole_numbers(path, SOURCES, values, ("source",))
    _check_numbers(path, SOURCES, values, NUMBERS_OF_SOURCE)
    origins = _origins(path)
    seen_on = _seen_on(outputs.source_days)
    has_days = max(map(max, seen_on.values()), default=-1) < days
    is_same = set(values["source"].tolist()) == set(origins) == set(seen_on)
    if not (has_days and is_same):
        raise UserError(
            f"{path}, {outputs.source_days.name} and {outputs.store.name} are not of one call. {SOURCES_AGAIN}"
        )
    return _joined(shapes, values, origins, seen_on)


def _joined(
    shapes: Shapes, values: Values, origins: dict[int, Origin], seen_on: dict[int, tuple[int, ...]]
) -> list[WrittenSource]:
    """Sources with their origins and days, the surest first."""
    sources = []
    for row, number in enumerate(values["source"].tolist()):
        point, kind, spread = origins[number]
        source = WrittenSource(
            number=number,
            shape=shapes[row],
            origin=(point.x, point.y),
            origin_kind=kind,
            origin_spread=spread,
            seen_on=seen_on[number],
            values={name: values[name].tolist()[row] for name in SOURCE_VALUES},
        )
        sources.append(source)
    return sorted(sources, key=lambda source: source.number)


def _origins(layers: Path) -> dict[int, Origin]:
    """Place, kind and spread of each origin by the number of its source."""
    with read_as_polygons(layers):
        unit = "m" if polygon_layer(layers, ORIGINS).crs else "px"
    spread = f"origin_spread_{unit}"
    points, values = _read(layers, ORIGINS, ("source", "origin_kind", spread))
    _check_shapes(layers, ORIGINS, points, (shapely.GeometryType.POINT,))
    _check_whole_numbers(layers, ORIGINS, values, ("source",))
    _check_numbers(layers, ORIGINS, values, (spread,))
    rows = zip(points, values["origin_kind"].tolist(), values[spread].tolist(), strict=True)
    return dict(zip(values["source"].tolist(), rows, strict=True))


def _seen_on(path: Path) -> dict[int, tuple[int, ...]]:
    """The days on which each source was seen, by its number."""
    seen_on: dict[int, list[int]] = {}
    for row in read_csv(path, ("source", "day")).rows:
        seen_on.setdefault(row.whole_number("source"), []).append(row.whole_number("day"))
    return {number: tuple(days) for number, days in seen_on.items()}


def _read(path: Path, name: str, columns: Sequence[str], condition: str | None = None) -> tuple[Shapes, Values]:
    """Shapes and columns of a layer, of the features that meet a condition."""
    with read_as_polygons(path):
        layer: VectorLayer = polygon_layer(path, name)
        check_columns(layer, columns)
        features = read_features(layer, columns, condition)
    return features.shapes, features.columns


def _check_shapes(path: Path, layer: str, shapes: Shapes, types: Sequence[int]) -> None:
    """Raise `UserError` unless all shapes of a layer are of some of shapely's types, hold something and lie near."""
    is_right = np.isin(shapely.get_type_id(shapes), types) & ~shapely.is_empty(shapes)
    if types == POLYGON_TYPES:
        is_right &= shapely.area(shapes) > 0
    is_near = np.abs(shapely.bounds(shapes)).max(axis=1, initial=0) <= FARTHEST
    if not (is_right & is_near).all():
        raise UserError(f"{path}: a shape of the layer {layer} is missing, or of another kind. {SOURCES_AGAIN}")


def _check_whole_numbers(path: Path, layer: str, values: Values, columns: Sequence[str]) -> None:
    """Raise `UserError` unless some columns of a layer hold whole numbers; one that lacks some has fractions."""
    for column in columns:
        if values[column].dtype.kind not in WHOLE_KINDS:
            raise _refused(path, layer, column, "whole numbers")


def _check_numbers(path: Path, layer: str, values: Values, columns: Sequence[str]) -> None:
    """Raise `UserError` unless some columns of a layer hold finite numbers."""
    for column in columns:
        is_numeric = values[column].dtype.kind in (*WHOLE_KINDS, "f")
        if not is_numeric or not np.isfinite(values[column]).all():
            raise _refused(path, layer, column, "finite numbers")


def _refused(path: Path, layer: str, column: str, expected: str) -> UserError:
    """The error for a column that does not hold what it does in what `seep sources` writes."""
    return UserError(f"{path}: {column} of the layer {layer} holds something other than {expected}. {SOURCES_AGAIN}")


def _settings(layers: Path) -> SourceSettings:
    """The settings that the metadata of the layers tell; the usual ones for what they do not."""
    with read_as_polygons(layers):
        layer = polygon_layer(layers, SOURCES)
        told = pyogrio.read_info(layer.location, layer=SOURCES)["layer_metadata"] or {}
        usual = SourceSettings()
        settings = SourceSettings(
            min_days=int(told.get("min_days", usual.min_days)),
            level=float(told.get("level", usual.level)),
            permutations=int(told.get("permutations", usual.permutations)),
            seed=int(told.get("seed", usual.seed)),
        )
        if settings.permutations < 1:
            raise ValueError(f"permutations={settings.permutations}")
        return settings
