"""Damages of what GeoJSON files and GeoPackages (or other databases of SQLite) say."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from helpers.robustness.damage import Damage, named

GEOJSON, SQLITE = "geojson", "sqlite"
NAN, INFINITE = float("nan"), float("inf")
SQUARE = [[5e5, 5e6], [5.001e5, 5e6], [5.001e5, 4.9999e6], [5e5, 5e6]]


def _polygon(ring: Sequence[Any]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(ring)]}


def _collection(depth: int) -> dict[str, Any]:
    geometry: dict[str, Any] = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(depth):
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    return geometry


GEOMETRIES: dict[str, Any] = {
    "an open ring": _polygon([*SQUARE[:3], [0, 0]]),
    "two points": _polygon(SQUARE[:2]),
    "no ring": {"type": "Polygon", "coordinates": []},
    "an empty ring": _polygon([]),
    "nan": _polygon([[NAN, NAN], *SQUARE[1:]]),
    "infinite": _polygon([[INFINITE, 0], *SQUARE[1:], [INFINITE, 0]]),
    "huge": _polygon([[1e300, 1e300], [-1e300, 1e300], [0, -1e300], [1e300, 1e300]]),
    "a bow tie": _polygon([[5e5, 5e6], [5.001e5, 4.9999e6], [5.001e5, 5e6], [5e5, 4.9999e6], [5e5, 5e6]]),
    "one point many times": _polygon([[5e5, 5e6]] * 5),
    "null": None,
    "a point": {"type": "Point", "coordinates": [5e5, 5e6]},
    "a line": {"type": "LineString", "coordinates": SQUARE},
    "an unknown type": {"type": "Blob", "coordinates": []},
    "texts for numbers": _polygon([["a", "b"]] * 4),
    "nested deeply": _collection(150),
    # made when it is asked for: every process that collects tests imports this
    "200,000 corners": lambda: _polygon([[5e5 + n % 1000, 5e6 - n // 1000] for n in range(200_000)] + [[5e5, 5e6]]),
}


def change_geometry(path: Path, how: str, _: Random) -> None:
    content = json.loads(path.read_text())
    geometry = GEOMETRIES[how]
    content["features"][0]["geometry"] = geometry() if callable(geometry) else geometry
    path.write_text(json.dumps(content))


def change_place(path: Path, how: str, _: Random) -> None:
    content = json.loads(path.read_text())
    content["crs"] = {"type": "name", "properties": {"name": how}}
    path.write_text(json.dumps(content))


STATEMENTS = {
    "no contents": "DELETE FROM gpkg_contents",
    "no table of contents": "DROP TABLE gpkg_contents",
    "no table of geometries": "DROP TABLE gpkg_geometry_columns",
    "no coordinate systems": "DELETE FROM gpkg_spatial_ref_sys",
    "an unknown coordinate system": "UPDATE gpkg_geometry_columns SET srs_id = 987654",
    "a table that is not there": "UPDATE gpkg_contents SET table_name = 'not there'",
    "another program": "PRAGMA application_id = 7",
    "a trigger": (
        "CREATE TRIGGER planted AFTER INSERT ON gpkg_contents BEGIN UPDATE gpkg_contents SET identifier = 'x'; END"
    ),
}
OF_FEATURES = {
    "no rows": "DELETE FROM [{table}]",
    "no geometry": "UPDATE [{table}] SET [{column}] = NULL",
    "half a geometry": "UPDATE [{table}] SET [{column}] = substr([{column}], 1, 30)",
    "a text as geometry": "UPDATE [{table}] SET [{column}] = 'POLYGON ((0 0, 1 1, 1 0, 0 0))'",
    "zeros as geometry": "UPDATE [{table}] SET [{column}] = zeroblob(200)",
    "a huge geometry": "UPDATE [{table}] SET [{column}] = zeroblob(30000000)",
    "no table": "DROP TABLE [{table}]",
    "a view of itself": "DROP TABLE [{table}]; CREATE VIEW [{table}] AS SELECT * FROM [{table}]",
    "an endless view": (
        "ALTER TABLE [{table}] RENAME TO kept; CREATE VIEW [{table}] AS WITH RECURSIVE n(x) AS "
        "(SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT kept.* FROM kept, n"
    ),
}


COLUMN_VALUES = {
    "nothing": "NULL",
    "a text": "'é☃'",
    "minus seven": "-7",
    "a fraction": "0.5",
    "huge": "9e99",
    "infinite": "9e999",
    "bytes": "zeroblob(9)",
}


def run_statement(path: Path, how: str, chance: Random) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        if how in STATEMENTS:
            database.executescript(STATEMENTS[how])
            return
        table, column = _layer_of(database, chance)
        database.executescript(OF_FEATURES[how].format(table=table, column=column))


def change_columns(path: Path, how: str, chance: Random) -> None:
    """Another value in all columns of a layer at once but its geometries and numbers."""
    with closing(sqlite3.connect(path)) as database, database:
        table, geometry = _layer_of(database, chance)
        columns = database.execute(f"PRAGMA table_info([{table}])").fetchall()
        kept = [name for _, name, *_, is_key in columns if not is_key and name != geometry]
        if kept:
            changes = ", ".join(f"[{name}] = {COLUMN_VALUES[how]}" for name in kept)
            database.execute(f"UPDATE [{table}] SET {changes}")


def _layer_of(database: sqlite3.Connection, chance: Random) -> tuple[str, str]:
    """Table and geometries of one of the layers, without triggers: they call functions that only GDAL has."""
    layers = database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns").fetchall()
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER [{trigger}]")
    chosen: tuple[str, str] = chance.choice(layers)
    return chosen


DAMAGES = (
    Damage("another geometry", (GEOJSON,), change_geometry, named(*GEOMETRIES)),
    Damage(
        "another place", (GEOJSON,), change_place, named("", "urn:ogc:def:crs:EPSG::999999", "EPSG:4978", "é" * 500)
    ),
    Damage("another database", (SQLITE,), run_statement, named(*STATEMENTS, *OF_FEATURES)),
    Damage("another value in all columns", (SQLITE,), change_columns, named(*COLUMN_VALUES)),
)
