"""Chips on disk: pair images with masks by name, check every one, keep them decoded where they fit."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError

from seep_lightning.config import DataConfig, GridConfig
from seep_lightning.errors import UserError, explained
from seep_lightning.normalise import FULL_SCALE, histogram, quartiles_of
from seep_lightning.scene.raster import band_numbers, opened

SUFFIXES = {".tif", ".tiff", ".png"}
T = TypeVar("T")


@dataclass
class Chips:
    """A paired and checked set of chips, by their file names, sorted.

    tiles: -1 where the pattern has none; quartiles: (N, C, 3) float32 in 0..1, of each chip's valid pixels; _cache:
    None where they did not fit `data.cache_gb` and are read again when asked for.
    """

    config: DataConfig
    root: Path
    names: list[str]
    scenes: list[str]
    tiles: list[int]
    image_paths: list[Path]
    mask_paths: list[Path]
    digests: list[str] = field(default_factory=list)  # see `digest`
    histograms: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # of each scene, (C, values)
    quartiles: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 1, 3), np.float32))
    full_scale: float = 0.0
    size: tuple[int, int] = (0, 0)
    _cache: list[tuple[NDArray[Any], NDArray[np.uint8]]] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def class_pixels(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Valid pixels of sea and each class in some chips, (1 + N,)."""
        counts = np.zeros(self.config.classes + 1, np.int64)
        for image, mask in map(self.read, indices):
            counts += np.bincount(mask[valid_pixels(image, self.config.nodata)], minlength=len(counts))
        return counts

    def read(self, index: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Image (C, H, W) and mask (H, W) of one chip, from memory where they fit, else from disk."""
        if self._cache is not None:
            return self._cache[index]
        return read_pair(self.image_paths[index], self.mask_paths[index], self.config)

    @cached_property
    def scene_quartiles(self) -> NDArray[np.float32]:
        """(N, C, 3): the quartiles of each chip's whole scene, over all its chips here."""
        table = {scene: quartiles_of(counts) for scene, counts in self.histograms.items()}
        return np.stack([table[scene] for scene in self.scenes])

    @property
    def fingerprint(self) -> str:
        """A hash of all names and pixels: two data sets with one fingerprint are the same data."""
        return hashlib.blake2b("".join(self.digests).encode(), digest_size=8).hexdigest()

    def places(self) -> list[tuple[int, int] | None]:
        """(row, column) of each chip on the common ground grid; None where the scene's grid is not known."""
        return [place(self.config, s, t) for s, t in zip(self.scenes, self.tiles, strict=True)]

    def cells(self) -> list[tuple[int, int] | None]:
        """(row, column) of each chip inside its own scene; None where the scene's grid is not known."""
        return [cell(self.config, s, t) for s, t in zip(self.scenes, self.tiles, strict=True)]


def cell(config: DataConfig, scene: str, tile: int) -> tuple[int, int] | None:
    """(row, column) of a tile in its scene's grid, row-major; None where `data.grid` does not know the scene."""
    grid = of_scene(config.grid, scene)
    return divmod(tile, grid.columns) if grid and tile >= 0 else None


def place(config: DataConfig, scene: str, tile: int) -> tuple[int, int] | None:
    """The cell of a tile on the ground grid that scenes share: its column less the scene's `offset`."""
    grid, here = of_scene(config.grid, scene), cell(config, scene, tile)
    return (here[0], here[1] - grid.offset) if grid and here else None


def of_scene(grid: Mapping[str, T], scene: str) -> T | None:
    """What `data.grid` says of a scene: under the longest key that its name and a dot begin with (`SCENE.` is all)."""
    known = [key for key in grid if f"{scene}.".startswith(key)]
    return grid[max(known, key=len)] if known else None


def load_chips(config: DataConfig) -> Chips:
    """Read and check a whole data set; `UserError` names the first chip that would spoil a training, and what to do."""
    chips = pair_chips(config)
    kinds: dict[str, str] = {}
    kept: list[tuple[NDArray[Any], NDArray[np.uint8]]] = []
    quartiles, budget = [], config.cache_gb * 2**30
    for i, (name, scene) in enumerate(zip(chips.names, chips.scenes, strict=True)):
        image, mask = chips.read(i)
        kinds.setdefault(f"{len(image)} band(s), {_size(image.shape[1:])}, {8 * image.itemsize} bit", name)
        if len(kinds) > 1:
            (a, first), (b, other) = kinds.items()
            raise UserError(
                f"data: chips differ in bands, size or type: {first} is {a}, {other} is {b}. "
                "Cut them to one size, or train on one folder at a time."
            )
        valid = valid_pixels(image, config.nodata)
        if not valid.any():
            raise UserError(f"data: {name} holds nodata ({config.nodata}) only. Remove it, or correct data.nodata.")
        counts = histogram(image, valid)
        quartiles.append(quartiles_of(counts))
        chips.histograms[scene] = chips.histograms.get(scene, 0) + counts
        chips.digests.append(digest(name, image, mask))
        budget -= image.nbytes + mask.nbytes
        if budget >= 0:
            kept.append((image, mask))
    chips._cache = kept if len(kept) == len(chips) else None
    chips.full_scale = FULL_SCALE[image.dtype.name]
    chips.size = (image.shape[1], image.shape[2])
    chips.quartiles = np.stack(quartiles)
    return chips


def pair_chips(config: DataConfig) -> Chips:
    """Find images and masks and pair them by name, without reading a pixel."""
    if config.root is None:
        raise UserError("data.root is not set. Pass data.root=DIR or set SEEP_DATA_ROOT.")
    root = Path(config.root)
    images, masks = root / config.images, root / config.masks
    for folder, key in ((root, "root"), (images, "images"), (masks, "masks")):
        if not folder.is_dir():
            there = [f"One is in {path.parent}." for path in root.glob(f"*/{config.images}")]
            raise UserError(
                f"data.{key}: there is no folder {folder}. {' '.join([*there, 'Expected'])} {config.images}/ and "
                f"{config.masks}/ below it; set data.root (or SEEP_DATA_ROOT), data.images, data.masks."
            )
    found, truth = list_images(images), list_images(masks)
    if not found:
        raise UserError(f"data: no .tif, .tiff or .png in {images}. Is data.root the right folder?")
    pairs = sorted(found.keys() & truth.keys())
    for some, other, kind, where in ((found, truth, "mask", masks), (truth, found, "image", images)):
        lonely = sorted(some.keys() - other.keys())
        if lonely and config.unpaired == "error":
            name = some[lonely[0]].name
            more = f" ({len(lonely) - 1} more like it)" if len(lonely) > 1 else ""
            raise UserError(
                f"data: {name} has no {kind}{more}. Looked for {where / name}. {len(pairs)} other chips are paired. "
                f"Remove it, add its {kind}, or pass data.unpaired=skip."
            )
    if not pairs:
        raise UserError(f"data: no image in {images} has a mask of the same name in {masks}.")
    names = [found[stem].name for stem in pairs]
    scenes, tiles = map(list, zip(*(split_name(name, config.pattern) for name in names), strict=True))
    written = written_grid(root)
    config = replace(config, grid={} if written is None else written | config.grid)
    return Chips(config, root, names, scenes, tiles, [found[stem] for stem in pairs], [truth[stem] for stem in pairs])


def written_grid(root: Path) -> dict[str, GridConfig] | None:
    """The columns of each scene by its whole name and a dot, where `prepare` or the generator wrote them; None where it
    says that chips overlap: they lie on no grid, whatever their names are like."""
    path = root / "dataset.json"
    with explained(f"{path} is not JSON ({{}}). Write it again, or remove it.", ValueError):
        found = json.loads(path.read_text()) if path.is_file() else {}
    found = found if isinstance(found, dict) else {}  # or a file of another program
    if found.get("overlap"):
        return None
    given = found.get("columns")
    columns = {s: n for s, n in given.items() if type(n) is int and n >= 1} if isinstance(given, dict) else {}
    return {f"{scene}.": GridConfig(n) for scene, n in columns.items()}


def list_images(folder: Path) -> dict[str, Path]:
    """The images of a folder by stem, whatever order the file system gives them in."""
    table: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
        other = table.setdefault(path.stem, path)
        if other != path:
            raise UserError(f"data: {other} and {path.name} are one chip twice. Remove one of them.")
    return table


def split_name(name: str, pattern: str) -> tuple[str, int]:
    """Scene and tile of a chip's file name by a regular expression with groups `scene` and (optional) `tile`."""
    with explained(f"data.pattern: {pattern!r} is not a regular expression ({{}}).", re.error):
        match = re.match(pattern, name)
    if match is None or "scene" not in match.groupdict():
        raise UserError(
            f"data.pattern: {name} does not match {pattern!r}. The pattern needs a group (?P<scene>...) and may have "
            "(?P<tile>digits)."
        )
    tile = match.groupdict().get("tile") or "-1"
    if not tile.removeprefix("-").isdecimal():
        raise UserError(f"data.pattern: {pattern!r} takes {tile!r} of {name} for the tile; it must be digits.")
    return match["scene"], int(tile)


def valid_pixels(image: NDArray[Any], nodata: int | None) -> NDArray[np.bool_]:
    """(H, W) bool: pixels that hold data in every band of `image` (C, H, W)."""
    return np.ones(image.shape[1:], bool) if nodata is None else (image != nodata).all(axis=0)


def digest(name: str, image: NDArray[Any], mask: NDArray[np.uint8]) -> str:
    """Name, hash of the mask and hash of the picture of one chip, joined by colons."""
    return ":".join((name, *(hashlib.blake2b(a.tobytes(), digest_size=8).hexdigest() for a in (mask, image))))


def read_pair(image_path: Path, mask_path: Path, config: DataConfig) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Image (C, H, W) and mask (H, W) of one chip, checked against each other."""
    image, mask = read_image(image_path, config.bands), read_mask(mask_path, config.classes)
    if image.shape[1:] != mask.shape:
        raise UserError(
            f"data: {image_path.name} is {_size(image.shape[1:])} but its mask is {_size(mask.shape)}. "
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
    said = f"data: cannot read {path} ({{}}). Copy it again; it may be cut off."
    one_file = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
    with explained(said, RasterioError, OSError), one_file, opened(path) as file:
        array, names = file.read(), file.descriptions
        bits = file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
        palette, pages = file.colorinterp[0] == ColorInterp.palette, len(file.subdatasets)
    kind = array.dtype.name.rstrip("0123456789")
    odd = f"{'bool' if bits == '1' else f'{kind}{bits}'} with {bits} bit(s) a pixel" if bits else ""
    odd = odd or "a picture with a colour table" * palette or f"{pages} pictures" * (pages > 1)
    if odd:
        raise UserError(f"data: {path} is {odd}; 8 or 16 bit unsigned is expected. Convert it first.")
    return array, names


def _size(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)
