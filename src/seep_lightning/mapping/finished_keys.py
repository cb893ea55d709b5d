"""Hashes of all that a map depends on, by which a later call knows that it is finished."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seep_lightning.config.commands import PredictConfig
from seep_lightning.mapping.open_scenes import OpenScene
from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.placements import ControlPointPlacement


def model_key(networks: Sequence[Predictor], scene: OpenScene) -> str:
    """All that the probabilities of a scene depend on beside its pixels and the plan; a part of old maps' keys.

    Args:
        networks: Those that map it.
        scene: The scene.
    """
    network_keys = [network.key for network in networks]
    quartiles = np.asarray(scene.shared_quartiles).tolist()
    facts = [network_keys, scene.config.scale, scene.config.flips, quartiles]
    # without a history keys are those of earlier versions
    if scene.added is not None:
        facts.append(scene.added.key)
    return json.dumps(facts)


def row_key(rasters_key: str, config: PredictConfig, placement: ControlPointPlacement | None = None) -> str:
    """A hash of all that a finished map depends on.

    It stands in the tables of earlier versions and must not change: the settings are hashed as the text of their
    dataclass. Those that do not change a map are set to a fixed value first.

    Args:
        rasters_key: A hash of all that the rasters depend on.
        config: The settings of the command, completed by what the networks know.
        placement: How control points place the polygons; None without control points, or without polygons.
    """
    settings = replace(
        config, run=0, input="", output="", device="", threads=1, overwrite=False, cluster="", workers=None
    )
    text = f"{rasters_key} {settings}"
    # younger than the tables: not part of the dataclass's text
    if config.attributes:
        text += f" {config.attributes}"
    # earlier versions placed by a polynomial in degrees: their polygons must not count as finished
    if placement is not None:
        text += f" {placement.name}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
