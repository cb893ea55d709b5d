"""What `summary.json` of an evaluation says: what was scored, and all figures."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.data.description import LabelOrigin
from seep_lightning.evaluation.parts import Part, settings_of_other_data
from seep_lightning.evaluation.scoring import Scores
from seep_lightning.evaluation.written_files import EvaluationFiles
from seep_lightning.files import digest
from seep_lightning.metrics.classes import Matrix
from seep_lightning.metrics.figures import ProbabilityFigure, declared
from seep_lightning.metrics.object_counts import add_up
from seep_lightning.metrics.summaries import (
    class_summary,
    mean_figures,
    object_summary,
    pooled_figures,
    tolerance_figures,
)
from seep_lightning.runs.directory import Run

if TYPE_CHECKING:
    from seep_lightning.evaluation.scenes import SceneCounts
    from seep_lightning.predictor.base import Predictor


def origin_of(run: Run, config: EvaluateConfig, part: Part) -> dict[str, Any]:
    """What was scored, for summary.json.

    Args:
        run: The run.
        config: The settings of the command.
        part: The chips.
    """
    split = "none: every chip of the data set" if part.name == "all" else run.config.split.kind
    data = {
        "root": str(part.chips.root),
        "fingerprint": part.chips.fingerprint,
        "chips": len(part.indices),
        "settings": settings_of_other_data(config.data),
    }
    return {
        "run": str(run.dir),
        "findings": run.summary().get("findings", []),
        "part": part.name,
        "split": split,
        "data": data,
        "checkpoint": config.checkpoint,
        "checkpoint_digest": digest(run.checkpoint(config.checkpoint)),
    }


def label_origin_of(run: Run, part: Part) -> dict[str, Any]:
    """Which networks drew the outlines of the masks, for summary.json; nothing where none did.

    Args:
        run: The run.
        part: The chips.
    """
    from seep_lightning.runs.lineage import own_outlines

    origin = str(LabelOrigin.of(part.chips.root))
    if not origin:
        return {}
    return {"leakage": origin + own_outlines(run, run.config.init, part.chips)}


def figures_of(
    predictor: "Predictor", config: EvaluateConfig, scores: Scores, files: EvaluationFiles
) -> dict[str, Any]:
    """All figures, for summary.json.

    Args:
        predictor: The network, with its threshold.
        config: The settings of the command.
        scores: What was counted of the chips.
        files: The files of the evaluation, with what was counted of each scene.
    """
    from seep_lightning.metrics.baseline import seep_against_sea
    from seep_lightning.metrics.floors import DARKER_THAN, floors_of

    threshold = predictor.threshold
    scenes = {scene: pooled_figures(counts) | {"chips": len(counts)} for scene, counts in sorted(files.scenes.items())}
    on_scenes = files.count_on_scenes()
    floors = floors_of(seep_against_sea(files.true_pixels))
    figures: dict[str, Any] = {
        "threshold": threshold,
        # not one that was asked for
        "tuned": config.threshold is None,
        "figures": scores.figures_at(threshold),
        "figures_at_0.5": scores.figures_at(0.5),
    }
    if scores.batch_figures:
        figures["soft"] = scores.batch_figures | {"batch_size": config.batch_size}
    for figure in declared(ProbabilityFigure):
        figures[figure.key] = float(figure.function(scores.reliability))
    figures |= {
        "objects": object_summary(add_up(on_scenes.objects)),
        "within_tolerance": _within_tolerance(on_scenes),
        # what readers of before there were several floors look for
        "floor": floors[DARKER_THAN.key],
        "floors": floors,
        "scenes": scenes,
        "histogram": scores.histogram,
    }
    if predictor.classes:
        figures["classes"] = _class_figures(scores.confusion[threshold], on_scenes, files.true_pixels)
    return figures


def _within_tolerance(on_scenes: "SceneCounts") -> dict[str, Any]:
    """Figures within the tolerance, and the counts of each scene that they and their intervals come from."""
    scenes = on_scenes.within_tolerance
    total = np.sum(list(scenes.values()), axis=0)
    counts = {scene: scenes[scene].tolist() for scene in sorted(scenes)}
    return {**tolerance_figures(total), "scenes": counts}


def _class_figures(pixels: Matrix, on_scenes: "SceneCounts", true_pixels: NDArray[np.int64]) -> dict[str, Any]:
    """Figures and floors of each class, their means over the classes that the truth holds, and the matrices.

    Args:
        pixels: True and predicted classes, (N + 1, N + 1).
        on_scenes: What was counted on scenes.
        true_pixels: By class and darkness, see `metrics.baseline.count_by_darkness`.
    """
    from seep_lightning.metrics.floors import class_floors, mean_floors

    summary = class_summary(pixels)
    floors = class_floors(true_pixels)
    tolerant = {}
    for number, row in summary["by_class"].items():
        tolerant[number] = tolerance_figures(on_scenes.class_within_tolerance[int(number)])
        row |= tolerant[number]
        row["floors"] = floors[number]
    summary["within_tolerance"] = mean_figures(tolerant.values())
    summary["floors"] = mean_floors(floors)
    return summary | {"pixels": pixels.tolist(), "objects": on_scenes.class_objects.tolist()}
