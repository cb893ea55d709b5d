"""Floors under every Dice: what rules without learning reach on the same pixels.

Each floor is declared once, in `FLOORS`. Evaluation, terminal tables, the report's page and `summary.json` loop over
the declarations.

A floor's function is given the truth as counts of pixels (2, bins): row 0 all other pixels, row 1 the pixels that are
looked for; the bins go from dark to bright (`metrics.baseline`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.metrics.figures import DICE

# of the value over the chip's median, from 0 to LARGEST_RATIO
RATIO_BINS = 400
LARGEST_RATIO = 2
# figures that differ by less look the same in a table
SAME = 0.0005

Counts = NDArray[np.int64]
FloorValues = dict[str, float]
"""What is stored of a floor: its `dice`, and what it was chosen with, such as `dark_threshold`."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A floor's declaration.

    Attributes:
        key: Its name in summary.json.
        label: Its name in the head of a column.
        rule: The same in full; `{NAME}` stands for a stored value.
        description: What it is, for docs/metrics.md.
        function: Works out what is stored from counts (2, bins).
    """

    key: str
    label: str
    rule: str
    description: str
    function: Callable[[Counts], FloorValues]

    def text(self, values: Mapping[str, float]) -> str:
        """The rule with its stored values."""
        return self.rule.format_map(values)


def all_seep(counts: Counts) -> FloorValues:
    """Dice of calling every pixel seep, of counts (2, bins)."""
    others, seep = counts.sum(axis=1)
    return {"dice": float(DICE.function(np.array([seep, others, 0])))}


def no_seep(counts: Counts) -> FloorValues:
    """Dice of calling no pixel seep, of counts (2, bins): 0, or 1 where there is none."""
    seep = counts[1].sum()
    return {"dice": float(DICE.function(np.array([0, 0, seep])))}


def darker_than(counts: Counts) -> FloorValues:
    """Dice of the best dark threshold, and that threshold, of counts (2, bins)."""
    dice, cut = best_dark_cut(counts)
    return {"dice": dice, "dark_threshold": cut}


def best_dark_cut(counts: Counts) -> tuple[float, float]:
    """Find the best cut of counts (2, RATIO_BINS): row 0 others, row 1 what is looked for.

    Returns:
        The Dice of "darker than the cut", and the cut, as a share of the chip's median.
    """
    false_positive, true_positive = counts.cumsum(axis=1)
    seep = counts[1].sum()
    dice = 2 * true_positive / np.maximum(true_positive + false_positive + seep, 1)
    best = int(dice.argmax())
    return float(dice[best]), (best + 1) * LARGEST_RATIO / RATIO_BINS


DARKER_THAN = Floor(
    key="darker_than",
    label="darker than",
    rule="darker than {dark_threshold:.2f} x median",
    description=(
        "seep is where the blurred value is below the best single share of the chip's median; the share is chosen on "
        "the very chips that it is scored on"
    ),
    function=darker_than,
)

FLOORS: list[Floor] = [
    Floor(
        key="all_seep",
        label="all seep",
        rule="all seep",
        description="every valid pixel is seep: 2 S / (S + all valid pixels), S the true pixels",
        function=all_seep,
    ),
    Floor(
        key="no_seep",
        label="no seep",
        rule="no seep",
        description="no pixel is seep: 0, or 1 where the truth is empty",
        function=no_seep,
    ),
    DARKER_THAN,
]


def floors_of(counts: Counts) -> dict[str, FloorValues]:
    """Work out the floors.

    Args:
        counts: True pixels (2, bins): others and those that are looked for, from dark to bright.

    Returns:
        What is stored of each floor, by its key.
    """
    return {floor.key: floor.function(counts) for floor in FLOORS}


def class_against_others(counts: Counts, number: int) -> Counts:
    """True pixels of a class against all else, (2, bins), of counts (1 + classes, bins) with the sea first."""
    others = counts.sum(axis=0) - counts[number]
    return np.stack([others, counts[number]])


def class_floors(counts: Counts) -> dict[str, dict[str, FloorValues]]:
    """Work out the floors of each class against all else.

    Args:
        counts: True pixels (1 + classes, bins), see `floors_of`; the sea comes first.

    Returns:
        The floors of each class that the truth holds, by its number as text.
    """
    floors = {}
    for number in range(1, len(counts)):
        if counts[number].any():
            floors[str(number)] = floors_of(class_against_others(counts, number))
    return floors


def mean_floors(by_class: Mapping[str, Mapping[str, FloorValues]]) -> dict[str, FloorValues]:
    """The mean over classes of each floor's Dice, by the floor's key: what macro Dice is held against."""
    means = {}
    for floor in FLOORS:
        values = [floors[floor.key]["dice"] for floors in by_class.values() if floor.key in floors]
        if values:
            means[floor.key] = {"dice": float(np.mean(values))}
    return means


def stored_floors(evaluation: Mapping[str, Any]) -> dict[str, FloorValues]:
    """Read the floors from the `summary.json` of an evaluation; those of before 2026-12 have the dark threshold only.

    Args:
        evaluation: What the file holds.

    Returns:
        What is stored of each floor, by its key.
    """
    floors: dict[str, FloorValues] = dict(evaluation.get("floors", {}))
    if not floors and "floor" in evaluation:
        floors[DARKER_THAN.key] = evaluation["floor"]
    return floors


def declared_floors(floors: Mapping[str, FloorValues]) -> list[tuple[Floor, FloorValues]]:
    """The floors that are stored, each with its declaration, in the order of `FLOORS`."""
    return [(floor, floors[floor.key]) for floor in FLOORS if floor.key in floors]


def floors_in_words(floors: Mapping[str, FloorValues]) -> str:
    """The floors in one line, such as `all seep (0.213), no seep (0.000)`."""
    words = [f"{floor.text(values)} ({values['dice']:.3f})" for floor, values in declared_floors(floors)]
    return ", ".join(words)


def floors_not_beaten(dice: float, floors: Mapping[str, FloorValues]) -> str:
    """Say in one line which floors a Dice is not above.

    Args:
        dice: Of a network.
        floors: What is stored of each floor, by its key.

    Returns:
        The line; empty where the Dice is above all of them.
    """
    unbeaten = floors_above(dice, floors)
    if not unbeaten:
        return ""
    words = floors_in_words(unbeaten)
    return f"Dice {dice:.3f} is not above what rules without learning reach: {words}."


def classes_not_above_floors(classes: Mapping[str, Any]) -> str:
    """Say in one line which classes are not above their floors.

    Args:
        classes: What the `summary.json` of an evaluation says of them.

    Returns:
        The line; empty where all are above, or where the floors were not worked out.
    """
    words = []
    for number, row in classes["by_class"].items():
        unbeaten = floors_above(row["dice"], row.get("floors", {}))
        if unbeaten:
            words.append(f"class {number} ({row['dice']:.3f}; {floors_in_words(unbeaten)})")
    if not words:
        return ""
    return f"Dice is not above what rules without learning reach: {', '.join(words)}."


def floors_above(dice: float, floors: Mapping[str, FloorValues]) -> dict[str, FloorValues]:
    """The floors that a Dice is not above.

    Args:
        dice: Of a network.
        floors: What is stored of each floor, by its key.
    """
    return {key: values for key, values in floors.items() if dice <= values["dice"]}


def marks_everything(figures: Mapping[str, Any], floors: Mapping[str, FloorValues]) -> bool:
    """Whether a network calls every pixel seep: it misses none, and its Dice is that of the rule.

    Args:
        figures: Dice and recall, by their keys.
        floors: What is stored of each floor, by its key.
    """
    rule = floors.get("all_seep")
    recall = figures.get("recall")
    if rule is None or recall is None:
        return False
    return bool(1 - recall < SAME and abs(figures["dice"] - rule["dice"]) < SAME)
