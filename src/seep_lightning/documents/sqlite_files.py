"""Files of SQLite of somebody else: judged through a connection of our own, before a library opens them.

SQLite runs what a file brings along: the queries of views and triggers, columns that are computed when a table is read.
And where it finds the journal of a write that was broken off, it undoes that write, and deletes another file if the
journal names one.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seep_lightning.documents.regular_files import check_regular, is_there
from seep_lightning.errors import UserError

JOURNAL_SUFFIXES = ("-wal", "-journal")
"""Of the files beside a database that hold what is not in it yet, or not any more."""
_STEPS_BETWEEN_LOOKS = 10_000
# of `table_xinfo`: columns that are computed
_COMPUTED = (2, 3)
# the last bytes of a journal that names another file, which would be deleted (https://sqlite.org/fileformat.html)
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


@contextmanager
def looking_into(path: Path, *, largest_value: int, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a database that may be a stranger's for a short look: it is not written, and no journal of it is followed.

    Args:
        path: The file.
        largest_value: Bytes of a value.
        seconds: For all queries.

    Yields:
        The database as it is, with what another program has written beside it.

    Raises:
        UserError: It, or a journal beside it, is no regular file.
        sqlite3.Error: In the queries: it is no database, or one of them takes too long or too much.
    """
    check_regular(path)
    check_journals_regular(path)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        limit_queries(database, largest_value=largest_value, seconds=seconds)
        yield database


def limit_queries(database: sqlite3.Connection, *, largest_value: int, seconds: float) -> None:
    """Have all queries end that take too long or too much.

    Args:
        database: The open file.
        largest_value: Bytes of a value.
        seconds: From now on, for all queries.
    """
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, largest_value)
    deadline = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)


def schema_of(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Name and SQL of all tables, indexes, views and triggers that have SQL."""
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return [(str(name), str(sql)) for name, sql in rows]


def computed_column(database: sqlite3.Connection, table: str) -> str | None:
    """The first column of a table that is computed when it is read, if any.

    Args:
        database: The open file.
        table: Its name.

    Raises:
        LookupError: It is no table.
    """
    columns = database.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,)).fetchall()
    if not columns:
        raise LookupError(table)
    computed = [str(column) for column, kind in columns if kind in _COMPUTED]
    return computed[0] if computed else None


def journals_of(path: Path) -> list[Path]:
    """What stands beside a database under the name of a journal, be it a pipe or a link that leads nowhere.

    Args:
        path: The database.
    """
    journals = [path.with_name(f"{path.name}{suffix}") for suffix in JOURNAL_SUFFIXES]
    return [journal for journal in journals if is_there(journal)]


def check_journals_regular(path: Path) -> None:
    """Check that no journal beside a database is a pipe, on which SQLite would wait forever.

    Args:
        path: The database.

    Raises:
        UserError: One is no regular file.
    """
    for journal in journals_of(path):
        check_regular(journal)


def discard_journals(path: Path) -> None:
    """Remove the journals of a database that is about to be replaced: SQLite would write them into the new one.

    Args:
        path: The database, which need not be there.

    Raises:
        OSError: One cannot be removed.
    """
    for journal in journals_of(path):
        # of a folder SQLite makes no journal
        if journal.is_symlink() or not journal.is_dir():
            journal.unlink()


def check_journal(path: Path) -> None:
    """Check the journal beside a database, which a process that was killed leaves, before SQLite follows it.

    Args:
        path: The database.

    Raises:
        UserError: It names another file, which SQLite would delete. A journal of one database never does.
    """
    journal = path.with_name(f"{path.name}-journal")
    if not journal.is_file():
        return
    with journal.open("rb") as file:
        file.seek(max(0, journal.stat().st_size - len(_JOURNAL_MAGIC)))
        names_a_file = file.read() == _JOURNAL_MAGIC
    if names_a_file:
        raise UserError(f"{journal} names another file, which SQLite would delete. Remove the journal.")
