"""What is measured while chips are read: quartiles of chips and scenes, and the range of their values."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.images import ChipPixels
from seep_lightning.data.normalise import FULL_SCALE, Floats, ValueRange, histogram, power, quartiles_in, quartiles_of
from seep_lightning.errors import UserError
from seep_lightning.scene.value_checks import LOWEST_DECIBELS, Keys, check_values, factor_of_decibels

# the values of a scene that are kept for its quartiles: all scenes together, and the fewest of one
SCENE_SAMPLES = 1 << 24
FEWEST_SCENE_SAMPLES = 1 << 14
# the values of all chips that are kept to find their range, and the fewest of one chip
SET_SAMPLES = 1 << 22
FEWEST_CHIP_SAMPLES = 64
# of each band: between them lie all values but a few ships and a few of noise
LOWEST_SHARE = 0.001
HIGHEST_SHARE = 0.999
# so many values below 0 are taken for noise, and become the floor of the logarithm
MOST_NEGATIVE = 0.01
KEYS = Keys("data.scale", "data.factor")


@dataclass(frozen=True)
class ValueStatistics:
    """What was measured of a data set's values.

    Attributes:
        value_range: What becomes 0 and 1.
        quartiles: Of each chip, (N, C, 3) in 0..1.
        scene_quartiles: Of each scene, (C, 3) in 0..1, by its name.
    """

    value_range: ValueRange
    quartiles: Floats
    scene_quartiles: dict[str, Floats]


class Measurement(Protocol):
    """Measures chips, all in one go or block by block."""

    def add(self, scene: str, pixels: ChipPixels) -> None:
        """Measure a chip."""

    def empty(self) -> Self:
        """A measurement of the same data set that has seen no chip, for a block of its chips."""

    def merge(self, block: Self) -> None:
        """Take what was measured of the chips that follow."""

    def result(self) -> ValueStatistics:
        """What was measured of all chips."""


def measurement_of(
    dtype: np.dtype[Any], scenes: Sequence[str], config: DataConfig, value_range: ValueRange | None = None
) -> Measurement:
    """Choose how chips of a type are measured.

    Args:
        dtype: Of the chips' pixels.
        scenes: The scene of each chip.
        config: The data set's config.
        value_range: What becomes 0 and 1 of floats, where a network knows it from its own training; None: measured.

    Raises:
        UserError: A key is set that is for another type, or the network takes another type.
    """
    if dtype.name not in FULL_SCALE:
        return SampledMeasurement(Counter(scenes), config, value_range)
    if value_range is not None and not value_range.counted:
        raise UserError(
            f"data: these chips are {dtype}, but the network was trained on {value_range}. Give it chips of that kind; "
            "pass data.factor=... if a factor makes such values of these."
        )
    for key in ("scale", "full_scale"):
        value = getattr(config, key)
        if value is not None:
            raise UserError(
                f"data.{key}={value} is for chips of floats or signed integers; these are {dtype}. Drop it."
            )
    return CountedMeasurement(dtype, Counter(scenes))


class CountedMeasurement:
    """Counts every value of chips of 8 or 16 bit unsigned.

    The counts of a scene are kept until all its chips were measured: with a scene for each chip, those of one chip.

    Args:
        dtype: Of the chips' pixels.
        chips_of_scenes: How many chips each scene has.
    """

    def __init__(self, dtype: np.dtype[Any], chips_of_scenes: Counter[str]) -> None:
        self.dtype = dtype
        self.chips_of_scenes = chips_of_scenes
        self.quartiles: list[Floats] = []
        self.scene_quartiles: dict[str, Floats] = {}
        self.measured: Counter[str] = Counter()
        self.histograms: dict[str, NDArray[np.int64]] = {}

    def add(self, scene: str, pixels: ChipPixels) -> None:
        """Measure a chip."""
        counts = histogram(pixels.image, pixels.data)
        self.quartiles.append(quartiles_of(counts))
        self._add_to_scene(scene, counts, 1)

    def empty(self) -> "CountedMeasurement":
        """A measurement of the same data set that has seen no chip."""
        return CountedMeasurement(self.dtype, self.chips_of_scenes)

    def merge(self, block: "CountedMeasurement") -> None:
        """Take what was measured of the chips that follow."""
        self.quartiles += block.quartiles
        self.scene_quartiles |= block.scene_quartiles
        for scene, counts in block.histograms.items():
            self._add_to_scene(scene, counts, block.measured[scene])

    def __getstate__(self) -> dict[str, Any]:
        """What a block that another process has measured brings along."""
        # counts of a block are small numbers
        histograms = {scene: counts.astype(np.uint32) for scene, counts in self.histograms.items()}
        return {**vars(self), "chips_of_scenes": Counter(), "histograms": histograms}

    def _add_to_scene(self, scene: str, counts: NDArray[np.int64], chips: int) -> None:
        """Add the counts of so many chips to those of their scene; the last of them completes it."""
        self.histograms[scene] = self.histograms.get(scene, 0) + counts
        self.measured[scene] += chips
        if self.measured[scene] == self.chips_of_scenes[scene]:
            self.scene_quartiles[scene] = quartiles_of(self.histograms.pop(scene))

    def result(self) -> ValueStatistics:
        """What was measured of all chips."""
        return ValueStatistics(ValueRange.of_type(self.dtype), np.stack(self.quartiles), self.scene_quartiles)


class SampledMeasurement:
    """Measures chips of floats: the quartiles of chips exactly, those of large scenes by a sample of bounded size.

    Args:
        chips_of_scenes: How many chips each scene has.
        config: The data set's config.
        value_range: What becomes 0 and 1; None: measured.
    """

    def __init__(
        self, chips_of_scenes: Counter[str], config: DataConfig, value_range: ValueRange | None = None
    ) -> None:
        self.config = config
        self.value_range = value_range
        self.chips_of_scenes = chips_of_scenes
        self.most_in_scene = max(FEWEST_SCENE_SAMPLES, SCENE_SAMPLES // len(chips_of_scenes))
        self.most_in_chip = max(FEWEST_CHIP_SAMPLES, SET_SAMPLES // chips_of_scenes.total())
        self.quartiles: list[Floats] = []
        self.scene_samples: dict[str, list[Floats]] = {}
        self.scene_quartiles: dict[str, Floats] = {}
        self.samples: list[Floats] = []

    def add(self, scene: str, pixels: ChipPixels) -> None:
        """Measure a chip."""
        # (C, N)
        values = pixels.image[:, pixels.data]
        self.quartiles.append(quartiles_in(values))
        self.samples.append(_thinned(values, self.most_in_chip))
        share = self.most_in_scene // self.chips_of_scenes[scene]
        self._add_to_scene(scene, [_thinned(values, max(share, 1))])

    def empty(self) -> "SampledMeasurement":
        """A measurement of the same data set that has seen no chip."""
        return SampledMeasurement(self.chips_of_scenes, self.config, self.value_range)

    def merge(self, block: "SampledMeasurement") -> None:
        """Take what was measured of the chips that follow."""
        self.quartiles += block.quartiles
        self.samples += block.samples
        self.scene_quartiles |= block.scene_quartiles
        for scene, samples in block.scene_samples.items():
            self._add_to_scene(scene, samples)

    def __getstate__(self) -> dict[str, Any]:
        """What a block that another process has measured brings along."""
        return {**vars(self), "chips_of_scenes": Counter()}

    def _add_to_scene(self, scene: str, samples: list[Floats]) -> None:
        """Add the samples of chips to those of their scene; the last of them completes it."""
        of_scene = self.scene_samples.setdefault(scene, [])
        of_scene += samples
        if len(of_scene) == self.chips_of_scenes[scene]:
            self.scene_quartiles[scene] = quartiles_in(np.concatenate(of_scene, axis=1))
            del self.scene_samples[scene]

    def result(self) -> ValueStatistics:
        """What was measured of all chips.

        Raises:
            UserError: There are values below 0, of which there is no logarithm, or values cannot be what was said of
                them.
        """
        check_values(np.concatenate(self.samples, axis=1), self.config.scale, "data", KEYS)
        value_range = self.value_range or self._range()
        in_unit_range = [value_range.unit_values(quartiles) for quartiles in self.quartiles]
        scenes = {scene: value_range.unit_values(values) for scene, values in self.scene_quartiles.items()}
        return ValueStatistics(value_range, np.stack(in_unit_range), scenes)

    def _range(self) -> ValueRange:
        """What becomes 0 and 1 in each band."""
        values = power(np.concatenate(self.samples, axis=1), self.config.scale)
        lows = [_low_end(band) for band in values]
        if self.config.normalise.log:
            _check_for_logarithm(values)
            lows = [0.0] * len(values)
        highs = [_high_end(band, low) for band, low in zip(values, lows, strict=True)]
        if self.config.full_scale is not None:
            full_scale = power(np.array(self.config.full_scale), self.config.scale)
            highs = [float(full_scale)] * len(values)
        scale = "db" if self.config.scale == "db" else None
        return ValueRange(tuple(lows), tuple(highs), scale)


def _thinned(values: NDArray[Any], most: int) -> NDArray[Any]:
    """At most so many of values (C, N), in equal steps."""
    step = math.ceil(values.shape[1] / most)
    return values[:, :: max(step, 1)].copy()


def _low_end(band: Floats) -> float:
    """What becomes 0: 0 itself, or where more than a few values are below it nearly the lowest one."""
    return min(float(np.quantile(band, LOWEST_SHARE)), 0.0)


def _high_end(band: Floats, low: float) -> float:
    """What becomes 1: nearly the highest value."""
    high = float(np.quantile(band, HIGHEST_SHARE))
    return high if high > low else low + 1.0


def _check_for_logarithm(values: Floats) -> None:
    """Raise `UserError` for values (C, N) of which too many have no logarithm."""
    below = (values < 0).mean(axis=1)
    worst = int(below.argmax())
    if below[worst] > MOST_NEGATIVE:
        cure = "data.scale=db"
        factor = factor_of_decibels(float(np.median(values[worst])))
        if factor is not None and np.median(values[worst]) < LOWEST_DECIBELS:
            cure += f" data.factor={factor:g}"
        raise UserError(
            f"data: {below[worst]:.0%} of the values of band {worst + 1} are below 0, and data.normalise.log=true "
            f"takes their logarithm. Pass {cure} if they are decibels, else data.normalise.log=false."
        )
