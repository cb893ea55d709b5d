"""Contrast of a seep with the sea around it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from helpers.rasters import UTM, write_raster
from helpers.small_maps import ANY_OBJECT, empty_sea, probability_raster
from seep_lightning.scene.contrast import SEA_DISTANCE, contrast
from seep_lightning.scene.options import PolygonOptions
from seep_lightning.scene.polygons import find_seeps
from seep_lightning.scene.raster import Raster


def _with_image(tmp_path: Path, dark: float, sea: float, calibration: Any = None) -> dict[str, Any]:
    p = empty_sea()
    p[100:110, 100:200] = 1
    p[114:118, 100:200] = 1  # a neighbour, not sea
    image = np.full((1, *p.shape), sea, np.float32)
    image[0, p > 0] = dark
    image[0, 95, 120:150] = np.nan
    scene = Raster(write_raster(tmp_path / "image.tif", image, **UTM))
    source = probability_raster(tmp_path / "p.tif", p, **UTM)
    options = PolygonOptions(ANY_OBJECT.thresholds, calibration=calibration)
    return find_seeps(source, options, image=scene, model="unet").seeps[0].attributes


@pytest.mark.parametrize(
    ("calibration", "dark", "sea", "ratio", "db"),
    [
        (None, 0.8, 1.0, 0.8, None),
        ("power", 0.5, 1.0, 0.5, -3.0103),
        ("amplitude", 0.5, 1.0, 0.5, -6.0206),
        ("db", -23, -20, 0.5012, -3),
    ],
)
def test_contrast_is_a_ratio_and_db_only_if_calibrated(
    tmp_path: Path, calibration: Any, dark: float, sea: float, ratio: float, db: float | None
) -> None:
    got = _with_image(tmp_path, dark, sea, calibration)
    assert got["contrast"] == pytest.approx(ratio, rel=1e-3)
    assert ("contrast_db" in got) == (db is not None)
    if db is not None:
        assert got["contrast_db"] == pytest.approx(db, abs=1e-3)


def test_the_sea_around_is_what_lies_within_two_distances() -> None:
    rng = np.random.default_rng(0)
    core = cv2.GaussianBlur(rng.standard_normal((90, 120)), (0, 0), 4) > 0.12
    values = rng.random(core.shape)
    distance = cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    around = (distance >= SEA_DISTANCE[0]) & (distance <= SEA_DISTANCE[1])
    assert around.sum() > 500
    assert contrast(values, core, ~core) == values[core].mean() / values[around].mean()
