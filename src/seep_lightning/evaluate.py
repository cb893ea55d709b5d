"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from seep_lightning.calibration import Reliability
from seep_lightning.classes import Matrix, class_figures, class_numbers, confusion
from seep_lightning.config import EvaluateConfig, SplitConfig, check
from seep_lightning.door import open_door, typed
from seep_lightning.errors import UserError
from seep_lightning.run import Run, digest, fresh_dir, open_run, write_table, write_text
from seep_lightning.scores import Counts, count, figures, pooled

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.predictor import Predictor

COLUMNS = ("dice", "jaccard", "precision", "recall", "dice_per_chip")


@dataclass(frozen=True)
class Scored:
    """Counts of each chip at each threshold, the notebook's two soft figures, `metrics.ProbabilityHistogram`, and the
    matrix of classes at each threshold where they are told apart (`classes.confusion`)."""

    chips: dict[float, list[Counts]]
    soft: dict[str, float]
    histogram: list[list[int]]
    confusion: dict[float, Matrix]
    reliability: Reliability

    def at(self, threshold: float) -> dict[str, float]:
        """All pooled figures at one of the thresholds."""
        more = {"macro_dice": class_figures(self.confusion[threshold])["macro_dice"]} if self.confusion else {}
        return pooled(self.chips[threshold]) | more


def score_indices(
    predictor: "Predictor", chips: "Chips", indices: list[int], *, batch_size: int, sink: Callable[..., None]
) -> Scored:
    """Score chips by their positions, each once, at the thresholds 0.5 and the predictor's own (seep is above it).

    sink(index, probability, truth, valid, class) sees each in turn, arrays (H, W): float32 and bool of seep, bool, and
    the number of the most probable class (1 where classes are not told apart).
    """
    import torch
    from torch.utils.data import DataLoader

    from seep_lightning.data.datamodule import ChipDataset
    from seep_lightning.losses import soft_dice
    from seep_lightning.metrics import ProbabilityHistogram

    histogram, reliability = ProbabilityHistogram(), Reliability()
    counts: dict[float, list[Counts]] = {level: [] for level in (0.5, predictor.threshold)}
    soft: list[float] = []
    size = predictor.classes + 1
    confused = {level: np.zeros((size, size), np.int64) for level in counts if predictor.classes}
    for batch in DataLoader(ChipDataset(chips, predictor.normalise), batch_size, sampler=[(0, i) for i in indices]):
        probability = predictor.probability(batch.image.numpy())
        seep = torch.from_numpy(probability[:, :1])
        soft.append(float(soft_dice(seep, (batch.target > 0).float(), batch.valid)))
        histogram.update(seep, batch.target, batch.valid)
        truths, valids = batch.target[:, 0].numpy(), batch.valid[:, 0].numpy()
        every = zip(batch.chip.tolist(), probability[:, 0], truths, valids, class_numbers(probability), strict=True)
        for i, p, t, v, n in every:
            truth = (t > 0) & v
            reliability.add(p, truth, v)
            for level, scored in counts.items():
                scored.append(count((p > level) & v, truth))
            for level, matrix in confused.items():
                matrix += confusion(t[v], np.where(p > level, n, 0)[v], size)
            sink(i, np.where(v, p, np.float32(0)), truth, v, n)
    means = {"soft_dice_S": np.mean(soft), "soft_2S_over_1_plus_S": np.mean([2 * s / (1 + s) for s in soft])}
    soft_figures = {name: float(mean) for name, mean in means.items()}
    return Scored(counts, soft_figures, histogram.counts.tolist(), confused, reliability)


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Score a run and leave `evaluate/<name>/` in it: summary.json (returned), chips.csv (worst first), names.txt,
    masks/ (uint8, 1 = seep, or its class) and probabilities/ (uint8: 0 nodata, else 1 + 254 p)."""
    from seep_lightning import object_scores
    from seep_lightning.baseline import dark_threshold
    from seep_lightning.pictures import write_image
    from seep_lightning.predictor import load
    from seep_lightning.scene.mapping import quantise

    check(config)
    run = open_run(config.run)
    predictor = load(run, config.checkpoint, config.device)
    if config.threshold is not None:
        predictor.threshold = config.threshold
    chips, indices, part = part_of(run, config)
    name = config.name or (part if part != "all" or config.data.root is None else Path(config.data.root).resolve().name)
    out = fresh_dir(run.dir / "evaluate" / name, config.overwrite, "name")
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


def part_of(run: Run, config: EvaluateConfig) -> tuple["Chips", list[int], str]:
    """Chips, positions and the part's name: of the run's own data by its split.csv, or all of another data set."""
    from seep_lightning.data.datamodule import SeepDataModule

    data, split = run.config.data, SplitConfig(kind="file", path=str(run.split_path))
    if config.data.root is not None:
        data = replace(data, source="chips", root=config.data.root)
    module = SeepDataModule(data, split, augment=[])
    chips = module.chips
    trained_on = run.summary().get("data", {}).get("fingerprint")
    if chips.fingerprint != trained_on:
        if config.data.root is None:
            raise UserError(
                f"the chips in {chips.root} have changed since run={run.dir} was trained on them (fingerprint "
                f"{trained_on}, now {chips.fingerprint}). Put them back, or pass data.root=... to score all of them."
            )
        if config.part in ("train", "val"):
            raise UserError(f"part={config.part}: data.root={config.data.root} is not the run's data: it has no parts.")
        return chips, list(range(len(chips))), "all"
    return chips, module.indices(config.part), config.part


def print_table(
    title: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str] = COLUMNS, justify: Any = "right"
) -> None:
    """A table of figures, one named row each; no head above columns without names."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    heads = [Column(escape(column), justify=justify, overflow="fold") for column in columns]
    table = Table("", *heads, title=escape(title), title_justify="left", show_header=any(columns))
    for name, row in rows.items():
        shown = (row.get(c, "") for c in columns)
        table.add_row(name, *(f"{value:.3f}" if isinstance(value, float) else escape(str(value)) for value in shown))
    Console().print(table)


def print_evaluation(summary: dict[str, Any]) -> None:
    """The table of an evaluation, with the floor under it, and that of objects."""
    from seep_lightning.object_scores import rows as object_rows

    rows = {f"{summary['part']}, at {summary['threshold']:.4f}": summary["figures"]}
    rows.setdefault(f"{summary['part']}, at 0.5000", summary["figures_at_0.5"])
    cut = f"darker than {summary['floor']['dark_threshold']:.2f} x median (floor)"
    rows[cut] = {"dice": summary["floor"]["dice"]}
    print_table(f"{summary['data']['chips']} chips, split: {summary['split']}", rows)
    scored = summary["objects"]
    print_table("objects", object_rows(scored), ("recall", "true", "precision", "predicted"))
    false = f"{scored['false_per_megapixel']:.1f} false objects a megapixel of sea"
    print(f"centre-line recall {scored['centre_line_recall']:.3f}, boundary F1 {scored['boundary_f1']:.3f}, {false}")
    if told := summary.get("classes"):
        macro = {"macro": {"dice": told["macro_dice"]}}
        print_table("classes", told["by_class"] | macro, ("dice", "precision", "recall", "pixels"))
    print(f"calibration error {summary['calibration_error']:.4f}, over pixels with a probability of at least 0.01")
    soft = ", ".join(f"{k}={v:.3f}" for k, v in summary["soft"].items() if k != "batch_size")
    print(f"the notebook's soft figures (mean over batches of {summary['soft']['batch_size']}): {soft}")
    print(f"written to {summary['out']}")


def task(cfg: DictConfig) -> float:
    """The job of one `seep evaluate`. Returns the pooled Dice."""
    summary = evaluate(typed(cfg))
    print_evaluation(summary)
    return float(summary["figures"]["dice"])


if __name__ == "__main__":
    open_door("evaluate", task)
