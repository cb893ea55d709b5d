"""From trained networks to maps: what `scene/` takes as callables, and one scene's way through it."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.normalise import FULL_SCALE, Floats, histogram, power, quartiles_of, twice_median
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import Bands
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run
from seep_lightning.scene.ensembles import augmented, ensemble
from seep_lightning.scene.interfaces import Model, Normalise
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.quantiles import scene_quantiles
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.windows import Tiling

WINDOW = 512  # px; the widest that pays: larger ones need more memory, and save little of the overlap


def open_networks(config: PredictConfig) -> list[Predictor]:
    """Those of `config.run`, a list of runs or exported files; `UserError` where they do not take the same images.

    The `key` of each is a hash of all that its probabilities depend on.
    """
    networks: list[Predictor] = []
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


def _tiling(networks: Sequence[Predictor], config: PredictConfig) -> Tiling:
    """Windows as large as a chip where each is normalised by itself: wider ones cost Dice on real scenes."""
    own = [max(each.facts["chip_size"]) for each in networks if each.normalise.kind == "chip"]
    window = config.window or min([WINDOW, *own])
    overlap = window // 4 if config.overlap is None else config.overlap
    if not 0 <= overlap < window:
        raise UserError(f"window={window} and overlap={overlap}: overlap must be 0 to window - 1; a quarter is good.")
    return Tiling(window, overlap)


@lru_cache(maxsize=1)
def _quartiles(paths: tuple[Path, ...], bands: Bands, nodata: float | None) -> NDArray[np.float64]:
    """Quartiles of several files together, (C, 3)."""
    column = {path: (row, 0) for row, path in enumerate(paths)}
    with mosaic(column, paths[0].stem, bands, nodata, placed=False) as raster:
        return scene_quantiles(raster)


def _callables(
    networks: Sequence[Predictor], raster: Raster, config: PredictConfig, quartiles: NDArray[np.float64] | None
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

    def model(each: Predictor) -> Model:
        first = ways.index(each.normalise) * each.bands
        return lambda inputs: each.probability(inputs[:, first : first + each.bands].copy())

    mean = ensemble([model(each) for each in networks])
    return (augmented(mean, 1 if config.flips == "mirror" else 4) if config.flips else mean), normalise
