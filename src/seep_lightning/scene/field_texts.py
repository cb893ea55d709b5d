"""Aliases and descriptions of a GeoPackage's columns, by its schema extension: GDAL and QGIS show them.

https://www.geopackage.org/spec131/#extension_schema
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,
    definition TEXT NOT NULL, scope TEXT NOT NULL,
    CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE IF NOT EXISTS gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT,
    title TEXT, description TEXT, mime_type TEXT, constraint_name TEXT,
    CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (constraint_name TEXT NOT NULL,
    constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC,
    max_is_inclusive BOOLEAN, description TEXT, CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
"""
_EXTENSION = ("gpkg_schema", "http://www.geopackage.org/spec121/#extension_schema", "read-write")


class FieldText(NamedTuple):
    """What people read about a column.

    Attributes:
        column: Its name.
        alias: What stands in its place in tables and forms, with the unit.
        description: What it is.
        choices: The values that a person may choose from in QGIS; empty: any.
    """

    column: str
    alias: str
    description: str
    choices: tuple[str, ...] = ()


def field_text(name: str, description: str, sizes: str, *, unit: str = "", label: str = "") -> FieldText:
    """What people read about a column that is declared once for scenes with and without a coordinate system.

    Args:
        name: Its name; `{unit}` stands for the unit of sizes.
        description: What it is.
        sizes: Unit of sizes, m or px.
        unit: Of its values, empty for none; `{unit}` as in the name.
        label: What people read above its values, without the unit; empty: its name.
    """
    column = with_size_unit(name, sizes)
    alias = label or column.replace("_", " ")
    if unit:
        squared = unit.replace("{unit}2", f"{sizes}\u00b2")
        alias = f"{alias} ({with_size_unit(squared, sizes)})"
    return FieldText(column, alias, description)


def with_size_unit(text: str, sizes: str) -> str:
    """A name or a unit with the unit of sizes, m or px, in place of `{unit}`: `area_{unit}2` is `area_m2`."""
    return text.replace("{unit}", sizes)


class DescribedColumn(Protocol):
    """A column that says what people read about it, such as a `PolygonAttribute`."""

    def text(self, unit: str) -> FieldText:
        """What people read about the column.

        Args:
            unit: Unit of sizes, m or px.
        """
        ...


def add_field_texts(path: Path, layer: str, fields: Sequence[FieldText]) -> None:
    """Add aliases and descriptions of a layer to a GeoPackage; the layer must have none.

    Args:
        path: The GeoPackage.
        layer: The name of the layer.
        fields: Those of its columns.
    """
    rows = [(layer, field.column, field.alias, field.description) for field in fields]
    extension = [(table, *_EXTENSION) for table in ("gpkg_data_columns", "gpkg_data_column_constraints")]
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_TABLES)
        database.executemany("INSERT OR IGNORE INTO gpkg_extensions VALUES (?, NULL, ?, ?, ?)", extension)
        columns = "table_name, column_name, title, description"
        database.executemany(f"INSERT INTO gpkg_data_columns ({columns}) VALUES (?, ?, ?, ?)", rows)
