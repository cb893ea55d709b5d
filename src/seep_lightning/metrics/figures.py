"""Every figure, declared once: what it is called, which way is better, what it means, and how it is worked out.

Evaluation, terminal tables, the report's page, TensorBoard, the CSV files and docs/metrics.md loop over `FIGURES`.
A new figure is one more entry there, or a `Figure` in a module of your own that a run asks for (docs/extending.md).

Each name has one value. `KEY` alone is of calibrated probabilities, at the threshold in use, which training tunes on
validation; under `figures_at_0.5` it is of the same probabilities at 0.5. What an epoch of training measures at 0.5 of
probabilities that nobody calibrated yet is called otherwise: `before_scaling(KEY)`.

A figure's class says what its function is given:

- `PixelFigure`: pixel counts, of all chips together or chip by chip;
- `ToleranceFigure`: counts of pixels that are right within a tolerance;
- `ClassFigure`: the matrix of true and predicted classes;
- `ObjectFigure`: counts of objects, centre lines and outlines;
- `ProbabilityFigure`: counts of probabilities;
- `BatchFigure`: the soft Dice of a batch. It is worked out for runs that ask for it only (`figures=[KEY]`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from seep_lightning.metrics.calibration import Reliability
from seep_lightning.metrics.classes import Matrix, counts_by_class, true_classes
from seep_lightning.metrics.object_counts import ObjectCounts
from seep_lightning.metrics.tolerance import TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure's declaration.

    Attributes:
        key: Its name in summary.json, chips.csv, metrics.csv (`KEY/val`) and TensorBoard (`figures/KEY`). What epochs
            of training measure at 0.5, before probabilities are scaled, has a name of its own: `before_scaling`.
        label: Its name for people, in tables and on the report's page.
        unit: Its unit, or its range.
        better: Which way is better.
        description: What it is, in one sentence or formula of Markdown, with its source.
        function: Works it out from what the figure's class says.
        decimals: How many of them people are shown.
    """

    key: str
    label: str
    description: str
    function: Callable[[Any], Any]
    unit: str = "0 to 1"
    better: Literal["higher", "lower"] = "higher"
    decimals: int = 3

    def text(self, value: float | None) -> str:
        """The value as people are shown it; a dash for one that is not there, or is not a number."""
        return "–" if value is None or np.isnan(value) else f"{value:.{self.decimals}f}"


@dataclass(frozen=True, kw_only=True)
class PixelFigure(Figure):
    """A figure of pixel counts.

    `function` takes counts (..., 3) of true positives, false positives and false negatives, and returns (...). It must
    work on numpy arrays and on torch tensors alike: with operators, indices and methods that both have, such as
    `clip(1)`.

    Attributes:
        mean_over_chips: False: of the counts of all chips together. True: the mean of each chip's own figure; in
            training it is worked out on validation only.
    """

    mean_over_chips: bool = False


@dataclass(frozen=True, kw_only=True)
class ToleranceFigure(Figure):
    """A figure of pixels that are right within a tolerance; worked out by `evaluate` only.

    `function` takes counts (..., 4), see `metrics.tolerance`, and returns (...).
    """


@dataclass(frozen=True, kw_only=True)
class ClassFigure(Figure):
    """A figure of the matrix (N + 1, N + 1) of true and predicted classes; for runs that tell classes apart."""


@dataclass(frozen=True, kw_only=True)
class ObjectFigure(Figure):
    """A figure of `ObjectCounts`; worked out by `evaluate` only."""


@dataclass(frozen=True, kw_only=True)
class ProbabilityFigure(Figure):
    """A figure of `Reliability`, the counts of probabilities; worked out by `evaluate` only."""


@dataclass(frozen=True, kw_only=True)
class BatchFigure(Figure):
    """A figure of the soft Dice S of a batch, a number or a tensor: the mean over batches of the function's values."""


def dice(counts: Any) -> Any:
    """Dice coefficient of pixel counts (..., 3): (...)."""
    true_positive = counts[..., 0]
    union = _union(counts)
    return 2 * true_positive / (true_positive + union.clip(1)) + (union == 0)


def jaccard(counts: Any) -> Any:
    """Jaccard index of pixel counts (..., 3): (...)."""
    union = _union(counts)
    return counts[..., 0] / union.clip(1) + (union == 0)


def precision(counts: Any) -> Any:
    """Share of the predicted pixels that is right, of pixel counts (..., 3): (...)."""
    true_positive, false_positive = counts[..., 0], counts[..., 1]
    return true_positive / (true_positive + false_positive).clip(1)


def recall(counts: Any) -> Any:
    """Share of the true pixels that was found, of pixel counts (..., 3): (...)."""
    true_positive, false_negative = counts[..., 0], counts[..., 2]
    return true_positive / (true_positive + false_negative).clip(1)


def dice_within_tolerance(counts: Any) -> Any:
    """F1 of precision and recall within the tolerance, of counts (..., 4): (...); 1 where both masks are empty."""
    predicted_near, predicted, true_near, true = counts[..., 0], counts[..., 1], counts[..., 2], counts[..., 3]
    near_precision = predicted_near / predicted.clip(1)
    near_recall = true_near / true.clip(1)
    both = (near_precision + near_recall).clip(1e-12)
    return 2 * near_precision * near_recall / both + (predicted + true == 0)


def macro_dice(matrix: Matrix) -> float:
    """Mean over the classes that the truth holds, without the sea, of each one's Dice against all else; 0 of none."""
    present = true_classes(matrix)
    if not present:
        return 0.0
    return float(dice(counts_by_class(matrix))[present].mean())


def object_recall(counts: ObjectCounts) -> float:
    """Share of the true objects that were found; NaN of none."""
    return share_of_objects(counts.found.sum(), counts.true.sum())


def object_precision(counts: ObjectCounts) -> float:
    """Share of the predicted objects that are right; NaN of none."""
    return share_of_objects(counts.right.sum(), counts.predicted.sum())


def share_of_objects(part: Any, whole: Any) -> float:
    """A part of some objects in 0..1; NaN where there are none, of which nothing can be said."""
    return float(part / whole) if whole else math.nan


def centre_line_recall(counts: ObjectCounts) -> float:
    """Share of the truth's centre-line pixels that were predicted."""
    return _share(counts.line_found, counts.line)


def boundary_f1(counts: ObjectCounts) -> float:
    """F1 of the outlines' pixels."""
    outline_precision = _share(counts.predicted_outline_near, counts.predicted_outline)
    outline_recall = _share(counts.true_outline_near, counts.true_outline)
    both = max(outline_precision + outline_recall, 1e-12)
    return float(2 * outline_precision * outline_recall / both)


def false_per_megapixel(counts: ObjectCounts) -> float:
    """Predicted objects that are not right, per million valid pixels without true seep."""
    false_objects = (counts.predicted - counts.right).sum()
    return float(false_objects / max(counts.sea, 1) * 1e6)


def soft_dice_itself(soft_dice: Any) -> Any:
    """The soft Dice of a batch as it is."""
    return soft_dice


def notebook_dice(soft_dice: Any) -> Any:
    """What the notebook called "Dice": 2 S / (1 + S) of the soft Dice S of a batch."""
    return 2 * soft_dice / (1 + soft_dice)


DICE = PixelFigure(
    key="dice",
    label="Dice",
    description="pooled over all pixels: 2 TP / (2 TP + FP + FN); 1 where truth and prediction are both empty",
    function=dice,
)
PRECISION = PixelFigure(key="precision", label="Precision", description="pooled: TP / (TP + FP)", function=precision)
RECALL = PixelFigure(key="recall", label="Recall", description="pooled: TP / (TP + FN)", function=recall)
DICE_WITHIN_TOLERANCE = ToleranceFigure(
    key=f"dice_{TOLERANCE}px",
    label=f"Dice within {TOLERANCE} px",
    description=(
        f"pooled: F1 of the share of predicted pixels within {TOLERANCE} px of the truth and of the share of true "
        f"pixels within {TOLERANCE} px of the prediction (relaxed precision and recall, Mnih & Hinton 2010); 1 where "
        "truth and prediction are both empty"
    ),
    function=dice_within_tolerance,
)

FIGURES: list[Figure] = [
    DICE,
    PixelFigure(
        key="jaccard",
        label="Jaccard",
        description="pooled: TP / (TP + FP + FN); 1 where truth and prediction are both empty",
        function=jaccard,
    ),
    PRECISION,
    RECALL,
    PixelFigure(
        key="dice_per_chip",
        label="Dice, mean over chips",
        description="mean over chips of each chip's Dice; 1 where truth and prediction are both empty, 0 where one is",
        function=dice,
        mean_over_chips=True,
    ),
    DICE_WITHIN_TOLERANCE,
    ClassFigure(
        key="macro_dice",
        label="Macro Dice over classes",
        description="mean of the Dice of each class against all else, over the classes that occur, without the sea",
        function=macro_dice,
    ),
    ObjectFigure(
        key="object_recall",
        label="Object recall",
        description="share of true objects that predicted objects, of any size, cover by a tenth or more",
        function=object_recall,
    ),
    ObjectFigure(
        key="object_precision",
        label="Object precision",
        description="share of predicted objects that the truth covers by a tenth or more",
        function=object_precision,
    ),
    ObjectFigure(
        key="centre_line_recall",
        label="Centre-line recall",
        description=(
            "share of the truth's centre-line pixels (skeleton) that are predicted: "
            "clDice's topology sensitivity (Shit et al. 2021, eq. 1)"
        ),
        function=centre_line_recall,
    ),
    ObjectFigure(
        key="boundary_f1",
        label="Boundary F1",
        description="F1 of outline pixels that lie within 2 px of the other outline",
        function=boundary_f1,
    ),
    ObjectFigure(
        key="false_per_megapixel",
        label="False objects per megapixel of sea",
        unit="objects per megapixel",
        better="lower",
        description="predicted objects that are not right, per million valid pixels without true seep",
        function=false_per_megapixel,
        decimals=1,
    ),
    ProbabilityFigure(
        key="calibration_error",
        label="Calibration error (pixels of 0.01 or more)",
        better="lower",
        description=(
            "mean over 15 bins of equal mass of abs(mean probability - share of seep), over the pixels with a "
            "probability of at least 0.01 (Naeini et al. 2015)"
        ),
        function=Reliability.calibration_error,
        decimals=4,
    ),
    BatchFigure(
        key="soft_dice_S",
        label="Soft Dice S",
        description="mean over batches (of 4 in `evaluate`) of S = (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)",
        function=soft_dice_itself,
    ),
    BatchFigure(
        key="soft_2S_over_1_plus_S",
        label="2 S / (1 + S)",
        description='what the notebook called "Dice": mean over batches of 2 S / (1 + S)',
        function=notebook_dice,
    ),
]

BEFORE_SCALING = "_before_scaling"
"""How the names of figures end that are measured at 0.5 of probabilities which are not calibrated yet."""
DICE_OF_CLASS = "dice_class_"
"""How the names begin under which the Dice of each class is logged."""

Kind = TypeVar("Kind", bound=Figure)


def before_scaling(key: str) -> str:
    """The name of a figure as an epoch of training measures it: at 0.5, of probabilities that are not calibrated yet.

    Args:
        key: Of the figure, such as `dice`.
    """
    return f"{key}{BEFORE_SCALING}"


def key_of(name: str) -> str:
    """The key of the figure that a name is about, such as `dice` of `dice_before_scaling/val`.

    Args:
        name: With or without its stage.
    """
    return name.partition("/")[0].removesuffix(BEFORE_SCALING)


def declared(kind: type[Kind]) -> list[Kind]:
    """The declared figures of a class, in the order in which tables show them."""
    return [figure for figure in FIGURES if isinstance(figure, kind)]


def pooled_pixel_figures() -> list[PixelFigure]:
    """The declared figures of the pixel counts of all chips together."""
    return [figure for figure in declared(PixelFigure) if not figure.mean_over_chips]


def mean_pixel_figures() -> list[PixelFigure]:
    """The declared figures that are means over chips."""
    return [figure for figure in declared(PixelFigure) if figure.mean_over_chips]


def lower_is_better(name: str) -> bool:
    """Whether the least of a monitored value is the best: of a loss, and of figures that are declared so.

    Args:
        name: The value's name, with or without its stage, such as `loss/val` or `false_per_megapixel`.
    """
    key = key_of(name)
    if key.startswith("loss"):
        return True
    return any(figure.key == key and figure.better == "lower" for figure in FIGURES)


def _union(counts: Any) -> Any:
    """Pixels that are true or predicted, of pixel counts (..., 3): (...)."""
    return counts[..., 0] + counts[..., 1] + counts[..., 2]


def _share(part: Any, whole: Any) -> float:
    """A part of a whole in 0..1; 0 of nothing."""
    return float(part / max(whole, 1))
