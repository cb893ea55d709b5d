"""Whether what counts as nodata is missing data, or sea so dark that it has the same value."""

from typing import Any

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, EvenSample, Sighting
from seep_lightning.data.decoding import decode
from seep_lightning.errors import percent

# from this share of the seep pixels on, scattered nodata is told ...
LEAST_SCATTERED_SHARE = 5e-4
# ... where it is so many times as frequent inside seep as outside
LEAST_CONTRAST = 3.0
# from this share on it is told that seep lies on missing data
LEAST_COVERED_SHARE = 0.01


def nodata_text(config: DataConfig) -> str:
    """What says which pixels are nodata."""
    return "as the files say" if config.nodata is None else f"data.nodata={config.nodata}"


def nodata_cure(audited: AuditedSet, index: int) -> str:
    """How to have pixels taken for data that are not.

    Args:
        audited: The data set.
        index: The position of a chip that has such pixels.
    """
    declared = any(value is not None for value in decode(audited.chips.image_paths[index]).nodatas)
    steps = []
    if declared:
        steps.append("take the nodata value out of the files (gdal_edit.py -unsetnodata FILE)")
    if audited.config.nodata is not None:
        steps.append("pass data.nodata=null")
    text = " and ".join(steps) or "correct the masks in the files that say where there are data"
    return text[0].upper() + text[1:]


class ScatteredNodata:
    """Zeros that are not nodata: how often scattered nodata lies inside seep, and how often outside."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.sample = EvenSample(chips)
        self.seep_pixels = 0
        self.sea_pixels = 0
        self.scattered_in_seep = 0
        self.scattered_in_sea = 0
        self.indices: list[int] = []

    def add(self, chip: AuditedChip) -> None:
        """Count the chip's seep pixels, and how many of them scattered nodata takes."""
        if chip not in self.sample:
            return
        self.seep_pixels += chip.seep_pixels
        self.sea_pixels += chip.pixels.mask.size - chip.seep_pixels
        if not chip.has_nodata:
            return
        scattered = chip.scattered_nodata
        all_scattered = int(scattered.sum())
        in_seep = int((scattered & chip.seep).sum())
        self.scattered_in_seep += in_seep
        self.scattered_in_sea += all_scattered - in_seep
        if in_seep:
            self.indices.append(chip.index)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say how much seep is lost, where nodata is far more frequent inside seep."""
        if not self.is_found():
            return []
        numbers: dict[str, Any] = {
            "share": percent(self.share_of_seep),
            "nodata": nodata_text(audited.config),
            "contrast": self._contrast_text(),
            "cure": nodata_cure(audited, self.indices[0]),
            "inside": percent(self.scattered_in_seep / (self.scattered_in_seep + self.scattered_in_sea)),
        }
        names = [audited.chips.names[index] for index in self.indices]
        return [Sighting(numbers, names)]

    def is_found(self) -> bool:
        """Whether scattered nodata takes seep pixels more than others."""
        if self.share_of_seep < LEAST_SCATTERED_SHARE:
            return False
        return self.share_of_seep >= LEAST_CONTRAST * self.share_of_sea

    @property
    def share_of_seep(self) -> float:
        """The share of seep pixels that scattered nodata takes."""
        return self.scattered_in_seep / max(self.seep_pixels, 1)

    @property
    def share_of_sea(self) -> float:
        """The share of all other pixels that it takes."""
        return self.scattered_in_sea / max(self.sea_pixels, 1)

    def _contrast_text(self) -> str:
        if self.share_of_sea == 0:
            return "never outside"
        return f"{self.share_of_seep / self.share_of_sea:.0f} times as frequent inside as outside"


class SeepOnNodata:
    """Truth on nodata: the share of seep pixels that counts nowhere, however the nodata lies."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.scattered = ScatteredNodata(config, chips)
        self.seep_pixels = 0
        self.covered_pixels = 0
        self.names: list[str] = []

    def add(self, chip: AuditedChip) -> None:
        """Count the chip's seep pixels, and those without data."""
        self.scattered.add(chip)
        self.seep_pixels += chip.seep_pixels
        if not chip.has_nodata or not chip.seep_pixels:
            return
        # ignored pixels are no seep, so that all seep that is not valid lacks data
        covered = chip.seep_pixels - sum(chip.class_pixels[label] for label in chip.classes)
        self.covered_pixels += covered
        if covered:
            self.names.append(chip.name)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say the share, unless scattered nodata explains it."""
        share = self.covered_pixels / max(self.seep_pixels, 1)
        if share < LEAST_COVERED_SHARE or self.scattered.is_found():
            return []
        numbers = {"share": percent(share), "nodata": nodata_text(audited.config)}
        return [Sighting(numbers, self.names)]
