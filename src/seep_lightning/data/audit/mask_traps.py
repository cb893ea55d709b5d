"""What may be wrong with masks: inverted, empty, full, scattered values."""

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORE, IGNORED
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, SetMeasurement, Sighting
from seep_lightning.data.mask_scatter import scatter_of
from seep_lightning.data.surveys import stored_meanings
from seep_lightning.errors import percent

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# seep is rare: a set with more of it is probably inverted
LARGEST_SEEP_SHARE = 0.5


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
        """Say so, unless masks that could not be read may hold some."""
        are_known = audited.read_chips == len(audited.chips)
        is_empty = are_known and set(audited.pixels_by_class) == {0}
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


class ScatteredValues:
    """Masks whose values lie scattered around two peaks, as JPEG or soft edges leave them."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.names: list[str] = []
        self.most_values = 0
        self.cause = ""

    def add(self, chip: AuditedChip) -> None:
        """Note the chip if its mask is so."""
        scatter = scatter_of(chip.class_pixels)
        if scatter is not None:
            self.names.append(chip.name)
            self.most_values = max(self.most_values, scatter.values)
            self.cause = scatter.cause

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, and say how many values the worst of them holds."""
        if not self.names:
            return []
        numbers: dict[str, Any] = {"count": len(self.names), "values": self.most_values, "cause": self.cause}
        return [Sighting(numbers, self.names)]
