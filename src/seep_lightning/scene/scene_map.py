"""From a scene to its map: probability and mask as Cloud Optimized GeoTIFFs, from any point where a run was killed."""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rasterio.errors import RasterioError

from seep_lightning.errors import UserError
from seep_lightning.scene.cog import write_cog
from seep_lightning.scene.interfaces import Floats, Mask, Model, Normalise, Progress
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.levels import LEVELS, MASK_NODATA, class_numbers, classify, quantise
from seep_lightning.scene.plan import ScenePlan
from seep_lightning.scene.raster import ROWS, Raster, open_dataset
from seep_lightning.scene.raster_formats import MASK_SUFFIX, PROBABILITY_SUFFIX
from seep_lightning.scene.strip import predict_scene

KEY = "SEEP_LIGHTNING_KEY"
FORMAT = 4  # raise it when the same settings would give other pixels, or the journal another layout

log = logging.getLogger(__name__)


class SceneMap(NamedTuple):
    """Two rasters, from which row on this call predicted (the height: all was there), a hash of what they depend on."""

    probability: Path
    mask: Path
    first_row: int
    key: str


def map_scene(
    raster: Raster, prepare: Callable[[], tuple[Model, Normalise]], folder: Path, plan: ScenePlan,
    progress: Progress | None = None,
) -> SceneMap:  # fmt: skip
    """Map a scene into `folder`: NAME.probability.tif and NAME.mask.tif.

    The model's first channel is that of seep, others are of classes. prepare: gives model and normalisation, if there
    is anything left to do. Several processes may predict parts of a scene at once.
    The same call goes on where a killed one stopped and gives the same pixels. Raises `UserError` for outputs of
    something else (unless `overwrite`), a scene without valid pixels, a file that changes meanwhile, a full disk.
    """
    windows, threshold, part = plan.windows, plan.threshold, plan.part
    model = [plan.model_key, raster.fingerprint]
    settings = [FORMAT, *model, windows.tiling, windows.batch, threshold, plan.area_key]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
    probability, mask = folder / f"{raster.name}{PROBABILITY_SUFFIX}", folder / f"{raster.name}{MASK_SUFFIX}"
    draft = folder / f".{raster.name}.part"
    foreign = [path for path in (probability, mask) if path.exists() and _key_of(path) != key]
    if not foreign and probability.exists() and mask.exists():
        shutil.rmtree(draft, ignore_errors=True)
        return SceneMap(probability, mask, raster.height, key)
    if foreign and not plan.overwrite:
        said = f"{foreign[0]} is there already, from another model, input or settings"
        raise UserError(f"{said}. Choose another output folder, or allow it to be replaced with overwrite=true.")
    first_row, last_row = part or (0, raster.height)
    whole = draft / f"{key}.rows"
    if part and whole.exists() and whole.stat().st_size >= last_row * 2 * raster.width:
        return SceneMap(probability, mask, last_row, key)  # taken over before; its worker died after that
    with closing(Journal(draft, key, 2, last_row - first_row, raster.width, part and first_row)) as rows:
        if part is None:
            rows.take_over()
        first = first_row + rows.rows

        def write(start: int, p: Floats, mapped: Mask) -> None:
            for a in range(0, len(mapped), ROWS):  # the steps of quantising take several times the memory of its result
                some = p[:, a : a + ROWS]
                stored = quantise(some[0], mapped[a : a + ROWS])
                rows.append(np.stack((stored, classify(stored, class_numbers(some), threshold)), axis=1))

        predict_scene(raster, *prepare(), write, windows, (first, last_row), progress)
        if part is not None:
            return SceneMap(probability, mask, first, key)
        try:
            raster.check_unchanged()
            if all((rows.read(a, a + ROWS)[:, -1] == MASK_NODATA).all() for a in range(0, rows.height, ROWS)):
                said = f"{raster.path} has no pixel to map: all of it is nodata, or outside the area of interest"
                raise UserError(f"{said}. Check its nodata value and the area.")
        except UserError:
            rows.discard()  # of two different files, or of none
            raise
        tags = {KEY: key, "SEEP_LIGHTNING_THRESHOLD": f"{threshold:g}"}
        scaling = {"scales": [1 / LEVELS], "offsets": [-1 / LEVELS]}
        write_cog(rows, probability, 0, "seep", raster, tags, "average", nodata=0, **scaling)
        write_cog(rows, mask, 1, "class", raster, tags, "mode", nodata=MASK_NODATA)
        rows.discard()
    return SceneMap(probability, mask, first, key)


def _key_of(path: Path) -> str | None:
    """The key of a map that is there already; None for anything else."""
    with suppress(RasterioError), open_dataset(path) as dataset:
        found: str | None = dataset.tags().get(KEY)
        return found
    return None
