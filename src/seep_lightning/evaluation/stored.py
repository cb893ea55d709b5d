"""The `summary.json` of an evaluation, read and checked against its declared shape."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from seep_lightning.config.references import check_no_references
from seep_lightning.config.trust import judge_stored
from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.shapes import Count, Probability, as_shape
from seep_lightning.errors import UserError
from seep_lightning.runs.stored_shapes import StoredFigures, StoredFloors, StoredMeanFloors

SUMMARY_NAME = "summary.json"
ADVICE = "Evaluate the run anew, with overwrite=true."
"""What to do about a damaged evaluation."""

# of one scene: see `metrics.tolerance`
FourCounts = Annotated[list[Count], Meta(min_length=4, max_length=4)]
Matrix = list[list[Count]]
# of sea and of seep, by probability
Histogram = Annotated[
    list[Annotated[list[Count], Meta(min_length=256, max_length=256)]], Meta(min_length=2, max_length=2)
]


@dataclass(frozen=True)
class ScoredData:
    """What was scored."""

    root: str
    fingerprint: str
    chips: Count
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredPart:
    """What any evaluation says of itself."""

    part: str
    checkpoint: Literal["best", "last"] = "best"
    checkpoint_digest: str = ""


@dataclass(frozen=True)
class StoredClass:
    """What a row of `by_class` must hold."""

    dice: float
    pixels: Count


@dataclass(frozen=True)
class StoredClasses:
    """What is said of classes."""

    by_class: dict[str, dict[str, float | StoredFloors | None]]
    macro_dice: float
    pixels: Matrix
    objects: Matrix
    within_tolerance: dict[str, float | None] = field(default_factory=dict)
    floors: StoredMeanFloors | None = None


# one key is no name of a field
StoredEvaluation = TypedDict(
    "StoredEvaluation",
    {
        "part": Literal["train", "val", "test", "all"],
        "data": ScoredData,
        "threshold": Probability,
        "figures": StoredFigures,
        "figures_at_0.5": StoredFigures,
        "scenes": dict[str, dict[str, float]],
        "histogram": Histogram,
        "calibration_error": float,
        # evaluations of older versions lack what follows
        "tuned": NotRequired[bool],
        "checkpoint": NotRequired[Literal["best", "last"]],
        "checkpoint_digest": NotRequired[str],
        "objects": NotRequired[dict[str, float | dict[str, dict[str, float | None]] | None]],
        "within_tolerance": NotRequired[dict[str, float | dict[str, FourCounts] | None]],
        "floor": NotRequired[dict[str, float]],
        "floors": NotRequired[StoredFloors],
        "classes": NotRequired[StoredClasses],
        "soft": NotRequired[dict[str, float]],
        "findings": NotRequired[list[str]],
        "leakage": NotRequired[str],
    },
)
"""What `evaluate` writes."""


def read_scored_part(folder: Path) -> ScoredPart:
    """Read which part of the data an evaluation is of, and of which checkpoint.

    Args:
        folder: `evaluate/<name>` of a run.

    Raises:
        UserError: It cannot be read, or does not say so.
    """
    return read_json(folder / SUMMARY_NAME, ScoredPart, advice=ADVICE)


def read_evaluation(folder: Path) -> dict[str, Any]:
    """Read the summary of an evaluation. It may be a stranger's: the classes that it names are judged as a run's are.

    Args:
        folder: `evaluate/<name>` of a run.

    Returns:
        What the file holds.

    Raises:
        UserError: It cannot be read, lacks what an evaluation holds, or its settings name what no stored config may.
    """
    path = folder / SUMMARY_NAME
    content = read_json(path, dict[str, Any], advice=ADVICE)
    as_shape(content, StoredEvaluation, str(path), advice=ADVICE)
    settings = {"data": content["data"].get("settings", {})}
    judge_stored(str(path), settings)
    check_no_references(path, settings)
    for key in ("figures", "figures_at_0.5"):
        as_shape(content[key], dict[str, float | None], f"{path}, {key}", advice=ADVICE)
    if "classes" in content:
        as_shape(content["classes"]["by_class"], dict[str, StoredClass], f"{path}, by_class", advice=ADVICE)
    if not isinstance(content.get("within_tolerance", {}).get("scenes", {}), dict):
        raise UserError(f"{path}: $.within_tolerance.scenes is a number; expected counts by scene. {ADVICE}")
    return content
