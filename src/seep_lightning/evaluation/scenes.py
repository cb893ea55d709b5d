"""Masks that an evaluation wrote, laid back into their scenes, where objects are whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chip_maps import read_chip_map
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import Cell, cell
from seep_lightning.data.mosaic import lay
from seep_lightning.metrics.object_counts import ObjectCounts, add_up
from seep_lightning.metrics.objects import confuse_objects, count_objects

Classes = NDArray[np.uint8]


@dataclass(frozen=True)
class SceneMasks:
    """Predicted and true classes of a scene, (H, W) uint8 each with 0 for the sea, and where it has data (bool)."""

    predicted: Classes
    truth: Classes
    valid: NDArray[np.bool_]


def scene_masks(chips: Chips, indices: Iterable[int], masks: Path) -> Iterator[SceneMasks]:
    """Lay chips into their scenes where `data.grid` knows how they lie; any other chip is a scene of its own.

    Args:
        chips: The data set.
        indices: Positions of the chips.
        masks: The folder of the predicted masks, under the chips' names.

    Yields:
        One scene after the other.
    """
    scenes: dict[str, dict[Cell, NDArray[Any]]] = {}
    for index in indices:
        name = chips.names[index]
        scene = chips.scenes[index]
        position = cell(chips.config, scene, chips.tiles[index])
        pixels = chips.read(index)
        predicted = read_chip_map(masks, name)
        layers = np.stack([predicted, pixels.mask, pixels.valid.astype(np.uint8)])
        if position is None:
            scenes[name] = {(0, 0): layers}
        else:
            tiles = scenes.setdefault(scene, {})
            tiles[position] = layers
    for tiles in scenes.values():
        layers = lay(tiles, nodata=0)
        yield SceneMasks(predicted=layers[0], truth=layers[1], valid=layers[2] > 0)


def count_chips(chips: Chips, indices: Iterable[int], masks: Path) -> ObjectCounts:
    """Count objects, centre lines and outlines of the masks written for some chips, see `scene_masks`."""
    scenes = scene_masks(chips, indices, masks)
    counts = (count_objects(scene.predicted > 0, scene.truth > 0, scene.valid) for scene in scenes)
    return add_up(counts)


def confuse_chips(chips: Chips, indices: Iterable[int], masks: Path) -> NDArray[np.int64]:
    """Add up `confuse_objects` of the masks written for some chips, see `scene_masks`: (N + 1, N + 1)."""
    size = chips.config.classes + 1
    total = np.zeros((size, size), np.int64)
    for scene in scene_masks(chips, indices, masks):
        predicted = scene.predicted * scene.valid
        truth = scene.truth * scene.valid
        total += confuse_objects(predicted, truth, size)
    return total
