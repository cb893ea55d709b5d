"""Tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from seep_lightning.commands.console import tell, terminal
from seep_lightning.errors import printable

# a column's line and the blanks beside its text
FRAME = 3
# columns that names of rows have at least
LEAST_NAME = 12

Rows = Mapping[str, Mapping[str, Any]]
"""Values by column, by the row's name."""


def print_table(
    title: str,
    rows: Rows,
    columns: Sequence[str],
    justify: Literal["left", "right"] = "right",
) -> None:
    """Print a table, one named row each.

    Args:
        title: Stands above it.
        rows: Values by column, under the row's name; a value that is not there leaves its cell empty.
        columns: Their names, the most important first: a narrow terminal has no room for the last ones. A table whose
            columns have no names has no head.
        justify: Where the values stand in their cells.
    """
    from rich.table import Column, Table

    console = terminal()
    are_numbers = any(columns) and justify == "right"
    fitting = _fitting(rows, columns, console.width) if are_numbers else columns
    heads = [Column(_shown(column), justify=justify, overflow="fold", no_wrap=are_numbers) for column in fitting]
    table = Table("", *heads, show_header=any(columns))
    for name, row in rows.items():
        cells = [_shown(_text(row.get(column, ""))) for column in fitting]
        table.add_row(_shown(name), *cells)
    # rich would fill the title with blanks
    tell(title)
    console.print(table)
    if left_out := columns[len(fitting) :]:
        tell(f"no room for {', '.join(left_out)}: a wider terminal, or a file, shows all")


def _fitting(rows: Rows, columns: Sequence[str], width: int) -> Sequence[str]:
    """The first columns, as many as have room beside names of rows that are wrapped between words."""
    words = [len(word) for name in rows for word in name.split()]
    taken = max([*words, LEAST_NAME]) + FRAME + 1
    for number, column in enumerate(columns):
        cells = [_text(row.get(column, "")) for row in rows.values()]
        taken += max(len(text) for text in (column, *cells)) + FRAME
        if taken > width:
            return columns[: max(number, 1)]
    return columns


def _shown(text: str) -> str:
    """A text as it stands, whatever rich or a terminal would make of it."""
    from rich.markup import escape

    return escape(printable(text))


def _text(value: Any) -> str:
    """A value as its cell shows it: floats with three decimals, a dash for what does not exist."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
