"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

import glob
from pathlib import Path
from typing import Any

from seep_lightning.config.data import DataConfig
from seep_lightning.errors import UserError
from seep_lightning.scene.raster_formats import MAP_SUFFIXES, PROBABILITY_SUFFIX, scene_suffixes


def path_list(key: str, given: Any) -> list[str]:
    """A path or a list of paths as a list; `UserError` for none."""
    if given in ([], ""):
        raise UserError(f"{key}={given}: expected a path, or a list of paths.")
    return [str(each) for each in given] if isinstance(given, list | tuple) else [str(given)]


def find_files(key: str, given: str) -> list[Path]:
    """The images that a key means: a file, those of a folder (or of the data set's layout in it), or of a glob."""
    path, suffixes = Path(given), scene_suffixes()
    if path.is_file() or given.startswith("/vsi"):
        return [path.absolute()]
    if path.is_dir():
        chips = path / DataConfig.images
        found = [p for p in (chips if chips.is_dir() else path).iterdir() if p.suffix.lower() in suffixes]
    else:
        found = [Path(p) for p in glob.glob(given, recursive=True)]  # noqa: PTH207, it may be absolute
    mapped = [p for p in found if p.suffix != ".png" and p.with_suffix(PROBABILITY_SUFFIX).exists()]
    pictures = {p.with_suffix(".png") for p in mapped}
    found = sorted(p.absolute() for p in found if not p.name.endswith(MAP_SUFFIXES) and p not in pictures)
    if not found:
        none = (
            f"no {', '.join(suffixes)} in it" if path.is_dir() else "there is no such file or folder, nor any like it"
        )
        raise UserError(f"{key}={given}: {none}.")
    return found
