"""What to say of a folder that is not as expected: what it holds, and which keys would read it."""

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from seep_lightning.data.layouts.known import FolderNames, known_folders
from seep_lightning.data.left_out import counted_suffixes
from seep_lightning.documents.regular_files import is_regular
from seep_lightning.errors import NoChips
from seep_lightning.scene.raster_formats import chip_suffixes

# what people call folders of images and of masks, as a part of the name
IMAGE_FOLDER = re.compile(r"imag|img|input|sar|radar|sat|pictures?|photos?|scenes?|patches|chips", re.IGNORECASE)
MASK_FOLDER = re.compile(r"mask|label|lab|truth|gt|annot|seg|target", re.IGNORECASE)
# sub-folders that are looked into
MOST_FOLDERS = 40
# sub-folders that are named
LISTED_FOLDERS = 4


@dataclass(frozen=True)
class FolderContent:
    """What a folder holds.

    Attributes:
        files: The names of its files.
        folders: The files of its sub-folders, by their names.
    """

    files: list[str]
    folders: dict[str, list[str]]

    @property
    def folders_of_chips(self) -> list[str]:
        """The names of the sub-folders that hold files that may be chips."""
        return [name for name, files in self.folders.items() if _chips(files)]

    def __str__(self) -> str:
        parts: list[str] = []
        if self.files:
            parts.append(counted_suffixes(self.files))
        for name, files in list(self.folders.items())[:LISTED_FOLDERS]:
            text = counted_suffixes(files) if files else "no files of its own"
            parts.append(f"{name}/ ({text})")
        hidden = len(self.folders) - LISTED_FOLDERS
        if hidden > 0:
            parts.append(f"{hidden} more folders")
        return ", ".join(parts) or "nothing"


def content_of(folder: Path) -> FolderContent:
    """List a folder, and the files of its first sub-folders."""
    files: list[str] = []
    folders: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            files.append(path.name)
        elif len(folders) < MOST_FOLDERS:
            folders[path.name] = [below.name for below in sorted(path.iterdir()) if not below.is_dir()]
        else:
            folders[path.name] = []
    return FolderContent(files, folders)


def settings_for(root: Path, content: FolderContent) -> str:
    """The settings that may read a folder, as they are typed in a shell; `""` where that cannot be told.

    Args:
        root: The folder, as `data.root`.
        content: What it holds.
    """
    table = table_of_pairs(root, content.files)
    if table:
        return quote(f"data.pairs={table}")
    folders = _two_folders(content)
    if folders is not None:
        return _typed(folders)
    folder = _one_folder(content)
    if folder is not None:
        return f"{_typed(FolderNames(folder, folder))} (images and masks in one folder)"
    scenes = _folders_of_scenes(root, content)
    return "" if scenes is None else _typed(scenes)


def _typed(names: FolderNames) -> str:
    """The keys that name the folders of images and masks, as they are typed in a shell."""
    return f"{quote(f'data.images={names.images}')} {quote(f'data.masks={names.masks}')}"


def _two_folders(content: FolderContent) -> FolderNames | None:
    """The folders of images and of masks by their names; None where these do not tell them."""
    holding = content.folders_of_chips
    images = [name for name in holding if IMAGE_FOLDER.search(name) and not MASK_FOLDER.search(name)]
    masks = [name for name in holding if MASK_FOLDER.search(name)]
    named = {*images, *masks}
    if len(holding) == 2 and len(named) == 1:
        # of two folders, the word for one tells the other
        (other,) = set(holding) - named
        images = images or [other]
        masks = masks or [other]
    if len(images) != 1 or len(masks) != 1:
        return None
    return FolderNames(images[0], masks[0])


def _one_folder(content: FolderContent) -> str | None:
    """The only place that holds chips: a sub-folder, or `.`; None for several, or none."""
    places = list(content.folders_of_chips)
    if _chips(content.files):
        places.append(".")
    return places[0] if len(places) == 1 else None


def _folders_of_scenes(root: Path, content: FolderContent) -> FolderNames | None:
    """Globs for the files of folders, one for each scene, that each hold two folders, as the first of them does."""
    for scene in list(content.folders)[:1]:
        below = content_of(root / scene)
        folders = None if table_of_pairs(root / scene, below.files) else _two_folders(below)
        if folders is not None:
            return FolderNames(f"*/{glob.escape(folders.images)}/*", f"*/{glob.escape(folders.masks)}/*")
    return None


LONGEST_HEADER = 2**16
"""Characters of the first line of a table, of which more are not read."""


def table_of_pairs(folder: Path, files: list[str]) -> str:
    """The only one of a folder's files that is a table of images and masks; `""` for none or several."""
    tables = [name for name in files if _lists_pairs(folder / name)]
    return tables[0] if len(tables) == 1 else ""


def _lists_pairs(path: Path) -> bool:
    """Whether a file is a table of images and masks, by its first line."""
    if path.suffix.lower() != ".csv" or not is_regular(path):
        return False
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            header = file.readline(LONGEST_HEADER).lower()
    except OSError:
        return False
    columns = {name.strip() for name in re.split("[,;\t]", header)}
    return {"image", "mask"} <= columns


def _chips(files: list[str]) -> list[str]:
    """The files that may be chips."""
    return [name for name in files if Path(name).suffix.lower() in chip_suffixes()]


def missing_folder(root: Path, folder: Path, key: str, names: FolderNames) -> NoChips:
    """The error for a folder that is not there.

    Args:
        root: `data.root`.
        folder: What is missing, the root itself or a folder below it.
        key: The key of the config that names it, `root`, `images` or `masks`.
        names: What `data.images` and `data.masks` say.
    """
    sentences = [f"data.{key}: there is no folder {folder}."]
    places = _elsewhere(root, names)
    if len(places) > 1:
        return NoChips(f"{sentences[0]} {_several_places(root, places, names)}")
    sentences += [f"One is in {path.parent}." for path in places]
    known = known_folders(root)
    if known is not None and known[1] != names:
        group, folders = known
        sentences.append(f"{root} holds {folders.images}/: pass data={group} to read it.")
    elif root.is_dir() and len(sentences) == 1:
        content = content_of(root)
        sentences.append(f"{root} holds {content}.")
        settings = settings_for(root, content)
        if settings:
            sentences.append(f"Pass {settings}.")
            return NoChips(" ".join(sentences))
    expected = f"Expected {names.images}/ and {names.masks}/ below it"
    sentences.append(f"{expected}; set data.root (or SEEP_DATA_ROOT), data.images, data.masks.")
    return NoChips(" ".join(sentences))


def _several_places(root: Path, places: list[Path], names: FolderNames) -> str:
    """What to do where several sub-folders hold images, as those of a published split."""
    parts = [place.parent for place in places]
    folders = ", ".join(part.name for part in parts)
    have_masks = all((part / names.masks).is_dir() for part in parts)
    masks = names.masks if have_masks else "NAME"
    text = (
        f"{folders} of {root} have it. Pass 'data.images=*/{names.images}' 'data.masks=*/{masks}' to read all, and "
        "split=file if they are the parts of a split"
    )
    if have_masks:
        return f"{text}."
    others = sorted(path.name for path in parts[0].iterdir() if path.is_dir() and path.name != names.images)
    return f"{text}; NAME is the folder of masks ({parts[0].name} holds {', '.join(others) or 'no other'})."


def _elsewhere(root: Path, names: FolderNames) -> list[Path]:
    """The folders of images in sub-folders, that for training before others."""
    return sorted(root.glob(f"*/{names.images}"), key=lambda path: not path.parent.name.lower().startswith("train"))


def no_chips(folder: Path, key: str) -> NoChips:
    """The error for a folder without any file that may be a chip.

    Args:
        folder: The folder.
        key: The key of the config that names it, `images` or `masks`.
    """
    content = content_of(folder)
    return NoChips(
        f"data.{key}: no {', '.join(chip_suffixes())} in {folder}. It holds {content}. Set data.{key} (below "
        "data.root) to the folder of the files, or convert them to one of these formats."
    )


def no_match(root: Path, place: str, key: str) -> NoChips:
    """The error for a glob that matches no file that may be a chip.

    Args:
        root: `data.root`.
        place: The glob.
        key: The key of the config, `images` or `masks`.
    """
    content = content_of(root)
    return NoChips(
        f"data.{key}={place}: no {', '.join(chip_suffixes())} below {root} matches it. {root} holds {content}. "
        f"Pass a folder or a glob, such as 'data.{key}=*/{key}/*.tif'."
    )
