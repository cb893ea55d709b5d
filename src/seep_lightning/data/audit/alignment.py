"""Where masks would lie best on their images: the correlation of seep with darkness at each offset.

The cross-spectra of many chips are added up before one inverse transform, so that speckle averages out.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.audit.orientations import ORIENTATIONS, oriented
from seep_lightning.data.images import ChipPixels, covers_all

# sides of the reduced pictures that are compared, px: at most, and at least
LARGEST_SIDE = 128
SMALLEST_SIDE = 32
# a value so many standard deviations from the mean is as dark or bright as can be
LARGEST_CONTRAST = 3.0
# a reduced pixel has data where so much of it has
LEAST_DATA_SHARE = 0.99
# chips are dealt out to so many groups, which have to agree
GROUPS = 4
# fewer chips with seep say nothing
LEAST_CHIPS = 16
# the mean over this share of the side is taken off a mask, so that its edges count
SURROUNDINGS_SHARE = 0.2
# masks are told to be shifted from so many reduced pixels and px on
LEAST_PIXELS = 1.9
LEAST_OFFSET = 3.0
# the standard deviation of normal values, in medians of their absolute values
DEVIATION_OF_MEDIAN = 1.4826
# a peak must stand so many standard deviations above the median offset: those of masks that fit stand 7 to 20 above it,
# those of masks that belong to other images 2 to 4
LEAST_PEAK = 4.5

Floats = NDArray[np.float32]
Spectra = NDArray[np.complex128]


class Offset(NamedTuple):
    """How far a mask must be moved to lie best on its image, px."""

    down: float
    right: float

    @property
    def length(self) -> float:
        """Its length, px."""
        return float(np.hypot(self.down, self.right))

    def minus(self, other: "Offset") -> "Offset":
        """The way from another offset to this one."""
        return Offset(self.down - other.down, self.right - other.right)


class Peak(NamedTuple):
    """The highest point of a correlation.

    Attributes:
        offset: Where it is.
        gain: Its height over that of offset 0; infinite where that is not above 0.
        height: Its height over the median of all offsets, in standard deviations of all offsets.
    """

    offset: Offset
    gain: float
    height: float


def _darkness(pixels: ChipPixels, side: int) -> Floats:
    """How dark each pixel of a reduced chip is, (side, side), of mean 0 and standard deviation 1; 0 without data."""
    bands = [cv2.resize(band, (side, side), interpolation=cv2.INTER_AREA) for band in pixels.finite_image]
    small: Floats = np.stack(bands).mean(axis=0, dtype=np.float32)
    if not covers_all(pixels.data):
        share = cv2.resize(pixels.data.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        data = share > LEAST_DATA_SHARE
        if not data.any():
            return np.zeros_like(small)
        small = np.where(data, small, small[data].mean())
    # twice, so that ships do not decide what is dark
    return _standardised(_standardised(-small))


def _standardised(picture: Floats) -> Floats:
    """Shift and scale to mean 0 and standard deviation 1, and clip."""
    centred = picture - picture.mean()
    centred /= max(float(centred.std()), 1e-6)
    return np.asarray(np.clip(centred, -LARGEST_CONTRAST, LARGEST_CONTRAST), np.float32)


def _edges(mask: NDArray[np.uint8], side: int) -> Floats:
    """A reduced mask of seep (1) and sea (0) less its surroundings, (side, side), of length 1."""
    seep = (mask > 0).astype(np.float32)
    small = cv2.resize(seep, (side, side), interpolation=cv2.INTER_AREA)
    width = round(SURROUNDINGS_SHARE * side)
    edges = small - cv2.blur(small, (width, width))
    edges -= edges.mean()
    length = max(float(np.sqrt((edges * edges).sum())), 1e-6)
    return np.asarray(edges / length, np.float32)


def _halved(picture: Floats) -> Floats:
    """A picture of half the side."""
    side = len(picture) // 2
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _in_quadrants(picture: Floats) -> Floats:
    """(side, side) as (2, 2, side / 2, side / 2)."""
    half = len(picture) // 2
    return picture.reshape(2, half, 2, half).swapaxes(1, 2)


class Comparison(NamedTuple):
    """How well a mask lies on its image.

    Attributes:
        size: Height and width of the chip, px.
        side: Of the reduced picture, px.
        spectra: The cross-spectrum of darkness and edges of seep in each quadrant, (2, 2, side / 2, side / 4 + 1).
        fits: The product of both with the mask laid in each of `ORIENTATIONS`, (8,).
    """

    size: tuple[int, int]
    side: int
    spectra: Spectra
    fits: NDArray[np.float64]

    @property
    def pixel(self) -> float:
        """The side of a reduced pixel, px of a chip: an offset is known to about half of it."""
        return max(self.size) / max(self.side, 1)

    @property
    def scores(self) -> Floats:
        """How well seep fits dark pixels at each offset up to an eighth of the side, in standard deviations of chance.

        (R, R) with offset 0 in the middle.
        """
        by_offset = _by_offset(self.spectra.sum(axis=(0, 1)))
        chance = DEVIATION_OF_MEDIAN * float(np.median(np.abs(by_offset)))
        return np.asarray(_near(by_offset) / max(chance, 1e-6), np.float32)


def compare(pixels: ChipPixels) -> Comparison:
    """Compare the mask of a chip with its image."""
    height, width = pixels.mask.shape
    # an even side has quadrants
    side = min(LARGEST_SIDE, height, width) // 2 * 2
    dark = _darkness(pixels, side)
    edges = _edges(pixels.mask, side)
    dark_spectra = np.fft.rfft2(_in_quadrants(dark))
    edge_spectra = np.fft.rfft2(_in_quadrants(edges))
    coarse_dark = _halved(dark)
    coarse_edges = _halved(edges)
    fits = [float((oriented(coarse_edges, orientation) * coarse_dark).sum()) for orientation in ORIENTATIONS]
    return Comparison((height, width), side, dark_spectra * edge_spectra.conj(), np.array(fits))


def _by_offset(spectrum: Spectra) -> NDArray[np.float64]:
    """The correlation that a spectrum (side, side / 2 + 1) stands for, (side, side) with offset 0 in the middle."""
    side = len(spectrum)
    return np.fft.fftshift(np.fft.irfft2(spectrum, (side, side)))


def _near(by_offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """The offsets up to a quarter of the side, with offset 0 in the middle."""
    centre, reach = len(by_offset) // 2, len(by_offset) // 4
    rows = slice(centre - reach, centre + reach + 1)
    return by_offset[rows, rows]


class Alignment:
    """Adds up how well the masks of a data set lie on their images, for all offsets and all eight orientations.

    Attributes:
        chips: How many chips were added.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.chips = 0
        self._size = (0, 0)
        self._side = 0
        # (group, row, column) of the quadrant, each the spectrum of half a side
        self._quadrants: Spectra = np.zeros(0, complex)
        self._fits = np.zeros((GROUPS, len(ORIENTATIONS)))

    def add(self, comparison: Comparison) -> None:
        """Add a chip that has seep, unless it is too small, or of another size than the first one."""
        if comparison.side < SMALLEST_SIDE:
            return
        if self.chips == 0:
            self._size = comparison.size
            self._side = comparison.side
            self._quadrants = np.zeros((GROUPS, *comparison.spectra.shape), complex)
        if comparison.size != self._size:
            return
        group = self.chips % GROUPS
        self.chips += 1
        self._quadrants[group] += comparison.spectra
        self._fits[group] += comparison.fits

    @property
    def pixel(self) -> float:
        """The side of a reduced pixel, px of a chip: an offset is known to about half of it."""
        return max(self._size) / max(self._side, 1)

    @property
    def distance_of_quadrants(self) -> float:
        """From the centre of a quadrant to that of the next one, px of a chip."""
        return max(self._size) / 2

    @property
    def says_anything(self) -> bool:
        """Whether there were enough chips."""
        return self.chips >= LEAST_CHIPS

    def peaks(self) -> list[Peak]:
        """The peak over all chips, then that of each group."""
        by_group = self._quadrants.sum(axis=(1, 2))
        return [self._peak(spectrum) for spectrum in [by_group.sum(axis=0), *by_group]]

    def quadrant_peaks(self) -> list[list[Peak]]:
        """The peaks over all chips in each quadrant, rows of columns."""
        total = self._quadrants.sum(axis=0)
        return [[self._peak(spectrum) for spectrum in row] for row in total]

    def orientations(self) -> NDArray[np.float64]:
        """How well masks fit in each of `ORIENTATIONS`, by group: (GROUPS, 8)."""
        return self._fits

    def _peak(self, spectrum: Spectra) -> Peak:
        """The highest point up to a quarter of the side away."""
        by_offset = _by_offset(spectrum)
        if self._seep_is_bright():
            by_offset = -by_offset
        near = _near(by_offset)
        row, column = np.unravel_index(near.argmax(), near.shape)
        height, width = self._size
        reach = len(near) // 2
        offset = Offset(float(row - reach) * height / self._side, float(column - reach) * width / self._side)
        highest = float(near.max())
        at_zero = float(near[reach, reach])
        gain = highest / at_zero if at_zero > 0 else np.inf
        spread = max(float(by_offset.std()), 1e-12)
        return Peak(offset, gain, (highest - float(np.median(by_offset))) / spread)

    def _seep_is_bright(self) -> bool:
        """Whether seep is brighter than its surroundings, as in the glint of the sun: it is compared as it is."""
        by_offset = _by_offset(self._quadrants.sum(axis=(0, 1, 2)))
        return bool(-by_offset.min() > by_offset.max())
