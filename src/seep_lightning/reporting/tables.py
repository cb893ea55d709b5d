"""Figures as tables: on the terminal, and in the documentation."""

from collections.abc import Iterable, Mapping
from typing import Any

from seep_lightning.commands.tables import print_table
from seep_lightning.metrics.figures import (
    BatchFigure,
    ClassFigure,
    Figure,
    ObjectFigure,
    PixelFigure,
    ProbabilityFigure,
    declared,
)

Row = Mapping[str, Any]


def print_figures(title: str, rows: Mapping[str, Row]) -> None:
    """Print the figures of pixels, one named row each."""
    print_table(title, rows, [figure.key for figure in declared(PixelFigure)])


def print_evaluation(summary: dict[str, Any]) -> None:
    """Print the tables and lines of an evaluation.

    Args:
        summary: What `evaluate` returned.
    """
    part = summary["part"]
    rows = {f"{part}, at {summary['threshold']:.4f}": summary["figures"]}
    # no second row where the threshold in use is 0.5
    rows.setdefault(f"{part}, at 0.5000", summary["figures_at_0.5"])
    floor = summary["floor"]
    rows[f"darker than {floor['dark_threshold']:.2f} x median (floor)"] = {"dice": floor["dice"]}
    title = f"{summary['data']['chips']} chips, split: {summary['split']}"
    print_figures(title, rows)
    _print_objects(summary["objects"])
    if "classes" in summary:
        _print_classes(summary["classes"])
    print(_line(declared(ProbabilityFigure), summary))
    if "soft" in summary:
        soft = summary["soft"]
        means = _line(declared(BatchFigure), soft)
        print(f"mean over batches of {soft['batch_size']}: {means}")
    if "leakage" in summary:
        print(f"masks: {summary['leakage']}")
    print(f"written to {summary['out']}")


def _print_objects(objects: dict[str, Any]) -> None:
    """Print recall and precision by size class, and the figures of all objects."""
    by_size: dict[str, dict[str, float]] = objects["by_size"]
    every_size: dict[str, float] = {
        "recall": objects["object_recall"],
        "true": sum(row["true"] for row in by_size.values()),
        "precision": objects["object_precision"],
        "predicted": sum(row["predicted"] for row in by_size.values()),
    }
    print_table("objects", {"all": every_size, **by_size}, ("recall", "true", "precision", "predicted"))
    print(_line(declared(ObjectFigure), objects))


def _print_classes(classes: dict[str, Any]) -> None:
    """Print the figures of each class, and those of all classes."""
    print_table("classes", classes["by_class"], ("dice", "precision", "recall", "pixels"))
    print(_line(declared(ClassFigure), classes))


def _line(figures: Iterable[Figure], values: Row) -> str:
    """Figures in one line, as far as there are values: `Centre-line recall 0.812, Boundary F1 0.700`."""
    words = []
    for figure in figures:
        if figure.key in values:
            value = figure.text(values[figure.key])
            words.append(f"{figure.label} {value}")
    return ", ".join(words)
