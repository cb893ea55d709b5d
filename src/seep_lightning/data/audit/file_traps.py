"""What hinders chips from being read into one set: no data, several kinds."""

from collections import Counter

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, Sighting
from seep_lightning.data.images import size_text

# so many kinds of chips are listed
MOST_KINDS = 4


def kind_text(chip: AuditedChip) -> str:
    """What all chips of a set must have in common, such as `1 band, 256 x 256, uint16`."""
    bands, *size = chip.pixels.image.shape
    return f"{bands} band, {size_text(size)}, {chip.pixels.image.dtype}"


def kinds_text(kinds: Counter[str]) -> str:
    """How many chips there are of each kind, the most frequent first."""
    texts = [f"{count} x {kind}" for kind, count in kinds.most_common(MOST_KINDS)]
    hidden = len(kinds) - MOST_KINDS
    if hidden > 0:
        texts.append(f"and {hidden} more kinds")
    return "; ".join(texts)


class MixedKinds:
    """Chips that differ in bands, size or type."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Count nothing yet."""
        self.kinds: Counter[str] = Counter()

    def add(self, chip: AuditedChip) -> None:
        """Count the chip's kind."""
        self.kinds[kind_text(chip)] += 1

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """List the kinds, where there are several."""
        return [Sighting({"kinds": kinds_text(self.kinds)})] if len(self.kinds) > 1 else []


class NoData:
    """Chips without any pixel that holds data."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Note nothing yet."""
        self.nodata = config.nodata
        self.names: list[str] = []

    def add(self, chip: AuditedChip) -> None:
        """Note the chip if it has no data."""
        if not chip.pixels.data.any():
            self.names.append(chip.name)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them."""
        numbers = {"count": len(self.names), "nodata": self.nodata}
        return [Sighting(numbers, self.names)] if self.names else []
