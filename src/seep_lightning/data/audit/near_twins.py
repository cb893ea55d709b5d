"""Pictures that are nearly the same, also mirrored or turned: found by a perceptual hash, confirmed by correlation.

The hash is the signs of the lowest 8 x 8 coefficients of the cosine transform of a 32 x 32 picture (after Zauner 2010,
"Implementation and benchmarking of perceptual image hash functions", but for signs instead of a median). A mirror image
turns the signs of odd coefficients, and a transposed picture transposes them, so that one transform gives all eight.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.audit.orientations import ORIENTATIONS, Orientation, oriented
from seep_lightning.data.images import ChipPixels, covers_all

# side of the picture that is hashed, and of its coefficients that are
REDUCED_SIDE = 32
HASH_SIDE = 8
# hashes are looked up by five pieces of 12 bits: what differs in up to 4 bits has one in common
PIECE_BITS = 12
PIECES = 5
# bits in which near twins may differ; those of unrelated pictures differ in 32 of 63, give or take 4
MOST_DIFFERENT_BITS = 9
# a piece that more pictures share than these says nothing
LARGEST_BUCKET = 256
# candidates that are looked up at once
LOOKUP_SIZE = 4096
# pictures that are hashed at once
BATCH = 64
# the share of data in a reduced pixel is counted in so many steps
MOST_DATA = np.uint8(255)
# a pair is confirmed by its pixels at this size, so that a copy may have been smoothed or resampled
CONFIRMED_SIDE = 64
# least correlation of reduced pictures, of pictures at that size, and of these less the mean of their surroundings
LEAST_REDUCED_CORRELATION = 0.8
LEAST_CORRELATION = 0.85
LEAST_DETAIL_CORRELATION = 0.4
# side of these surroundings, px
SURROUNDINGS = 7
# surroundings are flat if their variance is this share of the picture's; of the rest there must be enough to compare
FLAT_VARIANCE = 4e-4
LEAST_SHARE_TO_COMPARE = 0.1
# a reduced picture is kept in so many steps a standard deviation
STEPS_A_DEVIATION = 30
# of each orientation as many candidates are compared reduced, and of all as many by their pixels
MOST_CANDIDATES = 20000
MOST_CONFIRMED = 2000

Floats = NDArray[np.float32]


class NearTwins(NamedTuple):
    """Two chips with nearly the same picture.

    Attributes:
        first: The position of one in the data set.
        second: The position of the other, which is larger.
    """

    first: int
    second: int


def _squared(pixels: ChipPixels, side: int) -> Floats:
    """A chip's picture, the mean of its bands, as a square: float32, with its mean where there are no data."""
    bands = [_reduced(band, side) for band in pixels.finite_image]
    picture = bands[0].astype(np.float32)
    for band in bands[1:]:
        picture += band
    if covers_all(pixels.data):
        return picture
    share_of_data = _reduced(pixels.data.view(np.uint8) * MOST_DATA, side)
    has_data = share_of_data == MOST_DATA
    if has_data.any():
        picture[~has_data] = picture[has_data].mean()
    return picture


def _reduced(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """The means of a picture's parts, (side, side), of its type. Halving it takes a third of the time of one step."""
    while all(length % 2 == 0 and length >= 4 * side for length in picture.shape):
        height, width = picture.shape
        picture = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def _cosines() -> Floats:
    """The lowest waves of the cosine transform, (8, 32), the constant one first."""
    waves = np.arange(HASH_SIDE)[:, None]
    places = np.arange(REDUCED_SIDE) + 0.5
    return np.cos(np.pi / REDUCED_SIDE * waves * places).astype(np.float32)


def coefficients(pictures: Floats) -> Floats:
    """The lowest coefficients of the cosine transform of pictures (N, 32, 32): (N, 8, 8), not scaled."""
    cosines = _cosines()
    return np.asarray(cosines @ pictures @ cosines.T, np.float32)


def hashes(lowest: Floats, orientation: Orientation) -> NDArray[np.uint64]:
    """Hash pictures as if they were laid in another way.

    Args:
        lowest: The coefficients of all pictures, (N, 8, 8).
        orientation: The way.

    Returns:
        (N,) uint64; bit 0, of the mean, is 0.
    """
    turned = np.swapaxes(lowest, 1, 2) if orientation.transposed else lowest
    signs = np.ones((HASH_SIDE, HASH_SIDE), np.float32)
    if orientation.upside_down:
        signs[1::2] *= -1
    if orientation.mirrored:
        signs[:, 1::2] *= -1
    bits = (turned * signs > 0).reshape(len(lowest), -1)
    bits[:, 0] = False
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)[:, 0]


class TwinSearch:
    """Collects small pictures of chips, and finds the pairs that are nearly the same."""

    def __init__(self, chips: int) -> None:
        """Hold no picture yet.

        Args:
            chips: How many chips the data set has.
        """
        self._indices: list[int] = []
        self._waiting: list[int] = []
        self._waiting_pictures = np.zeros((BATCH, REDUCED_SIDE, REDUCED_SIDE), np.float32)
        # by the position of the chip; memory is taken only where something is written
        self._small = np.zeros((chips, REDUCED_SIDE, REDUCED_SIDE), np.int8)
        self._lowest = np.zeros((chips, HASH_SIDE, HASH_SIDE), np.float32)

    def add(self, index: int, pixels: ChipPixels) -> None:
        """Keep a small picture of a chip, unless all its pixels are the same.

        Args:
            index: The chip's position in the data set.
            pixels: Its pixels.
        """
        self._waiting_pictures[len(self._waiting)] = _squared(pixels, REDUCED_SIDE)
        self._waiting.append(index)
        if len(self._waiting) == BATCH:
            self._take_waiting()

    @property
    def indices(self) -> list[int]:
        """The positions of the chips that are compared."""
        self._take_waiting()
        return self._indices

    def _take_waiting(self) -> None:
        """Hash the pictures that wait, all at once."""
        pictures = self._waiting_pictures[: len(self._waiting)]
        is_kept = pictures.max(axis=(1, 2)) > pictures.min(axis=(1, 2))
        kept = np.array(self._waiting, np.int64)[is_kept]
        self._waiting.clear()
        self._indices += kept.tolist()
        pictures = pictures[is_kept]
        self._lowest[kept] = coefficients(pictures)
        # 30 steps a standard deviation are enough for a correlation
        pictures -= pictures.mean(axis=(1, 2), keepdims=True)
        pictures *= STEPS_A_DEVIATION / pictures.std(axis=(1, 2), keepdims=True)
        self._small[kept] = pictures.clip(-127, 127)

    def pairs(
        self,
        read: Callable[[int], ChipPixels],
        sides: Sequence[bool] | None = None,
        leave_out: Sequence[int] = (),
    ) -> list[NearTwins]:
        """Find near twins.

        Args:
            read: Reads the chip at a position, to confirm a pair by its pixels.
            sides: The side of each chip of the data set, where only pairs across the two matter; None for all pairs.
            leave_out: Positions of chips that are not compared, such as second copies of a picture.

        Returns:
            The pairs, in the order of their positions.
        """
        kept = np.array(sorted(set(self.indices) - set(leave_out)), np.int64)
        if len(kept) < 2:
            return []
        twins: dict[NearTwins, None] = {}
        for first, second, orientation in self._confirmed_by_reduction(kept, sides):
            pair = NearTwins(first, second)
            if pair not in twins and _same_pixels(read(first), read(second), orientation):
                twins[pair] = None
        return sorted(twins)

    def _confirmed_by_reduction(
        self, kept: NDArray[np.int64], sides: Sequence[bool] | None
    ) -> list[tuple[int, int, Orientation]]:
        """Pairs of chips (the smaller first), and how the second must be laid to look like the first."""
        kept_sides = None if sides is None else np.array(sides, bool)[kept]
        confirmed: list[tuple[int, int, Orientation]] = []
        lowest = self._lowest[kept]
        base = hashes(lowest, ORIENTATIONS[0])
        for orientation in ORIENTATIONS:
            for first, second in _candidates(base, hashes(lowest, orientation), kept_sides):
                one, other = int(kept[first]), int(kept[second])
                laid = oriented(self._small[other], orientation)
                if _correlation(self._small[one], laid) >= LEAST_REDUCED_CORRELATION:
                    confirmed.append((one, other, orientation))
        return confirmed[:MOST_CONFIRMED]


def _candidates(
    base: NDArray[np.uint64], turned: NDArray[np.uint64], sides: NDArray[np.bool_] | None
) -> Iterator[tuple[int, int]]:
    """Positions (i, j), i < j, where `base[i]` and `turned[j]` differ in a few bits only, of two sides if there are."""
    keys: list[NDArray[np.int64]] = []
    for piece in range(PIECES):
        shift = np.uint64(piece * PIECE_BITS + 1)
        mask = np.uint64((1 << PIECE_BITS) - 1)
        keys.append(_pairs_of_piece(base >> shift & mask, turned >> shift & mask, base, turned))
    unique = np.unique(np.concatenate(keys))
    count = len(base)
    if sides is not None:
        unique = unique[sides[unique // count] != sides[unique % count]]
    for key in unique[:MOST_CANDIDATES].tolist():
        yield divmod(key, count)


def _pairs_of_piece(
    base_piece: NDArray[np.uint64],
    turned_piece: NDArray[np.uint64],
    base: NDArray[np.uint64],
    turned: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """Pairs that have one piece of the hash in common and are near, as i * N + j."""
    order = np.argsort(base_piece, kind="stable")
    in_order = base_piece[order]
    keys = [np.zeros(0, np.int64)]
    for start in range(0, len(base), LOOKUP_SIZE):
        some = turned_piece[start : start + LOOKUP_SIZE]
        left = np.searchsorted(in_order, some, "left")
        right = np.searchsorted(in_order, some, "right")
        lengths = np.minimum(right - left, LARGEST_BUCKET)
        second = np.repeat(np.arange(start, start + len(some)), lengths)
        # 0, 1, 2 ... within each bucket
        step = np.arange(len(second)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        first = order[np.repeat(left, lengths) + step]
        different = np.bitwise_count(base[first] ^ turned[second])
        near = (different <= MOST_DIFFERENT_BITS) & (first < second)
        keys.append(first[near] * len(base) + second[near])
    return np.concatenate(keys)


def _standardised(picture: Floats) -> Floats:
    """Shift and scale to mean 0 and standard deviation 1; zeros for a constant picture."""
    centred = picture - picture.mean()
    deviation = centred.std()
    return centred / deviation if deviation > 0 else np.zeros_like(centred)


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The correlation of two pictures of one shape; 0 where one is constant."""
    first = _standardised(a.astype(np.float32))
    second = _standardised(b.astype(np.float32))
    return float((first * second).mean())


def _same_pixels(a: ChipPixels, b: ChipPixels, orientation: Orientation) -> bool:
    """Whether two chips show the same, down to their details: two days at one place do not."""
    first = _squared(a, CONFIRMED_SIDE)
    second = np.ascontiguousarray(oriented(_squared(b, CONFIRMED_SIDE), orientation))
    shows_something = ~(_flat_parts(first) | _flat_parts(second))
    if shows_something.mean() < LEAST_SHARE_TO_COMPARE:
        return False
    first = _without_outliers(first, shows_something)
    second = _without_outliers(second, shows_something)
    if _correlation(first[shows_something], second[shows_something]) < LEAST_CORRELATION:
        return False
    first_details = _details(first)[shows_something]
    second_details = _details(second)[shows_something]
    return _correlation(first_details, second_details) >= LEAST_DETAIL_CORRELATION


def _flat_parts(picture: Floats) -> NDArray[np.bool_]:
    """Where a picture has one value all around, as outside a swath: such parts are alike in all chips."""
    standard = _standardised(picture)
    variance = _mean_around(standard * standard) - _mean_around(standard) ** 2
    is_flat = (variance < FLAT_VARIANCE).astype(np.uint8)
    # and a little more, since their edges are alike, too
    width = SURROUNDINGS + 2
    grown = cv2.dilate(is_flat, np.ones((width, width), np.uint8))
    return np.asarray(grown > 0)


def _without_outliers(picture: Floats, compared: NDArray[np.bool_]) -> Floats:
    """Clip at the 1 and 99 % quantiles of what is compared, so that no ship decides."""
    low, high = np.quantile(picture[compared], (0.01, 0.99))
    clipped: Floats = picture.clip(low, high)
    return clipped


def _details(picture: Floats) -> Floats:
    """A picture less the mean of the surroundings of each pixel."""
    return picture - _mean_around(picture)


def _mean_around(picture: Floats) -> Floats:
    """The mean of the surroundings of each pixel."""
    return np.asarray(cv2.blur(picture, (SURROUNDINGS, SURROUNDINGS)), np.float32)
