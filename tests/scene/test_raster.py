"""Rasters as files: what is read, and what is told of those that cannot be read."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.raster import Raster


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_values_come_as_stored_with_declared_and_given_nodata_left_out(tmp_path: Path, dtype: str) -> None:
    values = np.arange(60, dtype=dtype).reshape(1, 6, 10)
    with Raster(write_raster(tmp_path / "a.tif", values, nodata=7), nodata=0) as raster:
        got, valid = raster.read(2, 5)
        assert got.dtype == dtype
        assert (got == values[:, 2:5]).all()
        assert valid.all()
        assert np.flatnonzero(~raster.read(0, 6)[1]).tolist() == [0, 7]
        window, _ = raster.read(1, 3, 4, 6)
        assert (window == values[:, 1:3, 4:6]).all()


def test_what_is_not_finite_is_not_valid(tmp_path: Path) -> None:
    values = np.ones((1, 3, 4), np.float32)
    values[0, 0, :3] = np.nan, np.inf, -9999
    with Raster(write_raster(tmp_path / "a.tif", values, nodata=-9999.0)) as raster:
        assert np.flatnonzero(~raster.read(0, 3)[1]).tolist() == [0, 1, 2]


def test_a_mask_band_says_what_is_valid(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 6, 4), np.uint8), **UTM)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as out:
        out.write_mask(np.arange(24).reshape(6, 4) >= 5)
    with Raster(path) as raster:
        assert np.flatnonzero(~raster.read(0, 6)[1]).tolist() == [0, 1, 2, 3, 4]
        assert (~raster.read(1, 2)[1]).sum() == 1


def test_bands_are_chosen_by_number_or_name_and_a_hole_in_one_is_a_hole(tmp_path: Path) -> None:
    values = np.arange(1, 25, dtype=np.uint16).reshape(2, 3, 4)
    values[1, 0, 0] = 0
    path = write_raster(tmp_path / "a.tif", values, names=("VV", "VH"))
    with Raster(path, bands=("VH", 1), nodata=0) as raster:
        got, valid = raster.read(0, 3)
        assert (got == values[::-1]).all()
        assert np.flatnonzero(~valid).tolist() == [0]
    with pytest.raises(UserError, match=r"2 band\(s\) named VV, VH; wanted VV, HH, of which HH is missing"):
        Raster(path, bands=("VV", "HH"))
    with pytest.raises(UserError, match="of which 3 is missing"):
        Raster(path, bands=(1, 3))


def test_a_vrt_is_read_like_a_file_and_its_sources_are_watched(scene: Path) -> None:
    vrt = scene.with_suffix(".vrt")
    rasterio.shutil.copy(scene, vrt, driver="VRT")
    with Raster(vrt, nodata=0) as raster, Raster(scene, nodata=0) as direct:
        assert (raster.read(10, 50)[0] == direct.read(10, 50)[0]).all()
        os.utime(scene, (1, 1))
        with pytest.raises(UserError, match=r"scene\.tif changed while it was read"):
            raster.check_unchanged()


def test_every_thread_has_a_handle_of_its_own(scene: Path) -> None:
    with Raster(scene) as raster:
        handles: list[int] = []
        wait = threading.Barrier(4)

        def look() -> None:
            raster.read(0, 10)
            handles.append(id(raster._handle()))
            wait.wait(5)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(handles)) == 4


def test_the_block_cache_is_small(scene: Path) -> None:
    with Raster(scene):
        assert rasterio.env.get_gdal_config("GDAL_CACHEMAX") == 64 * 2**20  # rasterio counts in bytes


def no_raster(path: Path) -> Path:
    path.write_text("not a raster")
    return path


def no_band(path: Path) -> Path:
    path.write_text('<VRTDataset rasterXSize="4" rasterYSize="4"></VRTDataset>')
    return path


def long_integers(path: Path) -> Path:
    return write_raster(path, np.zeros((1, 4, 4), np.int64))


def engineering_crs(path: Path) -> Path:
    crs = 'LOCAL_CS["ship",UNIT["metre",1]]'
    return write_raster(path, np.ones((1, 4, 4), np.uint8), crs=crs, transform=UTM["transform"])


def flat_transform(path: Path) -> Path:
    return write_raster(path, np.ones((1, 4, 4), np.uint8), crs="EPSG:32631", transform=Affine(10, 0, 5, 20, 0, 5))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path, "is not there"),
        (no_raster, "is no raster"),
        (no_band, "has no band|is no raster"),
        (long_integers, "stores int64"),
        (engineering_crs, "neither geographic nor projected"),
        (flat_transform, "not invertible"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Raster(make(tmp_path / "bad.vrt" if make is no_band else tmp_path / "bad.tif"))


def test_a_file_that_is_cut_off_is_one_sentence_while_it_is_read(tmp_path: Path, scene: Path) -> None:
    bad = tmp_path / "cut.tif"
    bad.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
    with pytest.raises(UserError, match="cut off|no raster"), Raster(bad) as raster:
        raster.read(0, raster.height)
