"""The trained networks that map together: opened, and checked against each other."""

import hashlib
import math
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.nets.hardware import has_fast_bf16
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import network_name
from seep_lightning.scene.locations import check_name
from seep_lightning.scene.windows import Tiling

SINGLE, BF16 = "32", "bf16"
"""Precisions of a network's numbers. They stand in the keys of finished maps."""

# The widest window that pays, in pixels: larger ones need more memory and save little of the overlap.
WIDEST_WINDOW = 512
# A usual overlap is the window's side divided by this.
OVERLAP_SHARE = 4
# What the networks of an ensemble must agree on.
SHARED_FACTS = ("bands", "nodata", "nodata_bands", "value_range", "classes")


def usual_cpu_precision() -> str:
    """The precision in which networks run on this machine's CPU unless the settings name one: `bf16` or `32`."""
    return BF16 if has_fast_bf16("cpu") else SINGLE


def open_networks(config: PredictConfig, cpu_precision: str | None = None) -> list[Predictor]:
    """The networks of `config.run`, ready to map, each with its `name` and `key`.

    Args:
        config: `run` is a list of run directories or exported files.
        cpu_precision: Of networks on a CPU where the settings name none; None: what this machine's CPU is fast at.

    Raises:
        UserError: One of them cannot be used, or they do not take the same images.
    """
    networks: list[Predictor] = []
    for run in config.run:
        network = _open_network(run, config, cpu_precision)
        networks.append(network)
        _check_agreement(run, network, networks[0], config)
    return networks


def threshold_of(networks: Sequence[Predictor], config: PredictConfig) -> float:
    """The least probability of a seep: that of the settings, else the mean of the networks' own.

    Args:
        networks: Those that map.
        config: May name a threshold.
    """
    thresholds = [network.threshold for network in networks]
    return config.threshold or float(np.mean(thresholds))


def tiling_of(networks: Sequence[Predictor], config: PredictConfig) -> Tiling:
    """The windows of a scene.

    Where each window is normalised by itself, it is at most as large as a chip: wider ones cost Dice on real scenes.

    Args:
        networks: Those that map.
        config: May name window and overlap.

    Raises:
        UserError: The overlap does not fit the window.
    """
    window = config.window or _usual_window(networks)
    overlap = config.overlap
    if overlap is None:
        overlap = window // OVERLAP_SHARE
    if not 0 <= overlap < window:
        raise UserError(f"window={window} and overlap={overlap}: overlap must be 0 to window - 1; a quarter is good.")
    return Tiling(window, overlap)


def _usual_window(networks: Sequence[Predictor]) -> int:
    """The side of a window where the settings name none, in pixels."""
    window = WIDEST_WINDOW
    for network in networks:
        if network.normalise.kind == "chip":
            window = min(window, chip_side(network))
    return window


def chip_side(network: Predictor) -> int:
    """The longer side of the chips that a network was trained on, in pixels.

    Args:
        network: One of those that map.

    Raises:
        UserError: It does not tell.
    """
    chip_size = network.facts.get("chip_size")
    if chip_size is None:
        raise UserError(f"{network.name} does not tell the size of its chips. Pass it as window=256 or the like.")
    return int(max(chip_size))


def in_other_precision(network: Predictor) -> Predictor:
    """A network in the precision that it does not run in, `32` or `bf16`, with the key that belongs to it.

    Args:
        network: Of `open_networks`; unchanged. One that does not run on torch has one precision only.
    """
    if not _runs_on_torch(network):
        return network
    other = copy(network)
    other.precision = SINGLE if network.precision == BF16 else BF16
    other.key = _key_in(network.key, other.precision)
    return other


def _runs_on_torch(network: Predictor) -> bool:
    """Whether a network runs on torch, which alone can run it in bf16."""
    return hasattr(network, "device")


def _open_network(run: str, config: PredictConfig, cpu_precision: str | None) -> Predictor:
    """One network, with its precision set; its key is a hash of all that its probabilities depend on."""
    # it stands in the maps' metadata
    check_name(Path(run))
    network = load(run, config.checkpoint, config.device)
    device = str(getattr(network, "device", "cpu"))
    network.precision = config.precision or _usual_precision(network, device, cpu_precision)
    path = Path(run)
    weights_file = path if path.is_file() else Run(path).checkpoint(config.checkpoint)
    network.name = network_name(path)
    weights_hash = hashlib.sha256(weights_file.read_bytes()).hexdigest()
    network.key = f"{weights_hash} {device} {network.precision} {network.scaling}"
    return network


def _usual_precision(network: Predictor, device: str, cpu_precision: str | None) -> str:
    """The precision of a network where the settings name none."""
    if not _runs_on_torch(network):
        return SINGLE
    if device.startswith("cuda"):
        return BF16
    if device == "cpu":
        return cpu_precision or usual_cpu_precision()
    return SINGLE


def _key_in(key: str, precision: str) -> str:
    """The key of a network, with another precision in it."""
    weights_hash, device, _, scaling = key.split(" ", 3)
    return f"{weights_hash} {device} {precision} {scaling}"


def _check_agreement(run: str, network: Predictor, first: Predictor, config: PredictConfig) -> None:
    """Raise `UserError` where a network takes other images than the first one, or tells other classes apart."""
    for fact in SHARED_FACTS:
        # of one band, all and any are the same
        if fact != "nodata_bands" or network.bands > 1:
            _check_equal(run, fact, getattr(network, fact), getattr(first, fact))
    if config.bands:
        return
    _check_equal(run, "bands", network.band_names, first.band_names)
    for meaning, expected in zip(network.band_meanings, first.band_meanings, strict=True):
        if meaning and expected:
            _check_equal(run, "bands", meaning, expected)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _check_equal(run: str, fact: str, value: object, expected: object) -> None:
    """Raise `UserError` where a fact of a network is not that of the first one."""
    # a nodata value may be NaN, which equals nothing
    if value != expected and not (_is_nan(value) and _is_nan(expected)):
        raise UserError(
            f"run={run} was trained with {fact}={value}, the first run with {expected}: an ensemble must agree. "
            "Map with each of them alone."
        )
