"""A file of outlines as a whole: what it holds, before any scene is looked at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.errors
import shapely
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.vector_layers import (
    VectorLayer,
    check_columns,
    damaged,
    numbers_where,
    polygon_layer,
    read_as_polygons,
    read_features,
    repaired,
)

REFUSED_CONDITION = (pyogrio.errors.FeatureError, ValueError)
"""What pyogrio raises for a condition that the format's SQL refuses."""
BUILT_IN_COLUMNS = ("fid", "ogc_fid", "rowid", "geom", "geometry")
"""Columns that a condition may name although they are no attributes."""
QUOTED_NAME = re.compile(r'"([^"]+)"')
"""A name in double quotes, as SQL has them."""
QUOTED_TEXT = re.compile(r"'[^']*'")
"""A text in single quotes, likewise."""


@dataclass(frozen=True)
class OutlineFile:
    """The features of a file of outlines, in its order.

    Attributes:
        numbers: Number of each feature in the file, (N,).
        columns: The attributes by name, each (N,).
        is_empty: Whether nothing was drawn, (N,).
        is_flat: Whether what was drawn has no area: a line, a point, or an outline that folds to nothing, (N,).
        is_repaired: Whether what was drawn is no whole polygon, but has an area when it is repaired, (N,).
        shapes: What was drawn, repaired, (N,).
        crs: Its coordinate system; None for none.
    """

    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    is_empty: NDArray[np.bool_]
    is_flat: NDArray[np.bool_]
    is_repaired: NDArray[np.bool_]
    shapes: NDArray[np.object_]
    crs: str | None


def read_outline_file(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> OutlineFile:
    """Read all features of a file of outlines.

    Args:
        path: Any vector file with one layer of polygons.
        columns: Names of the attributes that are read.
        optional: Names of attributes that are read where there are such.

    Returns:
        The features, and what is wrong with their geometries.

    Raises:
        UserError: The file is no vector file, has several layers of polygons, or lacks one of the columns.
    """
    with read_as_polygons(path):
        layer = polygon_layer(path)
        check_columns(layer, columns)
        known = [name for name in optional if name in layer.fields]
        features = read_features(layer, list(dict.fromkeys([*columns, *known])))
    shapes = features.shapes
    is_empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    is_damaged = damaged(shapes) & ~is_empty
    shapes[is_damaged] = repaired(shapes[is_damaged], path)
    is_flat = ~is_empty & ~(shapely.area(shapes) > 0)
    is_repaired = is_damaged & ~is_flat
    return OutlineFile(features.numbers, features.columns, is_empty, is_flat, is_repaired, shapes, layer.crs)


def outlines_where(path: Path, condition: str, key: str) -> NDArray[np.int64]:
    """Find the outlines of a file that meet a condition.

    Args:
        path: Any vector file with one layer of polygons.
        condition: An SQL condition on the attributes.
        key: The key of the config that holds the condition, for messages.

    Returns:
        Their numbers in the file, (K,).

    Raises:
        UserError: The condition names no attribute of the file, or is no SQL.
    """
    layer = polygon_layer(path)
    _check_quoted_names(layer, condition, key)
    try:
        return numbers_where(layer, condition)
    except REFUSED_CONDITION as error:
        reason = _reason(error, condition)
        raise UserError(
            f"{key}={condition!r} is no SQL condition on the attributes of {path}{reason}. "
            f"Those that it has: {layer.field_names}. Write a text in single quotes, such as note = 'doubtful'."
        ) from error


def _check_quoted_names(layer: VectorLayer, condition: str, key: str) -> None:
    """Raise `UserError` for a name that the layer lacks: in SQLite "sure" is then a text, and never equals a number."""
    known = {name.casefold() for name in (*layer.fields, *BUILT_IN_COLUMNS)}
    without_texts = QUOTED_TEXT.sub("", condition)
    for name in QUOTED_NAME.findall(without_texts):
        if name.casefold() not in known:
            raise UserError(
                f"{key}={condition!r}: {layer.path} has no attribute {name}; those that it has: {layer.field_names}. "
                "Attributes stand in double quotes, texts in single ones."
            )


def _reason(error: Exception, condition: str) -> str:
    """Why SQLite refuses a condition, in brackets; other drivers of GDAL do not say."""
    _, _, reason = str(error).rpartition(f"WHERE {condition}: ")
    is_of_sqlite = reason != str(error)
    return f" ({reason})" if is_of_sqlite else ""
