"""How runs of older versions called figures that epochs measure at 0.5, before probabilities are scaled: `dice/val`.

Today that is the name of the figure at the tuned threshold, and theirs ends in `_before_scaling`.
"""

from collections.abc import Collection, Mapping
from typing import Any

from seep_lightning.documents.tables import Table, TableRow
from seep_lightning.metrics.figures import (
    DICE_OF_CLASS,
    BatchFigure,
    ClassFigure,
    PixelFigure,
    before_scaling,
    declared,
)

# Training has no figure at the tuned threshold, so no table of today has the column.
MARK_OF_OLDER = "dice/train"


def are_older(columns: Collection[str]) -> bool:
    """Whether the columns of a `metrics.csv` are named as older versions named them."""
    return MARK_OF_OLDER in columns


def with_names_of_today(table: Table) -> Table:
    """A `metrics.csv` with its columns as they are called today."""
    if not are_older(table.columns):
        return table
    names = {column: name_today(column) for column in table.columns}
    rows = []
    for row in table.rows:
        cells = {names[column]: cell for column, cell in row.cells.items()}
        rows.append(TableRow(cells, row.source, row.line))
    return Table(tuple(names.values()), rows)


def with_monitors_of_today(config: dict[str, Any]) -> dict[str, Any]:
    """A config, as an older version stored it, with its monitors as they are called today."""
    callbacks = config.get("callbacks")
    if isinstance(callbacks, Mapping):
        callbacks = {name: _with_monitor_of_today(node) for name, node in callbacks.items()}
        config = {**config, "callbacks": callbacks}
    if "scheduler" in config:
        config = {**config, "scheduler": _with_monitor_of_today(config["scheduler"])}
    return dict(_with_monitor_of_today(config))


def name_today(name: str) -> str:
    """What a figure is called today that an older version called by this name, such as `dice/val`."""
    key, _, stage = name.partition("/")
    kinds = (PixelFigure, ClassFigure, BatchFigure)
    is_unscaled = key == "threshold" or any(figure.key == key for kind in kinds for figure in declared(kind))
    if stage and (is_unscaled or key.startswith(DICE_OF_CLASS)):
        return f"{before_scaling(key)}/{stage}"
    return name


def _with_monitor_of_today(node: Any) -> Any:
    if isinstance(node, Mapping) and isinstance(node.get("monitor"), str):
        return {**node, "monitor": name_today(node["monitor"])}
    return node
