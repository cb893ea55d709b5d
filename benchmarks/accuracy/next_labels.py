"""Labels needed for the same Dice: chips in the order of `seep next` against chips in random order.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/next_labels.py /tmp/next_labels

To choose from is open sea: chips of 96 px of generated scenes, with slicks as the generator sows them, on about one
chip of five. Each seed draws 20 chips to begin with; 25 more at a time are labelled, as a strategy ranks them by the
network of the round before. Each network is trained anew in the same number of steps. Validation and test are fixed
chips of other scenes, of open sea too, never to choose from. Prints Markdown: Dice by the number of labels, and labels
for the same Dice. The same command goes on where it was stopped.
"""

import argparse
import csv
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from seep_lightning import api
from seep_lightning.data.generator.dataset import Chip, cut
from seep_lightning.data.generator.scene import SyntheticSpec, generate_scene
from seep_lightning.data.images import write_image

SIZE = 96  # px
SPEC = SyntheticSpec(chip_size=SIZE, columns=10)
START, STEP, END = 20, 25, 120
NUMBERS = range(START, END + 1, STEP)  # of labels
CHIPS = {"pool": 240, "test": 180, "val": 60}
SCENES = {"pool": (1, 2, 3), "test": (21, 22), "val": (11,)}
STEPS = 240  # of each training
BATCH = 16
TRAINING = (
    "model.width=4",
    "model.patch=2",
    "model.depth=3",
    "optimizer.lr=0.02",
    "augment=[]",
    "split=file",
    "data.classes=7",
    f"data.batch_size={BATCH}",
    "trainer.enable_progress_bar=false",
    "trainer.accelerator=cpu",
    "~logger.tensorboard",
)

Names = dict[str, list[str]]


def chips_of(scene: int) -> Iterator[Chip]:
    side = SPEC.columns * SIZE
    image, classes = generate_scene((scene, 0), side, side, spec=SPEC)
    yield from cut(scene, image, classes, SIZE)


def write_chips(folder: Path) -> Names:
    """Write the chips of each part; return their names."""
    rng = np.random.default_rng(0)
    names: Names = {}
    for part, count in CHIPS.items():
        chips = [chip for scene in SCENES[part] for chip in chips_of(scene)]
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
        overwrite=True,
        count=STEP,
        strategy=strategy,
        seed=seed,
    )
    return [each.candidate.path.name for each in found]


class Course:
    """The rounds of one strategy and one seed; the first round is the same for all strategies."""

    def __init__(self, folder: Path, names: Names, strategy: str, seed: int) -> None:
        self.folder, self.names, self.strategy, self.seed = folder, names, strategy, seed
        self.order = [names["pool"][index] for index in np.random.default_rng(seed).permutation(CHIPS["pool"])]
        self.labelled = self.order[:START]
        self.run = folder / f"start-{seed}"
        self.found: list[float] = []

    def go_on(self, number: int) -> None:
        """Label up to a number, train, and score. What an earlier call finished is taken from its folder."""
        if number > START:
            self.labelled = [*self.labelled, *self._more(number)]
            self.run = self.folder / f"{self.strategy}-{self.seed}-{number}"
        assert len(set(self.labelled)) == number
        result = self.run / "dice"
        if not result.exists():
            shutil.rmtree(self.run, ignore_errors=True)
            dice = dice_of(self.folder, self.run, self.names, self.labelled, self.seed)
            result.write_text(str(dice))
        self.found.append(float(result.read_text()))
        masks = [self.folder / "pool" / "masks" / name for name in self.labelled]
        told = f"{self.strategy}, seed {self.seed}: {number} labels, {with_seep(masks)} with seep"
        print(f"{told}: {self.found[-1]:.3f}", flush=True)

    def _more(self, number: int) -> list[str]:
        if self.strategy == "random":
            return self.order[number - STEP : number]
        return ranked(self.folder, self.run, self.strategy, self.seed)


def with_seep(masks: Sequence[Path]) -> int:
    return sum(bool(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED).any()) for mask in masks)


def labels_for(dice: float, found: Sequence[float], numbers: Sequence[int]) -> str:
    """So many labels reach a Dice, by straight lines between rounds."""
    best = np.maximum.accumulate(found)
    if best[-1] < dice:
        return f"more than {numbers[-1]}"
    # a level stretch counts from its beginning
    rises = np.concatenate([[True], np.diff(best) > 0])
    return f"{np.interp(dice, best[rises], np.array(numbers)[rises]):.0f}"


def print_tables(courses: dict[str, list[list[float]]]) -> None:
    numbers = list(NUMBERS)[: len(courses["random"][0])]
    print("\n| labels | " + " | ".join(map(str, numbers)) + " |\n| --- |" + " --- |" * len(numbers))
    for strategy, found in courses.items():
        cells = [f"{dice.mean():.3f} ({dice.min():.3f} to {dice.max():.3f})" for dice in np.transpose(found)]
        print(f"| {strategy} | " + " | ".join(cells) + " |")
    print("\n| as good as random order at | " + " | ".join(map(str, numbers)) + " |")
    print("| --- |" + " --- |" * len(numbers))
    of_random = np.maximum.accumulate(np.mean(courses["random"], axis=0))
    for strategy, found in courses.items():
        needed = [labels_for(dice, np.mean(found, axis=0).tolist(), numbers) for dice in of_random]
        print(f"| {strategy} | " + " | ".join(needed) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strategies", nargs="+", default=["both"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    names = write_chips(arguments.folder)
    courses: dict[str, list[Course]] = {}
    for strategy in ("random", *arguments.strategies):
        courses[strategy] = [Course(arguments.folder, names, strategy, seed) for seed in arguments.seeds]
    # round by round, so that what is finished can be compared at any time
    for number in NUMBERS:
        for seed_courses in zip(*courses.values(), strict=True):
            for course in seed_courses:
                course.go_on(number)
        print_tables({strategy: [course.found for course in each] for strategy, each in courses.items()})
    print(f"\n{time.process_time():.0f} s of CPU")


if __name__ == "__main__":
    main()
