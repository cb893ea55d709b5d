"""Planted origins: how many `seep sources` finds, how near, and how many sources it finds that are none.

    python benchmarks/accuracy/origins.py                                  planted origins, 3, 6 and 10 days
    python benchmarks/accuracy/origins.py --jitter 4                       that wander by 4 px (sigma) from day to day
    python benchmarks/accuracy/origins.py --origins 0 --seeds 400 [--looked slanted|chips]     nothing planted

A scene of 2,500 x 2,500 px is looked at on some days. Each planted origin is active on a day with probability 0.6: a
thin plume begins there and widens along the day's drift, which changes from day to day, plus a meander of its own. As
many slicks begin anywhere, once. A planted origin is found if the estimated origin of a source lies within 5 px. A
source is false if less than half of its slicks come from one planted origin. With nothing planted, 20 slicks a day
begin anywhere: the share of surveys whose best cell has a corrected p-value below a level. Prints Markdown.
"""

import argparse
from dataclasses import dataclass

import cv2
import numpy as np

from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.days import Day, Slick
from seep_lightning.sources.finding import find_sources, recurrent_cells
from seep_lightning.sources.marks import MARKS, MarkedDays, universe_of
from seep_lightning.sources.source import SHARED_END, Source, SourceSettings

SIDE = 2500  # px of a scene
SIZE = 8  # px of a cell
GRID = CellGrid("", 0.0, 0.0, SIZE)
CELLS = -(-SIDE // SIZE)
CHIP = 32  # cells
ACTIVE = 0.6  # probability of a day
NEAR = 5.0  # px
MARGIN = 100  # px from the scene's edge to a planted origin
STEP = 4.0  # px along a plume
SMALLEST = 100  # px
LEVELS = (0.01, 0.05, 0.1)
TO_GRID = np.array([1.0, -1.0])  # rows count downwards, y upwards


@dataclass(frozen=True)
class Survey:
    """Generated days. origins: (N, 2) x, y in px. origin_of: the planted origin of each (day, slick), or -1."""

    days: list[Day]
    origins: np.ndarray
    origin_of: dict[tuple[int, int], int]


def survey(days: int, origins: int, one_offs: int, jitter: float, looked: str, seed: int) -> Survey:
    rng = np.random.default_rng(seed)
    places = rng.uniform(MARGIN, SIDE - MARGIN, (origins, 2))
    table, origin_of = [], {}
    for day in range(days):
        drift = rng.uniform(0, 2 * np.pi)
        active = np.flatnonzero(rng.random(origins) < ACTIVE)
        starts = places[active] + rng.normal(0, jitter, (len(active), 2))
        anywhere = rng.uniform(0, SIDE, (one_offs, 2))
        slicks: list[Slick] = []
        for i, start in enumerate(np.concatenate([starts, anywhere])):
            slick = plume(start, drift, rng, (day, len(slicks)), looked == "slanted")
            if slick is not None:
                origin_of[day, slick.number] = int(active[i]) if i < len(active) else -1
                slicks.append(slick)
        table.append(Day(f"day {day}", "", looked_at(looked, slicks), tuple(slicks)))
    return Survey(table, places, origin_of)


def looked_at(kind: str, slicks: list[Slick]) -> CellSet:
    """The whole scene, a slanted swath in it, or only the chips with slicks."""
    mask = np.ones((CELLS, CELLS), bool)
    if kind == "slanted":
        mask = swath(*np.indices(mask.shape) * SIZE)
    if kind == "chips":
        chips = np.zeros((CELLS // CHIP + 1, CELLS // CHIP + 1), bool)
        for slick in slicks:
            chips[tuple(slick.cells.positions.T // CHIP)] = True
        mask = chips.repeat(CHIP, 0).repeat(CHIP, 1)[:CELLS, :CELLS]
    return CellSet.of_mask(mask)


def swath(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether pixels lie in a parallelogram whose sides lean by a quarter."""
    left = rows / 4
    return (columns >= left) & (columns < left + 0.75 * SIDE)


def plume(
    start: np.ndarray, drift: float, rng: np.random.Generator, key: tuple[int, int], slanted: bool
) -> Slick | None:
    """A slick that widens from 3 px at a point to 6 to 16 px; None where the scene holds too little of it."""
    steps = int(np.clip(rng.lognormal(np.log(150), 0.5), 50, 600) / STEP)
    heading = drift + rng.normal(0, 0.3) + np.cumsum(rng.normal(0, 0.06, steps))
    moves = STEP * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    path = start + np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)])
    widths = np.linspace(3, rng.uniform(6, 16), len(path))
    corner = np.floor(path.min(axis=0) - 20).astype(int)
    width, height = np.ceil(path.max(axis=0)).astype(int) - corner + 20
    canvas = np.zeros((height, width), np.uint8)
    on_canvas = np.round(path - corner).astype(int).tolist()
    for here, there, thick in zip(on_canvas[:-1], on_canvas[1:], widths, strict=False):
        cv2.line(canvas, here, there, 1, round(thick))
    rows, columns = np.indices(canvas.shape) + corner[::-1, None, None]
    canvas[(rows < 0) | (rows >= SIDE) | (columns < 0) | (columns >= SIDE)] = 0
    if slanted:
        canvas[~swath(rows // SIZE * SIZE, columns // SIZE * SIZE)] = 0
    if canvas.sum() < SMALLEST:
        return None
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)[:, 0] + corner + 0.5
    pixels = np.argwhere(canvas) + corner[::-1]
    return Slick(*key, "", outline * TO_GRID, CellSet.of(pixels // SIZE), float(len(pixels)), steps * STEP)


@dataclass(frozen=True)
class Score:
    """What was found in one survey. covered: sources whose interval holds the planted rate."""

    sources: int
    near: int
    found: int
    false: int
    shared: int
    covered: int
    errors: list[float]


def scored(planted: Survey, sources: list[Source]) -> Score:
    errors, found, false, covered, shared = [], set(), 0, 0, 0
    near = set()
    for source in sources:
        own = np.array([planted.origin_of[key] for key in source.slicks])
        counts = np.bincount(own[own >= 0], minlength=1)
        if 2 * counts.max() < len(own):
            false += 1
            continue
        found.add(int(counts.argmax()))
        covered += source.rate_low <= ACTIVE <= source.rate_high
        shared += source.origin_kind == SHARED_END
        distances = np.linalg.norm(planted.origins * TO_GRID - source.origin, axis=1)
        errors.append(float(distances.min()))
        if errors[-1] <= NEAR:
            near.add(int(distances.argmin()))
    return Score(len(sources), len(near), len(found), false, shared, covered, errors)


def row(days: int, arguments: argparse.Namespace) -> str:
    settings = SourceSettings(permutations=arguments.permutations, reach=arguments.reach)
    scores = []
    for seed in range(arguments.seeds):
        planted = survey(
            days, arguments.origins, arguments.origins, arguments.jitter, arguments.looked, 1000 * days + seed
        )
        scores.append(scored(planted, find_sources(planted.days, GRID, settings)))
    planted_origins = max(arguments.origins * arguments.seeds, 1)
    of_origins = sum(score.sources - score.false for score in scores)
    errors = [error for score in scores for error in score.errors]
    cells = [
        str(days),
        f"{sum(score.found for score in scores) / planted_origins:.3f}",
        f"{sum(score.near for score in scores) / planted_origins:.3f}",
        f"{np.median(errors):.1f} px" if errors else "",
        f"{sum(score.shared for score in scores)} of {of_origins}",
        f"{sum(score.false for score in scores)}",
        f"{sum(score.false > 0 for score in scores)} of {len(scores)}",
        f"{sum(score.covered for score in scores)} of {of_origins}",
    ]
    return " | ".join(cells)


def null_row(days: int, arguments: argparse.Namespace) -> str:
    """The share of surveys with nothing planted whose smallest p-value is below each level."""
    settings = SourceSettings(permutations=arguments.permutations, reach=arguments.reach, level=np.inf)
    smallest = []
    for seed in range(arguments.seeds):
        table = survey(days, 0, 20, 0, arguments.looked, 1000 * days + seed).days
        universe = universe_of(table)
        marked = [MarkedDays(table, GRID, universe, mark, settings.reach) for mark in MARKS]
        smallest.append(recurrent_cells(marked, settings).p_corrected.min(initial=1))
    shares = [f"{np.mean(np.array(smallest) < level):.4f}" for level in LEVELS]
    return " | ".join([str(days), arguments.looked, str(arguments.seeds), *shares])


def null_main(arguments: argparse.Namespace) -> None:
    titles = " | ".join(f"p < {level}" for level in LEVELS)
    print(f"| days | looked at | surveys | {titles} |\n|{' --- |' * (3 + len(LEVELS))}")
    for days in arguments.days:
        print(f"| {null_row(days, arguments)} |", flush=True)


def main(arguments: argparse.Namespace) -> None:
    titles = (
        "days | origins found | within 5 px | median error | told by a shared end | false sources | surveys with one"
    )
    print(f"| {titles} | interval holds 0.6 |\n|{' --- |' * 8}")
    for days in arguments.days:
        print(f"| {row(days, arguments)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=[3, 6, 10])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--origins", type=int, default=10)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--looked", choices=["scene", "slanted", "chips"], default="scene")
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--reach", type=int, default=1)
    given = parser.parse_args()
    if given.origins:
        main(given)
    else:
        null_main(given)
