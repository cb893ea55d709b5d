"""What a trap is: something about a data set that stops a training, or makes its figures worth less than they look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.alignment import Comparison, compare
from seep_lightning.data.audit.finding import Finding, Severity
from seep_lightning.data.class_counts import count_classes
from seep_lightning.data.images import covers_all
from seep_lightning.data.sizes import size_text
from seep_lightning.errors import shortened

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.data.images import ChipPixels

# how many names a line gives as examples
MOST_EXAMPLES = 3
# costly measurements look at about so many chips, evenly taken from the set
SAMPLE_SIZE = 200
GOLDEN_RATIO = (5**0.5 - 1) / 2
# a connected part of nodata is missing data if it reaches the chip's border and holds this share of the chip
EDGE_PART_SHARE = 0.005


class ChipKind(NamedTuple):
    """What all chips of a set must have in common.

    Attributes:
        shape: (C, H, W).
        dtype: The type of the image.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        bands, *size = self.shape
        return f"{bands} band, {size_text(size)}, {self.dtype}"


def scattered_pixels(nodata: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the nodata pixels that do not lie along an edge of the chip in a large part.

    Args:
        nodata: (H, W).

    Returns:
        (H, W) bool.
    """
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(nodata.view(np.uint8), connectivity=8)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    is_edge_part = np.zeros(count, bool)
    is_edge_part[border] = True
    is_edge_part &= statistics[:, cv2.CC_STAT_AREA] >= EDGE_PART_SHARE * nodata.size
    # part 0 is what is not nodata
    is_edge_part[0] = True
    return np.asarray(~is_edge_part[labels])


@dataclass(frozen=True)
class AuditedChip:
    """One chip as measurements see it. What several of them need is worked out once.

    Attributes:
        index: Its position in `Chips`.
        name: What it is called.
        pixels: Its pixels.
    """

    index: int
    name: str
    pixels: "ChipPixels"

    @cached_property
    def has_nodata(self) -> bool:
        """Whether the image lacks data anywhere."""
        return not covers_all(self.pixels.data)

    @cached_property
    def scattered_nodata(self) -> NDArray[np.bool_]:
        """(H, W) bool: nodata that does not lie along an edge of the chip in a large part."""
        return scattered_pixels(~self.pixels.data)

    @cached_property
    def seep(self) -> NDArray[np.bool_]:
        """(H, W) bool: where the mask holds any class of seep, also where the image has no data."""
        return self.pixels.mask > 0

    @cached_property
    def seep_pixels(self) -> int:
        """How many pixels of the mask are seep, also where the image has no data."""
        if self.has_nodata:
            return int(cv2.countNonZero(self.pixels.mask))
        # ignored pixels are no seep
        return sum(self.class_pixels[label] for label in self.classes)

    @property
    def has_seep_and_sea(self) -> bool:
        """Whether the mask holds both."""
        return 0 < self.seep_pixels < self.pixels.mask.size

    @cached_property
    def class_pixels(self) -> dict[int, int]:
        """How many valid pixels have each value of the mask that occurs there, in ascending order of the values."""
        return count_classes(self.pixels)

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The classes of seep that its valid pixels hold, in ascending order."""
        return tuple(value for value in self.class_pixels if value)

    @cached_property
    def comparison(self) -> Comparison:
        """How well the mask lies on the image, at each offset."""
        return compare(self.pixels)

    @cached_property
    def kind(self) -> ChipKind:
        """What all chips of a set must have in common."""
        image = self.pixels.image
        return ChipKind(image.shape, image.dtype)

    @cached_property
    def largest_value(self) -> int | None:
        """The largest value that the image could hold; None where its values are not whole numbers."""
        image = self.pixels.image
        return int(np.iinfo(image.dtype).max) if image.dtype.kind == "u" else None

    @cached_property
    def saturated_pixels(self) -> int:
        """How many values with data, over all bands, are the largest one that the image could hold."""
        image = self.pixels.image
        if self.largest_value is None or image.max() < self.largest_value:
            return 0
        return self.count_with_data(image == self.largest_value)

    def count_with_data(self, flags: NDArray[np.bool_]) -> int:
        """How many of some flags (C, H, W) are set where the image has data."""
        return int(np.count_nonzero(flags & self.pixels.data if self.has_nodata else flags))


@dataclass(frozen=True)
class AuditedSet:
    """What is known of a data set after all its chips were read.

    Attributes:
        chips: The chips.
        config: How they are read.
        parts: The part of each chip in the split that a training would use; None where that split is impossible.
        split: The kind of that split.
        read_chips: How many of the chips could be read.
        pixels_by_class: How many valid pixels have each value of the masks that occurs, over all chips that were read.
    """

    chips: "Chips"
    config: DataConfig
    parts: Sequence[str] | None
    split: str
    read_chips: int
    pixels_by_class: Mapping[int, int]

    @property
    def seep_share(self) -> float:
        """The share of seep in all valid pixels; 0 where there are none."""
        pixels = sum(self.pixels_by_class.values())
        sea = self.pixels_by_class.get(0, 0)
        return (pixels - sea) / max(pixels, 1)


@dataclass(frozen=True)
class Sighting:
    """A trap that a measurement has found in a data set.

    Attributes:
        numbers: What the trap's line and cure say, by the names in their braces.
        examples: The names of all chips that it was found in; empty where it is about the set as a whole.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    examples: Sequence[str] = ()


class Measurement(Protocol):
    """What looks for a trap: it sees each chip once, and then says what it found."""

    def add(self, chip: AuditedChip) -> None:
        """Look at one chip."""
        ...

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say what was found, after all chips that can be read were added.

        Args:
            audited: The whole set, with its split.

        Returns:
            Nothing where there is no such trap.
        """
        ...


class SetMeasurement:
    """A measurement that needs no look at single chips: what is known of the whole set is enough."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """There is nothing to hold."""

    def add(self, chip: AuditedChip) -> None:
        """There is nothing to look at."""


@dataclass(frozen=True)
class Trap:
    """A trap as it is declared in `TRAPS`.

    Attributes:
        name: What it is called in docs/data.md.
        severity: How bad it is.
        measures: What its measurement looks at, and from which value on it speaks.
        line: What it says, a `str.format` template over the numbers of a sighting.
        cure: What to do about it, likewise.
        measurement: Makes the measurement for a config and a number of chips.
    """

    name: str
    severity: Severity
    measures: str
    line: str
    cure: str
    measurement: Callable[[DataConfig, int], Measurement]


def finding_of(trap: Trap, sighting: Sighting) -> Finding:
    """Write the line of a trap that was found."""
    line = trap.line.format(**sighting.numbers)
    cure = trap.cure.format(**sighting.numbers)
    if sighting.examples:
        line += f": {shortened(sighting.examples)}"
    return Finding(trap.severity, f"{line}. {cure}")


class EvenSample:
    """Chooses chips evenly from a set, so that a costly measurement looks at some hundreds of them.

    By the golden ratio: steps of equal length would meet all or none of what is wrong with each third chip.
    """

    def __init__(self, chips: int, most: int = SAMPLE_SIZE) -> None:
        """Choose.

        Args:
            chips: How many chips the set has.
            most: About so many are chosen.
        """
        self.share = most / max(chips, 1)

    def __contains__(self, chip: AuditedChip) -> bool:
        return chip.index * GOLDEN_RATIO % 1 < self.share
