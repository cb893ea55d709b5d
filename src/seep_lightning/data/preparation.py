"""Scenes and an analyst's polygons to chips and masks: `python -m seep_lightning.prepare`."""

import json
import logging
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.inputs import find_files, path_list
from seep_lightning.data.normalise import power, twice_median
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.scene.outlines import Outlines
    from seep_lightning.scene.raster import Raster


log = logging.getLogger(__name__)

LEAST_SEA = 0.2  # of a chip without seep: slivers of sea teach nothing
LARGEST_CLASS = 255  # that a mask can hold
FILL = 0.01  # share of pixels of value 0 from which on they look like what was put where no data are
Labels = tuple["Outlines", NDArray[np.uint8], NDArray[np.uint8]]
"""A scene's outlines (N,), the class of each (N,), 0 for none, and which are doubtful (N,), as 0 and 1."""


def prepare(config: PrepareConfig) -> dict[str, Any]:
    """Write `output` in the data set's layout (docs/labels.md), and return what stands in its dataset.json.

    Scenes are read by rows of chips; all are checked before anything is written, and `output` appears when it is whole.
    """
    from affine import Affine

    from seep_lightning.scene.datasets import write_geotiff
    from seep_lightning.scene.raster import Raster

    check_config(config)
    out, data = Path(config.output), DataConfig()
    if out.exists():
        raise UserError(f"output={out} exists. Choose another folder: prepare adds to none.")
    labels: dict[Path, Labels] = {}
    found = [path for text in path_list("scenes", config.scenes) for path in find_files("scenes", text)]
    scenes = {scene_name(path): path for path in found}
    for path in dict.fromkeys(found):
        if scenes[scene_name(path)] != path:
            raise UserError(f"scenes: {path} and {scenes[scene_name(path)]} have one name. Rename one of them.")
        with Raster(path, config.bands, config.nodata) as raster:
            raster.check_scale(config.scale)
            labels[path] = read_labels(raster, config, LARGEST_CLASS)
    if not any(classes.any() for _, classes, _ in labels.values()):
        said = f"labels={config.labels}: none of its polygons lies in one of the {len(labels)} scene(s)"
        raise UserError(f"{said}. Check both on a map: which coordinate system, which scene_attribute?")
    facts: dict[str, Any] = {"chips": 0, "with_seep": 0, "classes": 0, "columns": {}}
    facts |= {key: getattr(config, key) for key in ("labels", "bands", "scale", "size", "overlap")}
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for folder in (data.images, data.masks):
            (part / folder).mkdir(parents=True)
        for path, label in labels.items():
            with Raster(path, config.bands, config.nodata) as raster:
                if not config.overlap:  # without it tiles lie edge to edge, and can be laid back
                    facts["columns"][scene_name(path)] = len(starts(raster.width, config))
                for tile, corner, image, mask in cut_scene(raster, label, config):
                    facts["chips"] += 1
                    facts["with_seep"] += bool(mask.any())
                    facts["classes"] = max(facts["classes"], int(mask.max()))
                    name = f"{scene_name(path)}.{tile:06d}.tif"
                    place = {"crs": raster.crs, "transform": raster.transform @ Affine.translation(*corner)}
                    if raster.placed_by_points:
                        left, top = corner
                        place = (
                            {"crs": raster.crs, "gcps": raster.place.shifted_points(-top, -left)} if raster.crs else {}
                        )
                    write_geotiff(part / data.images / name, image, 0, raster.band_names, **place)
                    write_geotiff(part / data.masks / name, mask, None, **place)
                raster.check_unchanged()
        (part / "dataset.json").write_text(json.dumps(facts, indent=2) + "\n")
        part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return facts


def scene_name(path: Path) -> str:
    """The scene's part of a chip's name, which ends at the first dot."""
    return path.stem.replace(".", "_")


def read_labels(raster: "Raster", config: PrepareConfig, largest: int) -> Labels:
    """The polygons in a scene; `UserError` for a class that is none of 1..`largest`."""
    from seep_lightning.scene.outlines import read_outlines

    path, of_scene, of_class = Path(config.labels), config.scene_attribute, config.class_attribute
    outlines = read_outlines(path, raster, [name for name in (of_scene, of_class) if name])
    if not raster.georeferenced and outlines.crs and path.suffix.lower() != ".geojson":  # which has always one
        raise UserError(f"{raster.path} has no CRS, {path} has one. Assign it with gdal_edit.py -a_srs -a_ullr.")
    mine = np.ones(len(outlines.shapes), bool)
    if of_scene:
        mine = _spelt(outlines.columns[of_scene], raster.name, scene_name(raster.path))
    odd = read_outlines(path, raster, where=config.ignore).numbers if config.ignore else np.zeros(0, np.int64)
    doubtful = mine & np.isin(outlines.numbers, odd)
    sure = mine & ~doubtful
    given = outlines.columns[of_class] if of_class else np.ones(len(mine), int)
    wrong = sure & ~_spelt(given, *range(1, largest + 1))
    if wrong.any():
        said = f"{path}: {of_class} of polygon {outlines.numbers[wrong][0]} is {given[wrong][0]}"
        raise UserError(f"{said}; expected 1 to {largest}. Correct it, or leave it out with ignore=CONDITION.")
    classes = np.zeros(len(mine), np.uint8)
    classes[sure] = given[sure].astype(float)
    return outlines, classes, doubtful.astype(np.uint8)


def _spelt(column: NDArray[Any], *values: Any) -> NDArray[np.bool_]:
    """Whether each of a column (N,) is one of these values, which may be written as text; whole numbers as 1.0 too."""
    spellings = [f"{value}{end}" for value in values for end in ("", ".0")]
    whole = column.dtype.kind == "f" or all(isinstance(value, int) for value in values)
    return np.isin(column.astype(str), spellings if whole else spellings[::2])


def starts(length: int, config: PrepareConfig) -> range:
    """First rows or columns of the chips along an axis: they cover it, and the last may stick out."""
    return range(0, max(length - config.overlap, 1), config.size - config.overlap)


def cut_scene(
    raster: "Raster", labels: Labels, config: PrepareConfig
) -> Iterator[tuple[int, tuple[int, int], NDArray[Any], NDArray[np.uint8]]]:
    """The chips of a scene: tile = row * columns + column, place (left, top), image (C, S, S) and mask (1, S, S).

    All with seep, and of those that show sea only a share, by (seed, scene, tile).
    """
    from seep_lightning.scene.quantiles import scene_quantiles

    size, lefts = config.size, starts(raster.width, config)
    if config.scale:  # full scale, as in `predict`
        scale = twice_median(power(scene_quantiles(raster, [0.5]), config.scale), raster.path)[..., None]
    rng = np.random.default_rng((config.seed, zlib.crc32(raster.name.encode())))
    zeros = pixels = 0
    for row, top in enumerate(starts(raster.height, config)):
        stop = min(top + size, raster.height)
        values, valid = raster.read(top, stop)
        zeros, pixels = zeros + int(((values == 0).all(axis=0) & valid).sum()), pixels + valid.size
        if config.scale:
            share = power(np.where(valid, values, 0), config.scale) / scale
            values = np.rint(share.clip(0, 1) * 65535).astype(np.uint16)
        classes, doubtful = (labels[0].burn(v, top, stop, raster.width) for v in labels[1:])
        valid = valid & ((doubtful == 0) | (classes > 0))
        beyond = (0, 0), (0, top + size - stop), (0, lefts[-1] + size - raster.width)
        image = np.pad(np.where(valid, np.maximum(values, 1), 0).astype(values.dtype), beyond)
        mask = np.pad((classes * valid)[None], beyond)
        for column, (left, lot) in enumerate(zip(lefts, rng.random(len(lefts)), strict=True)):
            part = np.s_[:, :, left : left + size]
            sea = (image[part] > 0).all(axis=0).mean()
            if mask[part].any() or (lot < config.empty_share and sea >= LEAST_SEA):
                yield row * len(lefts) + column, (left, top), image[part], mask[part]
    if zeros > FILL * pixels and config.scale != "db":  # 0 dB is a value
        said = "%s: %.0f %% of its pixels are 0 and count as sea. Where no data were there, pass nodata=0."
        log.warning(said, raster.path, 100 * zeros / pixels)
