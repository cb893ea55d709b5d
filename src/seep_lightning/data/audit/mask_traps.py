"""What may be wrong with masks: inverted, empty, full, lossy."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORE, IGNORED
from seep_lightning.data.audit.trap import MASK_VALUES, AuditedChip, AuditedSet, Sighting, percent
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


class _ClassPixels:
    """How many valid pixels each class has in all chips."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.counts = np.zeros(MASK_VALUES, np.int64)

    def add(self, chip: AuditedChip) -> None:
        """Count the chip's valid pixels by class."""
        self.counts += chip.class_pixels

    @property
    def seep_share(self) -> float:
        """The share of seep in all valid pixels."""
        return float(self.counts[1:].sum() / max(self.counts.sum(), 1))


class InvertedMasks(_ClassPixels):
    """Whether most of all pixels are seep."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say the share of seep, and the map of values that turns it round."""
        if self.seep_share <= LARGEST_SEEP_SHARE:
            return []
        shares = self.counts / self.counts.sum()
        occurring = np.flatnonzero(self.counts)
        values = [f"{value}: {percent(shares[value])}" for value in occurring.tolist()]
        numbers = {
            "share": percent(self.seep_share),
            "values": ", ".join(values),
            "cure": _cure(self.counts, audited.chips),
        }
        return [Sighting(numbers)]


def _cure(counts: NDArray[np.int64], chips: "Chips") -> str:
    """The setting that turns masks round; where they hold one value only, none can."""
    if np.count_nonzero(counts) == 1:
        return "No mask that can be read holds another value. Look at the masks: which value is the sea?"
    setting = quote(f"data.mask_values={_inverted_map(counts, chips)}")
    return f"If they are, pass {setting}"


def _inverted_map(counts: NDArray[np.int64], chips: "Chips") -> str:
    """The map that makes the most frequent class 0 and counts the others from 1 on, as Hydra reads it."""
    most_frequent = int(counts.argmax())
    occurring = np.flatnonzero(counts).tolist()
    others = [label for label in occurring if label != most_frequent]
    meanings = {most_frequent: "0", IGNORED: IGNORE}
    for number, label in enumerate(others, start=1):
        meanings[label] = str(number)
    entries = []
    for text, label in stored_meanings(chips, occurring).items():
        if label in meanings:
            entries.append(f"{text}: {meanings[label]}")
    return "{" + ", ".join(entries) + "}"


class NoSeepAtAll(_ClassPixels):
    """Whether all masks are empty."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say so."""
        is_empty = self.counts.sum() > 0 and not self.counts[1:].any()
        return [Sighting({"chips": len(audited.chips)})] if is_empty else []


class FullMasks(_ClassPixels):
    """Single chips that are seep throughout."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        super().__init__(config, chips)
        self.names: list[str] = []

    def add(self, chip: AuditedChip) -> None:
        """Note the chip where no valid pixel of it is sea."""
        super().add(chip)
        has_sea = chip.class_pixels[0] > 0
        if chip.class_pixels.any() and not has_sea:
            self.names.append(chip.name)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, unless the whole set is told to be inverted."""
        if not self.names or self.seep_share > LARGEST_SEEP_SHARE:
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
        counts = chip.class_pixels
        if is_lossy(counts):
            self.names.append(chip.name)
            self.most_values = max(self.most_values, int((counts > 0).sum()))

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, and say how many values the worst of them holds."""
        if not self.names:
            return []
        numbers: dict[str, Any] = {"count": len(self.names), "values": self.most_values}
        return [Sighting(numbers, self.names)]


def is_lossy(counts: NDArray[np.int64]) -> bool:
    """Whether a mask's values lie scattered around two peaks.

    Args:
        counts: How often each value occurs, (256,).

    Returns:
        True for many values of which nearly all pixels hold one near the two most frequent.
    """
    occurring = np.flatnonzero(counts)
    if len(occurring) < LOSSY_VALUES:
        return False
    peaks = np.argsort(counts)[-2:]
    distances = np.abs(occurring[:, None] - peaks).min(axis=1)
    total = counts.sum()
    far_away = counts[occurring[distances > LOSSY_REACH]].sum()
    scattered = total - counts[peaks].sum()
    has_peaks = scattered < total / 2
    return bool(has_peaks and far_away <= LOSSY_REST * total)


def lossy_text(path: Path) -> str:
    """What to say of a mask's file if its values lie scattered around two peaks; else nothing.

    Args:
        path: A mask that holds values without a meaning.
    """
    counts = np.zeros(MASK_VALUES, np.int64)
    for value, pixels in met_values(decode(path)).items():
        if not isinstance(value, int) or not 0 <= value < MASK_VALUES:
            return ""
        counts[value] = pixels
    if not is_lossy(counts):
        return ""
    low, high = sorted(np.argsort(counts)[-2:].tolist())
    return (
        f"data: mask {path} holds {int((counts > 0).sum())} values scattered around {low} and {high}, as lossy "
        "compression (JPEG) leaves them. Make the masks anew as PNG or TIFF, or apply a threshold to them first."
    )
