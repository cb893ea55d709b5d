"""What the parts of the split lack, seep or classes of it, and what they share, near twins."""

from collections.abc import Sequence

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.near_twins import NearTwins, TwinSearch
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, Sighting
from seep_lightning.data.parts import HELD_OUT_PARTS, PARTS
from seep_lightning.data.split import other_parts_cure

PART_NAMES = {"train": "training", "val": "validation", "test": "test"}


class _ClassesByChip:
    """Which classes of seep each chip holds."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Note nothing yet."""
        self.classes: dict[int, tuple[int, ...]] = {}

    def add(self, chip: AuditedChip) -> None:
        """Note the classes of the chip's valid pixels."""
        self.classes[chip.index] = chip.classes

    def by_part(self, audited: AuditedSet) -> dict[str, set[int]]:
        """The classes of each part; empty where there is no split, or no seep at all."""
        if audited.parts is None or not any(self.classes.values()):
            return {}
        classes: dict[str, set[int]] = {part: set() for part in PARTS}
        for index, labels in self.classes.items():
            classes[audited.parts[index]].update(labels)
        return classes


class PartsWithoutSeep(_ClassesByChip):
    """Whether validation, test or training has no seep pixel."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name each such part."""
        sightings = []
        parts = audited.parts or []
        for part, classes in self.by_part(audited).items():
            if not classes:
                numbers = {"part": PART_NAMES[part], "split": audited.split, "chips": parts.count(part)}
                sightings.append(Sighting({**numbers, "cure": other_parts_cure(audited.split).capitalize()}))
        return sightings


class PartsWithoutClass(_ClassesByChip):
    """Whether a part lacks a class that another one has."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name the classes that each part lacks; a part without any seep is told elsewhere."""
        by_part = self.by_part(audited)
        everywhere = set().union(*by_part.values())
        texts = []
        for part, classes in by_part.items():
            lacking = sorted(everywhere - classes)
            if classes and lacking:
                names = ", ".join(str(label) for label in lacking)
                texts.append(f"{PART_NAMES[part]} lacks class {names}")
        if not texts:
            return []
        cure = other_parts_cure(audited.split)
        return [Sighting({"parts": "; ".join(texts), "split": audited.split, "cure": cure})]


class TwinsBetweenParts:
    """Chips of validation and test with nearly the picture of a training chip."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Hold no picture yet."""
        self.search = TwinSearch(chips)

    def add(self, chip: AuditedChip) -> None:
        """Keep a small picture of the chip."""
        self.search.add(chip.index, chip.pixels)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Count the chips of each held-out part that have a near twin in training."""
        if audited.parts is None:
            return []
        chips, parts = audited.chips, audited.parts
        twins_of_training: dict[str, dict[int, str]] = {part: {} for part in HELD_OUT_PARTS}
        digests = chips.picture_digests()
        is_training = [part == "train" for part in parts]
        near = self.search.pairs(chips.read, is_training, _second_copies(digests, parts))
        same = _copies_of_training(digests, parts, self.search.indices)
        for pair in [*same, *near]:
            for chip, other in (pair, pair[::-1]):
                if parts[other] == "train" and parts[chip] in twins_of_training:
                    twins_of_training[parts[chip]].setdefault(chip, f"{chips.names[chip]} ~ {chips.names[other]}")
        sightings = []
        for part, twins in twins_of_training.items():
            if twins:
                numbers = {"count": len(twins), "chips": parts.count(part), "part": PART_NAMES[part]}
                sightings.append(Sighting(numbers, list(twins.values())))
        return sightings


def _copies_of_training(digests: Sequence[str], parts: Sequence[str], compared: Sequence[int]) -> list[NearTwins]:
    """Chips with the very same picture as a training chip, each after the first such chip."""
    training: dict[str, int] = {}
    for index in compared:
        if parts[index] == "train":
            training.setdefault(digests[index], index)
    held_out = [index for index in compared if parts[index] in HELD_OUT_PARTS and digests[index] in training]
    return [NearTwins(training[digests[index]], index) for index in held_out]


def _second_copies(digests: Sequence[str], parts: Sequence[str]) -> list[int]:
    """The positions of pictures that occurred before in the same part: the first one stands for them."""
    seen: set[tuple[str, str]] = set()
    copies: list[int] = []
    for index, picture in enumerate(zip(digests, parts, strict=True)):
        digest, _ = picture
        if digest and picture in seen:
            copies.append(index)
        seen.add(picture)
    return copies
