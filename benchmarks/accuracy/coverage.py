"""How often intervals over scenes hold the figure that they should: the table in docs/metrics.md.

    python benchmarks/accuracy/coverage.py [--draws 4000]

Each population says how large scenes are and how hard. From each, many sets of 6, 10 and 14 scenes are drawn; the
figure of the whole population is known. Columns: the share of sets whose interval holds it, for percentiles of a
bootstrap over scenes, for expanded percentiles (Hesterberg 2015), and for `metrics.jackknife`, which all figures use;
then the mean width of the last.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.jackknife import Scale, interval_over_scenes, pixel_weights

Rng = np.random.Generator
Shape = tuple[int, ...]
# counts (*shape, 3) of scenes
Draw = Callable[[Rng, Shape], np.ndarray]
Figure = Callable[[np.ndarray], np.ndarray]

SCENES = (6, 10, 14)
RESAMPLES = 1000
# scenes that stand for the whole population
MANY = 400_000

# true positives, false positives, false negatives of the 14 real scenes: by the best dark threshold, by the network
# `generated.pt` (which saw none of them), by `seeps.pt` (which learned from most)
DARK = [
    [24507, 14400, 45178], [6641, 30181, 11477], [51899, 60518, 82097], [32492, 2089, 33725], [30334, 50682, 50206],
    [24139, 1229, 12757], [4866, 10311, 11458], [6518, 32189, 19385], [6922, 35165, 17826], [27988, 129132, 42012],
    [25840, 58401, 50620], [15360, 39553, 27532], [812, 43348, 295], [5386, 10283, 20033],
]  # fmt: skip
GENERATED = [
    [39847, 11651, 29838], [9486, 16171, 8632], [85851, 57058, 48145], [37292, 5148, 28925], [52717, 84285, 27823],
    [19161, 1075, 17735], [8814, 6884, 7510], [13265, 46185, 12638], [14627, 24116, 10121], [46526, 61371, 23474],
    [49035, 55352, 27425], [24769, 30163, 18123], [816, 44301, 291], [15508, 15395, 9911],
]  # fmt: skip
SEEPS = [
    [52541, 8987, 17144], [12493, 3317, 5625], [104266, 28495, 29730], [51153, 6858, 15064], [62143, 30238, 18397],
    [14446, 469, 22450], [11157, 6816, 5167], [17739, 8602, 8164], [16690, 5940, 8058], [55938, 20914, 14062],
    [59192, 19333, 17268], [31858, 12785, 11034], [647, 648, 460], [18951, 7825, 6468],
]  # fmt: skip


def expit(x: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))


def counts_of(true: np.ndarray, recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Counts (..., 3) of scenes with these true pixels, recall and precision."""
    right = true * recall
    return np.stack([right, right * (1 - precision) / precision, true - right], axis=-1)


@dataclass(frozen=True)
class Lognormal:
    """Scenes of lognormal size, with recall and precision of normal logits.

    Attributes:
        size_spread: Of the logarithm of a scene's true pixels.
        level: Mean logit of recall and precision.
        spread: Its spread.
        size_effect: What it gains with one spread of size.
    """

    size_spread: float
    level: float = 0.7
    spread: float = 0.8
    size_effect: float = 0.0

    def __call__(self, rng: Rng, shape: Shape) -> np.ndarray:
        size, recall, precision = rng.standard_normal((3, *shape))
        level = self.level + self.size_effect * size
        true = np.exp(8 + self.size_spread * size)
        return counts_of(true, expit(level + self.spread * recall), expit(level + self.spread * precision))


def with_empty_scenes(rng: Rng, shape: Shape) -> np.ndarray:
    """Scenes of lognormal size; a fifth has no seep, and false pixels only."""
    counts = Lognormal(0.8)(rng, shape)
    false_only = np.exp(6 + rng.standard_normal(shape))
    empty = np.stack([0 * false_only, false_only, 0 * false_only], axis=-1)
    return np.where(rng.random(shape)[..., None] < 0.2, empty, counts)


def with_giants(rng: Rng, shape: Shape) -> np.ndarray:
    """Scenes of which a fifth is ten times as large as the others."""
    giant = np.where(rng.random(shape) < 0.2, 10, 1)
    return Lognormal(0.3)(rng, shape) * giant[..., None]


@dataclass(frozen=True)
class LikeReal:
    """The 14 real scenes, each varied: size, recall and precision by 0.3 of their logarithm or logit."""

    scenes: list[list[int]]
    variation: float = 0.3

    def __call__(self, rng: Rng, shape: Shape) -> np.ndarray:
        return self.varied(rng.integers(0, len(self.scenes), shape), rng.standard_normal((3, *shape)))

    def varied(self, which: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Counts of the scenes of these numbers, varied by standard normal noise (3, ...)."""
        right, false, missed = np.array(self.scenes, float)[which].clip(1).transpose(-1, *range(which.ndim))
        size, recall, precision = self.variation * noise
        return counts_of(
            (right + missed) * np.exp(size),
            expit(np.log(right / missed) + recall),
            expit(np.log(right / false) + precision),
        )


@dataclass(frozen=True)
class Pair:
    """Two networks on the same scenes, as `LikeReal`: (..., 2, 3). Half of the variation is common to both."""

    first: LikeReal
    second: LikeReal

    def __call__(self, rng: Rng, shape: Shape) -> np.ndarray:
        which = rng.integers(0, len(self.first.scenes), shape)
        common, *own = rng.standard_normal((3, 3, *shape)) * np.sqrt(0.5)
        noises = [common + noise for noise in own]
        for noise in noises:
            # a scene has as much seep for both
            noise[0] = common[0]
        pair = [network.varied(which, noise) for network, noise in zip((self.first, self.second), noises, strict=True)]
        return np.stack(pair, axis=-2)


POPULATIONS: dict[str, Draw] = {
    "14 real scenes, dark threshold": LikeReal(DARK),
    "14 real scenes, `generated.pt`": LikeReal(GENERATED),
    "14 real scenes, `seeps.pt`": LikeReal(SEEPS),
    "sizes of spread 0.3": Lognormal(0.3, spread=0.4),
    "sizes of spread 0.8": Lognormal(0.8),
    "sizes of spread 1.2": Lognormal(1.2),
    "sizes of spread 0.8, a good network": Lognormal(0.8, level=2.5),
    "a fifth ten times as large": with_giants,
    "a fifth without seep": with_empty_scenes,
}
# what no interval knows: the scene that decides the population is in few of the sets
DECEPTIVE: dict[str, Draw] = {
    "sizes of spread 0.8, large ones better": Lognormal(0.8, spread=0.6, size_effect=0.3),
    "sizes of spread 0.8, large ones worse": Lognormal(0.8, spread=0.6, size_effect=-0.3),
}
PAIRS: dict[str, Draw] = {
    "`seeps.pt` less `generated.pt`": Pair(LikeReal(SEEPS), LikeReal(GENERATED)),
    "`seeps.pt` less its like": Pair(LikeReal(SEEPS), LikeReal(SEEPS)),
    "`generated.pt` less dark threshold": Pair(LikeReal(GENERATED), LikeReal(DARK)),
}


def dice_difference(counts: np.ndarray) -> np.ndarray:
    """Dice of the first less that of the second, of counts (..., 2, 3)."""
    dice = np.asarray(DICE.function(counts))
    return dice[..., 0] - dice[..., 1]


def whole(draw: Draw, figure: Figure) -> float:
    """The figure of a whole population."""
    return float(figure(draw(np.random.default_rng(0), (MANY,)).sum(axis=0)))


def jackknife(sets: np.ndarray, figure: Figure) -> np.ndarray:
    """The intervals (2, draws) of sets of scenes (draws, scenes, ...)."""
    scale = Scale.SHARE if sets.ndim == 3 else Scale.DIFFERENCE
    return np.array([interval_over_scenes(scenes, figure, pixel_weights(scenes), scale) for scenes in sets]).T


def percentiles(sets: np.ndarray, figure: Figure, tail: float) -> np.ndarray:
    """The intervals (2, draws) between quantiles of a bootstrap over scenes."""
    scenes = sets.shape[1]
    drawn = np.random.default_rng(0).integers(0, scenes, (RESAMPLES, scenes))
    times = (drawn[..., None] == np.arange(scenes)).sum(axis=1).astype(float)
    totals = np.einsum("rs,ds...->rd...", times, sets)
    return np.quantile(figure(totals), [tail, 1 - tail], axis=0)


def expanded_tail(scenes: int) -> float:
    """The quantile below 2.5 % that makes up for so few scenes (Hesterberg 2015, sect. 5.3)."""
    return float(stats.norm.cdf(np.sqrt(scenes / (scenes - 1)) * stats.t.ppf(0.025, scenes - 1)))


def share_held(ends: np.ndarray, true: float) -> float:
    return float(((ends[0] <= true) & (true <= ends[1])).mean())


def row(name: str, draw: Draw, figure: Figure, draws: int) -> str:
    """One line of the table: for each number of scenes the three coverages in %, and our mean width."""
    true = whole(draw, figure)
    cells = [name, f"{true:.3f}"]
    for scenes in SCENES:
        sets = draw(np.random.default_rng(scenes), (draws, scenes))
        ours = jackknife(sets, figure)
        tails = (0.025, expanded_tail(scenes))
        held = [share_held(percentiles(sets, figure, tail), true) for tail in tails] + [share_held(ours, true)]
        cells.append(", ".join(f"{100 * share:.0f}" for share in held) + f" ({np.diff(ours, axis=0).mean():.2f})")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4000)
    draws = parser.parse_args().draws
    heads = [f"{scenes} scenes" for scenes in SCENES]
    print("| " + " | ".join(["population", "Dice", *heads]) + " |")
    print("| " + " | ".join(["---"] * (2 + len(heads))) + " |")
    for name, draw in {**POPULATIONS, **DECEPTIVE}.items():
        print(row(name, draw, DICE.function, draws))
    for name, draw in PAIRS.items():
        print(row(name, draw, dice_difference, draws))
