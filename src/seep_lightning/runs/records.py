"""Tables of figures that a run keeps: `metrics.csv`, a row for each epoch, and `chips.csv`, a row for each chip."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.tables import LARGEST_TABLE, Table, TableRow, parsed_csv, read_csv
from seep_lightning.documents.text import read_text
from seep_lightning.runs.older_names import with_names_of_today

# Columns of `chips.csv` that hold no numbers.
TEXT_COLUMNS = ("name", "scene", "tile")
# Its columns that hold numbers of pixels.
COUNT_COLUMNS = ("tp", "fp", "fn", "seep_px")
# What a pair of evaluations is compared by.
CHIP_COLUMNS = ("name", "scene", "tp", "fp", "fn")
NO_TABLE = Table((), [])
# What to do about damaged ones.
PUT_BACK = "Put it back, or remove it: the curve begins anew."
SCORE_AGAIN = "Evaluate the run anew, with overwrite=true."


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a `metrics.csv`, an epoch each.

    Args:
        path: The table.

    Returns:
        Numbers by column, with epochs counted from 1; NaN where a cell is empty; no rows where there is no file.

    Raises:
        UserError: It is no such table.
    """
    rows: list[dict[str, float]] = []
    for row in metrics_table(path).rows:
        numbers = {column: row.number(column, empty=math.nan) for column in row.cells}
        rows.append({**numbers, "epoch": row.whole_number("epoch")})
    return rows


def metrics_table(path: Path) -> Table:
    """A `metrics.csv` as its text, with epochs counted from 1; no rows where there is no file.

    Args:
        path: The table.

    Raises:
        UserError: It is no such table.
    """
    if not is_there(path):
        return NO_TABLE
    # half a row, of a training on a disk that is full, does not count
    whole_lines = read_text(path, largest=LARGEST_TABLE).rpartition("\n")[0]
    return _counted_from_1(with_names_of_today(parsed_csv(whole_lines, str(path), ["epoch"], advice=PUT_BACK)))


def _counted_from_1(table: Table) -> Table:
    """A table whose epochs count from 1: those of older versions have an epoch 0."""
    epochs = [row.whole_number("epoch") for row in table.rows]
    if 0 not in epochs:
        return table
    rows = []
    for row, epoch in zip(table.rows, epochs, strict=True):
        rows.append(TableRow({**row.cells, "epoch": str(epoch + 1)}, row.source, row.line))
    return Table(table.columns, rows)


def read_chip_rows(path: Path, more_columns: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of a `chips.csv`, a chip each.

    Args:
        path: The table.
        more_columns: What must be there beside names and counts.

    Returns:
        Names as text, numbers as floats, NaN where a cell is empty; no rows where there is no file.

    Raises:
        UserError: It is no such table.
    """
    table = read_csv(path, [*CHIP_COLUMNS, *more_columns], advice=SCORE_AGAIN) if is_there(path) else NO_TABLE
    return [_chip_row(row) for row in table.rows]


def _chip_row(row: TableRow) -> dict[str, Any]:
    """A row of `chips.csv` with each cell as what its column holds."""
    values: dict[str, Any] = {}
    for column, cell in row.cells.items():
        if column in TEXT_COLUMNS:
            values[column] = cell
        elif column in COUNT_COLUMNS:
            values[column] = float(row.whole_number(column))
        else:
            values[column] = row.number(column, empty=math.nan)
    return values
