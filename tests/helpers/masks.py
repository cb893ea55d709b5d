"""Figures worked out again from the masks that an evaluation wrote."""

from pathlib import Path

import cv2
import numpy as np


def read(path: Path) -> np.ndarray:
    array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert array is not None
    return array


def rescored(out: Path, root: Path) -> dict[str, float]:
    """Pooled figures from the written masks alone."""
    tp = fp = fn = 0
    for name in (out / "names.txt").read_text().split():
        valid = read(root / "train_images_256" / name) != 0
        truth, predicted = (read(root / "train_masks_256" / name) > 0) & valid, (read(out / "masks" / name) > 0) & valid
        tp += int((truth & predicted).sum())
        fp += int((predicted & ~truth).sum())
        fn += int((truth & ~predicted).sum())
    figures = {"dice": 2 * tp / (2 * tp + fp + fn), "jaccard": tp / (tp + fp + fn)}
    return figures | {"precision": tp / (tp + fp), "recall": tp / (tp + fn)}
