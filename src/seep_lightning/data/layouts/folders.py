"""Images and masks in folders, or as globs say: an image and its mask have one name but for what it ends with."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seep_lightning.config.data import DataConfig
from seep_lightning.data.layouts import hints
from seep_lightning.data.layouts.endings import (
    Endings,
    better_endings,
    find_endings,
    likely_mask_ending,
    mask_endings,
    strip_ending,
)
from seep_lightning.data.layouts.files import ChipFile, FileSet, by_key, is_glob, is_raster, list_files
from seep_lightning.data.layouts.interfaces import ChipFiles, Listing
from seep_lightning.data.layouts.known import FolderNames
from seep_lightning.data.layouts.names import chip_name, listed_parts, places_of
from seep_lightning.data.left_out import LeftOut, counted_suffixes, left_out
from seep_lightning.errors import UserError, shortened


@dataclass(frozen=True)
class Roles:
    """Which files are images and which are masks.

    Attributes:
        images: The images.
        masks: The masks.
        found: What told them apart in one folder, in words; `""` where the config did.
    """

    images: list[ChipFile]
    masks: list[ChipFile]
    found: str = ""


@dataclass(frozen=True)
class Side:
    """The images of a data set, or its masks.

    Attributes:
        kind: `image` or `mask`.
        files: All about the place where they lie.
        by_rest: The files by what an image and its mask have in common.
        ending: What their stems end with.
    """

    kind: str
    files: FileSet
    by_rest: dict[str, Path]
    ending: str

    def expected(self, rest: str, partner: Path) -> str:
        """Where the file of a chip would lie, of which the partner is there."""
        if self.files.is_glob:
            return f"{rest} in {self.files.place}"
        file = self.files.base / f"{rest}{self.ending}"
        # without an ending, the partner's own name is the likeliest
        return f"{file}.*" if self.ending else str(file.with_name(partner.name))

    def pattern(self) -> str:
        """How the files are called, for people, such as `images/NAME_sat.jpg`."""
        if self.files.is_glob:
            return self.files.place
        folder = "" if self.files.place == "." else f"{self.files.place.rstrip('/')}/"
        nested = "FOLDER/" if self.files.is_nested else ""
        suffixes = sorted({path.suffix for path in self.by_rest.values()})
        suffix = suffixes[0] if len(suffixes) == 1 else f"{{{','.join(suffixes)}}}"
        return f"{folder}{nested}NAME{self.ending}{suffix}"


@dataclass(frozen=True)
class PairedFiles:
    """Images and masks, by what their names have in common.

    Attributes:
        images: The images.
        masks: The masks.
        found: The settings that were found out, in words; `""` for none.
    """

    images: Side
    masks: Side
    found: str

    @property
    def left_out(self) -> list[LeftOut]:
        """The files that are neither images nor masks."""
        both = [*self.images.files.left_out, *self.masks.files.left_out]
        # one folder may be that of both
        return list(dict.fromkeys(both))

    def rests(self) -> list[str]:
        """What the names of the pairs have in common, sorted."""
        return sorted(self.images.by_rest.keys() & self.masks.by_rest.keys())

    def lonely(self) -> list[tuple[Side, Side, list[str]]]:
        """Each side with the other one, and what has a file on it alone."""
        sides = ((self.images, self.masks), (self.masks, self.images))
        lonely = [(side, other, sorted(side.by_rest.keys() - other.by_rest.keys())) for side, other in sides]
        return [entry for entry in lonely if entry[2]]

    def __str__(self) -> str:
        text = f"{self.images.pattern()} with {self.masks.pattern()}"
        return f"{text} ({self.found}, found)" if self.found else text


class FolderPairs:
    """The layout of `data.images` and `data.masks`: folders, one folder for both, or globs."""

    def __init__(self, config: DataConfig) -> None:
        """Keep what the config says of folders and names."""
        self.folders = FolderNames(config.images, config.masks)
        self.pattern = config.pattern
        self.unpaired = config.unpaired
        self.image_suffix = config.image_suffix
        self.mask_suffix = config.mask_suffix

    def pairs(self, root: Path) -> list[ChipFiles]:
        """List the pairs; see `listing`."""
        return self.listing(root).pairs

    def listing(self, root: Path) -> Listing:
        """List the pairs, how they were found, and what was left out.

        Raises:
            UserError: A folder is missing or empty, nothing pairs, or an image or a mask has no partner and `unpaired`
                does not say what becomes of it.
        """
        paired = self._pair(root)
        rests = paired.rests()
        lonely = paired.lonely()
        if self.unpaired == "empty":
            # a mask without an image is a sign of names that do not pair, and so would its image be without a mask
            lonely = [entry for entry in lonely if entry[0].kind == "mask"]
            rests = sorted(paired.images.by_rest)
        if lonely and self.unpaired != "skip":
            raise _unpaired_error(*lonely[0], paired)
        left = paired.left_out
        for side, other, alone in lonely:
            names = [side.by_rest[rest].name for rest in alone]
            reason = f"no {other.kind} of their names"
            left += left_out(names, side.files.place, reason, readable=True, alone=True)
        images = [paired.images.by_rest[rest] for rest in rests]
        parts = dict(zip(images, _parts(rests, images), strict=True))
        return Listing(self._chips(paired, rests), f"{paired}", left, parts)

    def problems(self, root: Path) -> list[str]:
        """List the images and masks without a partner, unless `unpaired` says what becomes of them."""
        if self.unpaired != "error":
            return []
        problems: list[str] = []
        for side, other, alone in self._pair(root).lonely():
            cure = _unpaired_cure(side, other, "them", "their")
            problems.append(f"{len(alone)} without {other.kind}: {shortened(alone)}. {cure}")
        return problems

    def _chips(self, paired: PairedFiles, rests: Sequence[str]) -> list[ChipFiles]:
        """The chips with their scenes and names."""
        images = [paired.images.by_rest[rest] for rest in rests]
        folders = [rest.rpartition("/")[0] for rest in rests]
        named = [(folder, image.name) for folder, image in zip(folders, images, strict=True)]
        places = places_of(named, self.pattern, paired.images.ending)
        chips: list[ChipFiles] = []
        for rest, image, (folder, name), place in zip(rests, images, named, places, strict=True):
            mask = paired.masks.by_rest.get(rest)
            chips.append(ChipFiles(image, mask, place.scene, place.tile, chip_name(folder, name)))
        return chips

    def _pair(self, root: Path) -> PairedFiles:
        """Images and masks by what their names have in common."""
        image_files, mask_files = self._file_sets(root)
        roles = self._roles(image_files, mask_files)
        images = by_key(roles.images, image_files)
        masks = by_key(roles.masks, mask_files)
        endings = self._endings(_Named(image_files, images), _Named(mask_files, masks))
        found = [roles.found] if roles.found else []
        if self.image_suffix is None and endings.image:
            found.append(f"data.image_suffix={endings.image}")
        if self.mask_suffix is None and endings.mask:
            found.append(f"data.mask_suffix={endings.mask}")
        return PairedFiles(
            Side("image", image_files, _by_rest(images, endings.image, image_files, "image"), endings.image),
            Side("mask", mask_files, _by_rest(masks, endings.mask, mask_files, "mask"), endings.mask),
            ", ".join(found),
        )

    def check_folders(self, root: Path) -> None:
        """Raise `UserError` where a folder is not there; no file is looked at.

        Args:
            root: `data.root`.
        """
        if not root.is_dir():
            raise hints.missing_folder(root, root, "root", self.folders)
        for key, place in self.folders._asdict().items():
            if not is_glob(root, place) and not (root / place).is_dir():
                raise hints.missing_folder(root, root / place, key, self.folders)

    def _file_sets(self, root: Path) -> tuple[FileSet, FileSet]:
        """The files of images and of masks; one set where they lie in one folder."""
        self.check_folders(root)
        if _is_one_place(root, self.folders):
            images = masks = list_files(root, self.folders.images)
        else:
            images = list_files(root, self.folders.images, self.folders.masks)
            masks = list_files(root, self.folders.masks, self.folders.images)
        for key, files in (("images", images), ("masks", masks)):
            if not files.files and files.is_glob:
                raise hints.no_match(root, files.place, key)
            if not files.files:
                raise hints.no_chips(files.base, key)
        return images, masks

    def _roles(self, images: FileSet, masks: FileSet) -> Roles:
        """Which files are images and which are masks."""
        if images is masks:
            return self._roles_in_one_folder(images)
        mask_paths = {file.path for file in masks.files}
        only_images = [file for file in images.files if file.path not in mask_paths]
        if not only_images:
            raise _one_file_error(images)
        return Roles(only_images, masks.files)

    def _roles_in_one_folder(self, files: FileSet) -> Roles:
        """Tell masks from images by what their names end with, or else by their formats."""
        if self.mask_suffix:
            return _by_ending(files, self.mask_suffix, is_mask=True)
        if self.image_suffix:
            return _by_ending(files, self.image_suffix, is_mask=False)
        counts = mask_endings(file.key for file in files.files)
        if counts and self.mask_suffix is None:
            ((ending, _),) = counts.most_common(1)
            return _by_ending(files, ending, is_mask=True)
        return _by_format(files)

    def _endings(self, images: "_Named", masks: "_Named") -> Endings:
        """What images and masks end with."""
        _check_ending("image_suffix", self.image_suffix, images)
        _check_ending("mask_suffix", self.mask_suffix, masks)
        options = find_endings(images.table, masks.table, self.image_suffix, self.mask_suffix)
        if len(options) == 1:
            return options[0]
        if options:
            raise _ambiguous_error(options, images, masks)
        raise _no_pairs_error(images, masks)


@dataclass(frozen=True)
class _Named:
    """Files of one kind by their keys."""

    files: FileSet
    table: Mapping[str, Path]

    def __str__(self) -> str:
        first = next(iter(sorted(self.table.values())))
        return f"{counted_suffixes(path.name for path in self.table.values())} such as {first.name}"


def _check_ending(key: str, ending: str | None, named: _Named) -> None:
    """Raise `UserError` for an ending of the user's that no name has."""
    if ending and not strip_ending(named.table, ending):
        raise UserError(
            f"data.{key}={ending}: no name in {named.files.base} ends with it ({named}). Pass what stands before the "
            f"suffix of the file, or data.{key}=null to find it out."
        )


def _parts(rests: Sequence[str], images: Sequence[Path]) -> list[str]:
    """The part of each pair, by the folders that its image lies in; those that a glob's wildcards stand for first."""
    parents = {image.parent for image in images}
    common = os.path.commonpath(parents) if parents else ""
    between = {parent: parent.relative_to(common).as_posix() for parent in parents}
    captured = [rest.rpartition("/")[0] for rest in rests]
    return listed_parts([f"{folder}/{between[image.parent]}" for folder, image in zip(captured, images, strict=True)])


def _is_one_place(root: Path, folders: FolderNames) -> bool:
    """Whether images and masks lie in one folder, or match one glob."""
    if folders.images == folders.masks:
        return True
    if is_glob(root, folders.images) or is_glob(root, folders.masks):
        return False
    return os.path.realpath(root / folders.images) == os.path.realpath(root / folders.masks)


def _by_ending(files: FileSet, ending: str, *, is_mask: bool) -> Roles:
    """Tell masks from images in one folder by what one kind ends with."""
    with_it = [file for file in files.files if file.key.endswith(ending)]
    without = [file for file in files.files if not file.key.endswith(ending)]
    roles = Roles(without, with_it) if is_mask else Roles(with_it, without)
    if not (roles.images and roles.masks):
        raise _one_file_error(files)
    return roles


def _by_format(files: FileSet) -> Roles:
    """Tell masks from images in one folder by their formats: `a.jpg` is the picture of which `a.png` is the mask."""
    rasters = [file for file in files.files if is_raster(file.path)]
    pictures = [file for file in files.files if not is_raster(file.path)]
    shared = {file.key for file in rasters} & {file.key for file in pictures}
    if not shared or 2 * len(shared) < min(len(rasters), len(pictures)):
        raise _one_file_error(files)
    image_suffixes = counted_suffixes(file.path.name for file in pictures)
    mask_suffixes = counted_suffixes(file.path.name for file in rasters)
    return Roles(pictures, rasters, f"images are the {image_suffixes}, masks the {mask_suffixes}")


def _by_rest(table: Mapping[str, Path], ending: str, files: FileSet, kind: str) -> dict[str, Path]:
    """Files by their keys without an ending; those that have not got it are noted as left out."""
    rests = strip_ending(table, ending)
    by_rest = {rest: table[key] for rest, key in rests.items()}
    if len(by_rest) < len(table):
        used = set(by_rest.values())
        others = [path.name for path in table.values() if path not in used]
        reason = f"the name does not end with {ending} (data.{kind}_suffix)"
        files.add_left_out(others, reason, readable=True)
    return by_rest


def _one_file_error(files: FileSet) -> UserError:
    """The error where each file would be an image and its own mask."""
    names = [file.path.name for file in files.files]
    ending = likely_mask_ending([file.key for file in files.files]) or "_mask"
    return UserError(
        f"data: images and masks are the same files, {counted_suffixes(names)} in {files.base}, such as {names[0]}. "
        f"Say what the names of masks end with, such as data.mask_suffix={ending}, or where they lie, such as "
        "data.masks=masks."
    )


def _ambiguous_error(options: Sequence[Endings], images: _Named, masks: _Named) -> UserError:
    """The error for names that pair in several ways."""
    ways = [f"data.image_suffix={option.image} data.mask_suffix={option.mask}" for option in options]
    return UserError(f"data: images ({images}) and masks ({masks}) pair in {len(ways)} ways. Pass {' or '.join(ways)}.")


def _no_pairs_error(images: _Named, masks: _Named) -> UserError:
    """The error where no image has a mask, with the setting that may cure it."""
    problem = (
        f"data: no image in {images.files.base} has a mask of the same name in {masks.files.base}: images are "
        f"{images}, masks are {masks}."
    )
    root = images.files.base.parent
    table = hints.table_of_pairs(root, [path.name for path in sorted(root.iterdir()) if path.is_file()])
    if table:
        return UserError(f"{problem} Pass data.pairs={table}, if that table lists them.")
    beginnings = _beginnings(images, masks)
    if beginnings:
        return UserError(f"{problem} Pass {beginnings}.")
    return UserError(
        f"{problem} Say what the names end with (data.image_suffix=_sat data.mask_suffix=_mask), or list the pairs in "
        "a CSV with the columns image and mask (data.pairs=FILE)."
    )


def _beginnings(images: _Named, masks: _Named) -> str:
    """Globs that pair `img_1.tif` with `mask_1.tif`; `""` where names do not pair so."""
    if images.files.is_glob or masks.files.is_glob:
        return ""
    backwards = find_endings(_reversed(images.table), _reversed(masks.table), None, None)
    if len(backwards) != 1:
        return ""
    image, mask = backwards[0].image[::-1], backwards[0].mask[::-1]
    # numbers would be those of other chips
    if any(character.isdigit() for character in image + mask):
        return ""
    return f"'data.images={images.files.place}/{image}*' 'data.masks={masks.files.place}/{mask}*'"


def _reversed(keys: Iterable[str]) -> list[str]:
    return [key[::-1] for key in keys]


def _unpaired_error(side: Side, other: Side, alone: Sequence[str], paired: PairedFiles) -> UserError:
    """The error for files without a partner."""
    first = side.by_rest[alone[0]]
    name = first.name
    looked = other.expected(alone[0], first)
    more = f" ({len(alone) - 1} more like it)" if len(alone) > 1 else ""
    advice = _better_settings(paired) or f"{_unpaired_cure(side, other, 'it', 'its')}."
    return UserError(
        f"data: {name} has no {other.kind}{more}. Looked for {looked}. {len(paired.rests())} other chips are paired. "
        f"{advice}"
    )


def _unpaired_cure(side: Side, other: Side, them: str, their: str) -> str:
    """What to do about files without a partner, as a sentence without its full stop."""
    cure = f"Remove {them}, add {their} {other.kind}, or pass data.unpaired=skip to leave {them} out"
    if side.kind == "image":
        cure += f" or data.unpaired=empty to read {them} as sea everywhere"
    return cure


def _better_settings(paired: PairedFiles) -> str:
    """A sentence with the endings that pair more files than equal names; `""` where there are none."""
    if paired.images.ending or paired.masks.ending:
        return ""
    better = better_endings(paired.images.by_rest, paired.masks.by_rest, len(paired.rests()))
    if better is None:
        return ""
    return f"More are paired with data.image_suffix={better.image} data.mask_suffix={better.mask}."
