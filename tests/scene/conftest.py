"""A scene that tests map."""

from pathlib import Path

import numpy as np
import pytest

from helpers.rasters import UTM, write_raster
from helpers.scene_maps import SIZE


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A file of 300 x 420 px, whose left border has no data."""
    values = np.random.default_rng(0).integers(1, 60000, (1, *SIZE), dtype=np.uint16)
    values[:, :, :40] = 0
    return write_raster(tmp_path / "scene.tif", values, tags={"ORBIT": "7"}, **UTM)
