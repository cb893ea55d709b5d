"""A chip as a person looks at it: picture, truth, probability, errors, and a title. (H, W, 3) uint8 RGB."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    """Write a whole image file (H, W) or (H, W, 3) BGR or none, by its suffix. `cv2.imwrite` would miss a full disk."""
    write_whole(path, cv2.imencode(path.suffix, array)[1].tobytes(), sync=False)  # there may be thousands


def valid_pixels(image: NDArray[Any], nodata: int | None) -> NDArray[np.bool_]:
    """(H, W) bool: pixels that hold data in every band of `image` (C, H, W)."""
    return np.ones(image.shape[1:], bool) if nodata is None else (image != nodata).all(axis=0)


def read_pair(image_path: Path, mask_path: Path, config: DataConfig) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Image (C, H, W) and mask (H, W) of one chip, checked against each other."""
    image, mask = read_image(image_path, config.bands), read_mask(mask_path, config.classes)
    if image.shape[1:] != mask.shape:
        raise UserError(
            f"data: {image_path.name} is {size_text(image.shape[1:])} but its mask is {size_text(mask.shape)}. "
            "They must be equal; cut them again from one scene."
        )
    return image, mask


def read_image(path: Path, bands: Sequence[int | str] | None = None) -> NDArray[Any]:
    """Bands of one image, by number (from 1) or name, as (C, H, W) uint8 or uint16; None: the one band that it has."""
    array, names = _decode(path)
    if array.dtype.name not in FULL_SCALE:
        hint = " and holds NaN" if array.dtype.kind == "f" and np.isnan(array).any() else ""
        raise UserError(
            f"data: {path.name} is {array.dtype}{hint}; 8 or 16 bit unsigned is expected. "
            "Scale it to uint16 (value 0 for nodata) first."
        )
    if bands is None and len(array) != 1:
        raise UserError(f"data: {path.name} has {len(array)} bands; one is expected. Choose with data.bands=[1].")
    return array if bands is None else array[[i - 1 for i in band_numbers(path, names, bands)]]


def read_mask(path: Path, classes: int) -> NDArray[np.uint8]:
    """One mask as (H, W) uint8, 0 = no seep, 1..`classes` = seep class."""
    array, _ = _decode(path)
    if len(array) != 1 or array.dtype.kind not in "ui":
        raise UserError(f"data: mask {path} is {array.dtype} with {len(array)} band(s); one unsigned band is expected.")
    extreme = int(array.min(initial=0)) or int(array.max(initial=0))
    if not 0 <= extreme <= classes:
        raise UserError(
            f"data: mask {path} holds the value {extreme}, but data.classes={classes} (0 = no seep, 1..{classes} = "
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
        array, names = file.read(), file.descriptions
        bits = file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
        palette, pages = file.colorinterp[0] == ColorInterp.palette, len(file.subdatasets)
    kind = array.dtype.name.rstrip("0123456789")
    odd = f"{'bool' if bits == '1' else f'{kind}{bits}'} with {bits} bit(s) a pixel" if bits else ""
    odd = odd or "a picture with a colour table" * palette or f"{pages} pictures" * (pages > 1)
    if odd:
        raise UserError(f"data: {path} is {odd}; 8 or 16 bit unsigned is expected. Convert it first.")
    return array, names


def size_text(shape: Sequence[int]) -> str:
    """A size as people write it, such as `256 x 256`."""
    return " x ".join(str(n) for n in shape)
