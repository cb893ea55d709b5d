"""Maps that tests make of a trained run, and what they hold."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.rasters import pixels
from seep_lightning.config.commands import PredictConfig
from seep_lightning.files import plain_cell
from seep_lightning.mapping.scenes import predict
from seep_lightning.scene.options import Thresholds

TILE, ROWS, COLUMNS = 32, 3, 4  # COLUMNS as in helpers.chips.GRID
PLAIN = {"thresholds": Thresholds(0.5, 0.5, 0.5), "threshold": 0.5, "min_area": 1, "window": 512}


def mapped(run: Any, given: Path | str, output: Path, **options: Any) -> Path:
    runs = str(run) if isinstance(run, Path) else [str(r) for r in run]
    predict(PredictConfig(run=runs, input=str(given), output=str(output), **{**PLAIN, **options}))
    return output


def band(path: Path) -> NDArray[np.uint8]:
    return pixels(path)[0]


def probability(path: Path) -> NDArray[np.float64]:
    return (band(path) - 1.0) / 254


def close(path: Path, expected: NDArray[np.float32], valid: NDArray[np.bool_], more: float = 1e-5) -> None:
    """Assert that a raster holds what is expected, to half of its 8-bit level."""
    assert ((band(path) > 0) == valid).all()
    assert np.abs(probability(path) - expected)[valid].max() <= 0.5 / 254 + more


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "scenes.csv").open(newline="") as file:
        rows = [{column: plain_cell(cell) for column, cell in row.items()} for row in csv.DictReader(file)]
    return {row["name"]: row for row in rows}


def variant(run: Path, copy: Path, noise: float = 0.0, **facts: Any) -> Path:
    """A copy of a run whose checkpoint says something else."""
    shutil.copytree(run, copy)
    path = copy / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"]["facts"] |= facts
    for name, weight in content["state_dict"].items():
        if name.endswith("weight"):
            weight *= 1 + noise
    torch.save(content, path)
    return copy
