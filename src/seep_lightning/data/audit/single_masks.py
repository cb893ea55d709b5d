"""How well single masks lie on their images: what is wrong with some of them, where the others fit.

A mask is shifted over its image, and the height of the best fit is set against what other places give by chance. Of
right masks of slicks 80 to 95 % stand out so clearly that each tells its own offset (docs/data.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.audit.alignment import LEAST_OFFSET, LEAST_PIXELS, SMALLEST_SIDE, Floats, Offset
from seep_lightning.data.audit.trap import AuditedChip, EvenSample

# a fit is clear so many standard deviations of chance above 0: of masks of other images 1 in 20 reaches it
CLEAR = 4.5
# a mask fits no better than chance below it: 7 of 8 masks of other images, and 1 of 100 right ones
CHANCE = 1.0
# a mask fits the wrong way round from here on
OPPOSITE = -3.0
# a mask lies elsewhere where it would fit so much better
LEAST_IMPROVEMENT = 1.5
# chips that must fit before anything is said of the others
LEAST_FITTING = 3
# more of a mask than this is seep where it is inverted
HALF = 0.5


@dataclass(frozen=True)
class MaskFits:
    """How well masks lie on their images, N chips of one size.

    Attributes:
        names: What the chips are called, N.
        seep_shares: How much of each is seep, (N,).
        at_zero: How well each mask fits where it lies, in standard deviations of chance, (N,).
        peaks: How well it fits at the best offset, (N,).
        offsets: That offset, down and right, px of a chip, (N, 2).
        pixel: To how many px an offset is known.
    """

    names: list[str]
    seep_shares: Floats
    at_zero: Floats
    peaks: Floats
    offsets: Floats
    pixel: float

    def __len__(self) -> int:
        return len(self.names)

    def named(self, chosen: NDArray[np.bool_]) -> list[str]:
        """The names of the chosen chips."""
        return [self.names[index] for index in np.flatnonzero(chosen)]

    @property
    def clear(self) -> NDArray[np.bool_]:
        """(N,) bool: masks that clearly fit, here or at another place."""
        return self.peaks >= CLEAR

    @property
    def fitting_count(self) -> int:
        """How many masks clearly fit where they lie."""
        return int((self.at_zero >= CLEAR).sum())

    @property
    def inverted(self) -> NDArray[np.bool_]:
        """(N,) bool: masks that are mostly seep, and fit the wrong way round."""
        return (self.seep_shares > HALF) & (self.at_zero <= OPPOSITE)

    @property
    def elsewhere(self) -> NDArray[np.bool_]:
        """(N,) bool: masks that clearly fit at another place."""
        lengths = np.hypot(self.offsets[:, 0], self.offsets[:, 1])
        is_far: NDArray[np.bool_] = lengths >= max(LEAST_PIXELS * self.pixel, LEAST_OFFSET)
        return is_far & self.clear & (self.peaks - self.at_zero >= LEAST_IMPROVEMENT)

    @property
    def nowhere(self) -> NDArray[np.bool_]:
        """(N,) bool: masks that fit no better than chance, here or at another place, nor the wrong way round."""
        may_be_inverted = (self.seep_shares > HALF) & (self.at_zero < 0)
        return (self.at_zero < CHANCE) & ~self.clear & ~may_be_inverted

    @property
    def doubtful_count(self) -> int:
        """How many masks fit where they lie, but not clearly: many where speckle hides what is there."""
        return int(((self.at_zero >= CHANCE) & (self.at_zero < CLEAR)).sum())

    def common_offset(self, chosen: NDArray[np.bool_]) -> tuple[Offset, NDArray[np.bool_]]:
        """The offset on which most of the chosen chips, one at least, agree; and which of all chips these are, (N,)."""
        offsets = self.offsets[chosen]
        # (chosen, N)
        distances = np.hypot(*(offsets[:, None] - self.offsets).transpose(2, 0, 1))
        agree = (distances <= LEAST_PIXELS * self.pixel) & chosen
        most = agree[agree.sum(axis=1).argmax()]
        down, right = np.median(self.offsets[most], axis=0).tolist()
        return Offset(down, right), most


class SingleMasks:
    """Looks at chips with seep and sea, evenly taken from the set."""

    def __init__(self, config: DataConfig, chips: int) -> None:
        """Look at nothing yet."""
        self.sample = EvenSample(chips)
        self.names: list[str] = []
        self.seep_shares: list[float] = []
        self.scores: list[Floats] = []
        self.size = (0, 0)
        self.pixel = 1.0

    def add(self, chip: AuditedChip) -> None:
        """Look at the chip, unless it is too small, or of another size than the first one."""
        if chip not in self.sample or not chip.has_seep_and_sea:
            return
        comparison = chip.comparison
        if not self.names:
            self.size, self.pixel = comparison.size, comparison.pixel
        if comparison.side >= SMALLEST_SIDE and comparison.size == self.size:
            self.names.append(chip.name)
            self.seep_shares.append(chip.seep_pixels / chip.pixels.mask.size)
            self.scores.append(comparison.scores)

    def fits(self) -> MaskFits | None:
        """How well the masks lie; None where there are too few to know."""
        if len(self.names) < LEAST_FITTING:
            return None
        scores = np.stack(self.scores)
        seep_shares = np.array(self.seep_shares, np.float32)
        if _seep_is_bright(scores[seep_shares <= HALF]):
            scores = -scores
        centre = scores.shape[1] // 2
        by_offset = scores.reshape(len(scores), -1)
        places = np.divmod(by_offset.argmax(axis=1), scores.shape[2])
        offsets = (np.stack(places, axis=1) - centre) * self.pixel
        return MaskFits(self.names, seep_shares, scores[:, centre, centre], by_offset.max(axis=1), offsets, self.pixel)


def _seep_is_bright(scores: Floats) -> bool:
    """Whether seep is brighter than its surroundings in most chips, by their fits (N, rows, columns)."""
    if not len(scores):
        return False
    lowest = -scores.min(axis=(1, 2))
    highest = scores.max(axis=(1, 2))
    return bool(lowest.sum() > highest.sum())
