"""Sources of the public chips: of the analysts' outlines, of out-of-fold predictions alone, and of half of the scenes.

python benchmarks/accuracy/sources.py DATA_ROOT [FOLDS]

1. Sources of the outlines of all scenes.
2. Where folds are given: sources of what the networks outline in scenes that they did not learn from, by threshold and
   smallest object of each fold's validation scenes. A source of the outlines is found where a cell of one of these is
   within `NEAR` cells of one of its own.
3. Sources of every second scene, by name, looked up in the other half: on how many of its days a slick comes within
   `NEAR` cells. Chance: the same sources moved at random to places that were looked at as often.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seep_lightning.commands.composition import compose
from seep_lightning.config.data import DataConfig
from seep_lightning.data.chip_sequence import open_chips
from seep_lightning.data.images import write_image
from seep_lightning.data.mosaic import box
from seep_lightning.sources.cells import CellBox, CellSet
from seep_lightning.sources.collecting import SourcesResult, collect_sources
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.days import Day
from seep_lightning.sources.source import Source
from seep_lightning.sources.store import LookStore

NEAR = 1
"""Cells of 80 m beyond which a place is another one: middles lie up to 160 m apart, along a diagonal 230 m."""
DRAWS = 200


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("folds", nargs="?")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        outlines = sources_of(arguments.root, Path(home) / "outlines")
        tell("outlines of all scenes", outlines)
        if arguments.folds:
            root = predicted_data(arguments.root, arguments.folds, Path(home) / "predicted")
            predicted = sources_of(str(root), Path(home) / "of_predictions")
            tell("out-of-fold predictions of all scenes", predicted)
            compare(outlines, predicted)
        halves(arguments.root, Path(home))


def sources_of(root: str, output: Path, scenes: Sequence[str] = ()) -> SourcesResult:
    """Sources of the masks below a root; scenes: those that are taken, all where none is named."""
    if scenes:
        root = str(linked(root, output.with_name(f"{output.name}_chips"), scenes))
    return collect_sources(compose("sources", ["data=seeps", f"data.root={root}", f"output={output}"]))


def tell(title: str, result: SourcesResult) -> None:
    counts = result.counts
    levels = ", ".join(f"{counts.cells_on(level):,} on {level} or more" for level in (1, 2, 3, 5, 6))
    print(f"{title}: {result.days} days, {result.slicks} slicks; cells with slicks: {levels}", flush=True)
    kinds = [source.origin_kind for source in result.sources]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    print(
        f"  {len(result.sources)} sources at p < 0.01 ({told}), {result.slicks_of_sources} slicks of them", flush=True
    )


def config_of(root: str) -> DataConfig:
    config: DataConfig = compose("check", ["data=seeps", f"data.root={root}"]).data
    return config


def linked(root: str, folder: Path, scenes: Sequence[str]) -> Path:
    """A data set of some scenes of another one."""
    config = config_of(root)
    for kind in (config.images, config.masks):
        (folder / kind).mkdir(parents=True)
        for file in sorted((Path(root) / kind).iterdir()):
            if file.name.split(".")[0] in scenes:
                (folder / kind / file.name).symlink_to(file.resolve())
    return folder


def predicted_data(root: str, folds: str, folder: Path) -> Path:
    """A data set with the same images, and what out-of-fold networks outline as masks."""
    from seep_lightning.folds.out_of_fold import whole_scenes

    config = config_of(root)
    (folder / config.masks).mkdir(parents=True)
    (folder / config.images).symlink_to((Path(root) / config.images).resolve())
    for scene in whole_scenes([folds]):
        shape = open_chips(config)[0].mask.shape
        for cell, name in scene.cells.items():
            top, bottom, left, right = box(cell, shape)
            write_image(folder / config.masks / name, scene.predicted[top:bottom, left:right])
    return folder


def widened(cells: CellSet, by: int) -> CellSet:
    """Cells, and those so many rows and columns around them."""
    moves = range(-by, by + 1)
    keys = [cells.moved(rows, columns).keys for rows in moves for columns in moves]
    return CellSet(np.unique(np.concatenate(keys)))


def compare(outlines: SourcesResult, predicted: SourcesResult) -> None:
    """Which sources of outlines are found from predictions, and which of the predictions' are none of these."""
    found = [is_near(source, predicted.sources) for source in outlines.sources]
    right = [is_near(source, outlines.sources) for source in predicted.sources]
    print(f"  found of the outlines' sources: {sum(found)} of {len(found)}", flush=True)
    print(f"  of the predictions' sources, such of outlines: {sum(right)} of {len(right)}", flush=True)
    cells = outlines.counts
    recurrent = CellSet(cells.keys[cells.days >= 3])
    others = [source for source, is_right in zip(predicted.sources, right, strict=True) if not is_right]
    recur = sum(len(widened(source.cells, NEAR).intersection(recurrent)) > 0 for source in others)
    print(f"  of the others, outlines on 3 days or more there: {recur} of {len(others)}", flush=True)


def is_near(source: Source, others: Sequence[Source]) -> bool:
    wide = widened(source.cells, NEAR)
    return any(len(wide.intersection(other.cells)) > 0 for other in others)


@dataclass(frozen=True)
class OtherHalf:
    """Days in which sources of other days are looked up."""

    looked: list[CellSet]
    seen: list[CellSet]

    @classmethod
    def of(cls, days: Sequence[Day]) -> "OtherHalf":
        return cls([day.looked for day in days], [widened(day.seen, NEAR) for day in days])

    def days_looked(self, cells: CellSet) -> int:
        return sum(2 * len(cells.intersection(looked)) >= len(cells) for looked in self.looked)

    def days_seen(self, cells: CellSet) -> int:
        return sum(len(cells.intersection(seen)) > 0 for seen in self.seen)

    def box(self) -> CellBox:
        return CellSet(np.unique(np.concatenate([looked.keys for looked in self.looked]))).box()


def halves(root: str, home: Path) -> None:
    """Sources of every second scene in the other scenes."""
    scenes = sorted(set(open_chips(config_of(root)).chips.scenes))
    parts = [scenes[0::2], scenes[1::2]]
    results = [sources_of(root, home / f"half{number}", part) for number, part in enumerate(parts)]
    days = [list(DayList(opened(result))) for result in results]
    for number, result in enumerate(results):
        tell(f"scenes {', '.join(parts[number])}", result)
        recurring(result.sources, OtherHalf.of(days[1 - number]))


def opened(result: SourcesResult) -> LookStore:
    store = LookStore(result.outputs.store)
    store.open()
    return store


def recurring(sources: Sequence[Source], other: OtherHalf) -> None:
    """How many sources recur on other days, and how many would by chance."""
    asked = [source for source in sources if other.days_looked(source.cells) >= 1]
    seen = np.array([other.days_seen(source.cells) for source in asked])
    looked = np.array([other.days_looked(source.cells) for source in asked])
    rng = np.random.default_rng(0)
    drawn = np.array([[by_chance(source.cells, other, rng) for source in asked] for _ in range(DRAWS)])
    for least in (1, 2, 3):
        chance = (drawn >= least).sum(axis=1)
        low, high = np.quantile(chance, [0.025, 0.975])
        print(
            f"  on {least} or more of the other days: {(seen >= least).sum()} of {len(asked)} sources; "
            f"by chance {chance.mean():.1f} ({low:.0f} to {high:.0f})",
            flush=True,
        )
    print(f"  days seen of days looked at: {seen.sum()} of {looked.sum()}; by chance {drawn.sum(axis=1).mean():.1f}")


def by_chance(cells: CellSet, other: OtherHalf, rng: np.random.Generator) -> int:
    """The days with a slick at cells moved to a random place that was looked at on as many days."""
    wanted = other.days_looked(cells)
    area, own = other.box(), cells.box()
    best, nearest = cells, -1
    for _ in range(100):
        rows = int(rng.integers(area.top - own.top, area.bottom - own.bottom + 1))
        columns = int(rng.integers(area.left - own.left, area.right - own.right + 1))
        moved = cells.moved(rows, columns)
        looked = other.days_looked(moved)
        if abs(looked - wanted) < abs(nearest - wanted):
            best, nearest = moved, looked
        if nearest == wanted:
            break
    return other.days_seen(best)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
