"""Small maps of several days, as `predict` writes them."""

from pathlib import Path
from typing import Any

import numpy as np

from helpers.rasters import UTM
from helpers.small_maps import ANY_OBJECT, probability_raster
from seep_lightning.scene.polygons import find_seeps
from seep_lightning.scene.vector_files import write_seeps

SIDE = 128
"""Pixels of a map's side: 16 cells of 80 m."""


def write_map(folder: Path, name: str, slicks: list[tuple[slice, slice]], **facts: Any) -> Path:
    """A map of one scene of sea with slicks of probability 0.9; nothing is known of its last 16 columns."""
    p = np.zeros((SIDE, SIDE), np.float32)
    for slick in slicks:
        p[slick] = 0.9
    valid = np.ones(p.shape, bool)
    valid[:, -16:] = False
    raster = probability_raster(folder / f"{name}.probability.tif", p, valid, **(UTM | facts))
    with raster:
        write_seeps(find_seeps(raster, ANY_OBJECT), folder / f"{name}.gpkg", overwrite=True)
    return folder / f"{name}.probability.tif"
