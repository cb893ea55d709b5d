"""What may be wrong with images: saturated, constant."""

import numpy as np

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, Sighting
from seep_lightning.errors import percent

# from this share of the pixels on, a set is called saturated
LEAST_SATURATED_SHARE = 0.03
# most chips are told not to be constant by a few pixels
SAMPLED = np.s_[::16, ::16]
ALL_PIXELS = np.s_[:, :]
# what is said of either end
DARK_END = "smallest"
BRIGHT_END = "largest"
CURE = "If these are no data, pass data.nodata={value}; else scale the images less steeply, or keep 16 bit"


class Saturated:
    """The share of pixels at either end of the range of 8 or 16 bit."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.nodata = config.nodata
        self.values = 0
        self.darkest = 0
        self.brightest = 0
        self.largest_value = 0

    def add(self, chip: AuditedChip) -> None:
        """Count the values at both ends; nodata is no end."""
        if chip.largest_value is None:
            return
        self.largest_value = chip.largest_value
        self.values += chip.pixels.image.size
        self.brightest += chip.saturated_pixels
        if self.nodata != 0:
            self.darkest += chip.count_with_data(chip.pixels.image == 0)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say the share of each end that holds too much."""
        ends = {0: self.darkest, self.largest_value: self.brightest}
        sightings: list[Sighting] = []
        for value, count in ends.items():
            share = count / max(self.values, 1)
            if value != self.nodata and share >= LEAST_SATURATED_SHARE:
                end = DARK_END if value == 0 else BRIGHT_END
                cure = CURE.format(value=value)
                numbers = {"share": percent(share), "value": value, "end": end, "cure": cure}
                sightings.append(Sighting(numbers))
        return sightings


class ConstantChips:
    """Chips that hold one value only."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Note nothing yet."""
        self.names: list[str] = []

    def add(self, chip: AuditedChip) -> None:
        """Note the chip if all its pixels with data have one value, in each band."""
        is_constant = _is_constant(chip, SAMPLED) and _is_constant(chip, ALL_PIXELS)
        # chips without data are another trap
        if is_constant and chip.pixels.data.any():
            self.names.append(chip.name)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them."""
        return [Sighting({"count": len(self.names)}, self.names)] if self.names else []


def _is_constant(chip: AuditedChip, pixels: tuple[slice, slice]) -> bool:
    """Whether all of some pixels that have data have one value, in each band; also where none has any."""
    for band in chip.pixels.image:
        values = band[pixels].ravel()
        if chip.has_nodata:
            values = values[chip.pixels.data[pixels].ravel()]
        if len(values) and (values != values[0]).any():
            return False
    return True
