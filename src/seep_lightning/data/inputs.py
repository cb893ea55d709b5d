"""Which image files a path on the command line means: a file, a folder, a data set, or a pattern."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seep_lightning.errors import UserError
from seep_lightning.scene.raster_formats import MAP_SUFFIXES, PROBABILITY_SUFFIX, picture_suffixes, scene_suffixes


def path_list(key: str, value: Any) -> list[str]:
    """Read a path or a list of paths from the config.

    Args:
        key: The key in the config, for the message.
        value: What the config says.

    Returns:
        The paths as a list.

    Raises:
        UserError: There is none.
    """
    if value in ([], ""):
        raise UserError(f"{key}={value}: expected a path, or a list of paths.")
    if isinstance(value, list | tuple):
        return [str(path) for path in value]
    return [str(value)]


def find_files(key: str, text: str) -> list[Path]:
    """Find the images that a key of the config means.

    Args:
        key: The key in the config, for the message.
        text: A file, a folder of images, a data set's folder, or a pattern such as `SCENES/*.tif`.

    Returns:
        Absolute paths, sorted; without the maps, and pictures of maps, that `predict` wrote.

    Raises:
        UserError: There are none.
    """
    path = Path(text)
    if path.is_file() or text.startswith("/vsi"):
        return [path.absolute()]
    if path.is_dir():
        files = _images_in_folder(path)
        problem = f"no {', '.join(scene_suffixes())} in it"
    else:
        # `Path.glob` takes no absolute pattern
        files = [Path(name) for name in glob.glob(text, recursive=True)]  # noqa: PTH207
        problem = "there is no such file or folder, nor any like it"
    pictures = _pictures_of_maps(files)
    images = [file.absolute() for file in files if file not in pictures and not file.name.endswith(MAP_SUFFIXES)]
    if not images:
        raise UserError(f"{key}={text}: {problem}.")
    return sorted(images)


def _images_in_folder(folder: Path) -> list[Path]:
    """The images of a folder, or of the data set's layout in it."""
    from seep_lightning.data.layouts import known_folders

    known = known_folders(folder)
    if known is not None:
        _, folders = known
        folder = folder / folders.images
    files = list(folder.iterdir())
    scenes = [path for path in files if path.suffix.lower() in scene_suffixes()]
    # beside scenes, pictures are their previews
    return scenes or [path for path in files if path.suffix.lower() in picture_suffixes()]


def _pictures_of_maps(files: Sequence[Path]) -> set[Path]:
    """The pictures that `predict` drew of scenes among the files, beside their maps."""
    pictures: set[Path] = set()
    for scene in files:
        has_map = scene.with_suffix(PROBABILITY_SUFFIX).exists()
        if scene.suffix != ".png" and has_map:
            pictures.add(scene.with_suffix(".png"))
    return pictures
