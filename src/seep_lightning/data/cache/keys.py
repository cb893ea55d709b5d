"""What the pixels and the statistics of a data set depend on: its files by name, size and times, and the settings."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.decoding import SIDECAR_SUFFIXES
from seep_lightning.data.normalise import ValueRange

CACHE_FORMAT = 1
"""Goes up with each change of the files below `.seep_lightning/`."""

# keys of `DataConfig` that say which files there are (which the list of files tells) or what becomes of pixels later
_NOT_OF_PIXELS = frozenset(
    {
        "source",
        "root",
        "layout",
        "images",
        "masks",
        "image_suffix",
        "mask_suffix",
        "pairs",
        "pair_columns",
        "pattern",
        "unpaired",
        "scale",
        "full_scale",
        "grid",
        "normalise",
        "batch_size",
        "num_workers",
        "cache_gb",
        "cache_folder",
        "synthetic",
    }
)
# the packages that decode
_DECODERS = ("rasterio", "numpy", "opencv-python-headless")
# our own code of these folders of the package makes pixels and statistics
_OWN_CODE = ("data", "scene", "config")
# a file that changed so short a time ago may change again without another time: some file systems count two seconds
_CERTAIN_AFTER = 2.0


@dataclass(frozen=True)
class CacheKeys:
    """Hashes of all that a result depends on: where they are equal, so is the result.

    Attributes:
        pixels: What decoded pixels depend on.
        statistics: What all that is measured of a data set depends on.
    """

    pixels: str
    statistics: str


def keys_of(chips: Chips, value_range: ValueRange | None) -> CacheKeys | None:
    """Find the keys of a data set before its chips are read.

    Args:
        chips: The chips, none of which need be read yet.
        value_range: What becomes 0 and 1 of floats, where a network knows it; None: measured.

    Returns:
        The keys; None where files cannot be told from others: they are gone, or changed a moment ago.
    """
    started = time.time()
    try:
        files = _hash_of_files(chips, started - _CERTAIN_AFTER)
    except OSError:
        return None
    if files is None:
        return None
    config = chips.config
    pixels = _hash([files, pixel_settings(config), _versions(), _gdal_settings()])
    later = {"scale": config.scale, "full_scale": config.full_scale, "log": config.normalise.log}
    # that of whole numbers follows from their type
    known_range = None
    if value_range is not None and not value_range.counted:
        known_range = asdict(value_range)
    return CacheKeys(pixels, _hash([pixels, later, known_range, _hash(chips.scenes)]))


def pixel_settings(config: DataConfig) -> dict[str, Any]:
    """The settings on which the pixels of images and masks depend, beside their files.

    Args:
        config: Of a data set.
    """
    return {name: value for name, value in vars(config).items() if name not in _NOT_OF_PIXELS}


def _hash_of_files(chips: Chips, certain_before: float) -> str | None:
    """A hash over all files that chips are decoded from; None where one changed later than that time."""
    total = hashlib.blake2b(digest_size=16)
    newest = 0
    for name, image, mask in zip(chips.names, chips.image_paths, chips.mask_paths, strict=True):
        total.update(f"{name}\0".encode(errors="surrogateescape"))
        for path in (image, mask):
            if path is not None:
                newest = max(newest, _add_file(total, path, path.stat(), chips.root))
    for path, status in _sidecars(chips):
        newest = max(newest, _add_file(total, path, status, chips.root))
    return total.hexdigest() if newest < certain_before * 1e9 else None


def _add_file(total: Any, path: Path, status: os.stat_result, root: Path) -> int:
    """Add a file to a hash. Returns when its content changed, ns."""
    location = str(path).removeprefix(str(root))
    # the time of its inode as well, which nobody sets: a copy of this data set elsewhere is another one
    text = f"{location}\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"
    total.update(text.encode(errors="surrogateescape"))
    return status.st_mtime_ns


def _sidecars(chips: Chips) -> Iterator[tuple[Path, os.stat_result]]:
    """The files beside chips that say where they have no data, or where they lie, sorted by their names."""
    masks = [path for path in chips.mask_paths if path is not None]
    for folder in sorted(_folders_of([*chips.image_paths, *masks])):
        with os.scandir(folder) as entries:
            sidecars = [entry for entry in entries if entry.name.lower().endswith(SIDECAR_SUFFIXES)]
        for entry in sorted(sidecars, key=lambda entry: entry.name):
            yield Path(entry.path), entry.stat()


def _folders_of(paths: Iterable[Path]) -> set[str]:
    """The folders that files lie in."""
    return {os.path.dirname(path) for path in paths}  # noqa: PTH120


def _hash(value: Any) -> str:
    """A hash of plain values."""
    text = json.dumps(value, default=str)
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).hexdigest()


@cache
def _versions() -> list[str]:
    """What decodes, with its version: this cache's format, our own code, other packages."""
    versions = [f"format {CACHE_FORMAT}", _hash_of_own_code()]
    for name in _DECODERS:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return versions


def _hash_of_own_code() -> str:
    """A hash of the modules that make pixels and statistics, so that nobody need remember to raise a number."""
    package = Path(__file__).resolve().parents[2]
    total = hashlib.blake2b(digest_size=16)
    for folder in _OWN_CODE:
        for path in sorted((package / folder).rglob("*.py")):
            total.update(path.read_bytes())
    return total.hexdigest()


def _gdal_settings() -> list[str]:
    """Settings of GDAL in the environment, which may change what it reads."""
    return sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("GDAL_"))
