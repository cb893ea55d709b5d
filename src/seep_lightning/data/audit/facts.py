"""What a data set is like: counts over all chips that can be read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.audit.file_traps import kinds_text
from seep_lightning.data.audit.trap import (
    MOST_EXAMPLES,
    AuditedChip,
    ChipKind,
    EvenSample,
)
from seep_lightning.data.description import ReviewedLabels
from seep_lightning.data.scene_names import scenes_are_known
from seep_lightning.errors import percent, shortened

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# so many classes and scenes are listed
MOST_CLASSES = 12
MOST_SCENES = 20
# levels are counted in about so many chips
CHIPS_WITH_LEVELS = 100


class ChipStatistics:
    """Counts over all chips."""

    def __init__(self, chips: int) -> None:
        """Count nothing yet.

        Args:
            chips: How many chips the set has.
        """
        self.sample = EvenSample(chips, CHIPS_WITH_LEVELS)
        self.kinds: Counter[ChipKind] = Counter()
        self.chips_by_class: Counter[int] = Counter()
        self.levels: list[int] = []
        self.pixels = 0
        self.nodata_pixels = 0
        self.nodata_chips = 0
        self.saturated_values = 0
        self.values = 0
        self.without_seep: list[str] = []
        # how files are read where that is not as they are, a sentence each
        self.readings: list[str] = []

    def add(self, chip: AuditedChip) -> None:
        """Count a chip."""
        self.kinds[chip.kind] += 1
        self.chips_by_class.update(chip.classes)
        self.pixels += chip.pixels.data.size
        if chip.has_nodata:
            self.nodata_pixels += chip.pixels.data.size - int(np.count_nonzero(chip.pixels.data))
            self.nodata_chips += 1
        if not chip.seep_pixels:
            self.without_seep.append(chip.name)
        self.values += chip.pixels.image.size
        self.saturated_values += chip.saturated_pixels
        if chip in self.sample:
            self.levels.append(_level_count(chip.pixels.image))

    def facts(self, chips: "Chips", pixels_by_class: Mapping[int, int]) -> dict[str, str]:
        """The counts as a reader wants them, by name.

        Args:
            chips: The data set.
            pixels_by_class: How many valid pixels have each value of its masks that occurs.
        """
        facts = {
            "chips": chips.counted_files(),
            **files_facts(chips),
            "scenes": scenes_text(chips),
            "size and type": kinds_text(self.kinds) or "none readable",
        }
        # of what nobody could read nothing is known, which is no 0
        if self.kinds:
            facts |= self._pixel_facts(pixels_by_class)
            facts["identical pictures"] = counted_text(doubles(chips))
            facts["read as"] = " ".join(self.readings) or "they are"
        reviewed = str(ReviewedLabels.of(chips.root))
        if reviewed:
            facts["review"] = reviewed
        return facts

    def _pixel_facts(self, pixels_by_class: Mapping[int, int]) -> dict[str, str]:
        """What the pixels of readable chips are like."""
        all_pixels = max(sum(pixels_by_class.values()), 1)
        nodata_share = self.nodata_pixels / self.pixels
        saturated_share = self.saturated_values / self.values
        levels = "not counted"
        if self.levels:
            levels = f"{min(self.levels)} to {max(self.levels)}"
        return {
            "levels a chip": levels,
            "nodata": f"{nodata_share:.1%} of pixels, in {self.nodata_chips} chips",
            "saturated": f"{saturated_share:.2%} of pixels",
            "classes (chips)": self._classes_text(lambda label: str(self.chips_by_class[label])),
            "classes (pixels)": self._classes_text(lambda label: percent(pixels_by_class[label] / all_pixels)),
            "chips without seep": counted_text(self.without_seep),
        }

    def _classes_text(self, text_of: Callable[[int], str]) -> str:
        """What is told of each class of seep that occurs, such as `1: 20, 3: 7`."""
        labels = sorted(self.chips_by_class)
        texts = [f"{label}: {text_of(label)}" for label in labels[:MOST_CLASSES]]
        if len(labels) > MOST_CLASSES:
            texts.append(f"and {len(labels) - MOST_CLASSES} more classes")
        return ", ".join(texts) or "none"


def _level_count(image: NDArray[Any]) -> int:
    """How many different values an image holds."""
    if image.dtype.kind == "u":
        # twenty times as fast as `np.unique`
        return int(np.count_nonzero(np.bincount(image.ravel())))
    return len(np.unique(image))


def files_facts(chips: "Chips") -> dict[str, str]:
    """How the files pair, and which other files there are; those that look like chips are findings."""
    facts: dict[str, str] = {}
    if chips.found:
        facts["files"] = chips.found
    others = [str(entry) for entry in chips.left_out if not entry.readable]
    if others:
        facts["other files"] = "; ".join(others[:MOST_EXAMPLES])
    return facts


def scenes_text(chips: "Chips") -> str:
    """How many scenes there are, and how many chips the first of them have."""
    if not scenes_are_known(chips):
        return "unknown: every chip counts as one of its own (see data.pattern)"
    per_scene = Counter(chips.scenes)
    scenes = [f"{scene} ({count})" for scene, count in sorted(per_scene.items())]
    return f"{len(scenes)}: {shortened(scenes, MOST_SCENES)}"


def doubles(chips: "Chips") -> list[str]:
    """The names of chips that have one picture, such as `a.tif = b.tif`."""
    names_by_picture: dict[str, list[str]] = {}
    for name, picture in zip(chips.names, chips.picture_digests(), strict=True):
        if picture:
            names_by_picture.setdefault(picture, []).append(name)
    return [_double_text(names) for names in names_by_picture.values() if len(names) > 1]


def _double_text(names: Sequence[str]) -> str:
    if len(names) > 2:
        return f"{names[0]} = {names[1]} and {len(names) - 2} more"
    return f"{names[0]} = {names[1]}"


def counted_text(names: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    return f"{len(names)}: {shortened(names)}" if names else "0"
