"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.rules import check_config
from seep_lightning.evaluation.parts import part_of
from seep_lightning.evaluation.scoring import score_indices
from seep_lightning.files import digest, make_output_folder, write_table, write_text
from seep_lightning.metrics.classes import class_figures
from seep_lightning.metrics.counts import Counts, count, figures, pooled
from seep_lightning.runs.directory import open_run


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Score a run and leave `evaluate/<name>/` in it: summary.json (returned), chips.csv (worst first), names.txt,
    masks/ (uint8, 1 = seep, or its class) and probabilities/ (uint8: 0 nodata, else 1 + 254 p)."""
    from seep_lightning.data.images import write_image
    from seep_lightning.metrics import objects as object_scores
    from seep_lightning.metrics.baseline import dark_threshold
    from seep_lightning.predictor.loading import load
    from seep_lightning.scene.levels import quantise

    check_config(config)
    run = open_run(config.run)
    predictor = load(run, config.checkpoint, config.device)
    if config.threshold is not None:
        predictor.threshold = config.threshold
    chips, indices, part = part_of(run, config)
    name = config.name or (part if part != "all" or config.data.root is None else Path(config.data.root).resolve().name)
    out = make_output_folder(run.dir / "evaluate" / name, config.overwrite, "name")
    work = out.with_name(f".{name}.part")
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("masks", "probabilities"):
        (work / folder).mkdir(parents=True)
    rows, scenes = list[dict[str, Any]](), dict[str, list[Counts]]()

    def sink(index: int, probability: NDArray[np.float32], truth: Any, valid: NDArray[np.bool_], numbers: Any) -> None:
        found = probability > predictor.threshold
        write_image(work / "masks" / chips.names[index], np.where(found, numbers, 0).astype(np.uint8))
        write_image(work / "probabilities" / chips.names[index], quantise(probability, valid))
        counts = count(found, truth)
        scenes.setdefault(chips.scenes[index], []).append(counts)
        row = {"name": chips.names[index], "scene": chips.scenes[index], "tile": chips.tiles[index]}
        row |= figures(counts) | dict(zip(("tp", "fp", "fn"), counts, strict=True))
        rows.append(row | object_scores.covariates(chips.read(index)[0][0], truth, valid))

    scored = score_indices(predictor, chips, indices, batch_size=config.batch_size, sink=sink)
    write_table(work / "chips.csv", sorted(rows, key=lambda row: (row["dice"], row["name"])))
    (work / "names.txt").write_text("".join(f"{chips.names[i]}\n" for i in indices))
    floor, cut = dark_threshold(chips, indices)
    summary = {
        "run": str(run.dir),
        "part": part,
        "split": run.config.split.kind if part != "all" else "none: every chip of the data set",
        "data": {"root": str(chips.root), "fingerprint": chips.fingerprint, "chips": len(indices)},
        "checkpoint": config.checkpoint,
        "checkpoint_digest": digest(run.checkpoint(config.checkpoint)),
        "threshold": predictor.threshold,
        "figures": scored.at(predictor.threshold),
        "figures_at_0.5": scored.at(0.5),
        "soft": scored.soft | {"batch_size": config.batch_size},
        "calibration_error": scored.reliability.error(),
        "objects": object_scores.figures(object_scores.count_chips(chips, indices, work / "masks")),
        "floor": {"dice": floor, "dark_threshold": cut},
        "scenes": {scene: pooled(table) | {"chips": len(table)} for scene, table in sorted(scenes.items())},
        "histogram": scored.histogram,
    }
    if predictor.classes:
        pixels = scored.confusion[predictor.threshold]
        found = object_scores.confuse_chips(chips, indices, work / "masks")
        summary["classes"] = {**class_figures(pixels), "pixels": pixels.tolist(), "objects": found.tolist()}
    write_text(work / "summary.json", json.dumps(summary, indent=2) + "\n")
    shutil.rmtree(out)
    work.replace(out)
    return summary | {"out": str(out)}
