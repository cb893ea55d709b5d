"""Out-of-fold predictions of a folder of runs: each chip by the network that did not learn from it, in its scene.

    for scene, operating_point in out_of_fold_scenes(["outputs/folds"]):
        mask = operating_point.mask(scene)        # (H, W) bool
        p = operating_point.probability(scene)    # (H, W), scaled on the fold's validation scenes
        scene.truth, scene.valid                  # (H, W)

One scene is in memory at a time. The maps lie in `folds/` of each run, and are used again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.grid import Cell
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.operating_points import OperatingPoint, choose_operating_point
from seep_lightning.folds.part_maps import SCENES, FoldScene, PartMaps, Way


@dataclass(frozen=True)
class WholeScene:
    """A scene put together of all folds that its chips lie in. All arrays are (H, W), see `FoldScene`.

    Attributes:
        name: The scene's.
        probability: Of seep before scaling, uint8: 0 nodata, else 1 + 254 p.
        scaled: The probability that means what it says, float32; 0 where there are no data.
        classes: The most probable class of seep, uint8.
        predicted: The class of each pixel that is seep by the operating point of its fold, uint8, 0 elsewhere.
        truth: The true class, uint8.
        valid: Where image and truth are known, bool.
        cells: The (row, column) of its chips, with the name of each.
        folds: The numbers of the folds.
    """

    name: str
    probability: NDArray[np.uint8]
    scaled: NDArray[np.float32]
    classes: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    cells: dict[Cell, str]
    folds: tuple[int, ...]


def out_of_fold_scenes(
    folders: Sequence[str | Path], part: str = "test", way: Way = SCENES
) -> Iterator[tuple[FoldScene, OperatingPoint]]:
    """The scenes of a part of each fold, as far as they lie in it, with what the fold chose on its validation.

    Args:
        folders: Folders of folds, or runs; see `find_folds`.
        part: `test`: each chip comes once. `val` or `train`: for other uses.
        way: How chips are predicted.

    Yields:
        Scenes by fold and name. A scene that the split cuts through comes once a fold: see `whole_scenes`.

    Raises:
        UserError: The runs are not folds of one split, or something cannot be predicted.
    """
    for fold in find_folds(folders):
        operating_point = choose_operating_point(PartMaps(fold, "val", way).scenes)
        for scene in PartMaps(fold, part, way).scenes():
            yield scene, operating_point


def whole_scenes(folders: Sequence[str | Path], way: Way = SCENES) -> Iterator[WholeScene]:
    """The scenes of all folds' test chips, each put together of the folds that it lies in.

    Args:
        folders: Folders of folds, or runs; see `find_folds`.
        way: How chips are predicted.

    Yields:
        Scenes by name, one at a time. All folds are predicted before the first one comes.

    Raises:
        UserError: The runs are not folds of one split, or something cannot be predicted.
    """
    folds = find_folds(folders)
    operating_points = [choose_operating_point(PartMaps(fold, "val", way).scenes) for fold in folds]
    maps = [PartMaps(fold, "test", way) for fold in folds]
    for name in sorted(set().union(*[part.tiles for part in maps])):
        own = [
            (part.scene(name), operating_point)
            for part, operating_point in zip(maps, operating_points, strict=True)
            if name in part.tiles
        ]
        yield _put_together(name, own)


def _put_together(name: str, pieces: Sequence[tuple[FoldScene, OperatingPoint]]) -> WholeScene:
    """A scene of its pieces, each of which holds chips that no other holds."""
    size = np.max([scene.truth.shape for scene, _ in pieces], axis=0)
    whole = WholeScene(
        name,
        probability=np.zeros(size, np.uint8),
        scaled=np.zeros(size, np.float32),
        classes=np.zeros(size, np.uint8),
        predicted=np.zeros(size, np.uint8),
        truth=np.zeros(size, np.uint8),
        valid=np.zeros(size, bool),
        cells={at: scene.chips.names[index] for scene, _ in pieces for at, index in scene.tiles.items()},
        folds=tuple(scene.fold.number for scene, _ in pieces),
    )
    for scene, operating_point in pieces:
        layers: dict[str, NDArray[Any]] = {
            "probability": scene.probability,
            "scaled": operating_point.probability(scene),
            "classes": scene.classes,
            "predicted": operating_point.predicted(scene),
            "truth": scene.truth,
            "valid": scene.valid,
        }
        for layer, values in layers.items():
            height, width = values.shape
            part = getattr(whole, layer)[:height, :width]
            np.copyto(part, values.astype(part.dtype), where=scene.valid)
    return whole
