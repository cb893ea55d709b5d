"""Tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from seep_lightning.errors import printable


def print_table(
    title: str,
    rows: Mapping[str, Mapping[str, Any]],
    columns: Sequence[str],
    justify: Literal["left", "right"] = "right",
) -> None:
    """Print a table, one named row each.

    Args:
        title: Stands above it.
        rows: Values by column, under the row's name; a value that is not there leaves its cell empty.
        columns: Their names, in order. A table whose columns have no names has no head.
        justify: Where the values stand in their cells.
    """
    from rich.console import Console
    from rich.table import Column, Table

    heads = [Column(_shown(column), justify=justify, overflow="fold") for column in columns]
    table = Table("", *heads, title=_shown(title), title_justify="left", show_header=any(columns))
    for name, row in rows.items():
        cells = [_shown(_text(row.get(column, ""))) for column in columns]
        table.add_row(_shown(name), *cells)
    Console().print(table)


def _shown(text: str) -> str:
    """A text as it stands, whatever rich or a terminal would make of it."""
    from rich.markup import escape

    return escape(printable(text))


def _text(value: Any) -> str:
    """A value as its cell shows it: floats with three decimals, a dash for what does not exist."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
