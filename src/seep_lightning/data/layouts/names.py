"""What a chip's file name says: its scene and its tile."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from seep_lightning.config.data import DataConfig
from seep_lightning.data.parts import PART_SYNONYMS, PARTS
from seep_lightning.errors import UserError, first_line

DEFAULT_PATTERN = DataConfig.pattern
# seconds that a pattern may take for a name; usual ones take microseconds
LONGEST_MATCH = 2.0
# stands for the slash between folder and file in the name of a chip
FOLDER_SEPARATOR = "__"
# folders of these names are parts of a data set, not scenes
PART_FOLDERS = frozenset({*PARTS, *PART_SYNONYMS})


@dataclass(frozen=True)
class Place:
    """Where a chip comes from.

    Attributes:
        scene: The name of its scene.
        tile: Its number in the scene; -1 where it has none.
    """

    scene: str
    tile: int


def split_name(name: str, pattern: str, ending: str = "") -> tuple[str, int]:
    """Take scene and tile from a chip's file name.

    Args:
        name: The file name, such as `S1.000007.tif`.
        pattern: A regular expression with a group `scene`, and one `tile` where chips have a number.
        ending: What the stems of images end with (`data.image_suffix`): the pattern is tried on the name without it
            first, then on the whole name.

    Returns:
        The scene's name, and the tile's number or -1.

    Raises:
        UserError: The pattern is no regular expression, does not match, or takes something else for the number.
    """
    match = _matched(pattern, without_ending(name, ending)) or _matched(pattern, name)
    groups = {} if match is None else match.groupdict()
    scene = groups.get("scene")
    if scene is None:
        raise UserError(
            f"data.pattern: {name} does not match {pattern!r}. The pattern needs a group (?P<scene>...) and may have "
            f"(?P<tile>digits). {_advice(name)}"
        )
    tile = groups.get("tile") or "-1"
    if not tile.removeprefix("-").isdecimal():
        raise UserError(
            f"data.pattern: {pattern!r} takes {tile!r} of {name} for the tile; it must be digits. {_advice(name)}"
        )
    return scene, int(tile)


def _matched(pattern: str, name: str) -> "re.Match[str] | regex.Match[str] | None":
    """The match of a name; `UserError` for a pattern that is none, or that takes too long.

    A pattern may be a stranger's, stored in a run: some need longer than the age of the universe for one name.
    """
    if pattern == DEFAULT_PATTERN:
        return re.match(pattern, name)
    try:
        return regex.match(pattern, name, timeout=LONGEST_MATCH)
    except regex.error as error:
        problem = f"data.pattern: {pattern!r} is not a regular expression ({first_line(error)})"
        raise UserError(f"{problem}. {_advice(name)}") from error
    except TimeoutError as error:
        problem = f"data.pattern: {pattern!r} takes longer than {LONGEST_MATCH:.0f} s for one name"
        raise UserError(f"{problem}. {_advice(name)}") from error


def without_ending(name: str, ending: str) -> str:
    """A file name without what its stem ends with: `a_sat.jpg` without `_sat` is `a.jpg`."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem.removesuffix(ending)}{dot}{suffix}"


def _advice(name: str) -> str:
    """A setting that fits a name, as it is typed in a shell."""
    return f"For this name, for example: {pattern_setting(name)}."


def pattern_setting(name: str) -> str:
    """A `data.pattern` that takes scene and tile from a name, quoted as it is typed in a shell.

    Args:
        name: The file name of a chip.

    Returns:
        The whole argument. Single quotes are enough: the commands quote the value for Hydra.
    """
    numbered = re.match(r".+(?P<separator>[._-])\d+(?=\D*$)", name)
    pattern = r"(?P<scene>[^_.]+)"
    if numbered:
        separator = re.escape(numbered["separator"]).replace(r"\-", "-")
        pattern = rf"(?P<scene>.+){separator}(?P<tile>\d+)"
    return f"'data.pattern={pattern}'"


def chip_name(folder: str, file_name: str) -> str:
    """The name of a chip: its file's, after the sub-folders that it lies in."""
    parts = [part for part in folder.split("/") if part]
    return FOLDER_SEPARATOR.join([*parts, file_name])


def places_of(files: Sequence[tuple[str, str]], pattern: str, ending: str) -> list[Place]:
    """Take scene and tile of each chip from its sub-folder and its name.

    In one flat folder, and with a pattern of the user's, names decide; a pattern with a slash is matched against
    `FOLDER/NAME`. With the default pattern and chips in several sub-folders, a sub-folder is a scene, unless the names
    are SCENE.TILE. Sub-folders called train, val, test are no scenes; `1.png` in two of them are two scenes.

    Args:
        files: Sub-folder (`""` for none) and file name of each chip.
        pattern: `data.pattern`.
        ending: What the stems of images end with.

    Returns:
        Where each comes from, in the same order.
    """
    by_name = [_place_by_name(folder, name, pattern, ending) for folder, name in files]
    folders = {folder for folder, _ in files if folder}
    if pattern != DEFAULT_PATTERN or len(folders) < 2:
        return by_name
    named = Counter(by_name)
    if _are_parts(folders):
        return [_place_in_part(folder, place, named) for (folder, _), place in zip(files, by_name, strict=True)]
    return [_place_in_folder(folder, name, place, named) for (folder, name), place in zip(files, by_name, strict=True)]


def _place_by_name(folder: str, name: str, pattern: str, ending: str) -> Place:
    """Scene and tile as the pattern takes them."""
    matched = name
    if "/" in pattern:
        matched = f"{folder}/{name}"
    scene, tile = split_name(matched, pattern, ending)
    return Place(scene, tile)


def _are_parts(folders: Iterable[str]) -> bool:
    """Whether sub-folders are the parts of a split."""
    return all(folder.lower() in PART_FOLDERS for folder in folders)


def _place_in_part(folder: str, by_name: Place, named: Counter[Place]) -> Place:
    """The place of a chip in the folder of a part: by its name; numbers that begin anew in each are of no one scene."""
    if by_name.tile >= 0 or named[by_name] == 1:
        return by_name
    return Place(f"{folder}{FOLDER_SEPARATOR}{by_name.scene}", -1)


def listed_parts(folders: Sequence[str]) -> list[str]:
    """Take the part of the split from the folders that each chip lies in.

    Args:
        folders: The folders of each chip, with slashes, such as `Train/images`.

    Returns:
        The name of the first folder that is called as a part is, in any case; `""` where none is, or where all chips
        lie in folders of one name: somebody reads one part alone.
    """
    names = [_part_folder(folder) for folder in folders]
    parts = {name.lower() for name in names if name}
    return names if len(parts) > 1 else [""] * len(folders)


def _part_folder(folder: str) -> str:
    """The first folder with the name of a part; `""` for none."""
    names = [name for name in folder.split("/") if name.lower() in PART_FOLDERS]
    return names[0] if names else ""


def _place_in_folder(folder: str, name: str, by_name: Place, named: Counter[Place]) -> Place:
    """The place of a chip in a sub-folder: by a name SCENE.TILE that no other chip has, else by the folder."""
    if not folder or (by_name.tile >= 0 and named[by_name] == 1):
        return by_name
    scene = folder.replace("/", FOLDER_SEPARATOR)
    if by_name.tile >= 0:
        return Place(f"{scene}{FOLDER_SEPARATOR}{by_name.scene}", by_name.tile)
    stem = name.rpartition(".")[0]
    tile = int(stem) if stem.isdecimal() else -1
    return Place(scene, tile)
