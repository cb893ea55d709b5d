"""Settings side by side as tables, CSV or JSON."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seep_lightning.commands.console import tell
from seep_lightning.commands.tables import print_table
from seep_lightning.errors import UserError
from seep_lightning.folds.setting_scores import Interval, SettingScore, SettingScores
from seep_lightning.metrics.jackknife import FEWEST_SCENES
from seep_lightning.reporting.run_table import shown_value, tell_csv, tell_json, write_values

OVER_SEEDS = "seeds"
PARTS = {"val": "validation"}
"""What parts are called in titles, where it is not their name."""
LEAST_P = 0.001


def flat_rows(scores: SettingScores, columns: str | None) -> list[dict[str, Any]]:
    """The settings as rows of CSV or objects of JSON.

    Args:
        scores: The settings.
        columns: What is shown of them, between commas; None: all.

    Raises:
        UserError: A name is none of a column.
    """
    rows = [_values_by_key(score, scores.metric) for score in scores.rows]
    if columns is None:
        return rows
    names = [_column(name.strip(), rows[0], columns) for name in columns.strip("[]").split(",")]
    return [{name: row[name] for name in names} for row in rows]


def _values_by_key(score: SettingScore, metric: str) -> dict[str, Any]:
    """A setting as a row of CSV or an object of JSON, with all digits."""
    difference = score.difference
    low, high = score.interval or (None, None)
    row = {
        **score.settings,
        "runs": len(score.runs),
        "seeds": len(score.figures),
        "scenes": score.scenes,
        metric: score.mean,
        f"{metric}_least_seed": min(score.figures.values()),
        f"{metric}_best_seed": max(score.figures.values()),
        f"{metric}_low": low,
        f"{metric}_high": high,
    }
    names = ("value", "lowest", "highest", "interval", "p", "p_corrected")
    value, lowest, highest, spread, p, corrected = (getattr(difference, name, None) for name in names)
    low, high = spread or (None, None)
    return row | {
        "difference": value,
        "difference_least_seed": lowest,
        "difference_best_seed": highest,
        "difference_low": low,
        "difference_high": high,
        "p": p,
        "p_holm": corrected,
    }


def _column(name: str, row: Mapping[str, Any], columns: str) -> str:
    """The full name of a column."""
    fitting = [key for key in row if key == name] or [key for key in row if key.endswith(f".{name}")]
    if len(fitting) == 1:
        return fitting[0]
    similar = get_close_matches(name, row, 3) or list(row)
    raise UserError(f"columns={columns}: there is no column {name} beside by=. Expected such as {', '.join(similar)}.")


def show_settings(scores: SettingScores, format: str, columns: str | None, csv: str | None) -> None:
    """Print settings side by side, and write them where a file is named.

    Args:
        scores: The settings.
        format: `table`, `csv` or `json`.
        columns: See `flat_rows`.
        csv: The file; None for none.

    Raises:
        UserError: The file exists, or a column is not known.
    """
    rows = flat_rows(scores, columns)
    if csv is not None:
        write_values(Path(csv), rows)
    match format:
        case "csv":
            tell_csv(rows)
        case "json":
            tell_json(rows)
        case _ if columns is not None:
            _print_columns(scores, rows)
        case _:
            print_settings(scores)


def pooled_line(scores: SettingScores) -> str:
    """The first setting in a line: what is pooled, its figure, the interval and the range over seeds."""
    score = scores.rows[0]
    words = [f"{len(scores.folds)} folds pooled: {scores.metric} {score.mean:.3f}"]
    if score.interval is not None:
        words.append(f"(95 % {_interval(score.interval)} over {score.scenes} scenes)")
    else:
        words.append("over 1 scene" if score.scenes == 1 else f"over {score.scenes} scenes")
    words.append(f"on {PARTS.get(scores.part, scores.part)}")
    if len(score.figures) > 1:
        words.append(f"as the mean of {len(score.figures)} seeds ({_range(score.figures.values(), '{:.3f}')})")
    if len(scores.rows) > 1:
        words.append(f"with {score.name}")
    return " ".join(words)


def _print_columns(scores: SettingScores, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one table of the columns that were asked for."""
    cells = [{key: "–" if value is None else shown_value(value) for key, value in row.items()} for row in rows]
    table = {score.name: row for score, row in zip(scores.rows, cells, strict=True)}
    print_table(_title(scores), table, list(rows[0]), justify="left")
    _tell_notes(scores)


def print_settings(scores: SettingScores) -> None:
    """Print each setting's figure, then the differences to the one that all are compared with, then what is missing."""
    metric = scores.metric
    over_scenes = f"95 % over {scores.rows[0].scenes} scenes"
    table = {}
    for score in scores.rows:
        table[score.name] = {
            metric: score.mean,
            over_scenes: _interval(score.interval),
            OVER_SEEDS: _range(score.figures.values(), "{:.3f}"),
            "runs": str(len(score.runs)),
        }
    columns = [metric, over_scenes, OVER_SEEDS, "runs"]
    if all(len(score.figures) == 1 for score in scores.rows):
        columns.remove(OVER_SEEDS)
    print_table(_title(scores), table, columns)
    if scores.rows[0].interval is None:
        tell(f"no intervals: they need at least {FEWEST_SCENES} scenes")
    if scores.reference is not None and scores.comparisons:
        _print_differences(scores, scores.reference)
    _tell_notes(scores)


def _print_differences(scores: SettingScores, reference: SettingScore) -> None:
    """Print the differences, with what is said of their number."""
    table: dict[str, dict[str, Any]] = {}
    seeds = set()
    for score in scores.rows:
        difference = score.difference
        if difference is None:
            continue
        seeds.add(difference.seeds)
        table[score.name] = {
            "difference": f"{difference.value:+.3f}",
            "95 %": _interval(difference.interval, "{:+.3f}"),
            OVER_SEEDS: _range([difference.lowest, difference.highest], "{:+.3f}"),
            "p": _p(difference.p),
            "p (Holm)": _p(difference.p_corrected),
        }
    columns = ["difference", "95 %", OVER_SEEDS, "p", "p (Holm)"]
    if seeds == {1}:
        columns.remove(OVER_SEEDS)
    if scores.comparisons == 1:
        columns.remove("p (Holm)")
    print_table(f"less {reference.name}, paired by scene", table, columns)
    tell(_about_p(scores.comparisons))


def _about_p(comparisons: int) -> str:
    """What p and intervals are, in a line."""
    if comparisons == 1:
        return "p: of so large a difference by the draw of scenes alone; 1 comparison, so nothing is corrected"
    return f"p (Holm) is corrected for {comparisons} comparisons; the intervals are of 95 % each, not corrected"


def _title(scores: SettingScores) -> str:
    """What stands above the settings."""
    count = len(scores.rows)
    settings = "1 setting" if count == 1 else f"{count} settings"
    words = [f"{settings} by {scores.metric} on {PARTS.get(scores.part, scores.part)}"]
    if len(scores.folds) > 1:
        words.append(f"{len(scores.folds)} folds pooled")
    most = max(len(score.figures) for score in scores.rows)
    if most > 1:
        words.append(f"mean of {most} seeds")
    return ", ".join(words)


def _tell_notes(scores: SettingScores) -> None:
    for note in scores.notes:
        tell(note)


def _interval(interval: Interval | None, form: str = "{:.3f}") -> str:
    """An interval as a cell shows it."""
    return "–" if interval is None else _range(interval, form)


def _range(values: Any, form: str) -> str:
    """The least and the largest of some numbers, or the only one."""
    low, high = (form.format(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _p(p: float | None) -> str:
    """A probability as a cell shows it."""
    if p is None:
        return "–"
    return f"< {LEAST_P}" if p < LEAST_P else f"{p:.3f}"
