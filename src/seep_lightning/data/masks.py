"""What the pixels of masks mean: stored values and colours to classes, or to nobody's knowledge."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORED, IN_DATA, StoredValue, parsed_mask_values
from seep_lightning.data.decoding import DecodedFile
from seep_lightning.errors import UserError

# what programs for drawing write for "yes"
WHITE = 255
# Of a mask of floats: beyond it there is no integer of 64 bits, nor for NaN.
LARGEST_WHOLE_NUMBER = 2**62
# colours are packed into one number, above all grey values
_COLOUR_BASE = 1 << 48
_CHANNEL_BITS = 16
_CHANNEL_MASK = (1 << _CHANNEL_BITS) - 1
# larger numbers are hardly classes
MOST_CLASSES = 31
# the values that an error lists
MOST_LISTED = 8
# the types whose values are counted by a table
_COUNTED_TYPES = ("uint8", "uint16")


@dataclass(frozen=True)
class StoredMask:
    """The pixels of a mask before anybody says what they mean.

    Attributes:
        path: The file.
        values: (H, W) integers: numbers, or packed colours.
        palette: The colour of each number, (N, 3); None where numbers have none.
        is_lossy: Whether the compression may have changed values.
        declared: What the file declares as no data; None where that holds for no pixel, or has another meaning.
    """

    path: Path
    values: NDArray[Any]
    palette: NDArray[np.uint8] | None
    is_lossy: bool
    declared: "DeclaredPixels | None" = None


@dataclass(frozen=True)
class DeclaredPixels:
    """The pixels of a mask that its file declares to have no data; their values are 0.

    Attributes:
        nodata: The value that the file names.
        where: (H, W) bool.
    """

    nodata: float
    where: NDArray[np.bool_]


@dataclass(frozen=True)
class MaskPixels:
    """The pixels of a mask, read.

    Attributes:
        classes: (H, W) uint8: 0 for no seep, else the class; 0 where pixels are to be ignored.
        labelled: (H, W) bool: False where pixels are to be ignored; None where none are.
        white_is_seep: Whether 255 was taken for seep, because there was nothing else but 0.
        holds_ones: Whether 1 was taken for a class without being listed.
        inexact: Pixels that had none of the listed values, in a lossy file.
        declared: What the file declares as no data, which is ignored; None for no pixel.
    """

    classes: NDArray[np.uint8]
    labelled: NDArray[np.bool_] | None = None
    white_is_seep: bool = False
    holds_ones: bool = False
    inexact: int = 0
    declared: DeclaredPixels | None = None


class MaskValuesError(UserError):
    """A mask holds values of which nobody said what they mean."""


def stored_mask(decoded: DecodedFile, config: DataConfig) -> StoredMask:
    """Take a mask's values from its file.

    Args:
        decoded: The file.
        config: Names the band, and the values that have a meaning whatever the file declares.

    Returns:
        Numbers where it has one band or three equal ones, else colours.

    Raises:
        UserError: It has other bands, or numbers that are not whole.
    """
    indices = _value_bands(decoded, config.mask_band)
    bands = decoded.values[indices]
    nodatas = {decoded.nodatas[index] for index in indices}
    nodata = nodatas.pop() if len(nodatas) == 1 else None
    declared = _declared_pixels(bands, nodata, decoded.palette, config)
    if declared is not None:
        bands = np.where(declared.where, bands.dtype.type(0), bands)
    if bands.dtype.kind == "f":
        bands = _whole_numbers(bands, decoded.path)
    if len(bands) == 1 and bands.dtype.kind in "ui":
        return StoredMask(decoded.path, bands[0], decoded.palette, decoded.is_lossy, declared)
    if len(bands) != 3 or bands.dtype.kind != "u":
        raise UserError(
            f"data: mask {decoded.path} is {bands.dtype} with {len(bands)} band(s). "
            "Expected one band of whole numbers, or red, green and blue; data.mask_band=1 chooses one of several."
        )
    red, green, blue = bands
    if (red == green).all() and (green == blue).all():
        return StoredMask(decoded.path, red, None, decoded.is_lossy, declared)
    packed = red.astype(np.int64)
    for channel in (green, blue):
        packed = (packed << _CHANNEL_BITS) | channel
    return StoredMask(decoded.path, packed + _COLOUR_BASE, None, decoded.is_lossy, declared)


def _value_bands(decoded: DecodedFile, number: int | None) -> list[int]:
    """The indices of the bands that hold a mask's values: the chosen one, or all but alpha."""
    if number is None:
        return decoded.data_bands
    count = len(decoded.values)
    if number > count:
        raise UserError(
            f"data.mask_band={number}: mask {decoded.path} has {count} band(s). Pass 1 to {count}, or null for the "
            "only one, or for red, green and blue."
        )
    return [number - 1]


def _declared_pixels(
    bands: NDArray[Any], nodata: float | None, palette: NDArray[np.uint8] | None, config: DataConfig
) -> DeclaredPixels | None:
    """The pixels that a file's own nodata value leaves without a label; None for none."""
    if nodata is None or _has_meaning(nodata, palette, config):
        return None
    is_nodata = np.isnan(bands) if np.isnan(nodata) else bands == nodata
    where = is_nodata.all(axis=0)
    return DeclaredPixels(nodata, where) if where.any() else None


def _has_meaning(nodata: float, palette: NDArray[np.uint8] | None, config: DataConfig) -> bool:
    """Whether a value that a file declares as nodata is one that is listed, or the 0 of no seep.

    Many programs declare 0 as nodata where 0 is all that is not drawn. It is sea, unless another value is.
    """
    if not np.isfinite(nodata) or nodata != np.rint(nodata):
        return False
    number = int(nodata)
    if config.mask_values is None:
        return number == 0
    table = parsed_mask_values(config.mask_values, config.classes)
    _, colour = _number_and_colour(number, palette)
    if number in table or colour in table:
        return True
    return number == 0 and 0 not in table.values()


def is_drawn_in_alpha(decoded: DecodedFile) -> bool:
    """Whether a mask's colours are the same throughout, while its alpha band varies."""
    alpha = [index for index in range(len(decoded.values)) if index not in decoded.data_bands]
    if not alpha or not decoded.data_bands:
        return False
    colours, opacity = decoded.values[decoded.data_bands], decoded.values[alpha[0]]
    is_one_colour = bool((colours == colours[:, :1, :1]).all())
    return is_one_colour and opacity.min() < opacity.max()


def _whole_numbers(bands: NDArray[Any], path: Path) -> NDArray[Any]:
    """Floats as the integers that they are; `UserError` where they are none."""
    is_whole = (np.abs(bands) < LARGEST_WHOLE_NUMBER) & (bands == np.rint(bands))
    if not is_whole.all():
        example = bands[~is_whole][0]
        raise UserError(
            f"data: mask {path} is {bands.dtype} and holds {example}. "
            "Expected whole numbers: 0 for no seep, else the class. Probabilities need a threshold first."
        )
    return bands.astype(np.int64)


def read_classes(mask: StoredMask, config: DataConfig) -> MaskPixels:
    """Say what the pixels of a mask mean; what its file declares as no data is ignored.

    Args:
        mask: The mask.
        config: Names the classes.

    Returns:
        Classes, and pixels to be ignored.

    Raises:
        MaskValuesError: It holds a value that has no meaning.
        UserError: It is lossy, and nothing says which values there should be.
    """
    pixels = _read_values(mask, config)
    if mask.declared is None:
        return pixels
    labelled = ~mask.declared.where
    classes = np.where(labelled, pixels.classes, np.uint8(0))
    if pixels.labelled is not None:
        labelled &= pixels.labelled
    return replace(pixels, classes=classes, labelled=labelled, declared=mask.declared)


def _read_values(mask: StoredMask, config: DataConfig) -> MaskPixels:
    """What the values of a mask mean, by `data.mask_values` or, without it, by the usual meaning."""
    if config.mask_values is not None:
        return _by_table(mask, parsed_mask_values(config.mask_values, config.classes), config)
    if mask.is_lossy:
        raise UserError(
            f"data: mask {mask.path} is compressed with loss, so its values are not those that were drawn. Save masks "
            "as PNG or TIFF, or say which values there should be: 'data.mask_values={255: 1}' takes the nearest one."
        )
    if mask.values.dtype == np.uint8 and mask.values.max(initial=0) <= config.classes:
        # only where there is one class may 255 stand for it elsewhere
        holds_ones = config.classes == 1 and bool((mask.values == 1).any())
        return MaskPixels(mask.values, holds_ones=holds_ones)
    counts = _count(mask)
    met = set(counts)
    if config.classes == 1 and met <= {0, WHITE}:
        return MaskPixels((mask.values == WHITE).astype(np.uint8), white_is_seep=True)
    usual = set(range(config.classes + 1))
    if not met <= usual:
        raise MaskValuesError(unknown_values_text(mask.path, counts, config))
    return MaskPixels(mask.values.astype(np.uint8), holds_ones=1 in met)


def _by_table(mask: StoredMask, table: Mapping[StoredValue, int], config: DataConfig) -> MaskPixels:
    """What the pixels mean by a table."""
    values, positions, pixels = _distinct(mask.values)
    meanings = np.zeros(len(values), np.uint8)
    unknown = False
    inexact = 0
    for index, value in enumerate(values.tolist()):
        meaning = _meaning(value, mask.palette, table)
        if meaning is None and mask.is_lossy:
            meaning = _nearest_meaning(value, table)
            inexact += int(pixels[index])
        if meaning is None:
            unknown = True
            meaning = 0
        meanings[index] = meaning
    if unknown:
        raise MaskValuesError(unknown_values_text(mask.path, _count(mask), config))
    classes = meanings[positions]
    is_ignored = classes == IGNORED
    if not is_ignored.any():
        return MaskPixels(classes, inexact=inexact)
    classes[is_ignored] = 0
    return MaskPixels(classes, labelled=~is_ignored, inexact=inexact)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The different values, the position of each pixel's value among them, and how many pixels have each."""
    if values.dtype.name in _COUNTED_TYPES:
        counts = np.bincount(values.ravel())
        (met,) = np.nonzero(counts)
        place = np.zeros(len(counts), np.intp)
        place[met] = np.arange(len(met))
        return met, place[values], counts[met]
    met, positions, pixels = np.unique(values, return_inverse=True, return_counts=True)
    return met, positions.reshape(values.shape), pixels


def _meaning(value: int, palette: NDArray[np.uint8] | None, table: Mapping[StoredValue, int]) -> int | None:
    """The class of a number or packed colour, or `IGNORED`; None where the table has none. 0 and black are no seep."""
    number, colour = _number_and_colour(value, palette)
    if number is not None and number in table:
        return table[number]
    if colour in table:
        return table[colour]
    if number == 0 or (number is None and not any(colour)):
        return 0
    return None


def _number_and_colour(value: int, palette: NDArray[np.uint8] | None) -> tuple[int | None, tuple[int, int, int]]:
    """What a pixel is: its number, None for a colour that is no grey; and its colour."""
    if value >= _COLOUR_BASE:
        colour = _unpacked(value)
        is_grey = len(set(colour)) == 1
        return (colour[0] if is_grey else None), colour
    if palette is not None and 0 <= value < len(palette):
        red, green, blue = palette[value].tolist()
        return value, (red, green, blue)
    return value, (value, value, value)


def _unpacked(value: int) -> tuple[int, int, int]:
    """The colour that was packed into a number."""
    packed = value - _COLOUR_BASE
    red = packed >> (2 * _CHANNEL_BITS)
    green = (packed >> _CHANNEL_BITS) & _CHANNEL_MASK
    return red, green, packed & _CHANNEL_MASK


def _nearest_meaning(value: int, table: Mapping[StoredValue, int]) -> int:
    """The meaning of the listed value, or of 0, that is nearest to a value of a lossy file."""
    listed = dict(table)
    if not {0, (0, 0, 0)} & listed.keys():
        listed[0] = 0
    _, colour = _number_and_colour(value, None)

    def distance(candidate: StoredValue) -> int:
        other = candidate if isinstance(candidate, tuple) else (candidate, candidate, candidate)
        return sum((a - b) ** 2 for a, b in zip(colour, other, strict=True))

    return listed[min(listed, key=distance)]


def _count(mask: StoredMask) -> Counter[StoredValue]:
    """How many pixels have each value or colour."""
    values, _, pixels = _distinct(mask.values)
    counts: Counter[StoredValue] = Counter()
    for value, count in zip(values.tolist(), pixels.tolist(), strict=True):
        counts[shown_value(value)] += count
    return counts


def shown_value(value: int) -> StoredValue:
    """A stored value as a person names it: a number, or a colour."""
    number, colour = _number_and_colour(value, None)
    return colour if number is None else number


def met_values(decoded: DecodedFile, config: DataConfig) -> Counter[StoredValue]:
    """How many pixels of a mask have each value or colour; what its file declares as no data counts as 0.

    Raises:
        UserError: It is no mask.
    """
    return _count(stored_mask(decoded, config))


def unknown_values_text(
    path: Path, counts: Mapping[StoredValue, int], config: DataConfig, prefix: str = IN_DATA
) -> str:
    """What to say of a mask with values that have no meaning.

    Args:
        path: The mask.
        counts: The pixels of each value, of this mask or of all of the data set.
        config: Names the meanings.
        prefix: What stands before the key `mask_values`; a command without it has no number of classes.
    """
    wrong = next((value for value in counts if not _is_known(value, config)), next(iter(counts)))
    what = f"data.classes={config.classes} (0 = no seep, 1..{config.classes} = class)"
    if prefix != IN_DATA:
        what = "nothing says what it means"
    if config.mask_values is not None:
        what = f"{prefix}mask_values does not list it"
    example = f"{prefix}mask_values={_example(counts, config)}"
    cure = f"Say what each means, a class or ignore; an example, for you to correct: '{example}'"
    if config.mask_values is None and prefix == IN_DATA and _could_be_classes(counts):
        cure += ", or raise data.classes if each is a class of seep"
    subject = "data: mask" if prefix == IN_DATA else "mask"
    held = f"{subject} {path} holds the value {value_text(wrong)}, but {what}."
    return f"{held} Met are {values_text(counts)}. {cure}."


def _could_be_classes(values: Iterable[StoredValue]) -> bool:
    """Whether all values are small numbers, as classes are."""
    return all(isinstance(value, int) and 0 <= value <= MOST_CLASSES for value in values)


def _is_known(value: StoredValue, config: DataConfig) -> bool:
    """Whether a value has a meaning."""
    if config.mask_values is None:
        return isinstance(value, int) and 0 <= value <= config.classes
    table = parsed_mask_values(config.mask_values, config.classes)
    number = value if isinstance(value, int) else None
    colour = (value, value, value) if isinstance(value, int) else value
    return number in table or colour in table or not any(colour)


def values_text(counts: Mapping[StoredValue, int]) -> str:
    """The values with their counts, such as `0 (65,000 px), 255 (536 px)`; of many the most frequent."""
    by_frequency = sorted(counts, key=lambda value: -counts[value])
    shown = sorted(by_frequency[:MOST_LISTED], key=str) if len(counts) > MOST_LISTED else sorted(counts, key=_order)
    texts = [f"{value_text(value)} ({counts[value]:,} px)" for value in shown]
    hidden = len(counts) - len(shown)
    if hidden:
        texts.append(f"and {hidden} more values")
    return ", ".join(texts)


def _order(value: StoredValue) -> tuple[int, ...]:
    """Numbers first, by size; then colours."""
    return (0, value) if isinstance(value, int) else (1, *value)


def value_text(value: StoredValue) -> str:
    """A value as `data.mask_values` takes it."""
    if isinstance(value, int):
        return str(value)
    red, green, blue = value
    return f'"{red},{green},{blue}"'


def _example(counts: Mapping[StoredValue, int], config: DataConfig) -> str:
    """A meaning for each value: the most frequent is no seep, the next are classes, the rest ignored.

    More values than classes could be are halved: below the middle is no seep.
    """
    numbers = [value for value in counts if isinstance(value, int)]
    if len(numbers) == len(counts) > MOST_CLASSES + 1:
        low, high = min(numbers), max(numbers)
        middle = (low + high) // 2
        return f"{{{low}-{middle}: 0, {middle + 1}-{high}: 1}}"
    listed = {value_text(value): "ignore" for value in sorted(counts, key=_order)[: MOST_CLASSES + 1]}
    by_frequency = sorted(counts, key=lambda value: -counts[value])
    for meaning, value in enumerate(by_frequency[: config.classes + 1]):
        listed[value_text(value)] = str(meaning)
    if 0 in counts and by_frequency[0] == 0:
        listed.pop("0", None)
    pairs = ", ".join(f"{value}: {meaning}" for value, meaning in listed.items())
    return f"{{{pairs}}}"
