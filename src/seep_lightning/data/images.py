"""Chips as files: reading images and masks, with what is wrong told in one sentence; writing them whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORED
from seep_lightning.data.decoding import DecodedFile, check_same_place, decode
from seep_lightning.data.masks import MaskPixels, is_drawn_in_alpha, read_classes, stored_mask
from seep_lightning.data.normalise import FULL_SCALE
from seep_lightning.data.sizes import Size, fitted, size_of, size_text
from seep_lightning.errors import UserError
from seep_lightning.files import write_whole
from seep_lightning.scene.band_names import band_numbers
from seep_lightning.scene.colours import grey_bands, grey_values, luminance_of_palette
from seep_lightning.scene.nodata import nodata_values, pixels_with_data
from seep_lightning.scene.options import GREY
from seep_lightning.scene.raster import GDAL_TYPES, amplitude
from seep_lightning.scene.scaling import Scaling


def write_image(path: Path, array: NDArray[Any]) -> None:
    """Write a whole image file, in the format that its suffix names.

    Args:
        path: The file.
        array: (H, W), or (H, W, 3) in OpenCV's order blue, green, red.
    """
    # without waiting for the disk: there may be thousands
    write_whole(path, encoded_image(array, path.suffix), sync=False)


def encoded_image(array: NDArray[Any], suffix: str) -> bytes:
    """The bytes of an image file; `cv2.imwrite` would miss a full disk.

    Args:
        array: (H, W), or (H, W, 3) in OpenCV's order blue, green, red.
        suffix: Names the format, such as `.png`.
    """
    _, encoded = cv2.imencode(suffix, array)
    return encoded.tobytes()


class ChipPixels(NamedTuple):
    """The pixels of one chip.

    `data` and `labelled` may be read-only arrays without memory of their own, where they are True throughout.

    Attributes:
        image: (C, H, W) uint8 or uint16 as in the file; float32 where the file has floats or signed numbers, or where a
            scale or a factor says what they mean.
        mask: (H, W) uint8, 0 for no seep, else the class of seep.
        data: (H, W) bool: where the image holds data. Network input and its normalisation go by it.
        labelled: (H, W) bool: where the mask says something; the others are ignored pixels, of which nobody is sure.
    """

    image: NDArray[Any]
    mask: NDArray[np.uint8]
    data: NDArray[np.bool_]
    labelled: NDArray[np.bool_]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(H, W) bool: where loss, label statistics and figures count; may be one of the two arrays itself."""
        if covers_all(self.labelled):
            return self.data
        return self.data & self.labelled

    @property
    def known_mask(self) -> NDArray[np.uint8]:
        """(H, W) uint8: the mask, with `IGNORED` where nobody is sure."""
        if covers_all(self.labelled):
            return self.mask
        return np.where(self.labelled, self.mask, np.uint8(IGNORED))

    @property
    def finite_image(self) -> NDArray[Any]:
        """(C, H, W): the image; floats are 0 where there are no data, since NaN or an infinity may stand there."""
        if self.image.dtype.kind != "f" or covers_all(self.data):
            return self.image
        return np.where(self.data, self.image, np.float32(0))

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take, bytes."""
        arrays = [self.image, self.mask]
        arrays += [flags for flags in (self.data, self.labelled) if flags.base is None]
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True)
class ImagePixels:
    """The pixels of an image.

    Attributes:
        values: (C, H, W) uint8, uint16 or float32.
        data: (H, W) bool: where there are data.
        was_colour: Whether colours were read as grey without being asked to.
        meanings: What each band is, such as `VV`; empty where the file does not say.
    """

    values: NDArray[Any]
    data: NDArray[np.bool_]
    was_colour: bool
    meanings: tuple[str, ...]


@dataclass(frozen=True)
class ChipNotes:
    """What was decided while a chip was read: the data set must agree on it, or its owner is told.

    Attributes:
        was_colour: Whether colours were read as grey without being asked to.
        mask: The mask's pixels before they were fitted to `data.size`.
        file_size: Height and width in the file, px.
        meanings: What each band is, such as `VV`; empty where the file does not say.
        has_mask: Whether there is a mask; without it, all is sea.
        drawn_in_alpha: Whether the mask's colours are the same throughout, while its alpha band varies.
    """

    was_colour: bool
    mask: MaskPixels
    file_size: Size
    meanings: tuple[str, ...]
    has_mask: bool = True
    drawn_in_alpha: bool = False


class EmptyKind(NamedTuple):
    """Why an image has no data.

    Attributes:
        what: What all its pixels are.
        other_cure: What may cure it besides removing the image, as the end of a sentence.
    """

    what: str
    other_cure: str


def empty_kind(image: NDArray[Any], config: DataConfig) -> EmptyKind:
    """Say why an image without any data has none.

    Args:
        image: (C, H, W).
        config: Names the nodata value.
    """
    if image.dtype.kind == "f" and not np.isfinite(image).any():
        return EmptyKind("values that are no numbers (NaN)", "")
    if config.nodata is not None and (image == config.nodata).all():
        return EmptyKind(f"nodata ({config.nodata})", ", or correct data.nodata")
    return EmptyKind(
        "pixels that are nodata by their file or by data.nodata", ", or correct data.nodata or what the file says"
    )


def without_memory(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return flags (H, W) as they are, or a read-only array without memory where all are True."""
    if flags.all():
        return np.broadcast_to(np.True_, flags.shape)
    return flags


def covers_all(flags: NDArray[np.bool_]) -> bool:
    """Whether all flags (H, W) are True; told at once of the arrays without memory that `ChipPixels` has for this."""
    if flags.strides == (0, 0):
        return bool(flags[0, 0])
    return bool(flags.all())


def read_pair(image_path: Path, mask_path: Path | None, config: DataConfig) -> ChipPixels:
    """Read one chip, image and mask checked against each other.

    Args:
        image_path: The image's file.
        mask_path: The mask's file; None: all is sea.
        config: What the files' values mean.

    Returns:
        The chip's pixels.

    Raises:
        UserError: A file cannot be read or is not as it must be, or their sizes or places differ.
    """
    pixels, _ = read_noted_pair(image_path, mask_path, config)
    return pixels


def read_noted_pair(image_path: Path, mask_path: Path | None, config: DataConfig) -> tuple[ChipPixels, ChipNotes]:
    """Read one chip as `read_pair` does, and note what was decided."""
    image_file = decode(image_path)
    image = image_pixels(image_file, config)
    size = image_file.size
    target_size = size_of(config.size) or size
    if mask_path is None:
        sea = MaskPixels(np.zeros(size, np.uint8))
        return _fitted_chip(image, sea, target_size), ChipNotes(
            image.was_colour, sea, size, image.meanings, has_mask=False
        )
    mask_file = decode(mask_path)
    mask = read_classes(stored_mask(mask_file, config), config)
    if size != mask_file.size:
        raise UserError(
            f"data: {image_path.name} is {size_text(size)} but its mask is {size_text(mask_file.size)}. "
            "They must be equal; cut them again from one scene."
        )
    check_same_place(image_file, mask_file)
    drawn_in_alpha = config.mask_band is None and is_drawn_in_alpha(mask_file)
    notes = ChipNotes(image.was_colour, mask, size, image.meanings, drawn_in_alpha=drawn_in_alpha)
    return _fitted_chip(image, mask, target_size), notes


def _fitted_chip(image: ImagePixels, mask: MaskPixels, size: Size) -> ChipPixels:
    """The pixels of a chip in a size; what is padded has no data."""
    labelled: NDArray[np.bool_] = np.broadcast_to(np.True_, size)
    if mask.labelled is not None:
        labelled = without_memory(fitted(mask.labelled, size, fill=True))
    data = without_memory(fitted(image.data, size))
    return ChipPixels(fitted(image.values, size), fitted(mask.classes, size), data, labelled)


def read_image(path: Path, bands: Any = None) -> NDArray[Any]:
    """Read bands of one image.

    Args:
        path: The image's file.
        bands: As `data.bands`.

    Returns:
        (C, H, W) uint8, uint16 or float32.

    Raises:
        UserError: The file cannot be read, its type is another, or it has other bands.
    """
    return image_pixels(decode(path), DataConfig(bands=bands)).values


def image_pixels(decoded: DecodedFile, config: DataConfig) -> ImagePixels:
    """Take the bands and the pixels with data from a file.

    Args:
        decoded: The file.
        config: Names bands and nodata.

    Raises:
        UserError: The type is none of an image, or the bands are not there.
    """
    _check_type(decoded)
    chosen = _chosen_bands(decoded, config.bands)
    stored = amplitude(chosen.values, chosen.nodatas)
    nodatas = nodata_values([config.nodata, *chosen.nodatas], stored.dtype)
    data = pixels_with_data(stored, nodatas, config.nodata_bands, decoded.file_mask)
    scaling = chosen.scaling
    if config.factor is not None:
        scaling = Scaling.by_factor(config.factor, len(stored))
    values = as_chip_type(stored) if scaling.is_identity else scaling.apply(stored)
    return ImagePixels(values, data, chosen.was_colour, chosen.meanings)


def as_chip_type(values: NDArray[Any]) -> NDArray[Any]:
    """Values as chips hold them: 8 and 16 bit unsigned as they are, all others as float32."""
    if values.dtype.name in FULL_SCALE:
        return values
    # float64 may overflow; infinite pixels have no data
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _check_type(decoded: DecodedFile) -> None:
    """Raise `UserError` for a type that no image has."""
    dtype = decoded.values.dtype
    is_float = dtype.kind == "f"
    # an index may have any number of bits; but two colours are no image
    is_index = decoded.palette is not None and decoded.bits != "1"
    has_few_bits = bool(decoded.bits) and not is_index and not is_float
    is_known = dtype.name in GDAL_TYPES or dtype.kind == "c"
    if is_known and not has_few_bits:
        return
    found = str(dtype)
    if has_few_bits:
        found = f"{_type_of_bits(dtype, decoded.bits)} with {decoded.bits} bit(s) a pixel"
    raise UserError(
        f"data: {decoded.path.name} is {found}; 8 or 16 bit unsigned is expected, 32 bit, 16 bit "
        "signed, or floats. "
        "Convert it with gdal_translate -ot Float32, or -ot Byte -co NBITS=8."
    )


def _type_of_bits(dtype: np.dtype[Any], bits: str) -> str:
    """What a type is called that has fewer bits than the one in which it is read, such as `uint4`."""
    if bits == "1":
        return "bool"
    kind = dtype.name.rstrip("0123456789")
    return f"{kind}{bits}"


@dataclass(frozen=True)
class _ChosenBands:
    """The bands that are asked for, of a file.

    Attributes:
        values: (C, H, W) as stored; the luminance of colours.
        nodatas: The nodata values that they declare.
        scaling: What stored values mean.
        meanings: What each of them is, see `BandLabel.meaning`; empty for grey.
        was_colour: Whether colours were read as grey without being asked to.
    """

    values: NDArray[Any]
    nodatas: Sequence[float | None]
    scaling: Scaling
    meanings: tuple[str, ...]
    was_colour: bool = False


def _chosen_bands(decoded: DecodedFile, bands: Any) -> _ChosenBands:
    """The bands that are asked for."""
    if bands is None:
        if decoded.palette is None and len(decoded.data_bands) == 1:
            return _bands_at(decoded, decoded.data_bands)
        if decoded.palette is None and not decoded.is_colour:
            count = len(decoded.values)
            raise UserError(
                f"data: {decoded.path.name} has {count} bands; one is expected. Choose with data.bands=[1], or "
                f"data.bands=[{','.join(str(number + 1) for number in range(count))}] for all."
            )
        return _grey(decoded, was_colour=True)
    has_band_of_this_name = any(label.name == GREY for label in decoded.labels)
    if is_grey(bands) and not has_band_of_this_name:
        return _grey(decoded)
    numbers = band_numbers(decoded.path, decoded.labels, [GREY] if bands == GREY else bands)
    return _bands_at(decoded, [number - 1 for number in numbers])


def _bands_at(decoded: DecodedFile, indices: Sequence[int]) -> _ChosenBands:
    """Bands by their indices, as they are."""
    # all bands, without a copy
    values = decoded.values
    if list(indices) != list(range(len(decoded.values))):
        values = decoded.values[list(indices)]
    nodatas = [decoded.nodatas[index] for index in indices]
    scaling = Scaling.of_bands(decoded.scaling.scales, decoded.scaling.offsets, indices)
    return _ChosenBands(values, nodatas, scaling, tuple(decoded.labels[index].meaning for index in indices))


def is_grey(bands: Any) -> bool:
    """Whether `data.bands` asks for the luminance of colours."""
    return bands in (GREY, [GREY])


def _grey(decoded: DecodedFile, *, was_colour: bool = False) -> _ChosenBands:
    """The luminance (1, H, W) of colours; one band is grey already."""
    indices = [number - 1 for number in grey_bands(decoded.path, decoded.meanings)]
    if decoded.palette is None and len(indices) == 1:
        return replace(_bands_at(decoded, indices), meanings=("",), was_colour=was_colour)
    stored = decoded.values[indices]
    if decoded.palette is None:
        nodatas = [decoded.nodatas[index] for index in indices]
        return _ChosenBands(grey_values(stored, None), nodatas, Scaling(), ("",), was_colour)
    # the nodata value of a file with a palette is an index, which its mask tells of
    grey = grey_values(stored, luminance_of_palette(decoded.palette))
    return _ChosenBands(grey, [], Scaling(), ("",), was_colour)
