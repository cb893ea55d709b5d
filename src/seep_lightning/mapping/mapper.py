"""From trained networks to maps: what `scene/` takes as callables, and one scene's way through it."""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rasterio.enums import Resampling

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.images import write_image
from seep_lightning.data.mosaic import box
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import Row, SceneJob, _raster
from seep_lightning.mapping.networks import _callables, _quartiles, _tiling
from seep_lightning.predictor.base import Predictor
from seep_lightning.reporting.pictures import overview
from seep_lightning.scene.attributes import own_attributes
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.interfaces import Area, Progress
from seep_lightning.scene.outlines import vector_area
from seep_lightning.scene.plan import ScenePlan, WindowPlan
from seep_lightning.scene.polygons import SeepLayer, find_seeps
from seep_lightning.scene.raster import Raster, open_dataset
from seep_lightning.scene.raster_formats import PROBABILITY_SUFFIX, chip_suffixes
from seep_lightning.scene.scene_map import SceneMap, map_scene
from seep_lightning.scene.vector_files import write_seeps

CUT = ("masks", "probabilities")  # folders of maps that are cut back into chips
PICTURE = 720  # px along a picture's longer side

log = logging.getLogger(__name__)


def map_job(
    job: SceneJob, networks: Sequence[Predictor], config: PredictConfig, done: str = "",
    progress: Progress | None = None, rows: tuple[int, int] | None = None,
) -> Row | None:  # fmt: skip
    """Map one scene into `config.output`, and return its row of the table; None if it was finished already.

    done: the key in the row that an earlier call left, a hash of model, input and settings. rows: predict these only,
    for the call that maps the whole scene; nothing is returned. Raises `UserError` where it cannot be mapped.
    """
    begin, out = time.monotonic(), Path(config.output)
    if config.scale == "db" and config.calibration is None:
        config = replace(config, calibration="db")
    first = networks[0]
    bands = tuple(config.bands or first.facts.get("band names", [1]))
    nodata = None if config.scale == "db" else first.nodata  # 0 dB is a value
    vector = out / f"{job.name}.{config.format}"
    if len(bands) != first.bands:
        raise UserError(f"bands={list(bands)}: the run was trained on {first.bands} band(s). Name as many.")
    made = [vector, *[out / f"{job.name}.png"] * config.picture]
    made += [_cut_path(out / folder, chip) for folder in CUT for chip in job.tiles if config.chips]
    inputs, known = {path.resolve() for path in job.tiles}, (out / f"{job.name}{PROBABILITY_SUFFIX}").exists()
    for path in made:
        if path.resolve() in inputs:
            raise UserError(f"{path} is what is to be mapped, and would be replaced. Choose another output.")
        if path.exists() and not config.overwrite and not known:
            raise UserError(
                f"{path} is there already, and is not of this map. Choose another output, or overwrite=true."
            )
    threshold = config.threshold or float(np.mean([each.threshold for each in networks]))
    chosen = [each.min_area for each in networks if each.min_area]
    if config.min_area is None and chosen:
        config = replace(config, min_area=round(float(np.mean(chosen))))
    config.thresholds.around(threshold)  # a bad one is told before anything is predicted
    own_attributes(config.attributes)
    with _raster(job.name, job.tiles, bands, nodata) as scene:
        if config.polygons:
            Ground.of(scene)  # a bad place is told before anything is predicted
        by_scene = any(each.normalise.kind == "scene" for each in networks)
        shared = _quartiles(job.peers, bands, nodata) if job.peers and by_scene else None
        given = ((config.area, True), (config.land, False))
        areas = [vector_area(Path(path), scene, inside=inside) for path, inside in given if path]
        wanted: Area = lambda a, b: np.logical_and.reduce([area(a, b) for area, _ in areas])  # noqa: E731
        model_key = [network.key for network in networks], config.scale, config.flips, np.asarray(shared).tolist()
        windows = WindowPlan(_tiling(networks, config), config.batch, config.threads, wanted if areas else None)
        plan = ScenePlan(
            windows,
            model_key=json.dumps(model_key),
            threshold=threshold,
            area_key="".join(key for _, key in areas),
            overwrite=config.overwrite,
            part=rows,
        )
        result = map_scene(scene, lambda: _callables(networks, scene, config, shared), out, plan, progress)
        if rows is not None:
            return None
        same = replace(
            config, run=0, input="", output="", device="", threads=1, overwrite=False, cluster="", workers=None
        )
        settings = f"{result.key} {same}"
        if config.attributes:
            settings += f" {config.attributes}"
        key = hashlib.sha256(settings.encode()).hexdigest()[:16]
        if key == done and (vector.exists() or not config.polygons):
            return None
        row = {"name": job.name, "status": "done", "size": f"{scene.width} x {scene.height}", "key": key, "unit": ""}
        layer = None
        if config.polygons:
            more: dict[str, Any] = {"model": " + ".join(network.name for network in networks), "threshold": threshold}
            with Raster(result.probability) as probability, Raster(result.mask) as mask:
                layer = find_seeps(probability, config, image=scene, classes=mask if first.classes else None, **more)
            write_seeps(layer, vector, wgs84=config.wgs84, overwrite=config.overwrite or not done)
            sizes = [float(seep.attributes[f"area_{layer.ground.unit}2"] or 0) for seep in layer.seeps]
            row |= {"seeps": str(len(sizes)), "area": f"{sum(sizes):.0f}", "unit": f"{layer.ground.unit}2"}
        if config.picture:
            _picture(scene, layer, out / f"{job.name}.png")
    if config.chips:
        _cut_back(job, result, out)
    return {"seeps": "", **row, "seconds": f"{time.monotonic() - begin:.1f}"}


def _picture(scene: Raster, layer: SeepLayer | None, path: Path) -> None:
    """Write the scene with its outlines as a small picture."""
    scale, band = min(PICTURE / max(scene.height, scene.width), 1), scene.indexes[0]
    size = max(int(scene.height * scale), 1), max(int(scene.width * scale), 1)
    with open_dataset(scene.path) as dataset:
        grey = dataset.read(band, out_shape=size, resampling=Resampling.average)
        valid = (dataset.read_masks(band, out_shape=size) > 0) & np.isfinite(grey) & (grey != 0)
    rings = [
        (layer.ground.unplace(shapely.get_coordinates(ring)) * scale, seep.attributes["p_mean"])
        for seep in layer.seeps for ring in shapely.get_rings(shapely.get_parts(seep.outline))
    ] if layer else []  # fmt: skip
    write_image(path, overview(grey, valid, rings)[..., ::-1])


def _cut_back(job: SceneJob, result: SceneMap, out: Path) -> None:
    """Write `masks/NAME` (1 = seep, or its class) and `probabilities/NAME` (0 nodata, else 1 + 254 p) of each file."""
    rows, columns = (1 + max(cell[axis] for cell in job.tiles.values()) for axis in (0, 1))
    for folder, path in zip(CUT, (result.mask, result.probability), strict=True):
        (out / folder).mkdir(exist_ok=True)
        with Raster(path) as raster:
            for chip, cell in job.tiles.items():
                values, valid = raster.read(*box(cell, (raster.height // rows, raster.width // columns)))
                write_image(_cut_path(out / folder, chip), np.where(valid, values[0], 0).astype(np.uint8))


def _cut_path(folder: Path, chip: Path) -> Path:
    return folder / (chip.name if chip.suffix.lower() in chip_suffixes() else f"{chip.name}.tif")
