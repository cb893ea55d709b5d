"""Sources of the 14 real scenes: from outlines, from half of the scenes, and from out-of-fold predictions alone.

    python benchmarks/accuracy/sources_of_scenes.py outputs/folds/NAME [--halves 20]

FOLDS is a folder of runs (`split=kfold`) whose test chips are all chips: the scenes are put together of them, with the
outlines and with what the networks saw that did not learn from them. A scene is a day. All chips of the set hold seep,
so a day has looked only where it has chips; --whole counts missing chips as sea that was looked at. Prints Markdown.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from seep_lightning.data.grid import grid_of_scene
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.out_of_fold import WholeScene, whole_scenes
from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.chance import Permutations, days_by_chance
from seep_lightning.sources.days import Day, Slick
from seep_lightning.sources.finding import find_sources
from seep_lightning.sources.marks import MARKS, Mark, MarkedDays, universe_of
from seep_lightning.sources.neighbours import widened
from seep_lightning.sources.source import SHARED_END, Source, SourceSettings

SIZE = 8  # px of a cell
GRID = CellGrid("", 0.0, 0.0, SIZE)
CHIP = 256  # px
NEAR = 25.0  # px, 250 m: two origins of one source
SETTINGS = SourceSettings()
TO_GRID = np.array([1.0, -1.0])


def day_of(number: int, scene: WholeScene, classes: np.ndarray, shift: int, whole: np.ndarray | None) -> Day:
    """A scene as a day. shift: px to the right on the ground that scenes share."""
    height, width = (side // SIZE for side in classes.shape)
    valid = scene.valid[: height * SIZE, : width * SIZE].reshape(height, SIZE, width, SIZE).any(axis=(1, 3))
    looked = CellSet.of_mask(valid, 0, shift // SIZE)
    if whole is not None:
        looked = CellSet.of_mask(whole)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((classes > 0).astype(np.uint8), connectivity=8)
    slicks = []
    for label in range(1, count):
        left, top, wide, high, area = boxes[label].tolist()
        mask = labels[top : top + high, left : left + wide] == label
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = max(outlines, key=len)[:, 0] + (left + shift + 0.5, top + 0.5)
        pixels = np.argwhere(mask) + np.array([top, left + shift])
        cells = CellSet.of(pixels // SIZE)
        key = (number, len(slicks), scene.name)
        slicks.append(Slick(*key, outline * TO_GRID, cells, float(area), float(max(wide, high))))
    seen = CellSet.none()
    for slick in slicks:
        seen = seen.union(slick.cells)
    return Day(scene.name, "", looked.union(seen), tuple(slicks))


def renumbered(days: Sequence[Day]) -> list[Day]:
    """Some of the days as days of their own."""
    return [
        replace(day, slicks=tuple(replace(slick, day=number) for slick in day.slicks))
        for number, day in enumerate(days)
    ]


def matches(source: Source, others: Sequence[Source]) -> bool:
    """Whether one of others lies where a source does: their cells adjoin, or their origins are near."""
    for other in others:
        adjoin = len(widened(source.cells, 1).intersection(other.cells)) > 0
        if adjoin or np.linalg.norm(np.subtract(source.origin, other.origin)) <= NEAR:
            return True
    return False


def at_origins(sources: Sequence[Source], days: list[Day], mark: Mark, seed: int) -> np.ndarray:
    """Sources whose origin was looked at, days marked there, the same by chance, and how many have p <= 0.05."""
    universe = universe_of(days)
    marked = MarkedDays(days, GRID, universe, mark, SETTINGS.reach)
    keys = GRID.keys_at(np.array([source.origin for source in sources]).reshape(-1, 2))
    keys = np.unique(keys[universe.holds(keys)])
    place = np.zeros(len(universe), np.int32)
    place[np.searchsorted(universe.keys, keys)] = np.arange(1, len(keys) + 1)
    real = np.zeros(len(keys) + 1)
    for day in marked:
        real[np.unique(place[day.places[day.marked]])] += 1
    chance = days_by_chance(marked, place, Permutations(199, seed))
    p_values = (1 + (chance >= real).sum(axis=0)) / (len(chance) + 1)
    return np.array([len(keys), real[1:].sum(), chance[:, 1:].mean(axis=0).sum(), (p_values[1:] <= 0.05).sum()])


def halves(days: list[Day], number: int) -> None:
    """Sources of half of the scenes in the other half."""
    totals = []
    for seed in range(number):
        order = np.random.default_rng(seed).permutation(len(days))
        parts = [renumbered([days[i] for i in sorted(part)]) for part in np.array_split(order, 2)]
        found = [find_sources(part, GRID, SETTINGS) for part in parts]
        for own, others, elsewhere in ((found[0], found[1], parts[1]), (found[1], found[0], parts[0])):
            both = [len(own), sum(matches(source, others) for source in own)]
            totals.append(np.concatenate([both, *(at_origins(own, elsewhere, mark, seed) for mark in MARKS)]))
    sums = np.sum(totals, axis=0)
    each = sums[:2] / len(totals)
    print(
        f"\n{len(totals)} halves: {each[0]:.1f} sources each, of which {each[1]:.1f} are sources of the other half too"
    )
    for name, (looked, real, chance, below) in (("slick", sums[2:6]), ("end", sums[6:10])):
        print(
            f"{name} within a cell of the origin in the other half: on {real / looked:.2f} days, by chance "
            f"{chance / looked:.2f}; p <= 0.05 at {below / looked:.3f} of {looked:.0f} origins looked at there"
        )


def line(title: str, days: list[Day], sources: Sequence[Source], outlined: Sequence[Source]) -> str:
    shared = [source for source in sources if source.origin_kind == SHARED_END]
    slicks = sum(len(day.slicks) for day in days)
    spread = f"{np.median([source.origin_spread for source in shared]):.0f} px" if shared else ""
    seen = f"{np.median([source.days_seen for source in sources]):.0f}" if sources else ""
    cells = [title, slicks, len(sources), sum(len(source.slicks) for source in sources), seen, len(shared), spread]
    cells += [
        sum(matches(source, sources) for source in outlined),
        sum(matches(source, outlined) for source in sources),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main(arguments: argparse.Namespace) -> None:
    grids = find_folds([arguments.folds])[0].runs[0].config.data.grid
    scenes = list(whole_scenes([arguments.folds]))
    shifts = [-grid_of_scene(grids, scene.name).offset * CHIP for scene in scenes]
    whole = None
    if arguments.whole:
        whole = np.ones((18 * CHIP // SIZE, 19 * CHIP // SIZE), bool)
    outlines, predictions = (
        [
            day_of(number, scene, getattr(scene, layer), shift, whole)
            for number, (scene, shift) in enumerate(zip(scenes, shifts, strict=True))
        ]
        for layer in ("truth", "predicted")
    )
    outlined = find_sources(outlines, GRID, SETTINGS)
    predicted = find_sources(predictions, GRID, SETTINGS)
    titles = "from | slicks | sources | slicks of sources | days seen, median | shared end | its spread, median"
    print(f"| {titles} | outlined sources found | of outlined ones |\n|{' --- |' * 9}")
    print(line("outlines", outlines, outlined, outlined))
    print(line("out-of-fold predictions", predictions, predicted, outlined))
    if arguments.halves:
        halves(outlines, arguments.halves)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path)
    parser.add_argument("--halves", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    main(parser.parse_args())
