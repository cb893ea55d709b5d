"""What may be chosen about seeps as features, and every default. Imports nothing heavy: `config.py` includes it."""

from dataclasses import dataclass, field

from seep_lightning.errors import UserError


@dataclass
class Thresholds:
    """Instances by three thresholds on the probability (after Cerulean, SkyTruth).

    What touches (8 neighbours) at `group` is one object; of it pixels at `trim` stay, if its maximum reaches `keep`.
    """

    group: float | None = None  # None, for all: from the network's own threshold
    trim: float | None = None
    keep: float | None = None

    def around(self, threshold: float) -> tuple[float, float, float]:
        """All three; those not given are 0.6 t, t, and t + 0.4 (1 - t) of a network's threshold t."""
        given = (self.group, self.trim, self.keep)
        derived = (0.6 * threshold, threshold, threshold + 0.4 * (1 - threshold))
        group, trim, keep = (b if a is None else a for a, b in zip(given, derived, strict=True))
        if not 0 < group <= trim <= keep <= 1:
            raise UserError(
                f"thresholds are group={group:g}, trim={trim:g}, keep={keep:g}: they must ascend from above 0 to 1 at "
                "most. One value for all three gives plain connected components."
            )
        return group, trim, keep


@dataclass
class PolygonOptions:
    """What becomes a feature, and how. The attributes are those of the pixels, whatever `simplify` does."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    min_area: int | None = None  # px after trimming; smaller ones are dropped; None: as chosen on validation, or 20
    min_length: float = 0.0  # px of the centre line
    fill_holes: bool = False  # holes become part of the object, unless they are nodata
    simplify: float = 0.0  # px of tolerance for the outline
    calibration: str | None = None  # power | amplitude | db: what the image's values are; None: contrast has no dB
