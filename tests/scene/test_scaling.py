"""Scale and offset that a file declares are applied before anything else."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scaling import Scaling


def hundredths(path: Path, scale: float = 0.01, offset: float = 0.0) -> Path:
    """Decibels x 100 as int16, with a corner of -9999; the file says what they mean."""
    stored = np.arange(-2400, -2400 + 64, dtype=np.int16).reshape(8, 8)
    stored[0, 0] = -9999
    write_raster(path, stored, nodata=-9999, **UTM)
    with rasterio.open(path, "r+") as out:
        out.scales, out.offsets = [scale], [offset]
    return path


def test_values_are_read_as_the_file_says_and_nodata_is_a_stored_value(tmp_path: Path) -> None:
    with Raster(hundredths(tmp_path / "a.tif", offset=-1.0)) as raster:
        values, valid = raster.read(0, 2)
        stored, _ = raster.read_stored(0, 2)
    assert (values.dtype, stored.dtype, raster.dtype) == (np.float32, np.int16, np.float32)
    np.testing.assert_allclose(values[0, 1], np.arange(-25.0 + 0.08, -25.0 + 0.155, 0.01), atol=1e-5)
    assert np.flatnonzero(~valid).tolist() == [0]


def test_a_raster_may_be_read_as_stored_or_by_a_factor_of_the_users(tmp_path: Path) -> None:
    path = hundredths(tmp_path / "a.tif")
    with Raster(path, as_stored=True) as stored, Raster(path) as scaled, Raster(path) as doubled:
        assert stored.dtype == np.int16
        doubled.multiply_by(0.02)
        assert doubled.read(1, 2)[0][0, 0, 0] == pytest.approx(2 * scaled.read(1, 2)[0][0, 0, 0])
        assert len({stored.fingerprint, scaled.fingerprint, doubled.fingerprint}) == 3


def test_a_mosaic_keeps_the_scaling_of_its_tiles_which_must_be_one(tmp_path: Path) -> None:
    tiles = {hundredths(tmp_path / f"{column}.tif"): (0, column) for column in range(2)}
    with mosaic(tiles, "m", placed=False) as raster, Raster(tmp_path / "0.tif") as tile:
        values, valid = raster.read(0, 8)
        np.testing.assert_allclose(values[:, :, :8], tile.read(0, 8)[0])
        assert (raster.dtype, raster.stored_dtype, (~valid).sum()) == (np.float32, np.int16, 2)
    hundredths(tmp_path / "1.tif", scale=0.1)
    with pytest.raises(UserError, match="differ in size, type, scale"), mosaic(tiles, "m", placed=False):
        pass


def test_values_of_a_scaled_file_need_a_scale_of_their_own(tmp_path: Path) -> None:
    path = hundredths(tmp_path / "a.tif")
    with Raster(path) as raster, pytest.raises(UserError, match="stores int16 with scale 0.01: pass scale=linear"):
        raster.check_scale(None)


def test_what_overflows_is_no_number_and_no_warning() -> None:
    values = Scaling((2.0,), (0.0,)).apply(np.full((1, 1, 1), 3e38, np.float32))
    assert np.isinf(values).all()
