"""Put a trained network into the package, with a card that describes it: the last step of `make model`.

    python benchmarks/accuracy/card.py outputs/model

Threshold, scaling and smallest object of the network are the medians of the folds'. Each fold chose them on scenes
that it was not trained on; the network's own validation is one scene only. The figures on the card are those of the
folds of the same recipe, pooled by pool.py. The network is trained as a fold is (`first`), then as long again from
there, on more scenes (`network`). The scenes that it validates and tests on were in neither training.
"""

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np
import torch

from seep_lightning.config.commands import EvaluateConfig, ExportConfig
from seep_lightning.evaluation.parts import part_of
from seep_lightning.evaluation.scoring import score_chips
from seep_lightning.folds.part_maps import SCENES
from seep_lightning.folds.pooling import read_row
from seep_lightning.metrics.calibration import scaled
from seep_lightning.predictor.exporting import export
from seep_lightning.predictor.loading import load
from seep_lightning.predictor.torch_predictor import TorchPredictor
from seep_lightning.runs.checkpoints import CHECKPOINT_KEY
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import DEFAULT_NETWORK

CARD = """# The networks in this package

`seeps.pt`: {parameters:,} parameters, {size:.1f} MB, tensors and plain values only. `python -m seep_lightning.predict`
uses it if you pass no `run`, and so does `seep_lightning.load()` in a notebook.
`generated.pt`: the same net, trained on generated chips alone; `init=generated` starts from it, as `seeps.pt` did.

**`seeps.pt` is for research and evaluation only.** It was trained on chips of a public exercise in oil seep
detection (634 chips of 14 scenes), which have no stated licence and are not part of this package. If you use the
network for anything else, settle the rights to those data first.

## What it does
Outlines dark slicks on detected SAR images of the sea (one band, 8 or 16 bit, linear, about 10 m a pixel, 0 = nodata).
A probability of 0.7 means that about seven of ten such pixels lay inside an analyst's outline.

## How good its recipe is
These figures are of scenes that it never saw (five folds by scene: another day at the same place). The chips were laid
into their scenes and mapped as `predict` does with `flips=false`. Each fold trained for {fold_epochs} epochs, and chose
threshold, smallest object and scaling on other scenes than those scored:

| | |
| --- | --- |
| pooled Dice | {dice:.3f} (95 % over scenes: {low:.3f} to {high:.3f}) |
| Jaccard | {jaccard:.3f} |
| boundary F1 at 2 px | {boundary_f1:.3f} |
| object recall, precision | {object_recall:.3f}, {object_precision:.3f} |
| calibration error | {calibration_error:.4f} |

The network itself was then trained for as long again, on {train} chips. On the {held} chips of {scenes}, which it
never learned from, its Dice is {held_dice:.3f} chip by chip ({first_dice:.3f} before). `predict` without `run=` also
predicts each window's mirror image (`flips=mirror`).
Its threshold {threshold:.3f}, its smallest object of {min_area} px and the scaling of its probabilities are the medians
of the folds'. Each fold chose them on scenes that it was not trained on.

## What it must not be used for
- To prove or disprove a spill, or to name who did it. It finds look-alikes (calm water, algae, rain cells) as well.
  Nearly every chip that it learned from holds a seep, and nobody measured how often it is wrong on empty sea.
- On other sensors, pixel sizes, seas or processing, before you have scored it there
  (`python -m seep_lightning.evaluate`).
- For faint slicks (contrast above 0.9): it misses about half of them. See docs/results.md for where its errors lie.

## How it was made
By `make model` with `SEEP_DATA_ROOT=DIR` ({today}; seed {seed}; {device}): {generated_epochs} epochs of {generated}
generated chips (`generated.pt`: Dice {generated_dice:.3f} on all {chips} real chips, none of which it saw), then
{first_epochs} epochs of {first_train} real ones and {epochs} of {train}. Data fingerprint {fingerprint}.
"""


def settle(file: Path, folds: list[Run]) -> None:
    """Give an exported file the median threshold, least object and scaling of the folds."""
    best = [run.summary()["best"] for run in folds]
    a, b = np.median([each["scaling"] for each in best], axis=0).tolist()
    seen = float(np.median([each["threshold"] for each in best]))  # of scaled probabilities; the file's is of raw ones
    chosen = {"min_area": int(np.median([each["min_area"] for each in best])), "scaling": (a, b)}
    content = torch.load(file, weights_only=True)
    content[CHECKPOINT_KEY] |= chosen | {"threshold": float(scaled(seen, (1 / a, -b / a)))}
    card = json.loads(content[CHECKPOINT_KEY]["model_card"])
    card["best"] = {"threshold": seen} | chosen
    del card["figures"]  # at another threshold
    content[CHECKPOINT_KEY]["model_card"] = json.dumps(card, indent=2)
    torch.save(content, file)


def main(folder: Path) -> None:
    run, first, start = (Run(folder / name) for name in ("network", "first", "generated"))
    row = read_row(folder / "folds", SCENES)
    folds = [Run(folder / "folds" / each["run"]) for each in row["chosen"]]
    DEFAULT_NETWORK.parent.mkdir(exist_ok=True)
    export(ExportConfig(run=str(run.dir), output=str(DEFAULT_NETWORK), format="torch", overwrite=True))
    settle(DEFAULT_NETWORK, folds)
    predictor, summary = load(DEFAULT_NETWORK), run.summary()
    parts = [part_of(run, EvaluateConfig(run=str(run.dir), part=part)) for part in ("val", "test")]
    chips, held = parts[0].chips, [i for part in parts for i in part.indices]

    def dice_of(network: TorchPredictor) -> float:
        scored = score_chips(network, chips, held, batch_size=4)
        return scored.figures_at(network.threshold)["dice"]

    before = load(first)
    before.scaling, before.threshold = predictor.scaling, predictor.threshold
    real = json.loads((start.dir / "evaluate" / "real" / "summary.json").read_text())
    text = CARD.format(
        **{k: v for k, v in row.items() if isinstance(v, float)},
        **summary["data"]["chips"],
        low=row["interval"][0],
        high=row["interval"][1],
        parameters=sum(tensor.numel() for tensor in predictor.net.parameters()),
        size=DEFAULT_NETWORK.stat().st_size / 1e6,
        held=len(held),
        scenes=" and ".join(sorted({chips.scenes[i] for i in held})),
        held_dice=dice_of(predictor),
        first_dice=dice_of(before),
        first_epochs=first.summary()["epochs"],
        first_train=first.summary()["data"]["chips"]["train"],
        threshold=predictor.threshold,
        min_area=predictor.min_area,
        seed=run.config.seed,
        epochs=summary["epochs"],
        chips=len(chips),
        generated=start.summary()["data"]["chips"]["train"],
        generated_epochs=start.summary()["epochs"],
        generated_dice=real["figures"]["dice"],
        fold_epochs=folds[0].summary()["epochs"],
        device=summary["device"],
        fingerprint=summary["data"]["fingerprint"],
        today=date.today(),
    )
    DEFAULT_NETWORK.with_name("README.md").write_text(text)
    print(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
