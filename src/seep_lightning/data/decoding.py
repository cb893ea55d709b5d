"""A chip's files as GDAL decodes them: values, colours, the file's own nodata, and its place on the ground."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.band_names import BandLabel, labels_of
from seep_lightning.scene.budgets import check_chip
from seep_lightning.scene.colours import colour_bands, palette_of
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset
from seep_lightning.scene.scaling import Scaling

RED_GREEN_BLUE = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
# of files beside a picture that say where it has no data, or where it lies
SIDECAR_SUFFIXES = (".aux.xml", ".msk", ".wld", ".tfw", ".pgw", ".jgw")
# the last chunk of a PNG, and so many bytes at a file's end hold it: some programs write a little after it
PNG_END = b"IEND\xaeB`\x82"
PNG_TAIL = 4096
# the widest a mask may lie off its image, px
PLACE_TOLERANCE = 0.5


@dataclass(frozen=True)
class Place:
    """Where a file lies on the ground.

    Attributes:
        crs: The coordinate system (rasterio's CRS); None where there is none.
        transform: (column, row) of a pixel's corner to (x, y).
    """

    crs: Any
    transform: Affine


@dataclass(frozen=True)
class DecodedFile:
    """A file's pixels, and what the file says of them.

    Attributes:
        path: The file.
        values: (C, H, W) as stored, with an alpha band where there is one.
        labels: What the file says of each band.
        meanings: What GDAL says that each band means.
        data_bands: The indices of the bands that are no alpha band.
        is_colour: Whether the first three of these are red, green and blue, and have no names.
        palette: The colour of each index, (N, 3) uint8; None where values are no indices.
        file_mask: The file's own mask or alpha, (H, W), above 0 where there are data; None where it has none.
        nodatas: The nodata value that each band declares, as stored.
        scaling: What the file says that stored values mean.
        bits: Bits a pixel where they are fewer than those of the type, as text; else empty.
        is_lossy: Whether the compression may have changed values.
        place: Where it lies on the ground; None where no transform says so.
    """

    path: Path
    values: NDArray[Any]
    labels: Sequence[BandLabel]
    meanings: Sequence[ColorInterp]
    data_bands: list[int]
    is_colour: bool
    palette: NDArray[np.uint8] | None
    file_mask: NDArray[np.uint8] | None
    nodatas: Sequence[float | None]
    scaling: Scaling
    bits: str
    is_lossy: bool
    place: Place | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.values.shape[1], self.values.shape[2]


def decode(path: Path) -> DecodedFile:
    """Read a whole file.

    Args:
        path: The file.

    Raises:
        UserError: It cannot be read, or holds several pictures.
    """
    unreadable = as_user_error(
        f"data: cannot read {path}", *UNREADABLE_RASTER, OSError, advice="Copy it again; it may be cut off."
    )
    if path.suffix.lower() == ".png":
        _check_png_ends(path)
    with unreadable, _with_sidecars(path.parent), open_dataset(path) as file:
        pages = len(file.subdatasets)
        if pages > 1:
            raise UserError(f"data: {path} is {pages} pictures; one is expected. Keep one picture a file.")
        check_chip(file, path)
        return decode_window(path, file)


def _with_sidecars(folder: Path) -> Any:
    """GDAL's settings to read a file of a folder: it looks for sidecars only where there are some, since that costs."""
    has_sidecars = _holds_sidecars(folder, folder.stat().st_mtime_ns)
    return rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE" if has_sidecars else "EMPTY_DIR")


@lru_cache(maxsize=64)
def _holds_sidecars(folder: Path, changed: int) -> bool:
    """Whether a folder holds sidecars; `changed` is when it did so, so that it is looked at anew after that."""
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(SIDECAR_SUFFIXES) for entry in entries)


def _check_png_ends(path: Path) -> None:
    """Raise `UserError` for a PNG that is cut off: GDAL fills its missing rows with what lay in memory."""
    # what is no file, GDAL tells better
    if not path.is_file():
        return
    problem = f"data: cannot read {path}"
    with as_user_error(problem, OSError), path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(-min(file.tell(), PNG_TAIL), os.SEEK_END)
        is_whole = PNG_END in file.read()
    if not is_whole:
        raise UserError(f"data: cannot read {path} (it has no end). Copy it again; it is cut off.")


def decode_window(path: Path, file: Any, window: Window | None = None) -> DecodedFile:
    """Read an open file.

    Args:
        path: The file.
        file: The file as rasterio opened it.
        window: The part that is read; None for all of it.

    Returns:
        The pixels of the part, and what the file says of them; `place` is that of the whole file.
    """
    meanings = file.colorinterp
    data_bands = [number - 1 for number in colour_bands(meanings)]
    first_three = [meanings[index] for index in data_bands[:3]]
    has_names = any(file.descriptions)
    palette = palette_of(file)
    return DecodedFile(
        path=path,
        values=file.read(window=window),
        labels=labels_of(file, str(path)),
        data_bands=data_bands,
        is_colour=tuple(first_three) == RED_GREEN_BLUE and not has_names,
        meanings=meanings,
        palette=palette,
        file_mask=file.dataset_mask(window=window) if _has_mask(file, has_palette=palette is not None) else None,
        nodatas=file.nodatavals,
        scaling=Scaling(tuple(file.scales), tuple(file.offsets)),
        bits=file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", ""),
        is_lossy=_is_lossy(file),
        place=_place(file),
    )


def _has_mask(file: Any, *, has_palette: bool) -> bool:
    """Whether more than the values of bands tells where there are data: a mask, alpha, or the nodata of an index."""
    if has_palette and file.nodata is not None:
        return True
    return any(MaskFlags.per_dataset in flags for flags in file.mask_flag_enums)


def _is_lossy(file: Any) -> bool:
    """Whether a file's compression may have changed values, as far as GDAL knows."""
    structure = file.tags(ns="IMAGE_STRUCTURE")
    # LOSSLESS, LOSSLESS (possibly), LOSSY; of WebP and JPEG 2000 only
    reversibility = structure.get("COMPRESSION_REVERSIBILITY")
    if reversibility is not None:
        return bool(reversibility != "LOSSLESS")
    compression: str = structure.get("COMPRESSION", "")
    return bool(file.driver == "JPEG") or compression.endswith("JPEG")


def _place(file: Any) -> Place | None:
    """Where an open file lies; None where it has no transform."""
    transform = file.transform
    if transform == Affine.identity():
        return None
    return Place(file.crs or None, transform)


def check_same_place(image: DecodedFile, mask: DecodedFile) -> None:
    """Check that a mask lies where its image does, as far as both say where they lie.

    Raises:
        UserError: Their coordinate systems differ, or their corners by more than half a pixel.
    """
    if image.place is None or mask.place is None:
        return
    systems = (image.place.crs, mask.place.crs)
    if None not in systems and systems[0] != systems[1]:
        raise UserError(
            f"data: {image.path.name} is in {_system_name(systems[0])} but its mask is in {_system_name(systems[1])}. "
            f"Burn the mask {mask.path} on the grid of its image."
        )
    distance = _largest_offset(image.place.transform, mask.place.transform, image.size)
    if distance > PLACE_TOLERANCE:
        raise UserError(
            f"data: the mask of {image.path.name} lies {distance:.1f} px off its image, by the transforms of both "
            f"files. Burn {mask.path} on the grid of its image, or drop a wrong transform: gdal_edit.py -unsetgt."
        )


def _system_name(crs: Any) -> str:
    """What people call a coordinate system, such as `EPSG:32631`."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else "another coordinate system"


def _largest_offset(first: Affine, second: Affine, size: tuple[int, int]) -> float:
    """How far the corners of two rasters of one size lie apart, at most, in pixels of the first."""
    if first == second:
        return 0.0
    height, width = size
    between = ~first @ second
    offsets: list[float] = []
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        column, row = between @ corner
        offsets += [abs(column - corner[0]), abs(row - corner[1])]
    return max(offsets)
