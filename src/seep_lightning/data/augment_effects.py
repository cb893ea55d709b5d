"""What an augmentation does to chips of known values: whether it puts them on another scale, or writes false labels.

Validation chips never go through it, so nothing else would tell. A probe has two levels of brightness, one of its seep
and one of its sea. Wherever an augmentation moves the pixels, the median of what the mask calls seep, and that of what
it calls sea, tell how it changed the values.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]
Valid = NDArray[np.bool_]

APPLIED_DRAWS = 8
"""Draws of a transform by itself."""
WHOLE_DRAWS = 16
"""Draws of a whole augmentation, in which each transform is applied by chance."""

FEWEST_PIXELS = 20
"""Of seep and of sea: with fewer, a draw tells no levels."""
ENOUGH_PIXELS = 4000
"""Of seep and of sea, for their medians."""

LOWEST, HIGHEST = -0.25, 1.25
"""Levels beyond these are not on the scale of 0..1 any more, whatever noise there is."""
LEAST_GAIN, MOST_GAIN = 2 / 3, 1.5
MOST_OFFSET = 0.2
"""How far at least one of many draws must be from the chip as it is: gain of the contrast, and offset of the mean."""
EXTREME_GAINS = (0.2, 3.0)
SAME = 0.01
"""Levels that differ by less are taken to be the same."""


class Chip(NamedTuple):
    """A chip: image (C, H, W) float32 in 0..1, mask (H, W) uint8, valid (H, W) bool."""

    image: Image
    mask: Mask
    valid: Valid


class Levels(NamedTuple):
    """The median values of a chip's seep and sea."""

    seep: float
    sea: float

    def gain_over(self, before: "Levels") -> float:
        """By how much the contrast between seep and sea grew; negative where they changed sides."""
        return (self.sea - self.seep) / (before.sea - before.seep)

    def offset_from(self, before: "Levels") -> float:
        """By how much the mean of both levels moved."""
        return (self.sea + self.seep - before.sea - before.seep) / 2


class Probe(NamedTuple):
    """A chip of known levels."""

    chip: Chip
    levels: Levels


Transform = Callable[[Chip, int], Chip | None]
"""Makes of a chip another one, by the number of the draw; None where it fails."""


def wide_probe(size: tuple[int, int], bands: int, label: int) -> Probe:
    """A chip whose values take most of the scale, and whose seep is of one class.

    Args:
        size: Height and width, px.
        bands: How many bands it has.
        label: The class of its seep.
    """
    return _probe(size, bands, label, Levels(0.3, 0.7), noise=0.05)


def narrow_probe(size: tuple[int, int], bands: int, label: int) -> Probe:
    """As `wide_probe`, of values as near to each other as radar chips have them."""
    return _probe(size, bands, label, Levels(0.42, 0.48), noise=0.01)


def _probe(size: tuple[int, int], bands: int, label: int, levels: Levels, noise: float) -> Probe:
    height, width = size
    mask = np.zeros(size, np.uint8)
    # in a corner and not square, so that no flip or turn brings it back to its place
    mask[: height // 2, : 2 * width // 3] = label
    values = np.where(mask > 0, levels.seep, levels.sea)
    rng = np.random.default_rng(0)
    image = values + rng.normal(0, noise, (bands, *size))
    return Probe(Chip(image.astype(np.float32), mask, np.ones(size, bool)), levels)


def false_labels(transform: Transform, probe: Probe, draws: int) -> str | None:
    """What is wrong with the masks that a transform makes: values that are no class of the chip.

    Args:
        transform: The transform.
        probe: A chip with one class of seep.
        draws: How often it is tried.

    Returns:
        The fault as a clause whose subject is the transform; None where there is none.
    """
    known = {0, int(probe.chip.mask.max())}
    for chip in _draws(transform, probe.chip, draws):
        values = set(np.unique(chip.mask).tolist()) - known
        if values:
            listed = ", ".join(str(value) for value in sorted(values)[:3])
            return (
                f"writes {listed} into a mask of {_and(known)}: what it fills, or mixes of two classes, would count as "
                "seep. Leave fill_mask at 0 and mask_interpolation at nearest (0)."
            )
    return None


def invented_pixels(transform: Transform, probe: Probe, draws: int) -> str | None:
    """Whether a transform of geometry makes seep of sea, or data of nodata, such as with `fill_mask=1`.

    Args:
        transform: The transform.
        probe: A chip; its mask and its data are left out.
        draws: How often it is tried.

    Returns:
        As `false_labels`.
    """
    nothing = Chip(probe.chip.image, np.zeros_like(probe.chip.mask), np.zeros_like(probe.chip.valid))
    for chip in _draws(transform, nothing, draws):
        if chip.mask.any():
            return "makes seep where the mask holds none: what it fills would count as seep. Leave fill_mask at 0."
        if chip.valid.any():
            return "makes data where the chip has none: what it fills would count in the loss. Leave fill_mask at 0."
    return None


def other_scale(transform: Transform, wide: Probe, narrow: Probe, draws: int) -> str | None:
    """Whether a transform puts values on another scale than that of validation chips, whenever it is applied.

    So it is where values leave 0..1, or where each chip is scaled by the same line, such as by `1 / 255`.

    Args:
        transform: The transform.
        wide: A probe.
        narrow: A probe of other levels.
        draws: How often it is tried.

    Returns:
        As `false_labels`.
    """
    of_wide = measure(transform, wide, draws)
    of_narrow = measure(transform, narrow, draws)
    if not of_wide or not of_narrow:
        return None
    leaves_scale = all(min(levels) < LOWEST or max(levels) > HIGHEST for levels in of_wide)
    if leaves_scale or _is_same_line(of_wide, of_narrow, wide, narrow):
        return _changed_levels(wide.levels, of_wide[0])
    return None


def _is_same_line(of_wide: Sequence[Levels], of_narrow: Sequence[Levels], wide: Probe, narrow: Probe) -> bool:
    """Whether all values of all draws lie on one rising line, and that is not the one of a chip as it is."""
    gain = of_wide[0].gain_over(wide.levels)
    start = of_wide[0].seep - gain * wide.levels.seep
    for measured, before in ((of_wide, wide.levels), (of_narrow, narrow.levels)):
        expected = (start + gain * before.seep, start + gain * before.sea)
        differences = np.abs(np.array(measured) - expected)
        if differences.max() > SAME * max(abs(gain), 1):
            return False
    offset = of_wide[0].offset_from(wide.levels)
    is_far = abs(gain - 1) > 0.25 or abs(offset) > MOST_OFFSET / 2
    # an inversion by chance is somebody's choice; one of every chip is found by `never_as_it_is`
    return gain > 0 and is_far


def measure(transform: Transform, probe: Probe, draws: int) -> Sequence[Levels]:
    """The levels that a transform makes of a probe's.

    Args:
        transform: The transform.
        probe: The probe.
        draws: How often it is tried.

    Returns:
        Those of each draw that leaves enough seep and sea to tell them.
    """
    return _levels_of(_draws(transform, probe.chip, draws))


def has_extremes(measured: Sequence[Levels], before: Levels) -> bool:
    """Whether some draw leaves the scale of 0..1, or changes the contrast as no usual augmentation does.

    Args:
        measured: Levels that the whole augmentation made: a step that follows may bring back what one has scaled.
        before: Those of the probe.
    """
    least, most = EXTREME_GAINS
    for levels in measured:
        leaves_scale = min(levels) < LOWEST or max(levels) > HIGHEST
        gain = levels.gain_over(before)
        if leaves_scale or not least <= abs(gain) <= most:
            return True
    return False


def never_as_it_is(measured: Sequence[Levels], before: Levels) -> str | None:
    """Whether every training chip is darkened, stretched or inverted, so that none is as validation chips are.

    Random draws lie on both sides of the chip as it is, or some are near to it.

    Args:
        measured: Levels that the augmentation, or one of its transforms, made.
        before: Those of the probe.

    Returns:
        As `false_labels`.
    """
    if not measured:
        return None
    gains = [levels.gain_over(before) for levels in measured]
    offsets = [levels.offset_from(before) for levels in measured]
    straddles_gain = min(gains) <= MOST_GAIN and max(gains) >= LEAST_GAIN
    straddles_offset = min(offsets) <= MOST_OFFSET and max(offsets) >= -MOST_OFFSET
    if straddles_gain and straddles_offset:
        return None
    return _changed_levels(before, measured[0])


def _changed_levels(before: Levels, after: Levels) -> str:
    return (
        f"makes {after.seep:.3g} and {after.sea:.3g} of the values {before.seep} and {before.sea}, in training alone: "
        "validation and prediction see chips as they are. Leave it out (data.normalise scales all chips alike), or "
        "let it vary around them."
    )


def _draws(transform: Transform, chip: Chip, draws: int) -> list[Chip]:
    """What becomes of a chip in so many draws, without those that fail."""
    made = [transform(chip, draw) for draw in range(draws)]
    return [chip for chip in made if chip is not None]


def _levels_of(chips: Iterable[Chip]) -> list[Levels]:
    """The levels of chips, without those that hold too little seep or sea."""
    measured = []
    for chip in chips:
        seep = _some_values(chip, (chip.mask > 0) & chip.valid)
        sea = _some_values(chip, (chip.mask == 0) & chip.valid)
        if min(seep.size, sea.size) >= FEWEST_PIXELS:
            measured.append(Levels(float(np.median(seep)), float(np.median(sea))))
    return measured


def _some_values(chip: Chip, where: Valid) -> Image:
    """The values (C, n) of some pixels of a part of a chip, evenly spread; their median takes less time."""
    pixels = np.flatnonzero(where)
    step = max(len(pixels) // ENOUGH_PIXELS, 1)
    return chip.image.reshape(len(chip.image), -1)[:, pixels[::step]]


def _and(values: Iterable[int]) -> str:
    return " and ".join(str(value) for value in sorted(values))
