"""Small scenes mapped by simple models, without a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.plan import ScenePlan, WindowPlan
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_map import SceneMap, map_scene
from seep_lightning.scene.windows import Tiling

SIZE = (300, 420)
TILING = Tiling(64, 16)


def scaled(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A normalisation: shares of full scale."""
    return np.where(valid, values.astype(np.float32) / 65535, np.float32(0))


def smooth(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A model that sees its neighbours."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]) / 4


def mapped(path: Path, folder: Path, model: Callable[..., Any] = smooth, **options: Any) -> SceneMap:
    """Map a raster file by a model, as `map_scene` does with these options of its plan."""
    folder.mkdir(exist_ok=True)
    windows = WindowPlan(options.pop("tiling", TILING), options.pop("batch", 4), area=options.pop("area", None))
    plan = ScenePlan(windows, **{"model_key": "m", **options})
    with Raster(path, nodata=0) as raster:
        return map_scene(raster, lambda: (model, scaled), folder, plan)


def dequantise(stored: NDArray[Any]) -> NDArray[np.float32]:
    """Stored probabilities as numbers, nan for nodata."""
    return np.where(stored > 0, (stored - 1.0) / 254, np.nan)


def visible_files(folder: Path) -> list[str]:
    """The names of the files that a user sees."""
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
