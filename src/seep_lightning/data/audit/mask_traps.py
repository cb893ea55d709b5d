"""What may be wrong with masks: inverted, empty, full, lossy."""

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORE, IGNORED
from seep_lightning.data.audit.trap import MASK_VALUES, AuditedChip, AuditedSet, SetMeasurement, Sighting, percent
from seep_lightning.data.decoding import decode
from seep_lightning.data.masks import met_values
from seep_lightning.data.surveys import stored_meanings

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# seep is rare: a set with more of it is probably inverted
LARGEST_SEEP_SHARE = 0.5
# a lossy mask holds at least so many values ...
LOSSY_VALUES = 9
# ... and all but this share of its pixels lies within LOSSY_REACH of its two most frequent values
LOSSY_REST = 0.02
LOSSY_REACH = 64


class InvertedMasks(SetMeasurement):
    """Whether most of all pixels are seep."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say the share of seep, and the map of values that turns it round."""
        if audited.seep_share <= LARGEST_SEEP_SHARE:
            return []
        counts = audited.pixels_by_class
        pixels = sum(counts.values())
        values = [f"{value}: {percent(count / pixels)}" for value, count in sorted(counts.items())]
        numbers = {
            "share": percent(audited.seep_share),
            "values": ", ".join(values),
            "cure": _cure(counts, audited.chips),
        }
        return [Sighting(numbers)]


def _cure(counts: Mapping[int, int], chips: "Chips") -> str:
    """The setting that turns masks round; where they hold one value only, none can."""
    if len(counts) == 1:
        return "No mask that can be read holds another value. Look at the masks: which value is the sea?"
    setting = quote(f"data.mask_values={_inverted_map(counts, chips)}")
    return f"If they are, pass {setting}"


def _inverted_map(counts: Mapping[int, int], chips: "Chips") -> str:
    """The map that makes the most frequent class 0 and counts the others from 1 on, as Hydra reads it."""
    occurring = sorted(counts)
    most_frequent = max(occurring, key=lambda label: counts[label])
    others = [label for label in occurring if label != most_frequent]
    meanings = {most_frequent: "0", IGNORED: IGNORE}
    for number, label in enumerate(others, start=1):
        meanings[label] = str(number)
    entries = []
    for text, label in stored_meanings(chips, occurring).items():
        if label in meanings:
            entries.append(f"{text}: {meanings[label]}")
    return "{" + ", ".join(entries) + "}"


class NoSeepAtAll(SetMeasurement):
    """Whether all masks are empty."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say so."""
        is_empty = set(audited.pixels_by_class) == {0}
        return [Sighting({"chips": len(audited.chips)})] if is_empty else []


class FullMasks:
    """Single chips that are seep throughout."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Note nothing yet."""
        self.names: list[str] = []

    def add(self, chip: AuditedChip) -> None:
        """Note the chip where no valid pixel of it is sea."""
        has_sea = 0 in chip.class_pixels
        if chip.classes and not has_sea:
            self.names.append(chip.name)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, unless the whole set is told to be inverted."""
        if not self.names or audited.seep_share > LARGEST_SEEP_SHARE:
            return []
        return [Sighting({"count": len(self.names)}, self.names)]


class LossyMasks:
    """Masks whose values lie scattered around two peaks, as JPEG leaves them."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.names: list[str] = []
        self.most_values = 0

    def add(self, chip: AuditedChip) -> None:
        """Note the chip if its mask is lossy."""
        if is_lossy(chip.class_pixels):
            self.names.append(chip.name)
            self.most_values = max(self.most_values, len(chip.class_pixels))

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, and say how many values the worst of them holds."""
        if not self.names:
            return []
        numbers: dict[str, Any] = {"count": len(self.names), "values": self.most_values}
        return [Sighting(numbers, self.names)]


def is_lossy(counts: Mapping[int, int]) -> bool:
    """Whether a mask's values lie scattered around two peaks.

    Args:
        counts: How often each value occurs.

    Returns:
        True for many values of which nearly all pixels hold one near the two most frequent.
    """
    if len(counts) < LOSSY_VALUES:
        return False
    low, high = _peaks(counts)
    total = sum(counts.values())
    far_away = 0
    for value, count in counts.items():
        if min(abs(value - low), abs(value - high)) > LOSSY_REACH:
            far_away += count
    has_peaks = counts[low] + counts[high] > total / 2
    return has_peaks and far_away <= LOSSY_REST * total


def _peaks(counts: Mapping[int, int]) -> list[int]:
    """The two most frequent values, in ascending order."""
    return sorted(sorted(counts, key=lambda value: counts[value])[-2:])


def lossy_text(path: Path) -> str:
    """What to say of a mask's file if its values lie scattered around two peaks; else nothing.

    Args:
        path: A mask that holds values without a meaning.
    """
    counts: dict[int, int] = {}
    for value, pixels in met_values(decode(path)).items():
        if not isinstance(value, int) or not 0 <= value < MASK_VALUES:
            return ""
        counts[value] = pixels
    if not is_lossy(counts):
        return ""
    low, high = _peaks(counts)
    return (
        f"data: mask {path} holds {len(counts)} values scattered around {low} and {high}, as lossy "
        "compression (JPEG) leaves them. Make the masks anew as PNG or TIFF, or apply a threshold to them first."
    )
