"""Tables of figures that a run keeps: `metrics.csv`, a row for each epoch, and `chips.csv`, a row for each chip."""

import csv
from pathlib import Path
from typing import Any

from seep_lightning.files import plain_cell

# Columns that hold no numbers.
TEXT_COLUMNS = ("name", "scene", "tile")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of such a table.

    Args:
        path: The table.

    Returns:
        Numbers as floats, NaN where a cell is empty; no rows where there is no file.
    """
    if not path.is_file():
        return []
    # half a row, of a training on a disk that is full, does not count
    lines = path.read_text().rpartition("\n")[0].splitlines()
    return [_typed(row) for row in csv.DictReader(lines)]


def _typed(row: dict[str, str]) -> dict[str, Any]:
    """A row with each cell as what its column holds."""
    values: dict[str, Any] = {}
    for column, cell in row.items():
        if column in TEXT_COLUMNS:
            values[column] = plain_cell(cell)
        else:
            values[column] = float(cell or "nan")
    return values
