"""What a scene's values mean for the networks that map it: scale, nodata, factor, and the range of the training."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.normalise import DARKEST, ValueRange
from seep_lightning.errors import UserError
from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.interfaces import Values
from seep_lightning.scene.options import NO_NODATA
from seep_lightning.scene.raster import TYPES_OF_FULL_SCALE, Raster
from seep_lightning.scene.scene_file import SceneFacts
from seep_lightning.scene.settling import ValueOptions
from seep_lightning.scene.value_checks import Spread

# A network sees nothing where more of a scene's values than this lie beyond either end of what it was trained on.
MOST_BEYOND = 0.5


def value_options(config: PredictConfig, network: Predictor) -> ValueOptions:
    """What is said of the values of a scene.

    Args:
        config: The settings of the command, with what the scene itself says.
        network: One of those that map it.
    """
    scale = config.scale
    trained = network.value_range
    # what was trained on values below 0 is not said to be power
    if scale is None and trained is not None and min(trained.low) >= 0:
        scale = trained.scale or "linear"
    return ValueOptions(scale, config.factor, network.factor, config.nodata)


def opening_nodata_of(config: PredictConfig, network: Predictor) -> float | None:
    """The nodata value with which a scene is opened, besides those that it declares.

    That of a network trained on linear values says nothing of decibels, of which 0 may be one.

    Args:
        config: The settings of the command, with what the scene itself says.
        network: One of those that map the scene.
    """
    if config.nodata is not None:
        number: float | None = None if config.nodata == NO_NODATA else config.nodata
        return number
    knows_decibels = network.value_range is not None and network.value_range.scale == "db"
    return None if config.scale == "db" and not knows_decibels else network.nodata


def check_trained_range(raster: Raster, sample: Values, networks: Sequence[Predictor], scale: str | None) -> None:
    """Check that a scene's values lie where those of the training lay, where they become 0 and 1 as in it.

    Args:
        raster: The scene.
        sample: Some of its values with data, (C, N).
        networks: Those that map it.
        scale: That of the settings: another one than the training's takes the scene's own median for full scale.

    Raises:
        UserError: Most lie beyond it, so that the network would see one value.
    """
    trained = networks[0].value_range
    if trained is None or scale not in (None, trained.scale or "linear"):
        return
    if not sample.shape[1] or raster.dtype.name in TYPES_OF_FULL_SCALE:
        return
    unit_values = trained.unit_values(sample)
    # logarithms and robust scores see far below full scale, a share of it does not
    by_share = any(network.normalise.kind == "scale" for network in networks)
    darkest = DARKEST if by_share else DARKEST**2
    for stored, band in zip(sample, unit_values, strict=True):
        is_beyond = np.mean(band >= 1) > MOST_BEYOND or np.mean(band <= _lowest(trained, darkest)) > MOST_BEYOND
        if is_beyond:
            raise UserError(
                f"{raster.path}: its values lie at {Spread.of(stored)}, but the network was trained on {trained}, so "
                "that it would see one value nearly everywhere. Bring them to the units of the training; factor=... "
                "multiplies them."
            )


def other_scale_notes(networks: Sequence[Predictor], scale: str | None) -> list[str]:
    """What a person is told where a scene's scale is another one than that of the training; nothing where it is not.

    Args:
        networks: Those that map the scene.
        scale: That of the settings, or of the scene itself.
    """
    trained = networks[0].value_range
    if trained is None or scale in (None, trained.scale or "linear"):
        return []
    return [
        f"scale={scale}, but the network was trained on {trained}: twice the median of the scene takes the place of "
        "that range."
    ]


def _lowest(trained: ValueRange, darkest: float) -> float:
    """The share of full scale below which a network sees nothing; 0 where values may be below 0."""
    return darkest if min(trained.low) == 0 else 0.0


def config_of_scene(config: PredictConfig, name: str, facts: SceneFacts) -> PredictConfig:
    """The settings with what a scene itself says of its values.

    Args:
        config: The settings of the command.
        name: The scene's name.
        facts: What its product or, once it is open, its file says.

    Raises:
        UserError: The settings say something else.
    """
    for key in ("scale", "calibration"):
        known = getattr(facts, key)
        setting = getattr(config, key)
        if known is None or (key == "calibration" and setting in facts.calibrations):
            continue
        if setting not in (None, known):
            raise UserError(f"{key}={setting}: the values of {name} are {known}. Leave {key}= out for it.")
        config = replace(config, **{key: known})
    return config


def with_implied_calibration(config: PredictConfig, network: Predictor) -> PredictConfig:
    """The settings of a scene with what follows from its scale, or from that of the network's training.

    Args:
        config: The settings of the command, with what the scene itself says.
        network: One of those that map it.
    """
    own_range = network.value_range
    network_takes_db = own_range is not None and own_range.scale == "db" and config.scale is None
    if (config.scale == "db" or network_takes_db) and config.calibration is None:
        return replace(config, calibration="db")
    return config
