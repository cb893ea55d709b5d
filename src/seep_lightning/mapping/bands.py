"""The bands of a scene that networks take, and what a person is told of the choice."""

from collections.abc import Sequence
from typing import Any

from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.band_names import POLARISATIONS, Band, TrainedBand, choice_notes
from seep_lightning.scene.raster import Raster

Bands = tuple[Band, ...]
"""Bands by number from 1, by name, or as networks know them."""


def bands_of(networks: Sequence[Predictor], told: Sequence[Any] | None) -> Bands:
    """The bands of a scene that an ensemble takes: those of the settings, else those of its training.

    A number of the training stands for what the band was there: in a scene that says what its bands are, it is found by
    that. A number of the settings is a number.

    Args:
        networks: They were trained on the same bands.
        told: The bands of the settings, by number or name.
    """
    if told:
        return tuple(told)
    names = networks[0].band_names
    bands: list[Band] = []
    for name, *meanings in zip(names, *(network.band_meanings for network in networks), strict=True):
        if isinstance(name, int):
            # some of the networks may not know what the band is
            meaning = next(filter(None, meanings), "")
            bands.append(TrainedBand(name, meaning, is_only=len(names) == 1))
        else:
            bands.append(name)
    return tuple(bands)


def band_notes(raster: Raster, networks: Sequence[Predictor]) -> list[str]:
    """What a person is told of the bands that are read of a scene, a sentence each; nothing where they are plain.

    Args:
        raster: The scene, opened with `bands_of` the networks.
        networks: Those that map it.
    """
    if raster.is_grey:
        return []
    notes = choice_notes(raster.labels, raster.bands, raster.indexes)
    return notes + _other_polarisations(raster, networks[0])


def _other_polarisations(raster: Raster, network: Predictor) -> list[str]:
    """What the settings chose against the training."""
    others: list[str] = []
    for number, trained in zip(raster.indexes, network.band_meanings, strict=True):
        polarisation = raster.labels[number - 1].polarisation
        if polarisation and trained in POLARISATIONS and polarisation != trained:
            others.append(f"Band {number} is {polarisation}, but the network was trained on {trained}.")
    return others
