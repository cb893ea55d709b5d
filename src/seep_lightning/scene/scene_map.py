"""From a scene to its map: probability and mask as Cloud Optimized GeoTIFFs, from any point where a run was killed."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from seep_lightning.errors import UserError, WouldReplace, first_line
from seep_lightning.files import remove_folder
from seep_lightning.scene.cog import CHECKSUM_TAG, MapLayer, write_cog
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset
from seep_lightning.scene.interfaces import Floats, Mask, Model, Normalise, Progress
from seep_lightning.scene.journal import Journal, is_taken_over
from seep_lightning.scene.levels import (
    LEVELS,
    MASK_NODATA,
    PROBABILITY_NODATA,
    add_log_odds,
    class_numbers,
    classify,
    quantise,
)
from seep_lightning.scene.plan import ScenePlan
from seep_lightning.scene.raster import READ_ROWS, Raster
from seep_lightning.scene.raster_formats import MASK_SUFFIX, PROBABILITY_SUFFIX, is_signed
from seep_lightning.scene.strip import predict_scene

KEY_TAG = "SEEP_LIGHTNING_KEY"
THRESHOLD_TAG = "SEEP_LIGHTNING_THRESHOLD"

# Raise it when the same settings would give other pixels, or the journal another layout.
MAP_VERSION = 4

PROBABILITY_LAYER = MapLayer(
    index=0, name="seep", nodata=PROBABILITY_NODATA, resampling="average", scale=1 / LEVELS, offset=-1 / LEVELS
)
MASK_LAYER = MapLayer(index=1, name="class", nodata=MASK_NODATA, resampling="mode")
LAYERS = 2

log = logging.getLogger(__name__)


class SceneMap(NamedTuple):
    """The map of a scene.

    Attributes:
        probability: The raster of probabilities.
        mask: The raster of classes.
        first_row: The row from which on this call predicted; the scene's height if the map was finished already.
        key: A hash of all that its pixels depend on.
    """

    probability: Path
    mask: Path
    first_row: int
    key: str


def map_scene(
    raster: Raster,
    prepare: Callable[[], tuple[Model, Normalise]],
    folder: Path,
    plan: ScenePlan,
    progress: Progress | None = None,
) -> SceneMap:
    """Map a scene, or a part of it, into NAME.probability.tif and NAME.mask.tif.

    The same call goes on where a killed one stopped, and gives the same pixels. Several processes may predict parts of
    a scene at once; the call without `plan.part` then puts them together.

    Args:
        raster: The scene.
        prepare: Gives model and normalisation; called if there is anything left to do. The model's first channel is
            that of seep, the others are of classes.
        folder: Where the map is written.
        plan: How the scene is mapped.
        progress: Told how many pixels are done.

    Returns:
        The map, whose files a call for a part does not write.

    Raises:
        UserError: The map of something else is there (unless `plan.overwrite`), the scene has no valid pixel, a file
            changes meanwhile, or the disk is full.
    """
    key = _map_key(raster, plan)
    probability = folder / f"{raster.name}{PROBABILITY_SUFFIX}"
    mask = folder / f"{raster.name}{MASK_SUFFIX}"
    draft = folder / f".{raster.name}.part"
    if _is_finished((probability, mask), raster, key, overwrite=plan.overwrite):
        remove_folder(draft)
        return SceneMap(probability, mask, raster.height, key)
    first, last = plan.part or (0, raster.height)
    if plan.part and is_taken_over(draft, key, (last, LAYERS, raster.width)):
        return SceneMap(probability, mask, last, key)
    shape = last - first, LAYERS, raster.width
    with closing(Journal(draft, key, shape, first if plan.part else None)) as journal:
        if plan.part is None:
            journal.take_over()
        next_row = first + journal.rows
        model, normalise = prepare()
        store = partial(_store_rows, journal, plan)
        predict_scene(raster, model, normalise, store, plan.windows, (next_row, last), progress)
        if plan.part is None:
            _check_rows(raster, journal)
            tags = {KEY_TAG: key, THRESHOLD_TAG: f"{plan.threshold:g}", **plan.tags}
            write_cog(journal, probability, PROBABILITY_LAYER, raster, tags)
            write_cog(journal, mask, MASK_LAYER, raster, tags)
            journal.discard()
    return SceneMap(probability, mask, next_row, key)


def holds_map(raster: Raster, folder: Path, plan: ScenePlan) -> bool:
    """Whether a folder holds the very map that `map_scene` would make, finished or begun.

    Args:
        raster: The scene.
        folder: Where the map would be written.
        plan: How the scene would be mapped.
    """
    key = _map_key(raster, plan)
    if any((folder / f".{raster.name}.part").glob(f"{key}*.rows")):
        return True
    probability = folder / f"{raster.name}{PROBABILITY_SUFFIX}"
    return probability.exists() and _key_of(probability) == key


def _map_key(raster: Raster, plan: ScenePlan) -> str:
    """A hash of all that the pixels of a map depend on."""
    windows = plan.windows
    scene = [MAP_VERSION, plan.model_key, raster.fingerprint]
    settings = [windows.tiling, windows.batch, plan.threshold, plan.area_key]
    return hashlib.sha256(json.dumps(scene + settings).encode()).hexdigest()


def _is_finished(files: Sequence[Path], raster: Raster, key: str, *, overwrite: bool) -> bool:
    """Whether the files of a map are there; `UserError` for files of another map that must not be overwritten."""
    present = [path for path in files if path.exists() and not _is_wreck(path)]
    foreign = [path for path in present if _key_of(path) != key]
    if foreign and not overwrite:
        raise WouldReplace(
            f"{foreign[0]} is there already, from another model, input or settings. "
            "Choose another output folder, or allow it to be replaced with overwrite=true."
        )
    if len(present) < len(files) or foreign:
        return False
    return all(_is_whole(path, raster) for path in present)


def _is_wreck(path: Path) -> bool:
    """Whether a file is empty, or begins like a map but cannot be opened: nothing of it can be lost any more."""
    if not path.stat().st_size:
        return True
    with path.open("rb") as file:
        begins_like_a_map = is_signed(file.read(16))
    if not begins_like_a_map:
        return False
    try:
        open_dataset(path).close()
    except (*UNREADABLE_RASTER, UserError) as error:
        log.warning("%s is damaged (%s): it is made again.", path, first_line(error))
        return True
    return False


def _is_whole(path: Path, raster: Raster) -> bool:
    """Whether every pixel of a map is what was written: what lay on a disk that failed, or was copied, may differ.

    Maps of earlier versions tell no checksum; of these it is known that they can be decoded.
    """
    try:
        with open_dataset(path) as dataset:
            damage = _damage_of(dataset, raster)
    except (*UNREADABLE_RASTER, UserError) as error:
        damage = first_line(error)
    if damage:
        log.warning("%s is damaged (%s): it is made again.", path, damage)
    return not damage


def _damage_of(dataset: Any, raster: Raster) -> str:
    """What is wrong with an open map of a scene, each pixel of which is read; empty for nothing."""
    # before anything is read: a damaged header may claim terabytes
    if (dataset.height, dataset.width) != (raster.height, raster.width):
        return f"it claims {dataset.width} x {dataset.height} px, the scene has {raster.width} x {raster.height}"
    for top in range(0, dataset.height, READ_ROWS):
        dataset.read(1, window=Window(0, top, dataset.width, min(READ_ROWS, dataset.height - top)))
    expected = dataset.tags().get(CHECKSUM_TAG)
    is_as_written = expected is None or expected == str(dataset.checksum(1))
    return "" if is_as_written else "its pixels are not those that were written"


def _key_of(path: Path) -> str | None:
    """The key of a map that is there already; None for anything else."""
    with suppress(*UNREADABLE_RASTER, UserError), open_dataset(path) as dataset:
        key: str | None = dataset.tags().get(KEY_TAG)
        return key
    return None


def _store_rows(journal: Journal, plan: ScenePlan, start: int, probability: Floats, mapped: Mask) -> None:
    """Append finished rows (K, n, W) to the journal, which knows that they begin at `start`."""
    # in parts: the steps of quantising take several times the memory of its result
    for top in range(0, len(mapped), READ_ROWS):
        some, some_mapped = probability[:, top : top + READ_ROWS], mapped[top : top + READ_ROWS]
        seep = some[0]
        if plan.log_odds is not None:
            first = start + top
            seep = add_log_odds(seep, plan.log_odds(first, first + len(seep)))
        stored = quantise(seep, some_mapped)
        mask = classify(stored, class_numbers(some), plan.threshold)
        journal.append(np.stack((stored, mask), axis=1))


def _check_rows(raster: Raster, journal: Journal) -> None:
    """Discard the rows, and raise `UserError`, where they are of two different files, or no pixel is mapped."""
    try:
        raster.check_unchanged()
        if all((mask == MASK_NODATA).all() for mask in _masks(journal)):
            raise UserError(
                f"{raster.path} has no pixel to map: all of it is nodata, or outside the area of interest. "
                "Check its nodata value and the area."
            )
    except UserError:
        journal.discard()
        raise


def _masks(journal: Journal) -> Iterator[NDArray[np.uint8]]:
    """The finished rows of the mask, some at a time."""
    for top in range(0, journal.height, READ_ROWS):
        yield journal.read(top, top + READ_ROWS)[:, MASK_LAYER.index]
