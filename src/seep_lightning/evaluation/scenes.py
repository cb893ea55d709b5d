"""Masks that an evaluation wrote, laid back into their scenes, where objects are whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chip_maps import read_chip_map
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import Cell
from seep_lightning.data.mosaic import last_cell, lay_patch, touching_cells
from seep_lightning.metrics.object_counts import ObjectCounts
from seep_lightning.metrics.objects import confuse_objects, count_objects
from seep_lightning.metrics.tolerance import TolerantCounts, count_within_tolerance

Classes = NDArray[np.uint8]


@dataclass(frozen=True)
class SceneMasks:
    """What was predicted of a scene, or of a part of it, beside the truth.

    Attributes:
        scene: The scene's name.
        predicted: Classes (H, W) uint8, 0 for the sea.
        truth: Likewise.
        valid: Where image and truth are known, (H, W) bool.
        lines: Centre lines of the valid true seep, (H, W); None where they have not been found yet.
    """

    scene: str
    predicted: Classes
    truth: Classes
    valid: NDArray[np.bool_]
    lines: NDArray[np.bool_] | None = None


@dataclass
class SceneCounts:
    """What is counted on scenes.

    Attributes:
        objects: Objects, centre lines and outlines.
        within_tolerance: Pixels that are right within the tolerance, (4,), by scene.
        class_objects: Objects by true (row) and predicted (column) class, (N + 1, N + 1).
        class_within_tolerance: Pixels of each class that are right within the tolerance, (N + 1, 4); row 0 stays 0.
    """

    objects: list[ObjectCounts]
    within_tolerance: dict[str, TolerantCounts]
    class_objects: NDArray[np.int64]
    class_within_tolerance: TolerantCounts

    @classmethod
    def empty(cls, classes: int) -> "SceneCounts":
        """Nothing counted yet, with room for so many classes."""
        size = classes + 1
        return cls([], {}, np.zeros((size, size), np.int64), np.zeros((size, 4), np.int64))

    def add(self, masks: SceneMasks, *, classes: bool) -> None:
        """Count seep of any class, and each class where classes are told apart."""
        predicted = masks.predicted > 0
        truth = masks.truth > 0
        self.objects.append(count_objects(predicted, truth, masks.valid, masks.lines))
        counts = count_within_tolerance(predicted, truth, masks.valid)
        self.within_tolerance[masks.scene] = self.within_tolerance.get(masks.scene, 0) + counts
        if classes:
            self._add_classes(masks)

    def _add_classes(self, masks: SceneMasks) -> None:
        """Count each class against all else."""
        predicted = masks.predicted * masks.valid
        truth = masks.truth * masks.valid
        size = len(self.class_objects)
        self.class_objects += confuse_objects(predicted, truth, size)
        present = np.union1d(predicted, truth)
        for number in present[present > 0]:
            counts = count_within_tolerance(predicted == number, truth == number, masks.valid)
            self.class_within_tolerance[number] += counts


def scene_masks(chips: Chips, indices: Iterable[int], masks: Path) -> Iterator[SceneMasks]:
    """Lay chips into their scenes where it is known how they lie; any other chip stands alone.

    Args:
        chips: The data set.
        indices: Positions of the chips.
        masks: The folder of the predicted masks, under the chips' names.

    Yields:
        Chips that touch each other, or a lone chip, one after the other. Those of a scene that lie apart come apart,
        since a scene of which few chips are known is mostly empty; what is counted adds up to the same.
    """
    for (scene, _), tiles in _tiles_by_scene(chips, indices).items():
        scene_end = last_cell(tiles)
        for cells in touching_cells(tiles):
            # one patch after the other, so that no more than its chips lie in memory
            layers = lay_patch({position: _layers(chips, tiles[position], masks) for position in cells}, scene_end)
            yield SceneMasks(scene, predicted=layers[0], truth=layers[1], valid=layers[2] > 0)


def _tiles_by_scene(chips: Chips, indices: Iterable[int]) -> dict[tuple[str, str], dict[Cell, int]]:
    """Where chips lie in their scenes: by scene, and by name for a chip that stands alone, the chip at each cell."""
    tiles_by_scene: dict[tuple[str, str], dict[Cell, int]] = {}
    for index in indices:
        scene = chips.scenes[index]
        position = chips.cell_of(index)
        if position is None:
            tiles_by_scene[scene, chips.names[index]] = {(0, 0): index}
        else:
            tiles_by_scene.setdefault((scene, ""), {})[position] = index
    return tiles_by_scene


def _layers(chips: Chips, index: int, masks: Path) -> NDArray[np.uint8]:
    """Predicted classes, true classes and where both are known, of a chip: (3, H, W)."""
    pixels = chips.read(index)
    predicted = read_chip_map(masks, chips.names[index])
    return np.stack([predicted, pixels.mask, pixels.valid.astype(np.uint8)])


def count_on_scenes(
    chips: Chips, indices: Iterable[int], masks: Path, *, classes: bool = False, before: SceneCounts | None = None
) -> SceneCounts:
    """Count what the masks written for some chips hold, see `scene_masks`.

    Args:
        chips: The data set.
        indices: Positions of the chips.
        masks: The folder of the predicted masks, under the chips' names.
        classes: Whether classes are counted, too.
        before: What was counted of other chips, to which these are added.
    """
    counts = before or SceneCounts.empty(chips.config.classes)
    for scene in scene_masks(chips, indices, masks):
        counts.add(scene, classes=classes)
    return counts
