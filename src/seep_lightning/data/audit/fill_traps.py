"""One exact value on many pixels: fill that nobody declared, and that is learnt as if it were sea."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, EvenSample, Sighting
from seep_lightning.errors import percent
from seep_lightning.scene.fill import Fill, Meaning, ValueScale, find_fill, value_text

# values with data that are kept of a chip, at most
CHIP_SAMPLES = 1 << 13


class FrequentValues:
    """The values of floats and signed integers that stand out by their number; 8 and 16 bit have traps of their own."""

    meaning = Meaning.IN_DOUBT

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Keep nothing yet."""
        self.config = config
        self.sample = EvenSample(chips)
        self.kept: list[NDArray[Any]] = []

    def add(self, chip: AuditedChip) -> None:
        """Keep some of the chip's values with data."""
        image = chip.pixels.image
        is_alike = not self.kept or len(self.kept[0]) == len(image)
        if image.dtype.kind != "f" or chip not in self.sample or not is_alike:
            return
        step = max(1, image[0].size // CHIP_SAMPLES)
        data = chip.pixels.data.ravel()[::step]
        values = image.reshape(len(image), -1)[:, ::step]
        self.kept.append(values[:, data])

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say which value it is, and on how many pixels it lies."""
        if not self.kept:
            return []
        values = np.concatenate(self.kept, axis=1)
        fills = find_fill(values, (), ValueScale(self.config.scale or "linear"))
        return [self._sighting(fill) for fill in fills if fill.meaning is self.meaning]

    def _sighting(self, fill: Fill) -> Sighting:
        stored = fill.value
        if self.config.factor is not None:
            # as the files store it, for data.nodata: what has a factor are integers
            stored = float(round(stored / self.config.factor))
        return Sighting({"share": percent(fill.share), "value": value_text(stored), "reason": fill.reason})


class FillAsData(FrequentValues):
    """Those of these values that cannot be data on the scale of the chips."""

    meaning = Meaning.NO_DATA
