"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

from collections.abc import Mapping, Sequence
from typing import Any


def print_table(
    title: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str], justify: Any = "right"
) -> None:
    """A table of figures, one named row each; no head above columns without names."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    heads = [Column(escape(column), justify=justify, overflow="fold") for column in columns]
    table = Table("", *heads, title=escape(title), title_justify="left", show_header=any(columns))
    for name, row in rows.items():
        shown = (row.get(c, "") for c in columns)
        table.add_row(name, *(f"{value:.3f}" if isinstance(value, float) else escape(str(value)) for value in shown))
    Console().print(table)
