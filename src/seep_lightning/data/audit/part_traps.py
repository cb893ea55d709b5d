"""What the parts of the split lack: seep, or classes of it."""

import numpy as np

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, Sighting
from seep_lightning.data.split_table import PARTS

PART_NAMES = {"train": "training", "val": "validation", "test": "test"}


class _ClassesByChip:
    """Which classes of seep each chip holds."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Note nothing yet."""
        self.classes: dict[int, tuple[int, ...]] = {}

    def add(self, chip: AuditedChip) -> None:
        """Note the classes of the chip's valid pixels."""
        labels = np.flatnonzero(chip.class_pixels[1:]) + 1
        self.classes[chip.index] = tuple(labels.tolist())

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
        for part, classes in self.by_part(audited).items():
            if not classes:
                numbers = {"part": PART_NAMES[part], "split": audited.split, "chips": audited.parts.count(part)}
                sightings.append(Sighting(numbers))
        return sightings


class PartsWithoutClass(_ClassesByChip):
    """Whether a part lacks a class that another one has."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name the classes that each part lacks; a part without any seep is told elsewhere."""
        by_part = self.by_part(audited)
        everywhere = set().union(*by_part.values())
        sightings = []
        for part, classes in by_part.items():
            lacking = sorted(everywhere - classes)
            if classes and lacking:
                names = ", ".join(str(label) for label in lacking)
                sightings.append(Sighting({"part": PART_NAMES[part], "classes": names, "split": audited.split}))
        return sightings
