"""Labels needed for the same Dice: chips in the order of `seep next` against chips in random order.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/next_labels.py /tmp/next_labels

The pool is open sea: chips of 96 px of generated scenes, with slicks as the generator sows them, on about one chip of
five. Each seed draws 20 chips to begin with; 20 more at a time are labelled, as a strategy ranks them by the network of
the round before. Each network is trained anew in the same number of steps. Validation and test are fixed chips of other
scenes and no part of the pool. Prints Markdown: Dice by the number of labels, and labels for the same Dice.
"""

import argparse
import csv
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from seep_lightning import api
from seep_lightning.data.generator.dataset import Chip, cut
from seep_lightning.data.generator.scene import SyntheticSpec, generate_scene
from seep_lightning.data.images import write_image

SIZE = 96  # px
SPEC = SyntheticSpec(chip_size=SIZE, columns=10)
NUMBERS = range(20, 121, 20)  # of labels
STEP = 20
CHIPS = {"pool": 240, "test": 180, "val": 32}
SCENES = {"pool": (1, 2, 3), "test": (21, 22), "val": (11,)}
SEEP_CELLS_OF_VAL = 60  # of 100: every validation chip holds seep, so that thresholds are no matter of luck
STEPS = 320  # of each training
BATCH = 8
TRAINING = (
    "model.width=8",
    "model.patch=2",
    "model.depth=3",
    "optimizer.lr=0.01",
    "augment=[]",
    "split=file",
    "data.classes=7",
    f"data.batch_size={BATCH}",
    "trainer.enable_progress_bar=false",
    "trainer.accelerator=cpu",
    "~logger.tensorboard",
)

Names = dict[str, list[str]]


def chips_of(scene: int, seep_cells: int | None) -> Iterator[Chip]:
    side = SPEC.columns * SIZE
    image, classes = generate_scene((scene, 0), side, side, seep_cells, SPEC)
    yield from cut(scene, image, classes, SIZE)


def write_chips(folder: Path) -> Names:
    """Write the chips of each part; return their names."""
    rng = np.random.default_rng(0)
    names: Names = {}
    for part, count in CHIPS.items():
        seep_cells = SEEP_CELLS_OF_VAL if part == "val" else None
        chips = [chip for scene in SCENES[part] for chip in chips_of(scene, seep_cells)]
        chips = [chip for chip in chips if chip.has_seep or part != "val"]
        chosen = [chips[index] for index in sorted(rng.permutation(len(chips))[:count])]
        names[part] = [write_chip(folder / part, chip) for chip in chosen]
        print(f"{part}: {len(chosen)} chips, {sum(chip.has_seep for chip in chosen)} with seep", flush=True)
    return names


def write_chip(folder: Path, chip: Chip) -> str:
    name = f"{chip.scene:06d}.{chip.tile:06d}.tif"
    for kind, pixels in (("images", chip.image), ("masks", chip.classes)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        write_image(folder / kind / name, pixels)
    return name


def write_pairs(folder: Path, path: Path, names: Names, labelled: Sequence[str]) -> None:
    """List what is labelled, and the chips that validate and test."""
    rows = [("pool", "train", name) for name in labelled]
    rows += [(part, part, name) for part in ("val", "test") for name in names[part]]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "mask", "split"])
        for place, part, name in rows:
            writer.writerow([folder / place / "images" / name, folder / place / "masks" / name, part])


def dice_of(folder: Path, run: Path, names: Names, labelled: Sequence[str], seed: int) -> float:
    """Train with some labels, and score the test chips."""
    run.mkdir(parents=True)
    write_pairs(folder, run / "pairs.csv", names, labelled)
    epochs = -(-STEPS // (len(labelled) // BATCH))
    length = (f"trainer.max_epochs={epochs}", f"trainer.check_val_every_n_epoch={max(1, epochs // 5)}")
    api.train(*TRAINING, *length, f"data.pairs={run / 'pairs.csv'}", output=run / "run", seed=seed)
    return float(api.evaluate(run / "run", part="test").figures["dice"])


def ranked(folder: Path, run: Path, strategy: str, seed: int) -> list[str]:
    """The next names of a strategy."""
    found = api.next(
        scenes=folder / "pool" / "images",
        run=run / "run",
        output=run / f"next-{strategy}",
        count=STEP,
        strategy=strategy,
        seed=seed,
    )
    return [each.candidate.path.name for each in found]


def course(folder: Path, names: Names, strategy: str, seed: int) -> list[float]:
    """Dice at each number of labels; the first round is the same for all strategies."""
    order = [names["pool"][index] for index in np.random.default_rng(seed).permutation(CHIPS["pool"])]
    labelled = order[:STEP]
    run = folder / f"start-{seed}"
    found: list[float] = []
    for number in NUMBERS:
        if number > STEP:
            more = order[number - STEP : number] if strategy == "random" else ranked(folder, run, strategy, seed)
            labelled = [*labelled, *more]
            assert len(set(labelled)) == number
            run = folder / f"{strategy}-{seed}-{number}"
        if not (run / "dice").exists():
            dice = dice_of(folder, run, names, labelled, seed)
            (run / "dice").write_text(str(dice))
        found.append(float((run / "dice").read_text()))
        masks = [folder / "pool" / "masks" / name for name in labelled]
        print(f"{strategy}, seed {seed}: {number} labels, {with_seep(masks)} with seep: {found[-1]:.3f}", flush=True)
    return found


def with_seep(masks: Sequence[Path]) -> int:
    import cv2

    return sum(bool(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED).any()) for mask in masks)


def labels_for(dice: float, found: Sequence[float]) -> str:
    """So many labels reach a Dice, by straight lines between rounds."""
    best = np.maximum.accumulate(found)
    if best[-1] < dice:
        return f"more than {NUMBERS[-1]}"
    return f"{np.interp(dice, *crossing(best)):.0f}"


def crossing(best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dice and labels where the curve rises: a level stretch counts from its beginning."""
    rises = np.concatenate([[True], np.diff(best) > 0])
    return best[rises], np.array(NUMBERS)[rises]


def print_tables(courses: dict[str, list[list[float]]]) -> None:
    print("\n| labels | " + " | ".join(map(str, NUMBERS)) + " |\n| --- |" + " --- |" * len(NUMBERS))
    for strategy, found in courses.items():
        columns = np.transpose(found)
        cells = [f"{dice.mean():.3f} ({dice.min():.3f} to {dice.max():.3f})" for dice in columns]
        print(f"| {strategy} | " + " | ".join(cells) + " |")
    print("\n| as good as random order at | " + " | ".join(map(str, NUMBERS[1:])) + " |")
    print("| --- |" + " --- |" * (len(NUMBERS) - 1))
    of_random = np.maximum.accumulate(np.mean(courses["random"], axis=0))
    for strategy, found in courses.items():
        needed = [labels_for(dice, np.mean(found, axis=0).tolist()) for dice in of_random[1:]]
        print(f"| {strategy} | " + " | ".join(needed) + " |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strategies", nargs="+", default=["both"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    names = write_chips(arguments.folder)
    courses: dict[str, list[list[float]]] = {}
    for seed in arguments.seeds:
        for strategy in ("random", *arguments.strategies):
            courses.setdefault(strategy, []).append(course(arguments.folder, names, strategy, seed))
    print_tables(courses)
    print(f"\n{time.process_time():.0f} s of CPU")


if __name__ == "__main__":
    main()
