"""Validation Dice in mixed precision beside that of 32 bit (docs/results.md has the figures).

    python benchmarks/precision.py outputs/precision                          generated chips, one CPU thread
    python benchmarks/precision.py outputs/precision 16-mixed trainer=gpu     on a GPU, one more precision

Each precision trains the same recipe with the same seeds. It passes if the means differ by at most 0.01, or by two
standard deviations of 32 bit over the seeds. Finished runs are read, not repeated.
"""

import argparse
from pathlib import Path
from statistics import mean, stdev

from seep_lightning.commands.composition import compose
from seep_lightning.data.generator.dataset import write_dataset
from seep_lightning.data.generator.scene import SyntheticSpec
from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train

SPEC = SyntheticSpec(chips=140, chip_size=128, scene_px=0)
SEEDS = (0, 1, 2)
RECIPE = [
    "data=chips",
    "data.classes=7",
    "data.batch_size=4",
    "model.width=8",
    "model.depth=3",
    "ema_decay=0.9",
    "trainer.max_epochs=30",
    "trainer.enable_progress_bar=false",
]


def dice(home: Path, precision: str, seed: int, overrides: list[str]) -> tuple[float, float]:
    """Best pooled validation Dice, and seconds, of one run."""
    run = Run(home / f"{precision}-seed-{seed}")
    if not run.finished:
        chips = write_dataset(home / "chips", SPEC)
        settings = [f"data.root={chips}", f"seed={seed}", f"trainer.precision={precision}"]
        train(compose("train", [*RECIPE, *overrides, *settings]), run.dir)
    summary = run.summary()
    return summary["best"]["score"], summary["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="folder for chips and runs")
    parser.add_argument("more", nargs="*", help="further precisions, and overrides of the recipe (key=value)")
    args = parser.parse_args()
    overrides = [m for m in args.more if "=" in m]
    precisions = ["32-true", "bf16-mixed", *(m for m in args.more if "=" not in m)]
    scores: dict[str, list[float]] = {}
    print("| precision | validation Dice by seed | mean | s | against 32 bit |\n| --- | --- | --- | --- | --- |")
    for precision in precisions:
        results = [dice(args.home, precision, seed, overrides) for seed in SEEDS]
        scores[precision] = [score for score, _ in results]
        reference = scores["32-true"]
        allowed, difference = max(0.01, 2 * stdev(reference)), mean(scores[precision]) - mean(reference)
        verdict = "within" if abs(difference) <= allowed else "OUTSIDE"
        by_seed = ", ".join(f"{score:.4f}" for score in scores[precision])
        seconds = sum(spent for _, spent in results)
        last = "" if precision == "32-true" else f"{difference:+.4f}, {verdict} {allowed:.4f}"
        print(f"| {precision} | {by_seed} | {mean(scores[precision]):.4f} | {seconds:.0f} | {last} |", flush=True)


if __name__ == "__main__":
    main()
