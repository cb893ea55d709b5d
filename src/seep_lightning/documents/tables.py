"""CSV with a header: columns that must be there, rows of one length, cells as text with the place that they stand at.

Commas separate; semicolons and tabs, which spreadsheets write in some languages, are taken where the header's columns
are found by them alone.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seep_lightning.documents.damage import damaged
from seep_lightning.documents.regular_files import MEBIBYTE
from seep_lightning.documents.text import read_text
from seep_lightning.errors import UserError, first_line, shortened
from seep_lightning.files import plain_cell

LARGEST_TABLE = 256 * MEBIBYTE
"""Bytes of a CSV file: about 4,000,000 rows of a split."""

SEPARATORS = (",", ";", "\t")
# how columns are called, and hardly a line of a file of passwords
_COLUMN = re.compile(r"[\w ./()-]{0,64}")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table.

    Attributes:
        cells: Its text by column.
        source: The file.
        line: Its last line, counted from 1.
    """

    cells: dict[str, str]
    source: str
    line: int

    def number(self, column: str, *, empty: float | None = None) -> float:
        """The number in a cell.

        Args:
            column: Of the cell.
            empty: What an empty cell stands for; None: it must hold a number.

        Raises:
            UserError: It holds something else.
        """
        cell = self.cells[column].strip()
        if not cell and empty is not None:
            return empty
        try:
            return float(cell)
        except ValueError as error:
            raise self.refused(column, "a number") from error

    def whole_number(self, column: str) -> int:
        """The whole number in a cell, from 0; `UserError` where it holds something else."""
        number = self.number(column)
        # of what is too large and of NaN, neither is one
        if not (number >= 0 and number.is_integer()):
            raise self.refused(column, "a whole number")
        return int(number)

    def refused(self, column: str, expected: str) -> UserError:
        """The error for a cell that does not hold what its column does.

        Args:
            column: Of the cell.
            expected: What it must hold, in words.
        """
        found = _shown(self.cells[column].strip())
        return UserError(f"{self.source}: line {self.line}: {column} is {found}; expected {expected}.")


@dataclass(frozen=True)
class Table:
    """A CSV file.

    Attributes:
        columns: The header.
        rows: In the order of the file; lines without any text are left out.
    """

    columns: tuple[str, ...]
    rows: list[TableRow]


def read_csv(path: Path, required: Sequence[str] = (), *, may_end_early: bool = False, advice: str = "") -> Table:
    """Read a CSV file of at most `LARGEST_TABLE` bytes.

    Args:
        path: The file.
        required: Columns that must be there.
        may_end_early: Whether a row may leave out its last cells, as people type them; these are empty.
        advice: What to do about one that is damaged, a sentence.

    Returns:
        Its columns and rows. A file without any text has neither.

    Raises:
        UserError: It cannot be read, is no table, lacks a column or has one twice, or a row is of another length.
    """
    text = read_text(path, largest=LARGEST_TABLE)
    return parsed_csv(text, str(path), required, may_end_early=may_end_early, advice=advice)


def parsed_csv(
    text: str, source: str, required: Sequence[str] = (), *, may_end_early: bool = False, advice: str = ""
) -> Table:
    """The table that CSV says; see `read_csv`.

    Args:
        text: The CSV.
        source: Where it comes from, for messages.
        required: Columns that must be there.
        may_end_early: Whether a row may leave out its last cells.
        advice: What to do about one that is damaged, a sentence.
    """
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise damaged(f"{source}: line {line} holds NUL, which no text does", advice)
    lines = _Lines(text, source, advice)
    rows = lines.rows(_separator(text, required))
    _, header = next(rows, (1, []))
    columns = tuple(name.strip() for name in header)
    _check_header(columns, required, source, advice)
    table: list[TableRow] = []
    for line, cells in rows:
        missing = len(columns) - len(cells)
        if may_end_early and missing > 0:
            cells = [*cells, *[""] * missing]
        elif missing < 0 and not any(cells[missing:]):
            # separators at the end of a line
            cells = cells[:missing]
        if len(cells) != len(columns):
            problem = f"{source}: line {line} has {len(cells)} cells; expected {len(columns)}, as its header has"
            raise damaged(problem, advice)
        plain = [plain_cell(cell) for cell in cells]
        table.append(TableRow(dict(zip(columns, plain, strict=True)), source, line))
    return Table(columns, table)


@dataclass(frozen=True)
class _Lines:
    """A text in rows.

    Attributes:
        text: The CSV.
        source: Where it comes from.
        advice: What to do about one that is damaged.
    """

    text: str
    source: str
    advice: str

    def rows(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """The cells of each row that holds any text, with the number of its last line."""
        # `newline` keeps the ends of lines within quotes
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=separator, strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
        except csv.Error as error:
            reason = f"line {reader.line_num}: {first_line(error)}"
            raise damaged(f"{self.source} cannot be read as CSV ({reason})", self.advice) from error


def _separator(text: str, required: Sequence[str]) -> str:
    """What separates the cells of a header: by which the columns are found, or else of which there are most."""
    header = text.lstrip().partition("\n")[0]
    for separator in SEPARATORS:
        if required and set(required) <= set(_names(header, separator)):
            return separator
    return max(SEPARATORS, key=header.count)


def _names(header: str, separator: str) -> list[str]:
    """The cells of one line."""
    try:
        return [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    except csv.Error:
        return []


def _check_header(columns: Sequence[str], required: Sequence[str], source: str, advice: str) -> None:
    """Raise `UserError` for a header that lacks a column, or has one twice."""
    lacking = [name for name in required if name not in columns]
    if lacking:
        raise damaged(f"{source} lacks the column {', '.join(lacking)}; found {_told(columns)}", advice)
    repeated = [name for name, count in Counter(columns).items() if count > 1 and name]
    if repeated:
        raise damaged(f"{source} has the column {_shown(repeated[0])} twice; expected it once", advice)


def is_header(columns: Sequence[str]) -> bool:
    """Whether cells are names of columns, which a message may show.

    What a stored config names as a table may be any file, and its first line a password.

    Args:
        columns: The cells of the first line.
    """
    return len(columns) > 1 and all(map(_COLUMN.fullmatch, columns))


def _told(columns: Sequence[str]) -> str:
    """The columns of a header for a message; a file that is no table, perhaps one of passwords, is not shown."""
    if not columns:
        return "no header"
    return shortened([_shown(name) for name in columns], 6) if is_header(columns) else "no columns with such names"


def _shown(cell: str, longest: int = 40) -> str:
    """Text of a cell in a message."""
    return repr(cell if len(cell) <= longest else cell[:longest] + "...")
