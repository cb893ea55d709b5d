"""Chips of a stranger: one small set of planted seeps, laid on disk in the ways in which people keep such data.

`OWN_LAYOUTS` are the layouts of docs/own-data.md, `PUBLIC_LAYOUTS` imitate public data sets. Each entry names the
function that writes the files and the overrides with which they are read.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.rasters import write_raster

SIZE = 64
SCENES, TILES = 3, 4
SEA, SEEP = 100, 40
LOOKS = 6


@dataclass(frozen=True)
class PlantedChip:
    """A chip with its truth.

    scene, tile: where it comes from. image: (H, W) uint8 without zeros, seep darker than sea. mask: (H, W) bool.
    """

    scene: int
    tile: int
    image: np.ndarray
    mask: np.ndarray

    def seep_in(self, height: int, width: int) -> np.ndarray:
        """The mask as `data.size` makes it: of what is larger the centre, of what is smaller sea right and below."""
        top, left = (max(self.mask.shape[axis] - side, 0) // 2 for axis, side in enumerate((height, width)))
        seep = np.zeros((height, width), bool)
        centre = self.mask[top : top + height, left : left + width]
        seep[: centre.shape[0], : centre.shape[1]] = centre
        return seep

    @property
    def number(self) -> int:
        """Its number in the whole set, from 1."""
        return self.scene * TILES + self.tile + 1


Truth = dict[Path, PlantedChip]
"""The planted chip of each image file."""


@dataclass(frozen=True)
class OwnLayout:
    """A way to keep chips on disk.

    make: writes them below a folder, and gives the truth of each image file. overrides: how they are read. scenes: how
    many scenes these overrides tell, and chips how many chips. pictures: what `predict` is given, below the folder.
    """

    name: str
    make: Callable[[Path, Sequence[PlantedChip]], Truth]
    overrides: tuple[str, ...]
    scenes: int
    chips: int = SCENES * TILES
    pictures: str = "images"


def planted_chip(scene: int, tile: int, height: int = SIZE, width: int = SIZE) -> PlantedChip:
    """Grey sea with speckle, and a dark streak that is the seep; every fourth chip has none."""
    rng = np.random.default_rng([scene, tile])
    rows, columns = np.mgrid[:height, :width]
    slope, start = rng.uniform(-0.3, 0.3), rng.uniform(0.3, 0.6) * height
    distance = np.abs(rows - start - slope * (columns - width / 2))
    inside = (columns > 0.1 * width) & (columns < 0.8 * width)
    mask = (distance < rng.uniform(4, 7)) & inside
    if tile == TILES - 1:
        mask[:] = False
    level = np.where(mask, SEEP, SEA)
    speckle = rng.gamma(LOOKS, 1 / LOOKS, (height, width))
    image = (level * speckle).clip(1, 254).astype(np.uint8)
    return PlantedChip(scene, tile, image, mask)


def planted_chips() -> list[PlantedChip]:
    """`SCENES` scenes of `TILES` chips."""
    return [planted_chip(scene, tile) for scene in range(SCENES) for tile in range(TILES)]


# how masks are stored


def write_levels(path: Path, mask: np.ndarray, sea: int, seep: int) -> None:
    """Grey, one value for the sea and one for seep."""
    Image.fromarray(np.where(mask, seep, sea).astype(np.uint8)).save(path)


def write_colours(path: Path, mask: np.ndarray) -> None:
    """RGB: sea black, seep cyan, and a corner of green land."""
    colours = np.zeros((*mask.shape, 3), np.uint8)
    colours[mask] = (0, 255, 255)
    land = np.zeros(mask.shape, bool)
    land[-4:, -4:] = True
    colours[land & ~mask] = (0, 153, 0)
    Image.fromarray(colours).save(path)


def write_palette(path: Path, mask: np.ndarray) -> None:
    """Indices 0 and 1 with a colour for each, as drawing programs and VOC have them."""
    indexed = Image.fromarray(mask.astype(np.uint8), mode="P")
    indexed.putpalette([0, 0, 0, 128, 0, 0])
    indexed.save(path)


def write_one_bit(path: Path, mask: np.ndarray) -> None:
    """One bit a pixel."""
    Image.fromarray(mask).save(path)


def write_grey(path: Path, image: np.ndarray) -> None:
    """One band of 8 bit."""
    Image.fromarray(image).save(path)


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Three equal bands in a JPEG, as most viewers export a grey picture."""
    Image.fromarray(np.stack([image] * 3, axis=-1)).save(path, quality=92)


def folders(root: Path, *names: str) -> list[Path]:
    """Folders below the root, made."""
    paths = [root / name for name in names]
    for path in paths:
        path.mkdir(parents=True, exist_ok=True)
    return paths


def in_two_folders(
    suffix: str,
    write_image: Callable[[Path, np.ndarray], None],
    write_mask: Callable[[Path, np.ndarray], None],
    name: str = "S{0.scene}.{0.tile:06d}",
) -> Callable[[Path, Sequence[PlantedChip]], Truth]:
    """A maker of images/NAME.suffix and masks/NAME.png."""

    def make(root: Path, chips: Sequence[PlantedChip]) -> Truth:
        images, masks = folders(root, "images", "masks")
        truth: Truth = {}
        for chip in chips:
            stem = name.format(chip)
            write_image(images / f"{stem}{suffix}", chip.image)
            write_mask(masks / f"{stem}.png", chip.mask)
            truth[images / f"{stem}{suffix}"] = chip
        return truth

    return make


def suffix_pairs(root: Path, chips: Sequence[PlantedChip]) -> Truth:
    """One folder: S0_01.jpg and S0_01_mask.png."""
    [folder] = folders(root, "pictures")
    truth: Truth = {}
    for chip in chips:
        stem = f"S{chip.scene}_{chip.tile:02d}"
        write_jpeg(folder / f"{stem}.jpg", chip.image)
        write_levels(folder / f"{stem}_mask.png", chip.mask, 0, 1)
        truth[folder / f"{stem}.jpg"] = chip
    return truth


def nested_folders(root: Path, chips: Sequence[PlantedChip]) -> Truth:
    """A folder for each scene, with the same file names in each: images/S0/01.png and masks/S0/01.png."""
    truth: Truth = {}
    for chip in chips:
        images, masks = folders(root, f"images/S{chip.scene}", f"masks/S{chip.scene}")
        name = f"{chip.tile:02d}.png"
        write_grey(images / name, chip.image)
        write_levels(masks / name, chip.mask, 0, 1)
        truth[images / name] = chip
    return truth


def listed_pairs(root: Path, chips: Sequence[PlantedChip]) -> Truth:
    """Names that tell nothing, with a table of pairs, their scenes and the part that each is for."""
    pictures, drawn = folders(root, "scans", "drawn")
    parts = ("train", "val", "test")
    truth: Truth = {}
    rows = []
    for chip in chips:
        image, mask = pictures / f"scan{chip.number}.png", drawn / f"by-anna-{100 - chip.number}.png"
        write_grey(image, chip.image)
        write_levels(mask, chip.mask, 0, 1)
        truth[image] = chip
        split = parts[chip.scene]
        files = (image.relative_to(root).as_posix(), mask.relative_to(root).as_posix())
        rows.append((*files, f"2019-07-0{chip.scene + 1}", split))
    with (root / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "mask", "scene", "split"])
        writer.writerows(rows)
    return truth


def float_bands(root: Path, chips: Sequence[PlantedChip]) -> Truth:
    """Three bands of float32 in linear power (VV, VH, VV), NaN in the first columns of each scene's first chip."""
    images, masks = folders(root, "images", "masks")
    truth: Truth = {}
    for chip in chips:
        power = chip.image.astype(np.float32) / 2000
        bands = np.stack([power, power / 4, power])
        if chip.tile == 0:
            bands[:, :, :5] = np.nan
        name = f"S{chip.scene}.{chip.tile:06d}.tif"
        write_raster(images / name, bands, names=["VV", "VH", "VV_2"])
        write_raster(masks / name, chip.mask.astype(np.uint8))
        truth[images / name] = chip
    return truth


# height and width of the chips of a scene, by tile; the last is smaller than `data.size=64`
MIXED_SIZES = ((64, 64), (80, 96), (96, 64), (48, 56))


def mixed_sizes(root: Path, _: Sequence[PlantedChip]) -> Truth:
    """Chips of four sizes."""
    chips = [
        planted_chip(scene, tile, *MIXED_SIZES[tile % len(MIXED_SIZES)])
        for scene in range(SCENES)
        for tile in range(TILES)
    ]
    return in_two_folders(".png", write_grey, lambda path, mask: write_levels(path, mask, 0, 1))(root, chips)


def zero_one(path: Path, mask: np.ndarray) -> None:
    """Sea 0, seep 1."""
    write_levels(path, mask, 0, 1)


def zero_255(path: Path, mask: np.ndarray) -> None:
    """Sea 0, seep 255."""
    write_levels(path, mask, 0, 255)


def inverted(path: Path, mask: np.ndarray) -> None:
    """Sea 255, seep 0."""
    write_levels(path, mask, 255, 0)


def one_two(path: Path, mask: np.ndarray) -> None:
    """Sea 1, seep 2, as in CrackForest."""
    write_levels(path, mask, 1, 2)


OWN_LAYOUTS = (
    OwnLayout(
        "suffix pairs",
        suffix_pairs,
        (
            "data.images=pictures",
            "data.masks=pictures",
            "data.mask_suffix=_mask",
            r"data.pattern='(?P<scene>S\d+)_(?P<tile>\d+)'",
        ),
        scenes=3,
        pictures="pictures/*.jpg",
    ),
    OwnLayout(
        "jpg and png",
        in_two_folders(".jpg", write_jpeg, zero_255, "{0.number:04d}"),
        ("data.mask_values={255: 1}",),
        scenes=12,
    ),
    OwnLayout(
        "rgb masks",
        in_two_folders(".png", write_grey, write_colours),
        ('data.mask_values={"0,255,255": 1, "0,153,0": ignore}',),
        scenes=3,
    ),
    OwnLayout("palette", in_two_folders(".png", write_grey, write_palette), (), scenes=3),
    OwnLayout("one bit", in_two_folders(".png", write_grey, write_one_bit), (), scenes=3),
    OwnLayout(
        "inverted",
        in_two_folders(".png", write_grey, inverted),
        ("data.mask_values={0: 1, 255: 0}",),
        scenes=3,
    ),
    OwnLayout("nested folders", nested_folders, (), scenes=3, pictures="images/*/*.png"),
    OwnLayout(
        "csv of pairs",
        listed_pairs,
        ("data.pairs=pairs.csv", "split=file"),
        scenes=3,
        pictures="scans",
    ),
    OwnLayout("float32 in three bands", float_bands, ("data.bands=[1,2,3]",), scenes=3),
    OwnLayout("mixed sizes", mixed_sizes, ("data.size=64",), scenes=3),
)


# imitations of four public data sets, made from what is known of their structure


def train_and_test_folders(root: Path, chips: Sequence[PlantedChip]) -> Truth:
    """SOS: train/images/*.jpg with three equal bands, train/masks/*.png of 0 and 255; a folder `test` likewise."""
    make = in_two_folders(".jpg", write_jpeg, zero_255, "{0.number:05d}")
    learnt = [chip for chip in chips if chip.scene < SCENES - 1]
    held_out = [chip for chip in chips if chip.scene == SCENES - 1]
    return make(root / "train", learnt) | make(root / "test", held_out)


def numbered_suffixes(root: Path, chips: Sequence[PlantedChip]) -> Truth:
    """Roads: 1001_sat.jpg and 1001_mask.png in one folder; masks are RGB, black and white."""
    [folder] = folders(root, "train")
    truth: Truth = {}
    for chip in chips:
        image = folder / f"{1000 + chip.number}_sat.jpg"
        write_jpeg(image, chip.image)
        white = np.repeat(chip.mask[..., None], 3, axis=2)
        Image.fromarray(np.where(white, 255, 0).astype(np.uint8)).save(folder / f"{1000 + chip.number}_mask.png")
        truth[image] = chip
    return truth


PUBLIC_LAYOUTS = (
    OwnLayout(
        "SOS",
        train_and_test_folders,
        ("data.images=train/images", "data.masks=train/masks", "data.mask_values={255: 1}"),
        scenes=8,
        chips=8,
        pictures="train/images",
    ),
    OwnLayout(
        "CrackForest",
        in_two_folders(".jpg", write_jpeg, one_two, "{0.number:03d}"),
        ("data.mask_values={1: 0, 2: 1}",),
        scenes=12,
    ),
    OwnLayout("cells", in_two_folders(".png", write_grey, zero_one, "cell_{0.number}"), (), scenes=12),
    OwnLayout(
        "roads",
        numbered_suffixes,
        (
            "data.images=train",
            "data.masks=train",
            "data.image_suffix=_sat",
            "data.mask_suffix=_mask",
            'data.mask_values={"255,255,255": 1}',
        ),
        scenes=12,
        pictures="train/*_sat.jpg",
    ),
)
