"""A comparison of runs as a table, CSV or JSON."""

import json
import math
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from seep_lightning.commands.console import print_line, tell
from seep_lightning.commands.tables import print_table
from seep_lightning.errors import UserError
from seep_lightning.files import remove_leftovers, table_text, write_table
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.floors import floors_in_words
from seep_lightning.reporting.comparison import Row, floors_above_all, floors_of_rows, not_above_floors
from seep_lightning.reporting.row_values import ABSENT, RUN, STATUS, value_of

# settings side by side; more of them go into one column
MOST_SETTING_COLUMNS = 4
# so many differences stand in one cell, and so many characters in one value
MOST_DIFFERENCES = 6
LONGEST_VALUE = 24
# so many runs are named one by one below the table
MOST_NAMED = 3
DIGITS = 4
"""Of numbers in tables; CSV and JSON have all of them."""
TARGET = "._target_"
SETTINGS = "differs by"
"""The column of a table for runs that differ by much."""
COMMON_ROW = "most"
"""The name of the row that holds the most common values."""


def print_rows(rows: Sequence[Row], metric: str, columns: Sequence[str] = (), *, names_failed: bool = True) -> None:
    """Print the comparison as a table of rank, metric, settings that differ, and run; then what is not finished.

    Args:
        rows: The runs, in the order in which they stand.
        metric: The figure that they are ranked by.
        columns: Full names of what is shown beside metric and run; without any, what differs.
        names_failed: Whether each run that failed is named with its reason.
    """
    home = home_of(rows)
    shown = _chosen_cells(rows, columns, metric) if columns else _differing_cells(rows)
    table: dict[str, dict[str, str]] = {}
    for row, cells in zip(rows, shown, strict=True):
        name = os.path.relpath(row.run.dir, home)
        table[str(row.rank)] = {metric: _score_text(row, metric), **cells, RUN: name}
    heads = list(table[str(rows[0].rank)])
    if not columns and SETTINGS in heads:
        table[COMMON_ROW] = {SETTINGS: _common_text(rows)}
    runs = "1 run" if len(rows) == 1 else f"{len(rows)} runs"
    print_table(f"{runs} by val {metric}", table, heads, justify="left")
    if metric == DICE.key:
        _print_floors(rows, Path(home))
    told = [row for row in rows if names_failed or not row.note]
    _print_unfinished(told, Path(home))


def home_of(rows: Sequence[Row]) -> str:
    """The folder below which all runs lie."""
    return os.path.commonpath([row.run.dir.parent for row in rows])


def write_rows(path: Path, rows: Sequence[Row], columns: Sequence[str] = ()) -> None:
    """Write the comparison as CSV.

    Raises:
        UserError: The file exists.
    """
    write_values(path, [_flat_row(row, columns) for row in rows])


def write_values(path: Path, values: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of values as CSV.

    Raises:
        UserError: The file exists.
    """
    if path.exists():
        raise UserError(f"csv={path} exists. Choose another name.")
    remove_leftovers(path.parent)
    write_table(path, values)


def print_csv(rows: Sequence[Row], columns: Sequence[str] = ()) -> None:
    """Print what `write_rows` writes, without codes that a terminal would obey."""
    tell_csv([_flat_row(row, columns) for row in rows])


def tell_csv(values: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of values as CSV."""
    text = table_text(values)
    for line in text.rstrip("\n").split("\n"):
        print_line(line)


def print_json(rows: Sequence[Row], columns: Sequence[str] = ()) -> None:
    """Print a list of objects, one for each run; what is no number in JSON, or is not there, is null."""
    tell_json([_flat_row(row, columns) for row in rows])


def tell_json(values: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of values as a list of objects, see `print_json`."""
    objects = []
    for row in values:
        numbers = {name: _json_value(value) for name, value in row.items()}
        objects.append(json.dumps(numbers, allow_nan=False, default=str))
    print_line("[")
    for text in objects[:-1]:
        print_line(f"{text},")
    print_line(objects[-1])
    print_line("]")


def shown_value(value: Any) -> str:
    """A value as a table's cell shows it: rounded, and cut in its middle where it is long."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.{DIGITS}g}"
        case {"_target_": str(target)}:
            text = target.rpartition(".")[2]
        case list():
            text = f"{len(value)} items"
        case _:
            text = str(value)
    if len(text) <= LONGEST_VALUE:
        return text
    half = LONGEST_VALUE // 2
    return f"{text[: half - 1]}…{text[-half:]}"


def first_difference(key: str, value: Any, common: Any) -> tuple[str, Any]:
    """Where two values differ first, below lists and dictionaries.

    Args:
        key: Of both values.
        value: The one that is shown.
        common: What it is compared with.

    Returns:
        The key of what differs, such as `augment[2].p`, and the value there.
    """
    if isinstance(value, list) and isinstance(common, list) and len(value) == len(common):
        pairs = [(f"{key}[{i}]", item, common[i]) for i, item in enumerate(value)]
    elif isinstance(value, dict) and isinstance(common, dict) and value.keys() == common.keys():
        pairs = [(f"{key}.{name}", item, common[name]) for name, item in value.items()]
    else:
        return key, value
    for name, item, other in pairs:
        if item != other:
            return first_difference(name, item, other)
    return key, value


def short_names(keys: Collection[str]) -> dict[str, str]:
    """Keys by as many of their last parts as tell them apart; a class stands under the name of its section."""
    parts = {key: key.removesuffix(TARGET).split(".") for key in keys}
    names = {}
    for key, own in parts.items():
        others = [other for name, other in parts.items() if name != key]
        count = 1
        while count < len(own) and any(other[-count:] == own[-count:] for other in others):
            count += 1
        names[key] = ".".join(own[-count:])
    return names


def _chosen_cells(rows: Sequence[Row], columns: Sequence[str], metric: str) -> list[dict[str, str]]:
    shown = [name for name in columns if name not in (RUN, metric)]
    return [{name: _cell(value_of(row, name)) for name in shown} for row in rows]


def _cell(value: Any) -> str:
    return "" if value is ABSENT else shown_value(value)


def _differing_cells(rows: Sequence[Row]) -> list[dict[str, str]]:
    """A column for each setting that differs, or one for all where they are many or no single values."""
    keys = list(rows[0].settings)
    values = [row.all_settings.get(key) for row in rows for key in keys]
    are_single = not any(isinstance(value, list | dict) for value in values)
    if len(keys) <= MOST_SETTING_COLUMNS and are_single:
        return [{key: _cell(row.all_settings.get(key, ABSENT)) for key in keys} for row in rows]
    common = _common_values(rows)
    names = short_names(keys)
    return [{SETTINGS: _differences_text(row, common, names)} for row in rows]


def _common_values(rows: Sequence[Row]) -> dict[str, Any]:
    """The most common value of each setting that differs; of several, that of the run that stands first."""
    common = {}
    for key in rows[0].settings:
        # by their text: lists and dictionaries are no keys of a dictionary
        values = {repr(_compared_value(row, key)): _compared_value(row, key) for row in rows}
        counts = Counter(repr(_compared_value(row, key)) for row in rows)
        [(most_common, _)] = counts.most_common(1)
        common[key] = values[most_common]
    return common


def _compared_value(row: Row, key: str) -> Any:
    """A setting that differs; `ABSENT` where a run lacks it, or has a default of which no comparison is."""
    value = row.settings.get(key)
    is_null = value is None and key in row.all_settings and row.all_settings[key] is None
    return ABSENT if value is None and not is_null else value


def _differences_text(row: Row, common: dict[str, Any], names: dict[str, str]) -> str:
    """What a run has other than the most common values; what it does not have is left out."""
    words = []
    for key, usual in common.items():
        value = _compared_value(row, key)
        if value is ABSENT or repr(value) == repr(usual):
            continue
        name, differing = first_difference(names[key], value, usual)
        words.append(f"{name}={shown_value(differing)}")
    return _listed(words)


def _common_text(rows: Sequence[Row]) -> str:
    common = _common_values(rows)
    names = short_names(common)
    return _listed([f"{names[key]}={shown_value(value)}" for key, value in common.items() if value is not ABSENT])


def _listed(words: Sequence[str]) -> str:
    """The first of some differences, and how many others there are."""
    left_out = len(words) - MOST_DIFFERENCES
    if left_out <= 1:
        return ", ".join(words)
    return f"{', '.join(words[:MOST_DIFFERENCES])} and {left_out} others"


def _flat_row(row: Row, columns: Sequence[str]) -> dict[str, Any]:
    """A run as a row of CSV or an object of JSON, with all digits."""
    if columns:
        values = {name: value_of(row, name) for name in columns}
        return {RUN: str(row.run.dir), **{name: None if value is ABSENT else value for name, value in values.items()}}
    figures = {f"val/{name}": value for name, value in row.figures.items()}
    return {RUN: str(row.run.dir), STATUS: row.status, **figures, **row.settings}


def _json_value(value: Any) -> Any:
    is_no_number = isinstance(value, float) and not math.isfinite(value)
    return None if is_no_number else value


def _score_text(row: Row, metric: str) -> str:
    """A run's figure, and its status where that is not `finished`."""
    words = []
    if row.figures.get(metric) is not None:
        words.append(f"{row.figures[metric]:.3f}")
    if row.status != "finished":
        words.append(row.status)
    return " ".join(words)


def _print_floors(rows: Sequence[Row], home: Path) -> None:
    """Print the floors of all runs, and which runs are not above them: the first ones, where they are many."""
    floors = floors_of_rows(rows)
    if floors:
        tell(f"Dice without learning: {floors}")
    above_all = floors_above_all(rows)
    if above_all:
        tell(f"None of the {len(rows)} runs is above what rules without learning reach: {floors_in_words(above_all)}.")
        return
    lines = not_above_floors(rows, home)
    for line in lines[:MOST_NAMED]:
        tell(line)
    left_out = len(lines) - MOST_NAMED
    if left_out > 0:
        runs = "1 other run is" if left_out == 1 else f"{left_out} other runs are"
        tell(f"{runs} not above what rules without learning reach.")


def _print_unfinished(rows: Sequence[Row], home: Path) -> None:
    """Name the runs that are not finished, those of one kind in one line, and each that failed with its reason."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            tell(f"{row.status}: {row.run.dir} {row.note}")
        elif row.status != "finished":
            alike.setdefault(row.status, []).append(os.path.relpath(row.run.dir, home))
    for status, names in alike.items():
        left_out = len(names) - MOST_NAMED
        others = f" and {left_out} others" if left_out > 0 else ""
        tell(f"{status}: {', '.join(names[:MOST_NAMED])}{others}")
