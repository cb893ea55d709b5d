"""A scene of tiny chips with a label error of each kind, and a network that is played."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers.chips import seeps_config
from seep_lightning.config.data import GridConfig
from seep_lightning.data.loading import load_chips
from seep_lightning.data.mosaic import lay
from seep_lightning.folds.part_maps import FoldScene

# rows and columns on a scene of 2 x 3 chips of 32 px; the false outline lies on two chips
PLACES = {
    "missing": np.s_[5:11, 40:60],
    "false": np.s_[40:46, 24:48],
    "shifted": np.s_[20:26, 8:28],
    "class": np.s_[50:56, 66:90],
}
LABELLED = {"false": 3, "shifted": 2, "class": 1}
SHIFT = 4


def labels_of_scene() -> np.ndarray:
    labels = np.zeros((64, 96), np.uint8)
    for kind, label in LABELLED.items():
        labels[PLACES[kind]] = label
    return labels


def scene_of(root: Path) -> FoldScene:
    """What the network that is played says of scene S0."""
    chips = load_chips(seeps_config(root, grid={"S": GridConfig(3, offset=1)}))
    tiles = {divmod(chips.tiles[index], 3): index for index, scene in enumerate(chips.scenes) if scene == "S0"}
    pixels = {position: chips.read(index) for position, index in tiles.items()}
    truth = lay({position: chip.mask for position, chip in pixels.items()})
    valid = lay({position: chip.valid.astype(np.uint8) for position, chip in pixels.items()}) > 0
    seen = np.zeros_like(truth)
    seen[PLACES["missing"]], seen[PLACES["class"]] = 4, 6
    rows, columns = PLACES["shifted"]
    seen[rows.start - SHIFT : rows.stop - SHIFT, columns] = 2
    probability = np.where(valid, np.where(seen > 0, 230, 10), 0).astype(np.uint8)
    run = SimpleNamespace(config=SimpleNamespace(task="classes"), dir=Path("run"))
    fold: Any = SimpleNamespace(run=run, runs=(run,), name="fold-0")
    return FoldScene("S0", fold, probability, seen, truth, valid, tiles, chips)
