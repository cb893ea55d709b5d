"""From a scene to its map: probability and mask as Cloud Optimized GeoTIFFs, from any point where a run was killed."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioError

from seep_lightning.errors import UserError
from seep_lightning.scene.cog import LEVELS, MASK_NODATA, classify, quantise, write_cog
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.raster import Raster, opened
from seep_lightning.scene.source import ROWS, Mask
from seep_lightning.scene.strip import Area, Floats, Model, Normalise, Progress, Write, predict_scene
from seep_lightning.scene.windows import Tiling

KEY = "SEEP_LIGHTNING_KEY"
FORMAT = 2  # raise it when the same settings would give other pixels, or the journal another layout


@dataclass(frozen=True)
class SceneMap:
    """What `map_scene` leaves: two rasters, and from which row on this call predicted (the height: none was left)."""

    probability: Path
    mask: Path
    first_row: int


def map_scene(
    raster: Raster,
    model: Model,
    normalise: Normalise,
    folder: Path,
    *,
    model_key: str,
    threshold: float = 0.5,
    classes: tuple[str, ...] = ("seep",),
    tiling: Tiling | None = None,
    batch: int = 8,
    threads: int = 2,
    area: Area | None = None,
    area_key: str = "",
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SceneMap:
    """Map a scene into `folder`: NAME.probability.tif and NAME.mask.tif.

    probability: a band a class, 8 bit, `cog.quantise`; mask: 0 sea, 1 seep (or the class's number), 255 nodata. Both
    carry the scene's georeference and tags. model_key, area_key: hashes of what the pixels depend on besides the file
    and the settings here: weights, normalisation, precision, augmentation; the area's outline.

    The same call goes on where a killed one stopped and gives the same pixels; where both rasters are there already it
    returns at once. Raises `UserError` for outputs of something else (unless `overwrite`), a scene without valid
    pixels, a file that changes meanwhile, a full disk. Final names only ever hold finished files.
    """
    tiling = tiling or Tiling()
    settings = [FORMAT, model_key, raster.fingerprint, asdict(tiling), batch, threshold, classes, area_key]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
    name = name or raster.name
    probability, mask = folder / f"{name}.probability.tif", folder / f"{name}.mask.tif"
    draft = folder / f".{name}.part"
    foreign = [path for path in (probability, mask) if path.exists() and _key_of(path) != key]
    if not foreign and probability.exists() and mask.exists():
        shutil.rmtree(draft, ignore_errors=True)
        return SceneMap(probability, mask, raster.height)
    if foreign and not overwrite:
        raise UserError(
            f"{foreign[0]} is there already, from another model, input or settings. Choose another output folder, or "
            "allow it to be replaced with overwrite=true."
        )
    with Journal(draft, key, len(classes) + 1, raster.height, raster.width) as rows:
        first = rows.rows
        predict_scene(
            raster, model, normalise, _writer(rows, threshold), tiling=tiling, batch=batch, threads=threads,
            first_row=first, area=area, progress=progress,
        )  # fmt: skip
        try:
            raster.check_unchanged()
        except UserError:
            rows.discard()  # rows of two different files
            raise
        masks = (rows.read(a, min(a + ROWS, rows.height))[:, -1] for a in range(0, rows.height, ROWS))
        mapped = any((part != MASK_NODATA).any() for part in masks)
        if mapped:
            k, step = len(classes), 1 / LEVELS
            said = {**(tags or {}), KEY: key, "SEEP_LIGHTNING_THRESHOLD": f"{threshold:g}"}
            scaling = {"scales": [step] * k, "offsets": [-step] * k}
            write_cog(rows, probability, range(k), classes, raster, said, "average", nodata=0, **scaling)
            write_cog(rows, mask, [k], ("class",), raster, said, "mode", nodata=MASK_NODATA)
        rows.discard()
    if not mapped:
        raise UserError(
            f"{raster.path} has no pixel to map: all of it is nodata, or outside the area of interest. Check its "
            "nodata value (data.nodata) and the area."
        )
    return SceneMap(probability, mask, first)


def _writer(rows: Journal, threshold: float) -> Write:
    """Finished probabilities to the journal: a band a class, and the mask as the last one."""
    bands = rows.bands - 1

    def write(start: int, probability: Floats, mapped: Mask) -> None:
        if len(probability) != bands and mapped.any():
            raise UserError(f"The model gives {len(probability)} classes where {bands} are named.")
        probability = np.broadcast_to(probability, (bands, *mapped.shape))
        stored = np.empty((len(mapped), rows.bands, rows.width), np.uint8)
        for a in range(0, len(mapped), 64):  # the steps of quantising take several times the memory of its result
            part = slice(a, a + 64)
            stored[part, :-1] = quantise(probability[:, part], mapped[part]).transpose(1, 0, 2)
            stored[part, -1:] = classify(stored[part, :-1], threshold)
        rows.append(stored)

    return write


def _key_of(path: Path) -> str | None:
    """The key of a map that is there already; None for anything else."""
    try:
        with opened(path) as dataset:
            found: str | None = dataset.tags().get(KEY)
            return found
    except RasterioError:
        return None
