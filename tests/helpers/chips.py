"""Tiny generated chips, and the settings of a tiny training."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seep_lightning.config.data import DataConfig

IMAGES, MASKS = "train_images_256", "train_masks_256"
GRID = "+data.grid={S:{columns:4}}"
TINY = [
    "model.width=4",
    "model.patch=1",
    "model.depth=2",
    "data.batch_size=4",
    "trainer.enable_progress_bar=false",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",  # the same on every machine
]


def seeps_config(root: Path | str, **more: Any) -> DataConfig:
    """A config of `data=seeps` without its grids: how chips of `write_chip` are read."""
    return DataConfig(root=str(root), **{"images": IMAGES, "masks": MASKS, "classes": 7, **more})


def write_chip(root: Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    """One pair in the layout of `data=seeps`."""
    for folder, array in ((IMAGES, image), (MASKS, mask)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / folder / name), array)


def make_chips(root: Path, scenes: int = 5, tiles: int = 6, size: int = 32, seed: int = 0, classes: int = 7) -> Path:
    """`scenes` x `tiles` chips named S<scene>.<tile>.tif: grey sea with one dark bar each, the labelled seep."""
    rng = np.random.default_rng(seed)
    for scene in range(scenes):
        for tile in range(tiles):
            image = rng.normal(30000, 3000, (size, size))
            mask = np.zeros((size, size), np.uint8)
            row, width = rng.integers(2, size - 6), rng.integers(2, 5)
            mask[row : row + width, 3:-3] = rng.integers(1, classes + 1)
            image[mask > 0] *= 0.5
            if tile == 0:
                image[:, :5] = 0
            write_chip(root, f"S{scene}.{tile:06d}.tif", image.clip(0, 65535).astype(np.uint16), mask)
    return root
