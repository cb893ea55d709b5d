"""Quantiles of a scene, exact or of an even sample."""

from pathlib import Path

import numpy as np
import pytest

from helpers.rasters import ArraySource, write_raster
from helpers.scene_maps import mapped
from seep_lightning.errors import UserError
from seep_lightning.scene.quantiles import scene_quantiles
from seep_lightning.scene.raster import Raster


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("sample", [1 << 22, 9000])
def test_quantiles_are_exact_or_of_an_even_sample(dtype: str, sample: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seep_lightning.scene.quantiles.SAMPLE_PIXELS", sample)
    values = np.random.default_rng(1).normal(100, 20, (2, 700, 90)).astype(dtype)
    valid = np.random.default_rng(2).random((700, 90)) > 0.3
    thin = int(np.ceil(np.sqrt(63_000 / sample)))
    got = scene_quantiles(ArraySource(values, valid, block_rows=7), (0.25, 0.5, 0.75, 0.01))
    pixels = values[:, ::thin, ::thin][:, valid[::thin, ::thin]]
    assert (got == np.quantile(pixels, (0.25, 0.5, 0.75, 0.01), axis=1, method="inverted_cdf").T).all()
    assert np.abs(got - np.quantile(values[:, valid], (0.25, 0.5, 0.75, 0.01), axis=1).T)[:, :3].max() < 2


def test_a_scene_of_nothing_but_nodata_is_told(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "empty.tif", np.zeros((1, 80, 90), np.uint16))
    with Raster(path, nodata=0) as raster, pytest.raises(UserError, match="empty has no valid pixel"):
        scene_quantiles(raster)
    with pytest.raises(UserError, match="no pixel to map"):
        mapped(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
