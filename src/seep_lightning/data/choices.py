"""Settings that follow from the chips of the training part, where the person at the keyboard says nothing.

Each setting that may be left open is one entry of `CHOICES`: its key, and the function that chooses its value with a
reason. A training tells every choice, and stores it in the run's `config.yaml` and `summary.json`.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seep_lightning.config.data import AUTO, DataConfig
from seep_lightning.data.chips import Chips

# chips in a batch, of LARGEST_CHIP pixels at most, for which the learning rates in conf/optimizer were chosen
USUAL_BATCH = 8
# pixels; a batch of larger chips has fewer of them
LARGEST_CHIP = 512 * 512
# below it a network sees too few batches to learn from
LEAST_STEPS = 8
# batch normalisation needs two chips
SMALLEST_BATCH = 2
# from this share of a chip on, its median is that of its slicks
HALF = 0.5
# the share of such chips, among all that show seep, from which on the median of a chip is no measure of its sea
MANY_CHIPS = 0.2


class Choice(NamedTuple):
    """A setting that was chosen from the data.

    Attributes:
        key: Of the config.
        value: What was chosen.
        reason: Why, as the end of a sentence.
    """

    key: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}: {self.reason}"


@dataclass(frozen=True)
class TrainingChips:
    """What the choices go by.

    Attributes:
        count: Chips of the training part that each process trains on.
        pixels: Pixels of a chip.
        seep_shares: The share of valid pixels that are seep, of each training chip that shows seep.
    """

    count: int
    pixels: int
    seep_shares: Sequence[float]

    @property
    def share_of_covered_chips(self) -> float:
        """The share of chips, among those that show seep, of which slicks fill more than half; 0 where none does."""
        if not self.seep_shares:
            return 0.0
        is_covered = np.array(self.seep_shares) > HALF
        return float(is_covered.mean())


def measure(chips: Chips, indices: Sequence[int], processes: int = 1) -> TrainingChips:
    """Measure what the choices go by.

    Args:
        chips: The data set, read.
        indices: The positions of the chips of the training part.
        processes: How many processes share them.
    """
    shares = []
    for index in indices:
        counts = chips.class_counts[index]
        pixels = sum(counts.values())
        seep_pixels = pixels - counts.get(0, 0)
        if seep_pixels:
            shares.append(seep_pixels / pixels)
    return TrainingChips(len(indices) // processes, math.prod(chips.size), shares)


def choose_normalisation(facts: TrainingChips) -> tuple[str, str]:
    """Choose how chips are normalised. Returns the kind, and the reason."""
    share = facts.share_of_covered_chips
    covered = f"slicks fill more than half of {share:.0%} of the chips that show seep"
    if share < MANY_CHIPS:
        return "chip", f"{covered}, so the median of nearly every chip is that of its sea"
    return "scale", f"{covered}, and the median of such a chip is that of its slicks, not of its sea"


def choose_batch(facts: TrainingChips) -> tuple[int, str]:
    """Choose how many chips a batch holds. Returns the number, and the reason."""
    by_size = USUAL_BATCH * LARGEST_CHIP // facts.pixels
    by_steps = facts.count // LEAST_STEPS
    batch = max(SMALLEST_BATCH, min(USUAL_BATCH, by_size, by_steps))
    if batch == USUAL_BATCH:
        return batch, f"all {facts.count} training chips are {facts.count // batch} steps"
    if by_steps <= by_size:
        steps = max(facts.count // batch, 1)
        usual_steps = facts.count // USUAL_BATCH
        return batch, f"{facts.count} training chips give {steps} steps an epoch, and {usual_steps} with {USUAL_BATCH}"
    return batch, f"chips of {facts.pixels / 1e6:.1f} megapixels take the memory of several smaller ones"


@dataclass(frozen=True)
class OpenSetting:
    """A setting that may be left open.

    Attributes:
        path: Its attributes below `DataConfig`, such as `normalise.kind`.
        open_value: What says that it is open.
        choose: Chooses the value, and gives the reason.
    """

    path: str
    open_value: Any
    choose: Callable[[TrainingChips], tuple[Any, str]]


CHOICES = (
    OpenSetting("normalise.kind", AUTO, choose_normalisation),
    OpenSetting("batch_size", None, choose_batch),
)


def is_open(setting: OpenSetting, config: DataConfig) -> bool:
    """Whether a config leaves a setting open."""
    return bool(_value(config, setting.path) == setting.open_value)


def choose_open_settings(config: DataConfig, measure_chips: Callable[[], TrainingChips]) -> list[Choice]:
    """Choose what a config leaves open.

    Args:
        config: The data set's config.
        measure_chips: Measures what the choices go by; not called where nothing is open.

    Returns:
        The choices, in the order of `CHOICES`.
    """
    open_settings = [setting for setting in CHOICES if is_open(setting, config)]
    if not open_settings:
        return []
    facts = measure_chips()
    choices = []
    for setting in open_settings:
        value, reason = setting.choose(facts)
        choices.append(Choice(f"data.{setting.path}", value, reason))
    return choices


def choices_of(config: DataConfig, stored: DataConfig) -> list[Choice]:
    """Take what a config leaves open from that of a run, for which it was chosen before.

    Args:
        config: The data set's config.
        stored: The run's, with nothing left open.

    Returns:
        The choices, in the order of `CHOICES`.
    """
    open_settings = [setting for setting in CHOICES if is_open(setting, config)]
    return [Choice(f"data.{setting.path}", _value(stored, setting.path), "as the run") for setting in open_settings]


def with_choices(config: DataConfig, choices: Sequence[Choice]) -> DataConfig:
    """Return a config with what was chosen.

    Args:
        config: The data set's config.
        choices: What `choose_open_settings` returned for it.
    """
    settled = deepcopy(config)
    for choice in choices:
        _, *parents, name = choice.key.split(".")
        section: Any = settled
        for parent in parents:
            section = getattr(section, parent)
        setattr(section, name, choice.value)
    return settled


def _value(config: DataConfig, path: str) -> Any:
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name)
    return value
