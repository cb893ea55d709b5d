"""What hinders chips from being read into one set: no data, several kinds."""

from collections import Counter

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, ChipKind, Sighting
from seep_lightning.data.images import EmptyKind, empty_kind

# so many kinds of chips are listed
MOST_KINDS = 4


def kinds_text(kinds: Counter[ChipKind]) -> str:
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
        self.kinds: Counter[ChipKind] = Counter()

    def add(self, chip: AuditedChip) -> None:
        """Count the chip's kind."""
        self.kinds[chip.kind] += 1

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """List the kinds, where there are several."""
        return [Sighting({"kinds": kinds_text(self.kinds)})] if len(self.kinds) > 1 else []


class NoData:
    """Chips without any pixel that holds data."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Note nothing yet."""
        self.config = config
        self.names: dict[EmptyKind, list[str]] = {}

    def add(self, chip: AuditedChip) -> None:
        """Note the chip if it has no data."""
        if chip.has_nodata and not chip.pixels.data.any():
            kind = empty_kind(chip.pixels.image, self.config)
            self.names.setdefault(kind, []).append(chip.name)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, by what they hold instead of data."""
        return [Sighting({"count": len(names), **kind._asdict()}, names) for kind, names in self.names.items()]
