"""What a database of SQLite, such as a GeoPackage, may hold: judged before GDAL opens it.

A query on a view may never end, a computed column may take gigabytes, and a spatial index that lists its nodes several
times may be walked forever. So a layer must be an ordinary table, and a spatial index a tree.
"""

import re
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from seep_lightning.documents.sqlite_files import (
    check_journals_regular,
    computed_column,
    journals_of,
    limit_queries,
    schema_of,
)
from seep_lightning.errors import UserError

LARGEST_VALUE = 256 << 20
"""Bytes of a value: an outline has at most some millions of corners."""
LONGEST_CHECK = 60.0
"""Seconds: a database of 10 GB is read once within them."""
# as SQLite itself writes them
_TABLE = re.compile(r"CREATE TABLE\b")
_OTHER_PLAIN = re.compile(r"CREATE (UNIQUE )?(INDEX|TRIGGER)\b")
_VIRTUAL_TABLE = re.compile(
    r"CREATE VIRTUAL TABLE (\"([^\"]|\"\")+\"|'([^']|'')+'|\w+) USING (?P<module>\w+)", re.IGNORECASE
)
_INDEX_COLUMNS = re.compile(r"\s*\((\s*\"?\w+\"?\s*,)+\s*\"?\w+\"?\s*\)\s*")
_VIEW = re.compile(r"\W*CREATE\W+(TEMP\w*\W+)?VIEW\b", re.IGNORECASE)
# modules that read nothing but the database
_INDEX_MODULE = "rtree"
_OWN_MODULES = (
    _INDEX_MODULE,
    "fts3",
    "fts4",
    "fts5",
    "virtualspatialindex",
    "virtualelementary",
    "virtualknn",
    "virtualknn2",
)
# of a node of a spatial index: its depth (in the root alone) and how many cells follow, each of a number and a box
_NODE = struct.Struct(">HH")
_CHILD = struct.Struct(">q")
_SIDE_BYTES = 4
_ROOT = 1


def check_database(path: Path) -> None:
    """Check a database before GDAL opens it.

    Args:
        path: The file.

    Raises:
        UserError: It is damaged, or holds what may read other files, never end, or take gigabytes.
    """
    status = path.stat()
    _check(path, status.st_mtime_ns, status.st_size)


# each scene asks for the same outlines
@lru_cache(maxsize=64)
def _check(path: Path, changed: int, size: int) -> None:
    """Check a database of a size that changed last at some time."""
    try:
        with closing(_opened(path)) as database:
            limit_queries(database, largest_value=LARGEST_VALUE, seconds=LONGEST_CHECK)
            _check_schema(database, path)
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
            _check_indexes(database, path)
    except (sqlite3.Error, struct.error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise _refused(path, f"checking it takes longer than {LONGEST_CHECK:.0f} s. Give its layer only") from error
        raise UserError(f"{path} is damaged ({error}). Copy it again.") from error
    if answer != "ok":
        raise UserError(f"{path} is damaged ({answer}). Copy it again.")


def _opened(path: Path) -> sqlite3.Connection:
    """A database as GDAL sees it: with what another program has written beside it."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    unchanged = f"{address}&immutable=1"
    check_journals_regular(path)
    if not any(journal.stat().st_size for journal in journals_of(path)):
        return sqlite3.connect(unchanged, uri=True)
    database = sqlite3.connect(address, uri=True)
    try:
        database.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        # its folder may not be written, which reading a journal needs: GDAL leaves the journal then
        database.close()
        return sqlite3.connect(unchanged, uri=True)
    return database


def _check_schema(database: sqlite3.Connection, path: Path) -> None:
    """Raise `UserError` for views, foreign virtual tables, and computed columns."""
    for name, sql in schema_of(database):
        if _TABLE.match(sql) is not None:
            _check_columns(database, path, name)
        elif _OTHER_PLAIN.match(sql) is None:
            _check_virtual(sql, name, path)


def _check_columns(database: sqlite3.Connection, path: Path, table: str) -> None:
    """Raise `UserError` for a table with a column that is computed when it is read."""
    try:
        computed = computed_column(database, table)
    except LookupError as error:
        raise _refused(path, f"{table} is no table") from error
    if computed is not None:
        raise _refused(path, f"column {computed} of {table} is computed. Save the layer as a new GeoPackage")


def _check_virtual(sql: str, name: str, path: Path) -> None:
    """Raise `UserError` for what is no table of the database itself."""
    virtual = _VIRTUAL_TABLE.match(sql)
    if virtual is not None and virtual["module"].lower() in _OWN_MODULES:
        return
    if virtual is not None:
        raise _refused(path, f"a table of it is virtual ({virtual['module']}), and may read other files")
    if _VIEW.match(sql) is not None:
        raise _refused(path, f"{name} is a view, whose query may never end. Save it as a table of a new GeoPackage")
    raise _refused(path, f"{name} is no table, index or trigger as SQLite writes them")


def _check_indexes(database: sqlite3.Connection, path: Path) -> None:
    """Raise `UserError` for a spatial index that is no tree."""
    for name, text in database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
        virtual = _VIRTUAL_TABLE.match(str(text))
        if virtual is None or virtual["module"].lower() != _INDEX_MODULE:
            continue
        columns = _INDEX_COLUMNS.fullmatch(str(text), virtual.end())
        if columns is None:
            raise _refused(path, f"the columns of its index {name} are not known. Save the layer as a new GeoPackage")
        sides = columns[0].count(",")
        _check_index(database, path, str(name), _CHILD.size + _SIDE_BYTES * sides)


def _check_index(database: sqlite3.Connection, path: Path, index: str, cell_bytes: int) -> None:
    """Raise `UserError` for an index in which a node stands below two others, or below itself."""
    level = [_ROOT]
    seen = {_ROOT}
    depth, _ = _NODE.unpack_from(_node(database, index, _ROOT))
    for _ in range(depth):
        children: list[int] = []
        for number in level:
            children += _children(_node(database, index, number), cell_bytes)
        if len(set(children)) < len(children) or not seen.isdisjoint(children):
            raise _refused(path, f"its index {index} is no tree. Save the layer as a new GeoPackage")
        seen.update(children)
        level = children


def _node(database: sqlite3.Connection, index: str, number: int) -> bytes:
    """A node of an index; empty where there is none."""
    quoted = f"{index}_node".replace('"', '""')
    row = database.execute(f'SELECT data FROM "{quoted}" WHERE nodeno = ?', (number,)).fetchone()
    return bytes(row[0]) if row is not None else b""


def _children(node: bytes, cell_bytes: int) -> Iterator[int]:
    """The numbers of the nodes below one."""
    _, count = _NODE.unpack_from(node)
    for cell in range(count):
        yield _CHILD.unpack_from(node, _NODE.size + cell * cell_bytes)[0]


def _refused(path: Path, reason: str) -> UserError:
    """The error for a database that is not opened."""
    return UserError(f"{path} is not opened: {reason}.")
