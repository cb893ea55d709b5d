"""Which files are the chips of a data set: layouts list each chip's image, mask, scene and tile.

`data.layout` chooses one: a name of `LAYOUTS`, or a `_target_` node that names a class of the protocol `Layout`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from seep_lightning.config.data import DataConfig
from seep_lightning.config.targets import build
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import written_grid
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.raster_formats import chip_suffixes


class ChipFiles(NamedTuple):
    """The files of one chip, and where it comes from.

    Attributes:
        image: The picture, a file that GDAL reads.
        mask: The classes of its pixels, likewise.
        scene: The name of the scene that it was cut from.
        tile: Its number in the scene, row * columns + column; -1 where it has none.
        name: What it is called in tables and in the files of an evaluation; by default the image's file name. No two
            chips of a data set may have one name.
    """

    image: Path
    mask: Path
    scene: str
    tile: int = -1
    name: str = ""


@runtime_checkable
class Layout(Protocol):
    """What a class needs to be a `data.layout`."""

    def pairs(self, root: Path) -> Iterable[ChipFiles]:
        """List the chips of a data set, without reading a pixel.

        Args:
            root: `data.root`.

        Returns:
            The chips, in any order.
        """
        ...


@runtime_checkable
class AuditedLayout(Layout, Protocol):
    """A layout that `check` also asks for files that would not be used."""

    def problems(self, root: Path) -> list[str]:
        """List what would stop a training, a line each."""
        ...


class FolderNames(NamedTuple):
    """What the folders of images and masks are called."""

    images: str
    masks: str


# by the config group that names them (`data=chips`), for hints and for folders that are given to `predict`
KNOWN_FOLDERS = {
    "chips": FolderNames("images", "masks"),
    "seeps": FolderNames("train_images_256", "train_masks_256"),
}


def known_folders(root: Path) -> tuple[str, FolderNames] | None:
    """Return the config group, and the folder names, of the first known layout that a folder has."""
    for group, folders in KNOWN_FOLDERS.items():
        if (root / folders.images).is_dir():
            return group, folders
    return None


class FolderPairs:
    """A folder of images and one of masks; an image and its mask have one name, whatever their suffixes are."""

    def __init__(self, images: str, masks: str, pattern: str, unpaired: str) -> None:
        """Keep what `data.images`, `data.masks`, `data.pattern` and `data.unpaired` say."""
        self.folders = FolderNames(images, masks)
        self.pattern = pattern
        self.unpaired = unpaired

    @classmethod
    def of(cls, config: DataConfig) -> "FolderPairs":
        """The layout that the keys of a config describe."""
        return cls(config.images, config.masks, config.pattern, config.unpaired)

    def pairs(self, root: Path) -> list[ChipFiles]:
        """List the pairs.

        Raises:
            UserError: A folder is missing or empty, or an image or a mask has no partner and `unpaired` is `error`.
        """
        images, masks = self._list_both(root)
        stems = sorted(images.keys() & masks.keys())
        if self.unpaired == "error":
            without_mask = _without_partner(images, masks)
            without_image = _without_partner(masks, images)
            if without_mask:
                raise _unpaired_error(without_mask, "mask", root / self.folders.masks, len(stems))
            if without_image:
                raise _unpaired_error(without_image, "image", root / self.folders.images, len(stems))
        if not stems:
            folders = f"no image in {root / self.folders.images} has a mask of the same name in"
            raise UserError(f"data: {folders} {root / self.folders.masks}.")
        pairs: list[ChipFiles] = []
        for stem in stems:
            scene, tile = split_name(images[stem].name, self.pattern)
            pairs.append(ChipFiles(images[stem], masks[stem], scene, tile))
        return pairs

    def problems(self, root: Path) -> list[str]:
        """List the images and masks without a partner, unless they are to be skipped."""
        if self.unpaired == "skip":
            return []
        images, masks = self._list_both(root)
        problems: list[str] = []
        for files, others, kind in ((images, masks, "mask"), (masks, images, "image")):
            lonely = sorted(files.keys() - others.keys())
            if lonely:
                problems.append(f"{len(lonely)} without {kind}: {shortened(lonely)}")
        return problems

    def _list_both(self, root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
        """The images and the masks by stem."""
        images = root / self.folders.images
        masks = root / self.folders.masks
        for folder, key in ((root, "root"), (images, "images"), (masks, "masks")):
            if not folder.is_dir():
                raise UserError(self._missing(root, folder, key))
        image_files = list_images(images)
        if not image_files:
            raise UserError(f"data: no {', '.join(chip_suffixes())} in {images}. Is data.root the right folder?")
        return image_files, list_images(masks)

    def _missing(self, root: Path, folder: Path, key: str) -> str:
        """What to say of a folder that is missing, with a hint at where the data may be."""
        sentences = [f"data.{key}: there is no folder {folder}."]
        sentences += [f"One is in {path.parent}." for path in root.glob(f"*/{self.folders.images}")]
        known = known_folders(root)
        if known is not None and known[1] != self.folders:
            group, folders = known
            sentences.append(f"{root} holds {folders.images}/: pass data={group} to read it.")
        expected = f"Expected {self.folders.images}/ and {self.folders.masks}/ below it"
        sentences.append(f"{expected}; set data.root (or SEEP_DATA_ROOT), data.images, data.masks.")
        return " ".join(sentences)


# the layouts that have a name in `data.layout`, each with what makes it from the config
LAYOUTS = {"folders": FolderPairs.of}


def layout_of(config: DataConfig) -> Layout:
    """Build the layout that `data.layout` names.

    Raises:
        UserError: It is neither a known name nor a `_target_` node of a class that has a method `pairs`.
    """
    if isinstance(config.layout, Mapping):
        return build("data.layout", config.layout, Layout)
    if config.layout not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise UserError(f"data.layout={config.layout}: expected one of {known}, or a node with _target_ (a class).")
    return LAYOUTS[config.layout](config)


def root_of(config: DataConfig) -> Path:
    """Return `data.root`; `UserError` where it is not set."""
    if config.root is None:
        raise UserError("data.root is not set. Pass data.root=DIR or set SEEP_DATA_ROOT.")
    return Path(config.root)


def pair_chips(config: DataConfig) -> Chips:
    """List the chips of a data set, sorted by name, without reading a pixel.

    Args:
        config: The data set's config; `root` must be set.

    Returns:
        The chips, with the grids that the data set's `dataset.json` describes.

    Raises:
        UserError: There are no chips, or their layout is not as expected.
    """
    root = root_of(config)
    pairs = [pair if pair.name else pair._replace(name=pair.image.name) for pair in _listed_pairs(config, root)]
    pairs.sort(key=_sort_key)
    _check_names([pair.name for pair in pairs])
    written = written_grid(root)
    grid = {} if written is None else written | config.grid
    return Chips(
        config=replace(config, grid=grid),
        root=root,
        names=[pair.name for pair in pairs],
        scenes=[pair.scene for pair in pairs],
        tiles=[pair.tile for pair in pairs],
        image_paths=[pair.image for pair in pairs],
        mask_paths=[pair.mask for pair in pairs],
    )


def _sort_key(pair: ChipFiles) -> str:
    """The name without its suffix, so that the order does not depend on the file type."""
    return Path(pair.name).stem


def _listed_pairs(config: DataConfig, root: Path) -> list[ChipFiles]:
    """What the layout lists; `UserError` for what is no `ChipFiles`, and for nothing."""
    layout = layout_of(config)
    pairs = list(layout.pairs(root))
    name = type(layout).__name__
    for pair in pairs:
        if not isinstance(pair, ChipFiles):
            raise UserError(f"data.layout: {name}.pairs lists {pair!r}; expected ChipFiles(image, mask, scene, tile).")
    if not pairs:
        raise UserError(f"data.layout: {name} finds no chips in {root}. Is data.root the right folder?")
    return pairs


def _check_names(names: Sequence[str]) -> None:
    """Raise `UserError` for a name that two chips have, or that an evaluation could not write a file under."""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise UserError(f"data.layout: {count} chips are called {name}. Give each ChipFiles a name of its own.")
    for name in names:
        if Path(name).name != name or Path(name).suffix.lower() not in chip_suffixes():
            suffixes = ", ".join(sorted(chip_suffixes()))
            raise UserError(f"data.layout: the chip's name {name!r} is no file name that ends in {suffixes}.")


def _without_partner(files: Mapping[str, Path], others: Mapping[str, Path]) -> list[str]:
    """The names of files to whose stem there is no other file."""
    return [files[stem].name for stem in sorted(files.keys() - others.keys())]


def _unpaired_error(names: Sequence[str], kind: str, folder: Path, paired: int) -> UserError:
    """The error for files without a partner of a kind, which was looked for in a folder."""
    name = names[0]
    more = f" ({len(names) - 1} more like it)" if len(names) > 1 else ""
    return UserError(
        f"data: {name} has no {kind}{more}. Looked for {folder / name}. {paired} other chips are paired. "
        f"Remove it, add its {kind}, or pass data.unpaired=skip."
    )


def shortened(names: Sequence[str], most: int = 3) -> str:
    """Join names by commas; of many, the first and how many more there are."""
    text = ", ".join(names[:most])
    hidden = len(names) - most
    return f"{text} and {hidden} more" if hidden > 0 else text


def list_images(folder: Path) -> dict[str, Path]:
    """List the images of a folder by stem, in whatever order the file system gives them.

    Raises:
        UserError: Two of them differ in their suffix only.
    """
    table: dict[str, Path] = {}
    images = [path for path in folder.iterdir() if path.suffix.lower() in chip_suffixes()]
    for path in sorted(images):
        other = table.setdefault(path.stem, path)
        if other != path:
            raise UserError(f"data: {other} and {path.name} are one chip twice. Remove one of them.")
    return table


def split_name(name: str, pattern: str) -> tuple[str, int]:
    """Take scene and tile from a chip's file name.

    Args:
        name: The file name, such as `S1.000007.tif`.
        pattern: A regular expression with a group `scene`, and one `tile` where chips have a number.

    Returns:
        The scene's name, and the tile's number or -1.

    Raises:
        UserError: The pattern is no regular expression, does not match, or takes something else for the number.
    """
    with as_user_error(f"data.pattern: {pattern!r} is not a regular expression", re.error):
        match = re.match(pattern, name)
    groups = {} if match is None else match.groupdict()
    scene = groups.get("scene")
    if scene is None:
        raise UserError(
            f"data.pattern: {name} does not match {pattern!r}. The pattern needs a group (?P<scene>...) and may have "
            "(?P<tile>digits)."
        )
    tile = groups.get("tile") or "-1"
    if not tile.removeprefix("-").isdecimal():
        raise UserError(f"data.pattern: {pattern!r} takes {tile!r} of {name} for the tile; it must be digits.")
    return scene, int(tile)
