"""The trained networks that map together: opened, and checked against each other."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import network_name
from seep_lightning.scene.windows import Tiling

# The widest window that pays, in pixels: larger ones need more memory and save little of the overlap.
WIDEST_WINDOW = 512
# A usual overlap is the window's side divided by this.
OVERLAP_SHARE = 4
# What the networks of an ensemble must agree on.
SHARED_FACTS = ("bands", "nodata", "nodata_bands", "value_range", "classes")


def open_networks(config: PredictConfig) -> list[Predictor]:
    """The networks of `config.run`, ready to map, each with its `name` and `key`.

    Args:
        config: `run` is a list of run directories or exported files.

    Raises:
        UserError: One of them cannot be used, or they do not take the same images.
    """
    networks: list[Predictor] = []
    for run in config.run:
        network = _open_network(run, config)
        networks.append(network)
        _check_agreement(run, network, networks[0], config)
    return networks


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
            chip_size = max(network.facts["chip_size"])
            window = min(window, chip_size)
    return window


def _open_network(run: str, config: PredictConfig) -> Predictor:
    """One network, with its precision set; its key is a hash of all that its probabilities depend on."""
    network = load(run, config.checkpoint, config.device)
    device = str(getattr(network, "device", "cpu"))
    usual_precision = "bf16" if device.startswith("cuda") else "32"
    network.precision = config.precision or usual_precision
    path = Path(run)
    weights_file = path if path.is_file() else Run(path).checkpoint(config.checkpoint)
    network.name = network_name(path)
    weights_hash = hashlib.sha256(weights_file.read_bytes()).hexdigest()
    network.key = f"{weights_hash} {device} {network.precision} {network.scaling}"
    return network


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


def _check_equal(run: str, fact: str, value: object, expected: object) -> None:
    """Raise `UserError` where a fact of a network is not that of the first one."""
    if value != expected:
        raise UserError(
            f"run={run} was trained with {fact}={value}, the first run with {expected}: an ensemble must agree. "
            "Map with each of them alone."
        )
