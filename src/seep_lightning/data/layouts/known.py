"""The folder names of the data sets that have a config group of their own."""

from pathlib import Path
from typing import NamedTuple


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
