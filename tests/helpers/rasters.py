"""Small rasters that tests write and read."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

UTM = {"crs": "EPSG:32631", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}


@dataclass(frozen=True)
class ArraySource:
    """A `scene.interfaces.Source` in memory: values (C, H, W), valid (H, W)."""

    values: np.ndarray
    valid: np.ndarray
    block_rows: int = 1
    name: str = "array"

    @property
    def height(self) -> int:
        return self.values.shape[1]

    @property
    def width(self) -> int:
        return self.values.shape[2]

    def read(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        return self.values[:, start:stop], self.valid[start:stop]


def write_raster(path: Path, values: np.ndarray, **facts: Any) -> Path:
    """A small raster (a GeoTIFF by default) of (H, W) or (C, H, W).

    facts: rasterio's keywords, and tags, gcps, names (of the bands).
    """
    after = {key: facts.pop(key) for key in ("tags", "gcps", "names") if key in facts}
    path.parent.mkdir(parents=True, exist_ok=True)
    values = values if values.ndim == 3 else values[None]
    size = dict(zip(("count", "height", "width"), values.shape, strict=True), dtype=values.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **{"driver": "GTiff", **size, **facts}) as out:
            out.write(values)
            out.update_tags(**after.get("tags", {}))
            if "gcps" in after:
                out.gcps = after["gcps"]
            for i, name in enumerate(after.get("names", ()), 1):
                out.set_band_description(i, name)
    return path


def pixels(path: Path) -> np.ndarray:
    """All bands of a raster, (C, H, W)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            return dataset.read()
