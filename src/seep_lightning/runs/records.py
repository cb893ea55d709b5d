"""Tables of figures that a run keeps: `metrics.csv`, a row for each epoch, and `chips.csv`, a row for each chip."""

import csv
from pathlib import Path
from typing import Any

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
    rows = csv.DictReader(path.read_text().splitlines())
    return [{column: _value(column, cell) for column, cell in row.items()} for row in rows]


def _value(column: str, cell: str) -> str | float:
    """A cell as what its column holds."""
    if column in TEXT_COLUMNS:
        return cell
    return float(cell or "nan")
