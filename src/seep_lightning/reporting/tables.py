"""Figures as tables: on the terminal, and in the documentation."""

from collections.abc import Iterable, Mapping
from typing import Any

from seep_lightning.commands.console import tell
from seep_lightning.commands.tables import print_table
from seep_lightning.metrics.figures import (
    DICE,
    BatchFigure,
    ClassFigure,
    Figure,
    ObjectFigure,
    PixelFigure,
    ProbabilityFigure,
    ToleranceFigure,
    declared,
)
from seep_lightning.metrics.floors import (
    FLOORS,
    FloorValues,
    classes_not_above_floors,
    declared_floors,
    floors_above,
    floors_in_words,
    floors_not_beaten,
    marks_everything,
    stored_floors,
)
from seep_lightning.metrics.summaries import CLASS_COLUMNS, objects_found_together, objects_of_all_sizes

Values = Mapping[str, Any]

TUNED = "tuned"
AT_HALF = "at 0.5"
"""What rows of figures are called: at the threshold that was tuned on validation, and at 0.5."""
OBJECT_COLUMNS = ("true", "found", "recall", "predicted", "right", "precision")
"""Of objects by size: numbers of true ones, and how many were found; of predicted ones, and how many are right."""


def threshold_name(evaluation: Values) -> str:
    """What the threshold in use of an evaluation is called: `tuned`, or `at 0.3` where another one was asked for.

    Args:
        evaluation: Its summary.json. Of an older version it does not say which.
    """
    if evaluation.get("tuned", False):
        return TUNED
    return f"at {evaluation['threshold']:.4g}"


def threshold_in_words(evaluation: Values) -> str:
    """The threshold in use of an evaluation, such as `0.0198, tuned on validation`."""
    number = f"{evaluation['threshold']:.4f}"
    return f"{number}, tuned on validation" if evaluation.get("tuned", False) else number


def print_figures(title: str, rows: Mapping[str, Values]) -> None:
    """Print the figures of pixels, one named row each; those within the tolerance beside Dice, where there are any."""
    within_tolerance = [figure for figure in declared(ToleranceFigure) if _any_has(rows, figure)]
    others = [figure for figure in declared(PixelFigure) if figure is not DICE]
    figures = [DICE, *within_tolerance, *others]
    print_table(title, rows, [figure.key for figure in figures])


def print_floors(figures: Values, floors: Mapping[str, FloorValues]) -> None:
    """Print what rules without learning reach, and say so where a Dice is not above it.

    Args:
        figures: Of the network, by their keys.
        floors: What is stored of each floor, by its key.
    """
    dice = figures[DICE.key]
    line = floors_not_beaten(dice, floors)
    below = {key: values for key, values in floors.items() if key not in floors_above(dice, floors)}
    if line and below:
        line += f" It is above {floors_in_words(below)}."
    if not line and floors:
        line = f"Dice without learning: {floors_in_words(floors)}"
    if line:
        tell(line)
    if marks_everything(figures, floors):
        tell("It marks everything as seep.")


def print_evaluation(summary: dict[str, Any]) -> None:
    """Print the tables and lines of an evaluation.

    Args:
        summary: What `evaluate` returned.
    """
    part = summary["part"]
    within_tolerance = summary.get("within_tolerance", {})
    rows = {threshold_name(summary): summary["figures"] | within_tolerance}
    # no second row where the threshold in use is 0.5
    rows.setdefault(AT_HALF, summary["figures_at_0.5"])
    title = f"{part}: {summary['data']['chips']} chips, split: {summary['split']}"
    print_figures(title, rows)
    tell(f"threshold in use: {threshold_in_words(summary)}")
    print_floors(summary["figures"], stored_floors(summary))
    _print_objects(summary["objects"])
    if "classes" in summary:
        _print_classes(summary["classes"])
    tell(_line(declared(ProbabilityFigure), summary))
    if "soft" in summary:
        soft = summary["soft"]
        means = _line(declared(BatchFigure), soft)
        tell(f"mean over batches of {soft['batch_size']}: {means}")
    if "leakage" in summary:
        tell(f"masks: {summary['leakage']}")
    for finding in summary.get("findings", []):
        tell(f"told before the training, and makes figures meaningless: {finding}")
    tell(f"written to {summary['out']}")


def _print_objects(objects: dict[str, Any]) -> None:
    """Print recall and precision by size class, and the figures of all objects."""
    rows = {"all": objects_of_all_sizes(objects), **objects["by_size"]}
    print_table("objects, each in the row of its own size", rows, OBJECT_COLUMNS)
    together = objects_found_together(objects)
    if together:
        tell(together)
    tell(_line(declared(ObjectFigure), objects))


def _print_classes(classes: dict[str, Any]) -> None:
    """Print the figures and floors of each class, and those of all classes."""
    figures = [*CLASS_COLUMNS, *declared(ToleranceFigure)]
    columns = [figure.key for figure in figures] + ["pixels"] + [floor.label for floor in FLOORS]
    rows = {number: row | _floor_cells(row) for number, row in classes["by_class"].items()}
    macro = {DICE.key: classes["macro_dice"], **classes.get("within_tolerance", {})}
    rows["mean"] = macro | _floor_cells(classes)
    print_table("classes", rows, columns)
    line = classes_not_above_floors(classes)
    if line:
        tell(line)
    tell(_line(declared(ClassFigure), classes))


def _floor_cells(row: Values) -> dict[str, float]:
    """The floors of a class, or their means, under the heads of their columns."""
    return {floor.label: values["dice"] for floor, values in declared_floors(row.get("floors", {}))}


def _any_has(rows: Mapping[str, Values], figure: Figure) -> bool:
    """Whether any row has a figure."""
    return any(figure.key in row for row in rows.values())


def _line(figures: Iterable[Figure], values: Values) -> str:
    """Figures in one line, as far as there are values: `Centre-line recall 0.812, Boundary F1 0.700`."""
    words = []
    for figure in figures:
        if figure.key in values:
            value = figure.text(values[figure.key])
            words.append(f"{figure.label} {value}")
    return ", ".join(words)
