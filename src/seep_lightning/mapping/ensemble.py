"""An ensemble of networks as what `scene/` calls: stored values to network input, and that to probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.normalise import (
    FULL_SCALE,
    Normaliser,
    ValueRange,
    histogram,
    power,
    quartiles_of,
    twice_median,
)
from seep_lightning.errors import UserError
from seep_lightning.mapping.bands import Bands
from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.ensembles import QUARTER_TURNS, augmented, ensemble
from seep_lightning.scene.interfaces import Floats, Mask, Model, Values
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.quantiles import scene_quantiles
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.settling import ANY_VALUES, ValueOptions, settle_values

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class SceneValues:
    """What a scene's stored values mean.

    Attributes:
        value_range: What becomes 0 and 1.
        quartiles: Of the whole scene, in 0..1, (C, 3); zeros (1, 3) where nobody asks for them.
    """

    value_range: ValueRange
    quartiles: NDArray[np.float32]

    def window_quartiles(self, values: Values, valid: Mask, unit_values: Floats) -> Floats:
        """The quartiles of a window alone, in 0..1, (C, 3).

        Args:
            values: As stored, (C, h, w).
            valid: Which of them hold data, (h, w).
            unit_values: The same values in 0..1.
        """
        if self.value_range.counted:
            return quartiles_of(histogram(values, valid))
        bands = [np.quantile(band[valid], QUARTILES, method="inverted_cdf") for band in unit_values]
        return np.stack(bands)


class EnsembleModel:
    """The networks of an ensemble, for one scene.

    Each way of normalising is applied once. The network input holds the bands of each way, one after the other, and
    every network takes those of its own.

    Args:
        networks: All take the same bands.
        values: What the scene's stored values mean.
        flips: Average over views: `mirror`, True (all flips and quarter turns), or False.

    Attributes:
        members: Each network by itself, without views: network input to its probabilities.
    """

    def __init__(self, networks: Sequence[Predictor], values: SceneValues, flips: bool | str | None) -> None:
        self.values = values
        self.normalisers = _different_normalisers(networks)
        self.by_window = any(normaliser.kind == "chip" for normaliser in self.normalisers)
        self.members = [self._probability_of(network) for network in networks]
        self._probability = _averaged_over_views(ensemble(self.members), flips)

    def normalise(self, values: Values, valid: Mask) -> Floats:
        """Network input of a window; called from several threads.

        Args:
            values: As stored, (C, h, w).
            valid: Which of them hold data, (h, w).

        Returns:
            (C x ways of normalising, h, w), 0 where there is no data.
        """
        unit_values = self.values.value_range.in_unit_range(values, valid)
        scene_quartiles = self.values.quartiles
        window_quartiles = scene_quartiles
        if self.by_window:
            window_quartiles = self.values.window_quartiles(values, valid, unit_values)
        inputs: list[Floats] = []
        for normaliser in self.normalisers:
            quartiles = window_quartiles if normaliser.kind == "chip" else scene_quartiles
            inputs.append(normaliser(unit_values, valid, quartiles))
        return np.concatenate(inputs)

    def probability(self, inputs: Floats) -> Floats:
        """The mean probabilities (B, K, h, w) of network input (B, C x ways of normalising, h, w)."""
        return self._probability(inputs)

    def _probability_of(self, network: Predictor) -> Model:
        """One network on its own bands of the input."""
        first = self.normalisers.index(network.normalise) * network.bands
        own_bands = slice(first, first + network.bands)

        def probability(inputs: Floats) -> Floats:
            return network.probability(inputs[:, own_bands].copy())

        return probability


def _different_normalisers(networks: Sequence[Predictor]) -> list[Normaliser]:
    """Each way of normalising once, in the order of the networks."""
    normalisers: list[Normaliser] = []
    for network in networks:
        if network.normalise not in normalisers:
            normalisers.append(network.normalise)
    return normalisers


def _averaged_over_views(model: Model, flips: bool | str | None) -> Model:
    """A model that sees what `flips` asks for."""
    match flips:
        case "mirror":
            return augmented(model, turns=1)
        case True:
            return augmented(model, turns=QUARTER_TURNS)
        case _:
            return model


def ensemble_of_scene(
    networks: Sequence[Predictor], raster: Raster, config: PredictConfig, quartiles: NDArray[np.float64] | None
) -> EnsembleModel:
    """An ensemble ready for one scene.

    Args:
        networks: All take the same bands.
        raster: The scene; read once where its quartiles are needed and not given.
        config: Its scale, views and threads.
        quartiles: Of the whole scene in its own values, (C, 3); None: found where they are needed.

    Raises:
        UserError: The scale does not fit the scene's type of values.
    """
    value_range = _known_range(networks, raster, config.scale)
    if quartiles is None and (value_range is None or uses_scene_quartiles(networks)):
        quartiles = scene_quantiles(raster, threads=config.threads)
    if value_range is None:
        assert quartiles is not None
        value_range = _range_by_median(quartiles, raster, config.scale)
    unit_quartiles = np.zeros((1, 3), np.float32)
    if quartiles is not None:
        unit_quartiles = value_range.unit_values(quartiles)
    return EnsembleModel(networks, SceneValues(value_range, unit_quartiles), config.flips)


def _known_range(networks: Sequence[Predictor], raster: Raster, scale: str | None) -> ValueRange | None:
    """What becomes 0 and 1 of a scene, by its type or by the networks' training; None where its median tells.

    Raises:
        UserError: The scale does not fit the scene's type of values.
    """
    own_range = networks[0].value_range
    if raster.dtype.name in FULL_SCALE and own_range is not None:
        raise UserError(
            f"{raster.path} stores {raster.stored_dtype}, but the network was trained on {own_range}. Give it a raster "
            "of such values; pass factor=... if a factor makes them of these."
        )
    if own_range is not None:
        own_scale = own_range.scale or "linear"
        if scale in (None, own_scale):
            return own_range
    raster.check_scale(scale)
    if raster.dtype.name in FULL_SCALE:
        return ValueRange.of_type(raster.dtype)
    return None


def _range_by_median(quartiles: NDArray[np.float64], raster: Raster, scale: str | None) -> ValueRange:
    """What becomes 0 and 1 of a scene of floats: nothing, and twice the median of each band."""
    medians = power(quartiles, scale)[:, 1]
    brightest = twice_median(medians, raster.path).tolist()
    return ValueRange((0.0,) * len(brightest), tuple(brightest), scale)


def uses_scene_quartiles(networks: Sequence[Predictor]) -> bool:
    """Whether a network normalises by the quartiles of the whole scene."""
    return any(network.normalise.kind == "scene" for network in networks)


@lru_cache(maxsize=1)
def shared_quartiles(
    paths: tuple[Path, ...],
    bands: Bands,
    nodata: float | None,
    nodata_bands: str = "any",
    values: ValueOptions = ANY_VALUES,
) -> NDArray[np.float64]:
    """Quartiles of several chips together, (C, 3), in their own values; those of the last call are kept.

    Args:
        paths: The chips of a scene.
        bands: Those that the networks take.
        nodata: A value besides the one that the files declare.
        nodata_bands: `all` or `any`, see `scene.nodata`.
        values: What is said of their values.
    """
    # one below the other, wherever they lie in the scene: quartiles know no places
    column = {path: (row, 0) for row, path in enumerate(paths)}
    with mosaic(column, paths[0].stem, bands, nodata, nodata_bands, placed=False) as raster:
        settle_values(raster, values)
        return scene_quantiles(raster)
