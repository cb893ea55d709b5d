"""Which scenes a path on the command line means: a file, a product, a folder, a data set, or a pattern."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seep_lightning.documents.patterns import paths_like
from seep_lightning.errors import UserError
from seep_lightning.scene.locations import check_name
from seep_lightning.scene.raster_formats import MAP_SUFFIXES, PROBABILITY_SUFFIX, picture_suffixes, scene_suffixes
from seep_lightning.scene.scene_file import SceneFile

# sub-folders below sub-folders that are looked into, for advice
DEEPEST_FOLDERS = 4


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


def path_argument(key: str, value: Any) -> str:
    """A key with paths as a shell takes it.

    Args:
        key: Of the command that is told.
        value: A path, or a list of them.
    """
    paths = path_list(key, value)
    text = paths[0] if len(paths) == 1 else f"[{','.join(paths)}]"
    return shlex.quote(f"{key}={text}")


def find_scenes(key: str, text: str) -> list[SceneFile]:
    """Find the scenes that a key of the config means.

    Args:
        key: The key in the config, for the message.
        text: An input of one of `scene.inputs.kinds` (a file, a product), a folder of such, a data set's folder, or a
            pattern such as `SCENES/*.tif`.

    Returns:
        The scenes, sorted by their files; without the maps, and pictures of maps, that `predict` wrote.

    Raises:
        UserError: There are none.
    """
    # reading rasters is not needed where a command only shows its help
    from seep_lightning.scene.inputs.kinds import each_once, kind_of, scenes_in

    check_name(Path(text))
    if kind_of(text) is not None:
        return scenes_in(text)
    folder = Path(text)
    if folder.is_dir():
        paths = _scenes_of_folder(folder)
        problem = f"no {', '.join(scene_suffixes())} in it, and no product. {_content_text(key, folder)}"
    else:
        paths = [Path(name) for name in paths_like(text)]
        problem = "there is no such file or folder, nor any like it."
    pictures = _pictures_of_maps(paths)
    for path in paths:
        check_name(path)
    inputs = [path.absolute() for path in paths if path not in pictures and not path.name.endswith(MAP_SUFFIXES)]
    if not inputs:
        raise UserError(f"{key}={text}: {problem}")
    return each_once([scene for path in sorted(inputs) for scene in scenes_in(path)])


def _scenes_of_folder(folder: Path) -> list[Path]:
    """The products and the images of a folder, or of the data set's layout in it."""
    from seep_lightning.data.layouts import known_folders
    from seep_lightning.scene.inputs.kinds import is_product

    known = known_folders(folder)
    if known is not None:
        _, folders = known
        folder = folder / folders.images
    entries = list(folder.iterdir())
    scenes = [path for path in entries if path.suffix.lower() in scene_suffixes() or is_product(path)]
    # beside scenes, pictures are their previews
    return scenes or [path for path in entries if path.suffix.lower() in picture_suffixes()]


def _content_text(key: str, folder: Path) -> str:
    """What a folder without scenes holds, and the pattern that finds the images of its sub-folders, in sentences."""
    from seep_lightning.data.layouts import content_of
    from seep_lightning.scene.inputs.kinds import product_labels

    held = f"It holds {content_of(folder)}."
    for suffixes in (scene_suffixes(), picture_suffixes()):
        for depth in range(1, DEEPEST_FOLDERS + 1):
            paths = [path for path in folder.glob("*/" * depth + "*") if _may_be_scene(path, suffixes)]
            if paths:
                return f"{held} Pass {shlex.quote(f'{key}={folder}/{_pattern_of(paths, depth)}')}."
    return f"{held} Give rasters, or {'; '.join(product_labels())}."


def _pattern_of(paths: Sequence[Path], depth: int) -> str:
    """A pattern for the images so many folders below another one, without the folders of masks."""
    from seep_lightning.data.layouts.hints import MASK_FOLDER

    images = [path for path in paths if not MASK_FOLDER.search(path.parent.name)] or paths
    parents = {path.parent.name for path in images}
    # what all are called, if it tells them from others or stands below different folders
    tells = len(images) < len(paths) or depth > 1
    last = parents.pop() if tells and len(parents) == 1 else "*"
    [(suffix, _)] = Counter(path.suffix for path in images).most_common(1)
    return "*/" * (depth - 1) + f"{last}/*{suffix}"


def _may_be_scene(path: Path, suffixes: Sequence[str]) -> bool:
    """Whether a file is an image, and no map that `predict` wrote."""
    return path.suffix.lower() in suffixes and not path.name.endswith(MAP_SUFFIXES) and path.is_file()


def _pictures_of_maps(files: Sequence[Path]) -> set[Path]:
    """The pictures that `predict` drew of scenes among the files, beside their maps."""
    pictures: set[Path] = set()
    for scene in files:
        has_map = scene.with_suffix(PROBABILITY_SUFFIX).exists()
        if scene.suffix != ".png" and has_map:
            pictures.add(scene.with_suffix(".png"))
    return pictures
