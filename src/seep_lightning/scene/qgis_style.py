"""The QGIS style of outlines: a file beside them, and the table of styles inside a GeoPackage."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
from jinja2 import Template
from numpy.typing import NDArray

from seep_lightning import compat
from seep_lightning.documents.regular_files import is_there, read_bytes
from seep_lightning.documents.sqlite_files import looking_into
from seep_lightning.files import check_stays_inside, write_text
from seep_lightning.scene.field_texts import FieldText
from seep_lightning.scene.seep_colours import SEEP_COLOURS, ColourKinds, ColourScale

STYLE_TEMPLATE = Path(__file__).with_name("seeps.qml.j2")
STYLE_TABLE = "layer_styles"
"""Of a GeoPackage: https://docs.qgis.org/3.40/en/docs/user_manual/managing_data_source/managing_data_source.html"""
STYLE_NAME = "seep_lightning"
LARGEST_STYLE = 16 << 20
LONGEST_LOOK = 2.0
"""Seconds in which a GeoPackage must tell its style."""
_GEOMETRY_COLUMN = "geom"
# GDAL's number of this time zone
_GDAL_UTC = 100


@dataclass(frozen=True)
class LayerLook:
    """What a layer of outlines is called, and how QGIS draws it.

    Attributes:
        name: Of the layer.
        colours: The column that its colours tell, and how.
        subject: What an outline is of, in words.
        symbol: `fill` for polygons, `marker` for points.
        suffix: Of the file beside; layers of one file have each their own.
    """

    name: str
    colours: ColourScale | ColourKinds
    subject: str
    symbol: str = "fill"
    suffix: str = ".qml"


SEEPS = LayerLook("seeps", SEEP_COLOURS, "a seep")


def style_for(path: Path, fields: Sequence[FieldText], look: LayerLook = SEEPS) -> str:
    """The style of a file of outlines: the analyst's own one, inside the file that was there before or beside it.

    Args:
        path: The file of outlines, .gpkg or .geojson; it need not be there.
        fields: What people read about its columns.
        look: Its colours.

    Raises:
        UserError: What lies beside is no file, or a link to one elsewhere.
    """
    template = Template(STYLE_TEMPLATE.read_text(encoding="utf-8"), autoescape=True)
    own_style: str = template.render(scale=look.colours, fields=fields, symbol=look.symbol)
    inside = _style_inside(path, look)
    if inside and inside != own_style:
        return inside
    beside = style_file(path, look)
    if is_there(beside):
        # its text goes into the GeoPackage, which may be passed on
        check_stays_inside(beside)
        return read_bytes(beside, largest=LARGEST_STYLE).decode(errors="replace")
    return own_style


def style_file(path: Path, look: LayerLook = SEEPS) -> Path:
    """The file of the style beside a file of outlines."""
    return path.with_suffix(look.suffix)


def _style_inside(path: Path, look: LayerLook) -> str:
    """The style that QGIS opens a layer of a GeoPackage with; empty where there is none."""
    if path.suffix != ".gpkg" or not path.exists():
        return ""
    query = f"SELECT styleQML FROM {STYLE_TABLE} WHERE f_table_name = ? ORDER BY useAsDefault DESC, update_time DESC"
    try:
        with looking_into(path, largest_value=LARGEST_STYLE, seconds=LONGEST_LOOK) as database:
            row = database.execute(query, [look.name]).fetchone()
    except sqlite3.Error:
        # no such table, no GeoPackage at all, or one whose styles are a query that never ends
        return ""
    return str(row[0]) if row else ""


def write_style_beside(path: Path, style: str, look: LayerLook = SEEPS) -> None:
    """Write the style beside a file of outlines, unless one is there.

    Args:
        path: The file of outlines.
        style: The style.
        look: Of its layer.
    """
    file = style_file(path, look)
    if not file.exists():
        write_text(file, style)


def add_style_inside(path: Path, style: str, look: LayerLook = SEEPS) -> None:
    """Add the table of styles to a GeoPackage, as QGIS does when it saves a style there.

    Args:
        path: The GeoPackage.
        style: The style, which QGIS takes by default.
        look: The name and the colours of its layer of outlines.
    """
    row: dict[str, NDArray[Any]] = {
        "f_table_catalog": _text(""),
        "f_table_schema": _text(""),
        "f_table_name": _text(look.name),
        "f_geometry_column": _text(_GEOMETRY_COLUMN),
        "styleName": _text(STYLE_NAME),
        "styleQML": _text(style),
        "styleSLD": _text(""),
        "useAsDefault": np.array([True]),
        "description": _text(f"coloured by {look.colours.column}, the {look.colours.label} of {look.subject}"),
        "owner": _text(""),
        "ui": _text(""),
        "update_time": np.array([datetime.now(UTC).replace(tzinfo=None)], "datetime64[ms]"),
    }
    pyogrio.raw.write(
        compat.literal_path(path),
        None,
        list(row.values()),
        list(row),
        layer=STYLE_TABLE,
        driver="GPKG",
        geometry_type=None,
        append=True,
        layer_options={"FID": "id"},
        gdal_tz_offsets={"update_time": np.array([_GDAL_UTC])},
    )


def _text(value: str) -> NDArray[np.object_]:
    """A column of one text."""
    return np.array([value], dtype=object)
