"""From trained networks to maps: what `scene/` takes as callables, and one scene's way through it."""

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling

from seep_lightning.array_predictor import ArrayPredictor, load
from seep_lightning.config import PredictConfig
from seep_lightning.data.chips import SUFFIXES, of_scene, read_image, split_name, written_grid
from seep_lightning.data.mosaic import box, find_columns
from seep_lightning.errors import UserError
from seep_lightning.normalise import FULL_SCALE, Floats, histogram, power, quartiles_of, twice_median
from seep_lightning.pictures import overview, write_image
from seep_lightning.run import Run
from seep_lightning.scene.ground import Ground, vector_area
from seep_lightning.scene.mapping import SceneMap, map_scene
from seep_lightning.scene.polygons import SeepLayer, find_seeps, write_seeps
from seep_lightning.scene.raster import Raster, mosaic, opened, scene_quantiles
from seep_lightning.scene.strip import Area, Model, Normalise, Progress, augmented, ensemble
from seep_lightning.scene.windows import Tiling

WINDOW = 512  # px; the widest that pays: larger ones need more memory, and save little of the overlap
CUT = ("masks", "probabilities")  # folders of maps that are cut back into chips
PICTURE = 720  # px along a picture's longer side
Bands = tuple[int | str, ...]
Tiles = dict[Path, tuple[int, int]]
Row = dict[str, str]  # a scene's in the table that `predict` keeps

log = logging.getLogger(__name__)


def open_networks(config: PredictConfig) -> list[ArrayPredictor]:
    """Those of `config.run`, a list of runs or exported files; `UserError` where they do not take the same images.

    The `key` of each is a hash of all that its probabilities depend on.
    """
    networks: list[ArrayPredictor] = []
    for run in config.run:
        network = load(run, config.checkpoint, config.device)
        file, device = Path(run), str(getattr(network, "device", "cpu"))
        network.precision = config.precision or ("bf16" if device.startswith("cuda") else "32")
        weights = (file if file.is_file() else Run(file).checkpoint(config.checkpoint)).read_bytes()
        network.name = file.resolve().stem if file.is_file() else file.resolve().name
        network.key = f"{hashlib.sha256(weights).hexdigest()} {device} {network.precision} {network.scaling}"
        networks.append(network)
        names = [config.bands or each.facts.get("band names", [1]) for each in (network, networks[0])]
        pairs = [(fact, getattr(network, fact), getattr(networks[0], fact)) for fact in ("bands", "nodata", "classes")]
        for fact, theirs, ours in [*pairs, ("bands", *names)]:
            if theirs != ours:
                said = f"run={run} was trained with {fact}={theirs}, the first run with {ours}"
                raise UserError(f"{said}: an ensemble must agree. Map with each of them alone.")
    return networks


class Job(NamedTuple):
    """A scene: its files by (row, column). peers: all chips of a scene of which this is one, for its statistics."""

    name: str
    tiles: Tiles
    peers: tuple[Path, ...] = ()


def find_jobs(paths: Sequence[Path], facts: dict[str, Any], config: PredictConfig) -> list[Job]:
    """What to map: each image, and chips named SCENE.TILE together where their places in the scene are known."""
    jobs: list[Job] = []
    scenes: dict[str, dict[Path, int]] = {}
    for path in paths:
        scene, tile = "", -1
        with suppress(UserError):  # the name of no chip
            scene, tile = split_name(path.name, facts["pattern"])
        if tile >= 0:
            scenes.setdefault(scene, {})[path] = tile
        else:
            jobs.append(Job(path.stem, {path: (0, 0)}))
    for scene, tiles in scenes.items():
        columns = _columns(scene, tiles, facts, config) if config.mosaic and len(tiles) > 1 else None
        if columns:
            jobs.append(Job(scene, {path: divmod(tile, columns) for path, tile in tiles.items()}))
        else:
            jobs += [Job(path.stem, {path: (0, 0)}, tuple(tiles)) for path in tiles]
    cells = Counter((job.name, cell) for job in jobs for cell in (None, *job.tiles.values()))
    (name, _), count = cells.most_common(1)[0]
    if count > 1:
        raise UserError(f"input={config.input}: several files would be mapped to {name}. Map them one by one.")
    return jobs


def _columns(scene: str, tiles: Mapping[Path, int], facts: dict[str, Any], config: PredictConfig) -> int | None:
    """Tiles a row of a scene: as told, or written beside the chips, or known to the run, or found from the edges."""
    written = written_grid(next(iter(tiles)).parents[1])
    if written is None:
        log.info("%s: its chips overlap, and are mapped one by one.", scene)
        return None
    grids = {key: each["columns"] for key, each in facts.get("grid", {}).items()}
    known = config.columns or of_scene(grids | {key: each.columns for key, each in written.items()}, scene)
    if known is None:
        with suppress(UserError, ValueError):  # unreadable, or of several sizes: told when they are mapped
            edges = {t: read_image(path, facts.get("band names"))[0, [0, -1]] for path, t in tiles.items()}
            known = find_columns(edges, facts["nodata"])
        said = f"{known} columns, by the edges of its chips" if known else "its chips are mapped one by one"
        log.info("%s: %s; columns=N lays them together.", scene, said)
    return known


def map_job(
    job: Job, networks: Sequence[ArrayPredictor], config: PredictConfig, done: str = "",
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
    inputs, known = {path.resolve() for path in job.tiles}, (out / f"{job.name}.probability.tif").exists()
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
    with _raster(job.name, job.tiles, bands, nodata) as scene:
        if config.polygons:
            Ground.of(scene)  # a bad place is told before anything is predicted
        by_scene = any(each.normalise.kind == "scene" for each in networks)
        shared = _quartiles(job.peers, bands, nodata) if job.peers and by_scene else None
        given = ((config.area, True), (config.land, False))
        areas = [vector_area(Path(path), scene, inside=inside) for path, inside in given if path]
        wanted: Area = lambda a, b: np.logical_and.reduce([area(a, b) for area, _ in areas])  # noqa: E731
        model_key = [network.key for network in networks], config.scale, config.flips, np.asarray(shared).tolist()
        result = map_scene(
            scene, lambda: _callables(networks, scene, config, shared), out, model_key=json.dumps(model_key),
            threshold=threshold, tiling=_tiling(networks, config), batch=config.batch, threads=config.threads,
            area=wanted if areas else None, area_key="".join(key for _, key in areas), overwrite=config.overwrite,
            progress=progress, part=rows,
        )  # fmt: skip
        if rows is not None:
            return None
        same = replace(
            config, run=0, input="", output="", device="", threads=1, overwrite=False, cluster="", workers=None
        )
        key = hashlib.sha256(f"{result.key} {same}".encode()).hexdigest()[:16]
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


def strips_of(job: Job, pixels: int) -> list[tuple[int, int]]:
    """A scene's rows in strips of about `pixels`; none where it is no larger."""
    with _raster(job.name, job.tiles, (1,), 0) as scene:  # a value for missing tiles; no pixel is read
        count = -(-scene.height * scene.width // pixels)
        edges = [scene.height * i // count for i in range(count + 1)]
    return list(pairwise(edges)) if count > 1 else []


def _tiling(networks: Sequence[ArrayPredictor], config: PredictConfig) -> Tiling:
    """Windows as large as a chip where each is normalised by itself: wider ones cost Dice on real scenes."""
    own = [max(each.facts["chip_size"]) for each in networks if each.normalise.kind == "chip"]
    window = config.window or min([WINDOW, *own])
    overlap = window // 4 if config.overlap is None else config.overlap
    if not 0 <= overlap < window:
        raise UserError(f"window={window} and overlap={overlap}: overlap must be 0 to window - 1; a quarter is good.")
    return Tiling(window, overlap)


def _raster(name: str, tiles: Tiles, bands: Bands, nodata: float | None) -> AbstractContextManager[Raster]:
    return mosaic(tiles, name, bands, nodata) if len(tiles) > 1 else Raster(next(iter(tiles)), bands, nodata)


@lru_cache(maxsize=1)
def _quartiles(paths: tuple[Path, ...], bands: Bands, nodata: float | None) -> NDArray[np.float64]:
    """Quartiles of several files together, (C, 3)."""
    column = {path: (row, 0) for row, path in enumerate(paths)}
    with mosaic(column, paths[0].stem, bands, nodata, placed=False) as raster:
        return scene_quantiles(raster)


def _callables(
    networks: Sequence[ArrayPredictor], raster: Raster, config: PredictConfig, quartiles: NDArray[np.float64] | None
) -> tuple[Model, Normalise]:
    """Model and normalisation of an ensemble for one scene, given its quartiles (C, 3), or None: found if needed.

    The inputs of different normalisations are stacked.
    """
    raster.check_scale(config.scale)
    full = FULL_SCALE.get(raster.dtype.name)
    ways = list(dict.fromkeys(each.normalise for each in networks))
    if quartiles is None and (not full or any(way.kind == "scene" for way in ways)):
        quartiles = scene_quantiles(raster, threads=config.threads)
    scene = np.zeros((1, 3), np.float32) if quartiles is None else power(quartiles, config.scale)
    scale = np.full((1, 1), full, np.float32) if full else twice_median(scene[:, 1:2], raster.path)
    shares = (scene / scale).clip(0, 1)

    def normalise(values: NDArray[Any], valid: NDArray[np.bool_]) -> Floats:
        scaled = power(np.where(valid, values, 0).astype(np.float32), config.scale) / scale[..., None]
        scaled, own = scaled.clip(0, 1), scene  # as `prepare` does, which writes 16 bit
        if any(way.kind == "chip" for way in ways) and full:
            own = quartiles_of(histogram(values, valid))
        elif any(way.kind == "chip" for way in ways):
            own = np.stack([np.quantile(band[valid], (0.25, 0.5, 0.75), method="inverted_cdf") for band in scaled])
        return np.concatenate([way(scaled, valid, own if way.kind == "chip" else shares) for way in ways])

    def model(each: ArrayPredictor) -> Model:
        first = ways.index(each.normalise) * each.bands
        return lambda inputs: each.probability(inputs[:, first : first + each.bands].copy())

    mean = ensemble([model(each) for each in networks])
    return (augmented(mean, 1 if config.flips == "mirror" else 4) if config.flips else mean), normalise


def _picture(scene: Raster, layer: SeepLayer | None, path: Path) -> None:
    """Write the scene with its outlines as a small picture."""
    scale, band = min(PICTURE / max(scene.height, scene.width), 1), scene.indexes[0]
    size = max(int(scene.height * scale), 1), max(int(scene.width * scale), 1)
    with opened(scene.path) as dataset:
        grey = dataset.read(band, out_shape=size, resampling=Resampling.average)
        valid = (dataset.read_masks(band, out_shape=size) > 0) & np.isfinite(grey) & (grey != 0)
    rings = [
        (layer.ground.unplace(shapely.get_coordinates(ring)) * scale, seep.attributes["p_mean"])
        for seep in layer.seeps for ring in shapely.get_rings(shapely.get_parts(seep.outline))
    ] if layer else []  # fmt: skip
    write_image(path, overview(grey, valid, rings)[..., ::-1])


def _cut_back(job: Job, result: SceneMap, out: Path) -> None:
    """Write `masks/NAME` (1 = seep, or its class) and `probabilities/NAME` (0 nodata, else 1 + 254 p) of each file."""
    rows, columns = (1 + max(cell[axis] for cell in job.tiles.values()) for axis in (0, 1))
    for folder, path in zip(CUT, (result.mask, result.probability), strict=True):
        (out / folder).mkdir(exist_ok=True)
        with Raster(path) as raster:
            for chip, cell in job.tiles.items():
                values, valid = raster.read(*box(cell, (raster.height // rows, raster.width // columns)))
                write_image(_cut_path(out / folder, chip), np.where(valid, values[0], 0).astype(np.uint8))


def _cut_path(folder: Path, chip: Path) -> Path:
    return folder / (chip.name if chip.suffix.lower() in SUFFIXES else f"{chip.name}.tif")
