"""Score a run on a part of its data, or on other data, and leave what was found in `evaluate/<name>` of the run."""

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import OtherDataConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.data.description import LabelOrigin
from seep_lightning.errors import UserError, writing_to
from seep_lightning.evaluation.parts import Part, part_of, reads_own_files
from seep_lightning.evaluation.scoring import ScoredChip, Scores, score_chips
from seep_lightning.files import (
    absolute,
    check_output_folder,
    digest,
    draft_of,
    real_path,
    remove_leftovers,
    replace_folder,
    write_table,
    write_text,
)
from seep_lightning.locks import lock_path, locked
from seep_lightning.metrics.classes import Matrix
from seep_lightning.metrics.counts import Counts, count_pixels
from seep_lightning.metrics.figures import ProbabilityFigure, declared
from seep_lightning.metrics.object_counts import add_up
from seep_lightning.metrics.requested_figures import request_figures
from seep_lightning.metrics.summaries import (
    class_summary,
    mean_figures,
    object_summary,
    pixel_figures,
    pooled_figures,
    tolerance_figures,
)
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.links import check_no_way_out
from seep_lightning.runs.newest import run_or_newest_below

if TYPE_CHECKING:
    from seep_lightning.evaluation.scenes import SceneCounts
    from seep_lightning.predictor.base import Predictor

log = logging.getLogger(__name__)

# the names of evaluations of the run's own data
OWN_NAMES = ("train", "val", "test", "all")


@trusting_its_config
def evaluate(config: EvaluateConfig, *, patience: float = 0.0) -> dict[str, Any]:
    """Score a run and leave `evaluate/<name>/` in it.

    The folder holds summary.json, chips.csv (the worst chip first), names.txt, masks/ (uint8: 0 sea, 1 seep or its
    class) and probabilities/ (uint8: 0 nodata, else 1 + 254 p). It appears when all of it is there.

    Args:
        config: What to score, and how.
        patience: Seconds to wait for another process that writes the same folder.

    Returns:
        What summary.json holds, and `out`, the folder.

    Raises:
        InUse: Another process writes the folder.
        UserError: There is no such run, its data have changed, or the folder exists.
    """
    from seep_lightning.nets.hardware import keep_memory
    from seep_lightning.predictor.loading import load

    check_config(config)
    keep_memory()
    run = open_run(run_or_newest_below(config.run, config.checkpoint))
    check_no_way_out(run)
    predictor = load(run, config.checkpoint, config.device)
    if config.threshold is not None:
        predictor.threshold = config.threshold
    part = part_of(run, config, predictor.value_range)
    _check_bands(part, predictor)
    name = _folder_name(config, part)
    out = run.dir / "evaluate" / name
    with locked(lock_path(out), f"name={out}", "evaluate", patience=patience):
        check_output_folder(out, config.overwrite, "name")
        _check_of_same_chips(out, config, part)
        remove_leftovers(out.parent)
        with draft_of(out) as draft:
            files = EvaluationFiles(draft, part, predictor.threshold)
            summary = _score_into(files, predictor, run, config)
            replace_folder(draft, out)
    return summary | {"out": str(out)}


def _score_into(files: "EvaluationFiles", predictor: "Predictor", run: Run, config: EvaluateConfig) -> dict[str, Any]:
    """Score the chips, and write all files of the evaluation. Returns what summary.json holds."""
    part = files.part
    files.prepare()
    scores = score_chips(
        predictor,
        part.chips,
        part.indices,
        batch_size=config.batch_size,
        batch_figures=request_figures(run.config.figures),
        sink=files.write_chip,
    )
    files.write_tables()
    summary = _origin(run, config, part) | _label_origin(run, part) | _figures(predictor, config, part, scores, files)
    write_text(files.folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


@dataclass
class EvaluationFiles:
    """The files of an evaluation, written chip by chip.

    Attributes:
        folder: Where they lie until the evaluation is whole.
        part: The chips that are scored.
        threshold: Above which a probability is seep.
        rows: The rows of chips.csv.
        scenes: Counts of each chip by scene.
        true_pixels: By class and darkness, see `metrics.baseline.count_by_darkness`.
    """

    folder: Path
    part: Part
    threshold: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    scenes: dict[str, list[Counts]] = field(default_factory=dict)
    true_pixels: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Count nothing yet."""
        from seep_lightning.metrics.baseline import no_pixels

        self.true_pixels = no_pixels(self.part.chips.config.classes)

    @property
    def masks(self) -> Path:
        """The folder of the predicted masks."""
        return self.folder / "masks"

    @property
    def probabilities(self) -> Path:
        """The folder of the quantised probabilities."""
        return self.folder / "probabilities"

    def prepare(self) -> None:
        """Make the folders, empty."""
        with writing_to(self.folder.parent):
            self.masks.mkdir(parents=True)
            self.probabilities.mkdir()

    def write_chip(self, chip: ScoredChip) -> None:
        """Write mask and probabilities of a chip, and remember its counts and its row."""
        from seep_lightning.data.chip_maps import write_chip_map
        from seep_lightning.metrics.baseline import darkness_of_chip
        from seep_lightning.metrics.covariates import covariates
        from seep_lightning.scene.levels import quantise

        chips = self.part.chips
        name = chips.names[chip.index]
        scene = chips.scenes[chip.index]
        write_chip_map(self.masks, name, chip.predicted_classes(self.threshold))
        write_chip_map(self.probabilities, name, quantise(chip.probability, chip.valid))
        counts = count_pixels(chip.predicted(self.threshold), chip.truth)
        self.scenes.setdefault(scene, []).append(counts)
        true_positive, false_positive, false_negative = counts
        row = {"name": name, "scene": scene, "tile": chips.tiles[chip.index]}
        row |= pixel_figures(counts)
        row |= {"tp": true_positive, "fp": false_positive, "fn": false_negative}
        pixels = chips.read(chip.index)
        values = chips.value_range.ratio_values(pixels.image, pixels.data)
        row |= covariates(values[0], chip.truth, chip.valid)
        self.true_pixels += darkness_of_chip(pixels, values[0], chips.config.classes)
        self.rows.append(row)

    def write_tables(self) -> None:
        """Write chips.csv, the worst chip first, and names.txt, in the order of the data set."""
        worst_first = sorted(self.rows, key=lambda row: (row["dice"], row["name"]))
        write_table(self.folder / "chips.csv", worst_first)
        names = [self.part.chips.names[i] for i in self.part.indices]
        write_text(self.folder / "names.txt", "".join(f"{name}\n" for name in names))


def _check_bands(part: Part, predictor: "Predictor") -> None:
    """Raise `UserError` for chips with another number of bands than the network takes; log other polarisations."""
    count = len(part.chips.bands)
    if count != predictor.bands:
        raise UserError(
            f"the chips in {part.chips.root} have {count} band(s), but the network was trained on {predictor.bands}. "
            "Choose them with data.bands."
        )
    for number, (meaning, trained) in enumerate(zip(part.chips.band_meanings, predictor.band_meanings, strict=True), 1):
        if meaning and trained and meaning != trained:
            log.warning(
                "band %d of the chips in %s is %s, but the network was trained on %s. Choose with data.bands=[...].",
                number, part.chips.root, meaning, trained,
            )  # fmt: skip


def _folder_name(config: EvaluateConfig, part: Part) -> str:
    """The name of the evaluation: as asked for, else the part's, or what other data are called.

    Raises:
        UserError: Other data, or another part, would take the place of one of the run's own parts.
    """
    if part.is_own:
        if config.name in OWN_NAMES and config.name != part.name:
            raise UserError(
                f"name={config.name}: evaluate/{config.name} is that of part={config.name}, and this is part="
                f"{part.name}. Choose another name."
            )
        return config.name or part.name
    if config.name in OWN_NAMES:
        raise UserError(
            f"name={config.name}: evaluate/{config.name} is that of the run's own data, and these are others, or read "
            f"in another way ({part.chips.root}). Choose another name."
        )
    return config.name or _name_of_other_data(config.data, part)


def _check_of_same_chips(out: Path, config: EvaluateConfig, part: Part) -> None:
    """Raise `UserError` where `overwrite=true` would replace the evaluation of other chips, which nobody named.

    Folders of one name may lie anywhere: those of two data sets, or of a part that is kept under its own name.
    """
    if config.name is not None and config.name not in OWN_NAMES:
        # asked for by its name
        return
    stored = _stored_origin(out / "summary.json")
    if stored is None:
        return
    data = stored.get("data") or {}
    same_chips = data.get("fingerprint") == part.chips.fingerprint
    same_place = data.get("root") == str(part.chips.root) and _places(data.get("settings")) == _places(
        _settings(config.data)
    )
    if stored.get("part") != part.name or not (same_chips or same_place):
        raise UserError(
            f"{out} holds the figures of other chips (part={stored.get('part')} of {data.get('root')}), which "
            "overwrite=true does not replace. Choose another name=."
        )


def _places(settings: Any) -> dict[str, Any]:
    """Which files below a root the keys of other data name."""
    return {key: settings[key] for key in ("images", "masks", "pairs") if key in (settings or {})}


def _stored_origin(path: Path) -> dict[str, Any] | None:
    """What the summary of an evaluation says; None where there is none, or none that can be read."""
    with suppress(OSError, ValueError):
        stored = json.loads(path.read_text(encoding="utf-8"))
        return stored if isinstance(stored, dict) else None
    return None


def _name_of_other_data(data: OtherDataConfig, part: Part) -> str:
    """What other data are called: as their list, or as the folder of the images or that of the data set.

    The run's own, read in another way, are called after their part and the keys that were given: `test-mask_values`.
    """
    changes = data.changes()
    if reads_own_files(changes):
        return "-".join([part.name, *sorted(changes)])
    folder = real_path(part.chips.root)
    name = folder.name
    if changes.get("pairs"):
        name = Path(changes["pairs"]).stem
    elif "root" not in changes and "images" in changes:
        images = real_path(part.chips.image_paths[0]).parent
        folder = images.parent
        name = images.name
    # `test` of another data set is not the run's own test part
    return f"{folder.parent.name}-{name}" if name in OWN_NAMES else name


def _origin(run: Run, config: EvaluateConfig, part: Part) -> dict[str, Any]:
    """What was scored, for summary.json."""
    split = "none: every chip of the data set" if part.name == "all" else run.config.split.kind
    data = {
        "root": str(part.chips.root),
        "fingerprint": part.chips.fingerprint,
        "chips": len(part.indices),
        "settings": _settings(config.data),
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


def _label_origin(run: Run, part: Part) -> dict[str, Any]:
    """Which networks drew the outlines of the masks, for summary.json; nothing where none did."""
    from seep_lightning.runs.lineage import own_outlines

    origin = str(LabelOrigin.of(part.chips.root))
    if not origin:
        return {}
    return {"leakage": origin + own_outlines(run, run.config.init, part.chips)}


def _settings(data: OtherDataConfig) -> dict[str, Any]:
    """The keys of other data that were given, with paths that hold from any folder."""
    settings = data.changes()
    for key in ("root", "pairs"):
        path = settings.get(key)
        if path and Path(path).exists():
            settings[key] = absolute(path)
    return settings


def _figures(
    predictor: "Predictor", config: EvaluateConfig, part: Part, scores: Scores, files: EvaluationFiles
) -> dict[str, Any]:
    """All figures, for summary.json."""
    from seep_lightning.evaluation.scenes import count_on_scenes
    from seep_lightning.metrics.baseline import seep_against_sea
    from seep_lightning.metrics.floors import DARKER_THAN, floors_of

    threshold = predictor.threshold
    scenes = {scene: pooled_figures(counts) | {"chips": len(counts)} for scene, counts in sorted(files.scenes.items())}
    on_scenes = count_on_scenes(part.chips, part.indices, files.masks, classes=predictor.classes > 0)
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
