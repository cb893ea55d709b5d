"""The files that `data.images` and `data.masks` mean: those of a folder, of its sub-folders, or of a glob."""

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from seep_lightning.data.left_out import LeftOut, left_out
from seep_lightning.documents.patterns import folders_below, paths_like
from seep_lightning.errors import UserError
from seep_lightning.scene.locations import check_name
from seep_lightning.scene.raster_formats import chip_map_suffixes, chip_suffixes

WILDCARDS = re.compile(r"[*?\[]")
HIDDEN = "hidden"
CACHE_FOLDER = ".seep_lightning"
"""Beside a data set, what was decoded and measured of it: nobody's files, of which nothing is told."""


@dataclass(frozen=True)
class ChipFile:
    """A file of images or of masks.

    Attributes:
        key: What tells it from the others: its sub-folder and its name without suffix, such as `S1/a`; of a glob, what
            its wildcards stand for.
        path: The file.
    """

    key: str
    path: Path

    @property
    def folder(self) -> str:
        """The sub-folder, with slashes; `""` for none."""
        return self.key.rpartition("/")[0]


@dataclass
class FileSet:
    """The files of images or of masks.

    Attributes:
        place: What the config says, such as `images` or `*/img/*.jpg`.
        base: The folder that all of them lie in.
        is_glob: True if the place is a glob.
        files: Those that may be chips, by their suffix.
        left_out: The others.
    """

    place: str
    base: Path
    is_glob: bool = False
    files: list[ChipFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def add_left_out(self, names: Iterable[str], reason: str, *, readable: bool) -> None:
        """Note files that are not used, for one reason."""
        self.left_out += left_out(names, self.place, reason, readable=readable)

    @property
    def is_nested(self) -> bool:
        """Whether files lie in sub-folders."""
        return any(file.folder for file in self.files)


def is_glob(root: Path, place: str) -> bool:
    """Whether a place is a pattern of files, not a folder (whose name may hold brackets)."""
    has_wildcards = WILDCARDS.search(place) is not None
    return has_wildcards and not (root / place).is_dir()


def list_files(root: Path, place: str, other_place: str | None = None) -> FileSet:
    """List the files that may be chips.

    Args:
        root: `data.root`.
        place: A folder below it or an absolute one, or a glob.
        other_place: Likewise, where the files of the other kind lie: masks in a sub-folder of the images are no images.

    Returns:
        The files: those of the folder itself; where it holds none, those of all its sub-folders.
    """
    if is_glob(root, place):
        return _list_glob(root, place)
    other_folder = None if other_place is None else os.path.normpath(root / other_place)
    return _list_folder(root / place, place, other_folder)


def _list_folder(folder: Path, place: str, other_folder: str | None) -> FileSet:
    """The files of a folder, or else of its sub-folders, but for that of the other kind."""
    found = FileSet(place, folder)
    names, folders = _entries(folder)
    folders = [name for name in folders if os.path.normpath(folder / name) != other_folder]
    hidden_folders = [name for name in folders if _is_hidden(name) and name != CACHE_FOLDER]
    chips = _take_chips(found, [*names, *hidden_folders])
    below = list(_names_below(folder, other_folder))
    if chips:
        in_sub_folders = [name for name in below if _is_chip(name)]
        found.add_left_out(
            in_sub_folders,
            f"in sub-folders, while {place} itself holds chips (data.images='{place}/**/*' takes both)",
            readable=True,
        )
    else:
        chips = _take_chips(found, below)
    found.files = [ChipFile(name.rpartition(".")[0], folder / name) for name in chips]
    _check_names(found)
    return found


def _check_names(found: FileSet) -> None:
    """Raise `UserError` for a name that no table could hold."""
    for file in found.files:
        check_name(file.path)


def _entries(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in a folder."""
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (folders if _is_folder(entry) else files).append(entry.name)
    return files, sorted(folders)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder; nothing is asked of the disk for a plain file.

    A link that leads back to itself, or where nobody may look, is none: whoever reads it says so.
    """
    try:
        return entry.is_dir()
    except OSError:
        return False


def _names_below(folder: Path, other_folder: str | None) -> Iterator[str]:
    """The files at any depth in the folders of a folder, but for that of the other kind, relative to it."""

    def is_left_out(place: str) -> bool:
        return _is_hidden(place.rpartition("/")[2]) or os.path.normpath(folder / place) == other_folder

    for place in folders_below(folder, is_left_out=is_left_out):
        files, _ = _entries(folder / place)
        yield from (f"{place}/{name}" for name in files)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _is_chip(name: str) -> bool:
    """Whether a file may be a chip, by its name."""
    file_name = name.rpartition("/")[2]
    return not _is_hidden(file_name) and Path(file_name).suffix.lower() in chip_suffixes()


def _take_chips(found: FileSet, names: Iterable[str]) -> list[str]:
    """Keep the names of files that may be chips, sorted; note the others."""
    chips: list[str] = []
    hidden: list[str] = []
    unknown: list[str] = []
    for name in names:
        if _is_hidden(name.rpartition("/")[2]):
            hidden.append(name)
        elif _is_chip(name):
            chips.append(name)
        else:
            unknown.append(name)
    found.add_left_out(hidden, HIDDEN, readable=False)
    known = " ".join(chip_suffixes())
    found.add_left_out(unknown, f"not one of {known}", readable=False)
    return sorted(chips)


def _list_glob(root: Path, place: str) -> FileSet:
    """The files that a glob matches; where it matches folders only, the files in them."""
    pattern = place
    names = _matches(root, pattern)
    if names and all((root / name).is_dir() for name in names):
        pattern = f"{place.rstrip('/')}/*"
        names = _matches(root, pattern)
    found = FileSet(place, root / _fixed_part(pattern), is_glob=True)
    plain = [name for name in names if _is_chip(name) or not (root / name).is_dir()]
    chips = _take_chips(found, plain)
    keys = _captured_keys(chips, pattern)
    found.files = [ChipFile(key, root / name) for key, name in zip(keys, chips, strict=True)]
    _check_names(found)
    return found


def _matches(root: Path, pattern: str) -> list[str]:
    """What a glob matches, relative to the root or absolute, as the pattern is."""
    return paths_like(pattern, root)


def _fixed_part(pattern: str) -> str:
    """The folder before the first wildcard."""
    before = WILDCARDS.split(pattern, maxsplit=1)[0]
    return before.rpartition("/")[0] or ("/" if before.startswith("/") else ".")


def _captured_keys(names: list[str], pattern: str) -> list[str]:
    """What the wildcards of a glob stand for in each name; the whole name where that is not unique."""
    expression = _expression(pattern)
    keys: list[str] = []
    for name in names:
        match = expression.fullmatch(name.rpartition(".")[0])
        parts = [] if match is None else [part.strip("/") for part in match.groups()]
        keys.append("/".join(part for part in parts if part))
    if len(set(keys)) == len(keys) and all(keys):
        return keys
    fixed = _fixed_part(pattern)
    return [str(PurePosixPath(name.rpartition(".")[0].removeprefix(fixed).lstrip("/"))) for name in names]


def _expression(pattern: str) -> "re.Pattern[str]":
    """A glob without its suffix as a regular expression, with a group for each wildcard."""
    folder, slash, last = pattern.rpartition("/")
    stem = last.rpartition(".")[0] or last
    text = f"{folder}{slash}{stem}"
    pieces = re.split(r"(\*\*/?|\*|\?|\[[^\]]+\])", text)
    return re.compile("".join(map(_piece_expression, pieces)))


def _piece_expression(piece: str) -> str:
    """A wildcard, or the text between two, as a regular expression."""
    match piece:
        case "**/":
            return "((?:[^/]+/)*)"
        case "**":
            return "(.*)"
        case "*":
            return "([^/]*)"
        case "?":
            return "([^/])"
    if piece.startswith("[") and piece.endswith("]"):
        return f"({_set_expression(piece)})"
    return re.escape(piece)


def _set_expression(piece: str) -> str:
    """The set of characters of a glob (`[a-c]`, `[!x]`) as a regular expression."""
    # as `glob` itself reads it: brackets and doubled marks mean themselves, a range from z to a holds nothing
    return re.sub(r"\\[zZ]$", "", fnmatch.translate(piece))


def by_key(files: Iterable[ChipFile], found: FileSet) -> dict[str, Path]:
    """Files by their key; of a raster and its preview (`a.tif` and `a.jpg`) the raster.

    Args:
        files: Some of a set's files.
        found: The set, which is told what is left out.

    Raises:
        UserError: Two rasters differ in their suffix only.
    """
    table: dict[str, Path] = {}
    previews: list[str] = []
    # in the order of their names, rasters first
    for file in sorted(files, key=_is_preview):
        other = table.setdefault(file.key, file.path)
        if other == file.path:
            continue
        if is_raster(other) == is_raster(file.path):
            raise UserError(f"data: {other} and {file.path.name} are one chip twice. Remove one of them.")
        previews.append(file.path.name)
    found.add_left_out(previews, "beside a raster of the same name", readable=True)
    return table


def _is_preview(file: ChipFile) -> bool:
    return not is_raster(file.path)


def is_raster(path: Path) -> bool:
    """Whether a file is no preview: its format keeps what is written, as rasters of science do."""
    return path.suffix.lower() in chip_map_suffixes()
