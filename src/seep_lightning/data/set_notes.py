"""What was decided while the chips of a set were read: all chips must agree on it, and a person is told once."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seep_lightning.config.data import DataConfig
from seep_lightning.data.images import ChipNotes, is_grey
from seep_lightning.data.masks import MaskPixels
from seep_lightning.data.sizes import Size, fitted, size_of, size_text
from seep_lightning.data.surveys import alpha_error, unknown_values_error
from seep_lightning.scene.band_names import POLARISATIONS
from seep_lightning.scene.options import GREY

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# the attributes of `SetNotes` that are added up over blocks of chips
COUNTED_NOTES = (
    "chips",
    "colour_chips",
    "white_masks",
    "masks_with_ones",
    "inexact_masks",
    "inexact_pixels",
    "ignored_pixels",
    "declared_masks",
    "declared_pixels",
    "without_mask",
    "alpha_masks",
    "pixels",
    "cropped_pixels",
    "cropped_seep",
    "seep_pixels",
)


@dataclass
class SetNotes:
    """The notes of all chips together.

    Attributes:
        config: How the chips are read.
        chips: How many there are.
        colour_chips: How many were read as grey without being asked to.
        white_masks: How many masks had 255 taken for seep; `white_example` is the position of the first of them.
        masks_with_ones: How many masks held class 1 without being listed.
        inexact_pixels: Pixels of lossy masks that had none of the listed values, in `inexact_masks` masks.
        ignored_pixels: Pixels that are to be ignored by `data.mask_values`.
        declared_pixels: Pixels to be ignored since `declared_masks` masks declare their value, `declared_nodata`, as no
            data.
        without_mask: How many chips have no mask, and are read as sea everywhere.
        alpha_masks: How many masks have one colour throughout and an alpha band that varies; `alpha_example` is the
            position of the first of them.
        pixels: Pixels of all files.
        sizes: How many files have each size.
        meanings: How many chips have bands of each meaning, such as (`VV`,).
        cropped_pixels: Pixels that cropping leaves out, `cropped_seep` of them seep, of `seep_pixels` in all files.
    """

    config: DataConfig
    chips: int = 0
    colour_chips: int = 0
    white_masks: int = 0
    white_example: int = 0
    masks_with_ones: int = 0
    inexact_masks: int = 0
    inexact_pixels: int = 0
    ignored_pixels: int = 0
    declared_masks: int = 0
    declared_pixels: int = 0
    declared_nodata: float = 0
    without_mask: int = 0
    alpha_masks: int = 0
    alpha_example: int = 0
    pixels: int = 0
    sizes: Counter[Size] = field(default_factory=Counter)
    cropped_pixels: int = 0
    cropped_seep: int = 0
    seep_pixels: int = 0
    meanings: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, notes: ChipNotes) -> None:
        """Take the notes of the next chip."""
        mask = notes.mask
        if mask.white_is_seep and (mask.classes > 0).any():
            self.white_example = self.white_example if self.white_masks else self.chips
            self.white_masks += 1
        if notes.drawn_in_alpha:
            self.alpha_example = self.alpha_example if self.alpha_masks else self.chips
            self.alpha_masks += 1
        self.chips += 1
        self.without_mask += not notes.has_mask
        self.colour_chips += notes.was_colour
        self.masks_with_ones += mask.holds_ones
        self.inexact_masks += mask.inexact > 0
        self.inexact_pixels += mask.inexact
        self.pixels += mask.classes.size
        if mask.labelled is not None:
            self.ignored_pixels += int((~mask.labelled).sum())
        if mask.declared is not None:
            declared = int(mask.declared.where.sum())
            self.declared_masks += 1
            self.declared_nodata = mask.declared.nodata
            self.declared_pixels += declared
            self.ignored_pixels -= declared
        self.sizes[notes.file_size] += 1
        self.meanings[notes.meanings] += 1
        size = size_of(self.config.size)
        if size is not None:
            self._add_cropping(mask, size)

    def _add_cropping(self, mask: MaskPixels, size: Size) -> None:
        """Count what cropping leaves out of a chip."""
        seep = int(np.count_nonzero(mask.classes))
        height, width = mask.classes.shape
        self.seep_pixels += seep
        self.cropped_pixels += mask.classes.size - min(height, size[0]) * min(width, size[1])
        self.cropped_seep += seep - int(np.count_nonzero(fitted(mask.classes, size)))

    def merge(self, block: "SetNotes") -> None:
        """Take the notes of the chips that follow.

        Args:
            block: Their notes, with positions counted from the first of them.
        """
        if block.white_masks and not self.white_masks:
            self.white_example = self.chips + block.white_example
        if block.alpha_masks and not self.alpha_masks:
            self.alpha_example = self.chips + block.alpha_example
        if block.declared_masks:
            self.declared_nodata = block.declared_nodata
        for name in COUNTED_NOTES:
            setattr(self, name, getattr(self, name) + getattr(block, name))
        self.sizes.update(block.sizes)
        self.meanings.update(block.meanings)

    def check(self, chips: "Chips") -> None:
        """Check that the masks agree on what 255 is, and that they say something.

        Raises:
            UserError: Some masks say seep with 255, others with 1; or no mask's colours vary, but alpha bands do.
        """
        if self.white_masks and self.masks_with_ones:
            raise unknown_values_error(chips, chips.mask_of(self.white_example))
        in_alpha = alpha_error(chips, chips.mask_of(self.alpha_example)) if self.alpha_masks else None
        if in_alpha is not None:
            raise in_alpha

    def bands(self) -> list[int | str]:
        """The bands that a network of these chips takes: numbers or names, or `grey`."""
        bands = self.config.bands
        if self.colour_chips or is_grey(bands):
            return [GREY]
        return list(bands or [1])

    def band_meanings(self) -> list[str]:
        """What each of these bands is, such as `VV`; empty where the chips do not agree on it, or do not say."""
        by_band = zip(*self.meanings, strict=True)
        meanings: list[str] = []
        for different in (set(of_band) for of_band in by_band):
            meanings.append(different.pop() if len(different) == 1 else "")
        return meanings

    def lines(self, is_reviewed: bool) -> list[str]:
        """What a person is told, a line each.

        Args:
            is_reviewed: Whether a person declared what is no data, in a review of the labels.
        """
        return [
            *self._white_mask_lines(),
            *self._colour_lines(),
            *self._mixture_lines(),
            *self._inexact_mask_lines(),
            *self._ignored_lines(),
            *self._declared_nodata_lines(is_reviewed),
            *self._unpaired_lines(),
            *self._size_lines(),
        ]

    def _white_mask_lines(self) -> list[str]:
        """What is told of masks whose 255 is read as seep."""
        if not self.white_masks:
            return []
        return [
            f"{self.white_masks} masks hold 0 and 255 only: 255 is read as seep. "
            "'data.mask_values={255: 1}' says so explicitly."
        ]

    def _colour_lines(self) -> list[str]:
        """What is told of pictures that have colours."""
        if not self.colour_chips:
            return []
        return [
            f"{self.colour_chips} of {self.chips} pictures have colours, and are read as grey (luminance, ITU-R "
            "BT.601). data.bands=grey says so explicitly; data.bands=[1,2,3] takes the colours."
        ]

    def _inexact_mask_lines(self) -> list[str]:
        """What is told of masks that were compressed with loss."""
        if not self.inexact_masks:
            return []
        share = self.inexact_pixels / self.pixels
        return [
            f"{self.inexact_masks} masks are compressed with loss: {share:.2%} of all pixels had none of the "
            "values of data.mask_values, and were given the nearest one. Save masks as PNG where you can."
        ]

    def _ignored_lines(self) -> list[str]:
        """What is told of pixels that the config ignores."""
        if not self.ignored_pixels:
            return []
        share = self.ignored_pixels / self.pixels
        return [f"{share:.2%} of all pixels are ignored (data.mask_values): they count nowhere."]

    def _declared_nodata_lines(self, is_reviewed: bool) -> list[str]:
        """What is told of masks that declare a value as no data, which may have been meant as seep."""
        if not self.declared_masks:
            return []
        share = self.declared_pixels / self.pixels
        value = f"{self.declared_nodata:g}"
        may_be_seep = value.isdecimal() and not is_reviewed
        cure = f"; 'data.mask_values={{{value}: 1}}' would make it seep" if may_be_seep else ""
        return [
            f"{self.declared_masks} masks declare {value} as no data: {share:.2%} of all pixels are ignored for "
            f"it, and count nowhere{cure}."
        ]

    def _unpaired_lines(self) -> list[str]:
        """What is told of pictures without a mask."""
        if not self.without_mask:
            return []
        return [
            f"{self.without_mask} of {self.chips} pictures have no mask, and are read as sea everywhere "
            "(data.unpaired=empty)."
        ]

    def _mixture_lines(self) -> list[str]:
        """What is told where a band is one polarisation in some chips and another one in others."""
        by_polarisation: Counter[str] = Counter()
        for meanings, chips in self.meanings.items():
            polarisations = [meaning for meaning in meanings if meaning in POLARISATIONS]
            by_polarisation["+".join(polarisations)] += chips
        del by_polarisation[""]
        if len(by_polarisation) <= 1:
            return []
        counts = ", ".join(f"{name} in {chips} chips" for name, chips in by_polarisation.items())
        return [
            f"the chips are of different polarisations: {counts}. A name, such as data.bands=[VV], takes one of them "
            "from files that hold several."
        ]

    def _size_lines(self) -> list[str]:
        """What `data.size` does to chips of other sizes."""
        target = size_of(self.config.size)
        if target is None:
            return []
        padded = sum(count for size, count in self.sizes.items() if size[0] < target[0] or size[1] < target[1])
        cropped = sum(count for size, count in self.sizes.items() if size[0] > target[0] or size[1] > target[1])
        if not padded and not cropped:
            return []
        pixel_share = self.cropped_pixels / self.pixels
        seep_share = self.cropped_seep / max(self.seep_pixels, 1)
        return [
            f"data.size={size_text(target)}: of {self.chips} chips {padded} are padded with no data, and {cropped} are "
            f"cropped around their centre, which leaves out {pixel_share:.1%} of all pixels and {seep_share:.1%} of "
            "the seep."
        ]
