"""Whether masks lie on what their images show: shifted, scaled, mirrored, inverted, of other images; all or some."""

from typing import Any

import numpy as np

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.alignment import LEAST_OFFSET, LEAST_PEAK, LEAST_PIXELS, Alignment, Offset, Peak
from seep_lightning.data.audit.orientations import ORIENTATIONS
from seep_lightning.data.audit.single_masks import LEAST_FITTING, MaskFits, SingleMasks
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, EvenSample, Sighting
from seep_lightning.errors import percent

# all masks are told to be shifted where the fit is so much better
LEAST_GAIN = 1.15
# the groups of chips may differ by so many reduced pixels
LARGEST_DISAGREEMENT = 2.9
# from fewer chips it is not told that masks fit nowhere
LEAST_CHIPS_TO_RELATE = 40
# another orientation must fit so many times better
LEAST_ORIENTATION_GAIN = 2.0
# of single masks so many, and such a share, are told to lie elsewhere if they do so at one offset, or at several ...
LEAST_MOVED = 3
LEAST_MOVED_SHARE = 0.1
LEAST_SCATTERED_SHARE = 0.3
# ... from this share on it is all of them
NEARLY_ALL = 0.8
# so many are told to be inverted
LEAST_INVERTED = 2
# so many, and such a share, are told to be of other images, where this share clearly fits, and fewer are in doubt
LEAST_UNRELATED = 6
LEAST_UNRELATED_SHARE = 0.15
LEAST_FITTING_SHARE = 0.3


class _MasksOnImages:
    """Looks at chips with seep, evenly taken from the set."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Look at nothing yet."""
        self.sample = EvenSample(chips)
        self.alignment = Alignment()

    def add(self, chip: AuditedChip) -> None:
        """Look at the chip if it has seep and sea."""
        if chip in self.sample and chip.has_seep_and_sea:
            self.alignment.add(chip.comparison)


class MisplacedMasks(_MasksOnImages):
    """Masks that are shifted against their images, scaled, or laid in another way: the likeliest of these is told."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Look at nothing yet."""
        super().__init__(config, chips)
        self.single = SingleMasks(config, chips)

    def add(self, chip: AuditedChip) -> None:
        """Look at the chip by itself, and together with the others."""
        super().add(chip)
        self.single.add(chip)

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say where the masks lie, and where they would fit."""
        what = self._of_all()
        if what is not None:
            return [Sighting({"masks": "masks", "what": what, "chips": self.alignment.chips})]
        fits = self.single.fits()
        return [] if fits is None else _shifted(fits)

    def _of_all(self) -> str | None:
        """What is wrong with the masks as a whole."""
        if not self.alignment.says_anything:
            return None
        return self._orientation() or self._scale() or self._shift()

    def _orientation(self) -> str | None:
        """That masks fit in another orientation, where all groups of chips say so."""
        fits = np.abs(self.alignment.orientations())
        best = set(fits.argmax(axis=1).tolist())
        total = fits.sum(axis=0)
        number = int(total.argmax())
        if best != {number} or number == 0 or total[number] < LEAST_ORIENTATION_GAIN * total[0]:
            return None
        # all orientations but the one that fits say how much is chance
        chance = np.delete(fits, [0, number], axis=1).max()
        if fits[:, number].min() < LEAST_ORIENTATION_GAIN * chance:
            return None
        return f"would fit their images if they were {ORIENTATIONS[number]}"

    def _scale(self) -> str | None:
        """That masks are larger or smaller than their images, where the quadrants are shifted apart or together."""
        rows = self.alignment.quadrant_peaks()
        peaks = [peak for row in rows for peak in row]
        if min(peak.height for peak in peaks) < LEAST_PEAK:
            return None
        (top_left, top_right), (bottom_left, bottom_right) = [[peak.offset for peak in row] for row in rows]
        apart = [top_right.minus(top_left).right, bottom_right.minus(bottom_left).right]
        apart += [bottom_left.minus(top_left).down, bottom_right.minus(top_right).down]
        least = max(LEAST_PIXELS * self.alignment.pixel, LEAST_OFFSET)
        is_one_way = min(apart) >= least or max(apart) <= -least
        if not is_one_way:
            return None
        scale = 1 + float(np.mean(apart)) / self.alignment.distance_of_quadrants
        return f"would fit their images if they were {scale:.2f} times as large"

    def _shift(self) -> str | None:
        """That masks are shifted, where all groups of chips agree on the offset."""
        total, *groups = self.alignment.peaks()
        if not self._is_clear(total):
            return None
        largest = LARGEST_DISAGREEMENT * self.alignment.pixel
        if any(group.offset.minus(total.offset).length > largest for group in groups):
            return None
        fits = self.single.fits()
        if fits is not None and fits.fitting_count > (1 - NEARLY_ALL) * len(fits):
            return None
        return f"lie about {_direction_text(total.offset)} what their images show"

    def _is_clear(self, peak: Peak) -> bool:
        least = max(LEAST_PIXELS * self.alignment.pixel, LEAST_OFFSET)
        return peak.offset.length >= least and peak.gain >= LEAST_GAIN and peak.height >= LEAST_PEAK


class UnrelatedMasks(_MasksOnImages):
    """Masks whose edges lie on nothing that their images show, wherever they are moved."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say so, where there are enough chips to know."""
        chips = self.alignment.chips
        if chips < LEAST_CHIPS_TO_RELATE or not self.alignment.says_anything:
            return []
        total, *_ = self.alignment.peaks()
        return [Sighting({"chips": chips})] if total.height < LEAST_PEAK else []


def _shifted(fits: MaskFits) -> list[Sighting]:
    """Single masks that lie elsewhere than their images show."""
    elsewhere = fits.elsewhere
    if not elsewhere.any():
        return []
    offset, moved = fits.common_offset(elsewhere)
    where = f"about {_direction_text(offset)}"
    if moved.sum() < max(LEAST_MOVED, LEAST_MOVED_SHARE * len(fits)):
        if elsewhere.sum() < max(LEAST_MOVED, LEAST_SCATTERED_SHARE * len(fits)):
            return []
        where, moved = "at differing offsets from", elsewhere
    is_all = moved.sum() >= NEARLY_ALL * fits.clear.sum()
    masks = "masks" if is_all else f"{moved.sum()} masks"
    numbers = {"masks": masks, "what": f"lie {where} what their images show", "chips": len(fits)}
    return [Sighting(numbers, [] if is_all else fits.named(moved))]


class SomeInvertedMasks(SingleMasks):
    """Masks that are mostly seep, and fit their images the wrong way round, among others that fit."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them."""
        fits = self.fits()
        if fits is None or fits.fitting_count < LEAST_FITTING or fits.inverted.sum() < LEAST_INVERTED:
            return []
        names = fits.named(fits.inverted)
        return [Sighting({"count": len(names), "chips": len(fits)}, names)]


class SomeUnrelatedMasks(SingleMasks):
    """Masks that fit nothing, among others that fit."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Name them, and say their share."""
        fits = self.fits()
        if fits is None or fits.fitting_count < LEAST_FITTING_SHARE * len(fits):
            return []
        names = fits.named(fits.nowhere)
        share = len(names) / len(fits)
        is_clear_cut = len(names) > fits.doubtful_count
        if not is_clear_cut or len(names) < LEAST_UNRELATED or share < LEAST_UNRELATED_SHARE:
            return []
        return [Sighting({"count": len(names), "chips": len(fits), "share": percent(share)}, names)]


def _direction_text(offset: Offset) -> str:
    """Where something lies that must be moved by an offset, such as `6 px right of and 4 px below`."""
    parts: list[Any] = []
    if offset.right:
        parts.append(f"{abs(offset.right):.0f} px {'left' if offset.right > 0 else 'right'} of")
    if offset.down:
        parts.append(f"{abs(offset.down):.0f} px {'above' if offset.down > 0 else 'below'}")
    return " and ".join(parts)
