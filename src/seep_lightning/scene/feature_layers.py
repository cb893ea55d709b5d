"""Several layers of features in one GeoPackage: polygons, points, tables of attributes, written by batches."""

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from seep_lightning import compat
from seep_lightning.documents.sqlite_files import discard_journals
from seep_lightning.errors import as_user_error, writing_to
from seep_lightning.files import draft_of, publish
from seep_lightning.scene.field_texts import FieldText, add_field_texts
from seep_lightning.scene.qgis_style import LayerLook, add_style_inside, style_for, write_style_beside
from seep_lightning.scene.vector_layers import UNREADABLE, Shapes

DRIVER = "GPKG"
FEATURES_AT_ONCE = 2000
"""Opening the file for each few takes longer than writing them; more would fill the memory."""

# it reports how many records it wrote
logging.getLogger("pyogrio").setLevel(logging.WARNING)


@dataclass(frozen=True)
class FeatureColumn:
    """A column of a layer.

    Attributes:
        text: Its name, alias and description.
        kind: Type of its values; where there is none, they are None.
    """

    text: FieldText
    kind: type[float] | type[int] | type[str] = float

    @property
    def name(self) -> str:
        """Its name."""
        return self.text.column


@dataclass(frozen=True)
class FeatureBatch:
    """Some features of a layer.

    Attributes:
        shapes: Their geometries, (N,).
        values: The values of each column by its name, each of N; None for no value.
    """

    shapes: Shapes
    values: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class FeatureLayer:
    """A layer to be written.

    Attributes:
        name: Its name.
        geometry: `MultiPolygon` or `Point`.
        wkt: Its coordinate system; empty for none.
        columns: Its columns, in order.
        batches: Its features; each batch is taken when the one before has been written.
        metadata: Texts about the layer by name.
        look: How QGIS draws it; None: as it likes.
    """

    name: str
    geometry: str
    wkt: str
    columns: Sequence[FeatureColumn]
    batches: Iterable[FeatureBatch]
    metadata: Mapping[str, str] = field(default_factory=dict)
    look: LayerLook | None = None


def write_feature_layers(layers: Sequence[FeatureLayer], path: Path) -> dict[str, int]:
    """Write layers into a GeoPackage, all or nothing, each with its QGIS style: inside, and beside unless one is there.

    Args:
        layers: The layers, in the order in which a GIS lists them.
        path: The file; one of this name is replaced.

    Returns:
        How many features each layer has, by its name.

    Raises:
        UserError: GDAL refuses it.
        DiskError: The disk is full or refuses the file.
    """
    unwritten = as_user_error(
        f"{path} could not be written", *UNREADABLE, RuntimeError, advice="Make room, and give it again."
    )
    counts: dict[str, int] = {}
    with draft_of(path, path.suffix) as draft, writing_to(path), unwritten:
        for layer in layers:
            counts[layer.name] = _write_layer(layer, draft)
            add_field_texts(draft, layer.name, [column.text for column in layer.columns])
        for layer in layers:
            _add_style(layer, draft, path)
        _check_counts(draft, counts)
        discard_journals(path)
        publish(draft, path)
    return counts


def _add_style(layer: FeatureLayer, draft: Path, path: Path) -> None:
    """Add a layer's style to the draft of a file, and write it beside the file unless one is there."""
    if layer.look is None:
        return
    style = style_for(path, [column.text for column in layer.columns], layer.look)
    write_style_beside(path, style, layer.look)
    add_style_inside(draft, style, layer.look)


def _write_layer(layer: FeatureLayer, draft: Path) -> int:
    """Write one layer; return how many features it has."""
    count = 0
    is_begun = False
    for batch in _in_large_batches(layer):
        _write_batch(layer, batch, draft, is_begun=is_begun)
        count += len(batch.shapes)
        is_begun = True
    return count


def _in_large_batches(layer: FeatureLayer) -> Iterator[FeatureBatch]:
    """The features in batches of `FEATURES_AT_ONCE` or more; at least one, so that a layer without any is there."""
    waiting: list[FeatureBatch] = []
    was_yielded = False
    for batch in layer.batches:
        waiting.append(batch)
        if sum(len(other.shapes) for other in waiting) >= FEATURES_AT_ONCE:
            yield _joined(layer, waiting)
            waiting, was_yielded = [], True
    rest = _joined(layer, waiting)
    if len(rest.shapes) or not was_yielded:
        yield rest


def _joined(layer: FeatureLayer, batches: Sequence[FeatureBatch]) -> FeatureBatch:
    """All features of several batches."""
    shapes = np.concatenate([np.zeros(0, object), *(batch.shapes for batch in batches)])
    values = {}
    for column in layer.columns:
        values[column.name] = [value for batch in batches for value in batch.values[column.name]]
    return FeatureBatch(shapes, values)


def _write_batch(layer: FeatureLayer, batch: FeatureBatch, draft: Path, *, is_begun: bool) -> None:
    """Write some features at the end of a layer; is_begun: whether the layer is there already."""
    arrays = [_array(column, batch.values[column.name]) for column in layer.columns]
    masks = [_mask(batch.values[column.name]) for column in layer.columns]
    options = {} if is_begun else {"layer_metadata": dict(layer.metadata)}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided|No SRS set")
        pyogrio.raw.write(
            compat.literal_path(draft),
            shapely.to_wkb(batch.shapes),
            arrays,
            [column.name for column in layer.columns],
            field_mask=masks,
            layer=layer.name,
            crs=layer.wkt or None,
            driver=DRIVER,
            geometry_type=layer.geometry,
            promote_to_multi=layer.geometry.startswith("Multi"),
            append=draft.exists(),
            **options,
        )


def _array(column: FeatureColumn, values: Sequence[Any]) -> NDArray[Any]:
    """The values of a column; what stands in place of None is masked."""
    if column.kind is str:
        return np.array(list(values), dtype=object)
    filled = [0 if value is None else value for value in values]
    return np.array(filled, dtype=np.int64 if column.kind is int else np.float64)


def _mask(values: Sequence[Any]) -> NDArray[np.bool_]:
    """Which values are none."""
    return np.array([value is None for value in values], dtype=bool)


def _check_counts(draft: Path, counts: Mapping[str, int]) -> None:
    """Raise `RuntimeError` unless each layer of a draft holds so many features: GDAL does not always say it failed."""
    for name, count in counts.items():
        if pyogrio.read_info(compat.literal_path(draft), layer=name)["features"] != count:
            raise RuntimeError("fewer features than were written")
