"""Pool the figures of a recipe's folds on scenes that they never saw: one row of docs/results.md.

    python -m seep_lightning.train -m data=seeps data.root=DIR split=kfold split.fold=0,1,2,3,4 \
        hydra.sweep.dir=outputs/folds/NAME RECIPE...
    python benchmarks/accuracy/pool.py outputs/folds/NAME... [--flips mirror|all] [--chips] [--against outputs/folds/B]

Each run predicts its validation chips and its test chips in the same way: laid into their scenes (--chips: one by
one), plainly or with other views of each window (--flips). It chooses threshold, smallest object and scaling of the
probabilities on validation, and uses them on the test chips, which are scored on their scenes. If you give several
folders with the same folds, the networks of a fold act as one: the mean of their probabilities. The row goes to
pool-WAY.json in the first folder. --against adds the difference to a single folder that was pooled in the same way,
paired over scenes.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from seep_lightning.config.commands import EvaluateConfig, PredictConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import cell
from seep_lightning.data.mosaic import lay
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.parts import part_of
from seep_lightning.mapping.scenes import predict
from seep_lightning.metrics.calibration import Reliability, scaled
from seep_lightning.metrics.counts import count_pixels
from seep_lightning.metrics.histogram import dice_by_threshold
from seep_lightning.metrics.jackknife import Scale, interval_over_scenes, pixel_weights
from seep_lightning.metrics.object_counts import add_up
from seep_lightning.metrics.objects import MIN_AREAS, count_objects
from seep_lightning.metrics.summaries import object_summary, pixel_figures, pooled_figures
from seep_lightning.runs.directory import Run

FLIPS: dict[str, Any] = {"": False, "mirror": "mirror", "all": True}


@dataclass(frozen=True)
class Scene:
    """Chips of one scene laid together. probability: (H, W) uint8, 0 nodata, else 1 + 254 p; truth, valid: bool."""

    name: str
    probability: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


def predicted(runs: Sequence[Run], part: str, by_chip: bool, flips: str) -> list[Scene]:
    """The scenes of a part, as far as they are in it, with the mean of the probabilities of runs of one split."""
    run, others = runs[0], "".join(f"-{each.dir.parent.name}" for each in runs[1:])
    scored = part_of(run, EvaluateConfig(run=str(run.dir), part=part))
    chips, indices = scored.chips, scored.indices
    if by_chip:
        assert len(runs) == 1, "--chips: of one folder"
        out = run.dir / "evaluate" / part
        if not out.exists():
            evaluate(EvaluateConfig(run=str(run.dir), part=part))
    else:
        out = run.dir / "accuracy" / f"{part}{flips and '-' + flips}{others}-maps"
        folder = run.dir / "accuracy" / part / "train_images_256"
        folder.mkdir(parents=True, exist_ok=True)
        for i in indices:
            link = folder / chips.names[i]
            link.exists() or link.symlink_to(chips.image_paths[i].absolute())
        networks, views = [str(each.dir) for each in runs], FLIPS[flips]
        predict(
            PredictConfig(run=networks, input=str(folder), output=str(out), chips=True, polygons=False, flips=views)
        )
    return list(laid(chips, indices, out / "probabilities"))


def laid(chips: Chips, indices: list[int], folder: Path) -> Iterator[Scene]:
    """Chips laid into their scenes."""
    for name in sorted({chips.scenes[i] for i in indices}):
        tiles = {}
        for i in (i for i in indices if chips.scenes[i] == name):
            pixels = chips.read(i)
            mask, valid = pixels.mask, pixels.valid
            level = cv2.imread(str(folder / chips.names[i]), cv2.IMREAD_UNCHANGED)
            tiles[cell(chips.config, name, chips.tiles[i])] = np.stack([level * valid, (mask > 0) & valid, valid])
        level, truth, valid = lay(tiles)
        yield Scene(name, level, truth > 0, valid > 0)


def best_level(scenes: list[Scene]) -> int:
    """The level above which a pixel is seep with the largest pooled Dice."""
    counts = [
        sum(np.bincount(s.probability[s.valid & (s.truth == t)], minlength=256) for s in scenes) for t in (False, True)
    ]
    return int(dice_by_threshold(torch.tensor(np.stack(counts)))[2:].argmax()) + 1


def mask_of(scene: Scene, level: int, least: int) -> np.ndarray:
    """Pixels above the level, without objects of fewer than `least` px."""
    mask = scene.probability > level
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return mask & (stats[:, cv2.CC_STAT_AREA][labels] >= least)


def reliability_of(scenes: list[Scene], scaling: tuple[float, float] = (1.0, 0.0)) -> Reliability:
    """Counts of probabilities after scaling; the lowest level (p < 0.002) is open sea and left out."""
    found = Reliability()
    for scene in scenes:
        p = np.clip((scene.probability.astype(float) - 1) / 254, 1e-3, 1 - 1e-3)
        found.add(scaled(p, scaling), scene.truth, scene.valid & (scene.probability > 1))
    return found


def pool(folders: Sequence[Path], by_chip: bool, flips: str) -> dict[str, Any]:
    """The row of a folder of runs, or of several with the same folds."""
    beside = [[Run(path.parent) for path in sorted(folder.glob("*/summary.json"))] for folder in folders]
    folds = list(zip(*beside, strict=True))
    runs = [each for same in folds for each in same]
    counts: dict[str, list[int]] = {}
    objects, seconds, chosen, error = [], 0.0, [], Reliability()
    for same in folds:
        assert len({(each.dir / "split.csv").read_text() for each in same}) == 1, f"{same}: not of one split"
        run = same[0]
        val, test = (predicted(same, part, by_chip, flips) for part in ("val", "test"))
        level = best_level(val)
        least = max(
            (0, *MIN_AREAS),
            key=lambda area: pooled_figures([count_pixels(mask_of(s, level, area), s.truth) for s in val])["dice"],
        )
        scaling = reliability_of(val).scaling()
        error.counts += reliability_of(test, scaling).counts
        for scene in test:
            mask = mask_of(scene, level, least)
            counts[f"{run.dir.name} {scene.name}"] = count_pixels(mask, scene.truth).tolist()
            objects.append(count_objects(mask, scene.truth, scene.valid))
        seconds += sum(each.summary()["seconds"] for each in same)
        chosen.append({"run": run.dir.name, "threshold": (level - 0.5) / 254, "min_area": least, "scaling": scaling})
    scored = object_summary(add_up(objects))
    table = np.array(list(counts.values()))
    return {
        "runs": len(runs), "split": runs[0].config.split.kind, "by": runs[0].config.split.by,
        "folders": [str(folder) for folder in folders],
        "way": way(len(folders), by_chip, flips), "seed": runs[0].config.seed,
        "device": runs[0].summary()["device"], "seconds": round(seconds), **pooled_figures(table),
        "interval": interval(table),
        **{k: scored[k] for k in ("boundary_f1", "object_recall", "object_precision")},
        "calibration_error": error.calibration_error(), "chosen": chosen, "scenes": counts,
    }  # fmt: skip


def way(networks: int, by_chip: bool, flips: str) -> str:
    """How it was predicted, for names of files and rows."""
    return ("chips" if by_chip else "mosaic") + (flips and f"-{flips}") + f"-mean{networks}" * (networks > 1)


def interval(table: np.ndarray) -> tuple[float, float]:
    """95 % of the pooled Dice of scenes with counts (N, 3), or of the first less the second's with (N, 2, 3)."""
    weights = pixel_weights(table)
    if table.ndim == 2:
        spread = interval_over_scenes(table, dice_of, weights)
    else:
        spread = interval_over_scenes(table, difference_of, weights, Scale.DIFFERENCE)
    return spread or (np.nan, np.nan)


def difference_of(counts: np.ndarray) -> np.ndarray:
    dice = dice_of(counts)
    return dice[..., 0] - dice[..., 1]


def dice_of(counts: np.ndarray) -> np.ndarray:
    return pixel_figures(counts)["dice"]


def against(row: dict[str, Any], other: dict[str, Any]) -> str:
    """Difference of pooled Dice to another row on the same scenes, with its interval."""
    key = {name.split()[-1]: name for name in other["scenes"]}
    pairs = [(c, other["scenes"][key[name.split()[-1]]]) for name, c in row["scenes"].items()]
    low, high = interval(np.array(pairs))
    gain = -np.diff(dice_of(np.sum(pairs, axis=0)))[0]
    return f"{gain:+.3f} ({low:+.3f} to {high:+.3f}), paired over {len(pairs)} scenes"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--flips", choices=FLIPS, default="")
    parser.add_argument("--chips", action="store_true")
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    folders, by_chip, flips = arguments.folders, arguments.chips, arguments.flips
    name = f"pool-{way(len(folders), by_chip, flips)}.json"
    row = pool(folders, by_chip, flips)
    (folders[0] / name).write_text(json.dumps(row, indent=2) + "\n")
    low, high = row["interval"]
    columns = ("jaccard", "boundary_f1", "object_recall", "object_precision")
    shown = [f"{row[k]:.3f}" for k in columns]
    cells = [
        " + ".join(folder.name for folder in folders),
        row["way"],
        f"{row['dice']:.3f} ({low:.3f} to {high:.3f})",
        *shown,
    ]
    print("|", " | ".join([*cells, f"{row['calibration_error']:.4f}", str(row["seconds"])]), "|")
    if arguments.against:
        print(against(row, json.loads((arguments.against / f"pool-{way(1, by_chip, flips)}.json").read_text())))
