"""A small scene with dark bars, and the same as chips."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.maps import COLUMNS, ROWS, TILE
from helpers.rasters import UTM, write_raster
from seep_lightning.data.mosaic import chip_box


@pytest.fixture(scope="session")
def image() -> NDArray[np.uint16]:
    """A sea with dark bars that cross the chips' edges, and a corner without data: 3 x 4 chips of 32 px."""
    rng = np.random.default_rng(1)
    sea = rng.normal(30000, 3000, (TILE * ROWS, TILE * COLUMNS))
    for row in (14, 30, 62, 80):
        sea[row : row + 5, 8:110] *= 0.5
    sea[:20, :25] = 0
    return sea.clip(0, 65535).astype(np.uint16)


@pytest.fixture
def scene(tmp_path: Path, image: NDArray[np.uint16]) -> Path:
    (tmp_path / "in").mkdir()
    return write_raster(tmp_path / "in" / "a.tif", image, **UTM)


@pytest.fixture
def chips(tmp_path: Path, image: NDArray[np.uint16]) -> Path:
    """The same scene as chips S9.TILE.tif; tile 6 is missing."""
    folder = tmp_path / "chips"
    folder.mkdir()
    for tile in set(range(ROWS * COLUMNS)) - {6}:
        top, bottom, left, right = chip_box(divmod(tile, COLUMNS), (TILE, TILE))
        cv2.imwrite(str(folder / f"S9.{tile:06d}.tif"), image[top:bottom, left:right])
    return folder
