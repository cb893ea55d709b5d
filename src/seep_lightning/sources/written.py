"""What `seep sources` wrote, read again: its sources, and the slicks around each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.tables import read_csv
from seep_lightning.errors import UserError
from seep_lightning.scene.vector_layers import (
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

SOURCE_VALUES = (
    "days_seen",
    "days_looked",
    "rate",
    "rate_low",
    "rate_high",
    "expected_by_chance",
    "p_corrected",
    "first",
    "last",
)
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
        shapes, values = _read(self.outputs.layers, SLICKS, ("day",), f"source = {number:d}")
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
                f"seep sources maps={folder} output=SOURCES, then seep report maps=SOURCES."
            )
    store.open()
    days = DayList(store)
    return WrittenSources(outputs, store.grid(), days, _sources(outputs, len(days)), _settings(outputs.layers))


def _sources(outputs: SourceOutputs, days: int) -> list[WrittenSource]:
    """The sources, the surest first; days: how many there are."""
    shapes, values = _read(outputs.layers, SOURCES, ("source", *SOURCE_VALUES))
    origins = _origins(outputs.layers)
    seen_on = _seen_on(outputs.source_days)
    has_shapes = all(shape is not None for shape in shapes)
    has_days = max(map(max, seen_on.values()), default=-1) < days
    is_same = set(values["source"].tolist()) == set(origins) == set(seen_on)
    if not (has_shapes and has_days and is_same):
        raise UserError(
            f"{outputs.layers}, {outputs.source_days.name} and {outputs.store.name} are not of one call. "
            "Give the command seep sources again, and then this one."
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
    rows = zip(points, values["origin_kind"].tolist(), values[spread].tolist(), strict=True)
    return dict(zip(values["source"].tolist(), rows, strict=True))


def _seen_on(path: Path) -> dict[int, tuple[int, ...]]:
    """The days on which each source was seen, by its number."""
    seen_on: dict[int, tuple[int, ...]] = {}
    for row in read_csv(path, ("source", "day")).rows:
        number = row.whole_number("source")
        seen_on[number] = (*seen_on.get(number, ()), row.whole_number("day"))
    return seen_on


def _read(path: Path, name: str, columns: Sequence[str], condition: str | None = None) -> tuple[Shapes, Values]:
    """Shapes and columns of a layer, of the features that meet a condition."""
    with read_as_polygons(path):
        layer: VectorLayer = polygon_layer(path, name)
        check_columns(layer, columns)
        features = read_features(layer, columns, condition)
    return features.shapes, features.columns


def _settings(layers: Path) -> SourceSettings:
    """The settings that the metadata of the layers tell; the usual ones for what they do not."""
    with read_as_polygons(layers):
        layer = polygon_layer(layers, SOURCES)
        told = pyogrio.read_info(layer.location, layer=SOURCES)["layer_metadata"] or {}
        usual = SourceSettings()
        return SourceSettings(
            min_days=int(told.get("min_days", usual.min_days)),
            level=float(told.get("level", usual.level)),
            permutations=int(told.get("permutations", usual.permutations)),
            seed=int(told.get("seed", usual.seed)),
        )
