"""Chips as files: reading images and masks as they are, with what is wrong told in one sentence; writing them whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError

from seep_lightning.config.data import DataConfig
from seep_lightning.data.normalise import FULL_SCALE
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.files import write_whole
from seep_lightning.scene.datasets import band_numbers, open_dataset


def write_image(path: Path, array: NDArray[Any]) -> None:
    """Write a whole image file, in the format that its suffix names.

    Args:
        path: The file.
        array: (H, W), or (H, W, 3) in OpenCV's order blue, green, red.
    """
    # `cv2.imwrite` would miss a full disk
    _, encoded = cv2.imencode(path.suffix, array)
    # without waiting for the disk: there may be thousands
    write_whole(path, encoded.tobytes(), sync=False)


def valid_pixels(image: NDArray[Any], nodata: int | None) -> NDArray[np.bool_]:
    """Find the pixels that hold data in every band.

    Args:
        image: (C, H, W).
        nodata: The value of pixels without data; None where all have some.

    Returns:
        (H, W) bool.
    """
    if nodata is None:
        return np.ones(image.shape[1:], bool)
    has_data: NDArray[np.bool_] = (image != nodata).all(axis=0)
    return has_data


class ChipPixels(NamedTuple):
    """The pixels of one chip.

    `data` and `labelled` may be read-only arrays without memory of their own, where they are True throughout.

    Attributes:
        image: (C, H, W) uint8 or uint16, as in the file.
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
        """(H, W) bool: where loss, label statistics and figures count."""
        return self.data & self.labelled

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take, bytes."""
        arrays = [self.image, self.mask]
        arrays += [flags for flags in (self.data, self.labelled) if flags.base is None]
        return sum(array.nbytes for array in arrays)


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


def read_pair(image_path: Path, mask_path: Path, config: DataConfig) -> ChipPixels:
    """Read one chip, image and mask checked against each other.

    Args:
        image_path: The image's file.
        mask_path: The mask's file.
        config: Which bands to read, and how many classes there are.

    Returns:
        The chip's pixels.

    Raises:
        UserError: A file cannot be read or is not as it must be, or their sizes differ.
    """
    image = read_image(image_path, config.bands)
    mask = read_mask(mask_path, config.classes)
    size = image.shape[1:]
    if size != mask.shape:
        raise UserError(
            f"data: {image_path.name} is {size_text(size)} but its mask is {size_text(mask.shape)}. "
            "They must be equal; cut them again from one scene."
        )
    data = without_memory(valid_pixels(image, config.nodata))
    labelled = np.broadcast_to(np.True_, mask.shape)
    return ChipPixels(image, mask, data, labelled)


def read_image(path: Path, bands: Sequence[int | str] | None = None) -> NDArray[Any]:
    """Read bands of one image.

    Args:
        path: The image's file.
        bands: Numbers, from 1, or names; None for the only one that it has.

    Returns:
        (C, H, W) uint8 or uint16.

    Raises:
        UserError: The file cannot be read, its type is another, or it has other bands.
    """
    array, names = _decode(path)
    if array.dtype.name not in FULL_SCALE:
        holds_nan = array.dtype.kind == "f" and bool(np.isnan(array).any())
        hint = " and holds NaN" if holds_nan else ""
        raise UserError(
            f"data: {path.name} is {array.dtype}{hint}; 8 or 16 bit unsigned is expected. "
            "Scale it to uint16 (value 0 for nodata) first."
        )
    if bands is not None:
        numbers = band_numbers(path, names, bands)
        indices = [number - 1 for number in numbers]
        return array[indices]
    if len(array) != 1:
        raise UserError(f"data: {path.name} has {len(array)} bands; one is expected. Choose with data.bands=[1].")
    return array


def read_mask(path: Path, classes: int) -> NDArray[np.uint8]:
    """Read one mask.

    Args:
        path: The mask's file.
        classes: The largest value that it may hold.

    Returns:
        (H, W) uint8: 0 for no seep, 1..`classes` for the class of seep.

    Raises:
        UserError: The file cannot be read, or holds something else.
    """
    array, _ = _decode(path)
    if len(array) != 1 or array.dtype.kind not in "ui":
        raise UserError(f"data: mask {path} is {array.dtype} with {len(array)} band(s); one unsigned band is expected.")
    smallest = int(array.min(initial=0))
    largest = int(array.max(initial=0))
    if smallest < 0 or largest > classes:
        wrong = smallest if smallest < 0 else largest
        raise UserError(
            f"data: mask {path} holds the value {wrong}, but data.classes={classes} (0 = no seep, 1..{classes} = "
            "class). Correct the mask, or raise data.classes."
        )
    return np.asarray(array[0], np.uint8)


def _decode(path: Path) -> tuple[NDArray[Any], Sequence[str | None]]:
    """All bands of a TIFF or PNG as they are, (C, H, W), and what they are called."""
    unreadable = as_user_error(
        f"data: cannot read {path}", RasterioError, OSError, advice="Copy it again; it may be cut off."
    )
    one_file = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
    with unreadable, one_file, open_dataset(path) as file:
        array = file.read()
        names = file.descriptions
        other_kind = _other_kind(file, array.dtype)
    if other_kind:
        raise UserError(f"data: {path} is {other_kind}; 8 or 16 bit unsigned is expected. Convert it first.")
    return array, names


def _other_kind(file: "rasterio.DatasetReader", dtype: np.dtype[Any]) -> str | None:
    """What a file is, in words, whose stored values are not those that a reader gives; None for all others."""
    bits = file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
    if bits:
        return f"{_type_of_bits(dtype, bits)} with {bits} bit(s) a pixel"
    if file.colorinterp[0] == ColorInterp.palette:
        return "a picture with a colour table"
    pages = len(file.subdatasets)
    if pages > 1:
        return f"{pages} pictures"
    return None


def _type_of_bits(dtype: np.dtype[Any], bits: str) -> str:
    """What a type is called that has fewer bits than the one in which it is read, such as `uint4`."""
    if bits == "1":
        return "bool"
    kind = dtype.name.rstrip("0123456789")
    return f"{kind}{bits}"


def size_text(shape: Sequence[int]) -> str:
    """Return a size as people write it, such as `256 x 256`."""
    return " x ".join(str(length) for length in shape)
