"""Tiles as one raster: where they lie, and what it knows of them."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from helpers.rasters import write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.raster import Raster


def test_maps_depend_on_where_tiles_and_the_scene_lie_and_not_on_overviews(tmp_path: Path) -> None:
    values = np.full((1, 8, 8), 7, np.uint16)
    tiles = [write_raster(tmp_path / f"A.{k}.tif", values) for k in (0, 5, 11)]
    prints = set()
    for cells in ((0, 0), (0, 5), (1, 1)), ((0, 0), (0, 5), (1, 0)):
        with mosaic(dict(zip(tiles, cells, strict=True)), "A", (1,), 0) as raster:
            prints.add(raster.fingerprint)
    with Raster(tiles[0]) as raster:
        alone = raster.fingerprint
    tiles[0].with_suffix(".tif.ovr").write_bytes(tiles[0].read_bytes())
    with Raster(tiles[0]) as raster:
        assert raster.fingerprint == alone
    place = "<PAMDataset><SRS>EPSG:32631</SRS><GeoTransform>1, 10, 0, 1, 0, -10</GeoTransform></PAMDataset>"
    tiles[0].with_suffix(".tif.aux.xml").write_text(place)
    with Raster(tiles[0]) as raster:
        assert raster.georeferenced and raster.fingerprint != alone
    assert len(prints) == 2


def test_tiles_that_lie_elsewhere_than_their_cells_are_refused(tmp_path: Path) -> None:
    values = np.full((1, 8, 8), 7, np.uint16)
    tiles = {
        write_raster(tmp_path / f"A.{k}.tif", values, crs="EPSG:32631", transform=Affine(10, 0, 60 * k, 0, -10, 0)): k
        for k in (0, 1)  # which overlap by two pixels
    }
    with (
        pytest.raises(UserError, match=r"A\.1\.tif does not lie at row 0, column 1 .* Pass the right columns=N"),
        mosaic({path: (0, k) for path, k in tiles.items()}, "A"),
    ):
        pass


def test_a_mosaic_knows_names_and_nodata_of_its_tiles(tmp_path: Path) -> None:
    values = np.full((2, 8, 8), 7, np.uint16)
    values[:, :2] = 65535
    tiles = {write_raster(tmp_path / f"A.{k}.tif", values, nodata=65535, names=("VV", "VH")): (0, k) for k in (0, 1)}
    with mosaic(tiles, "A", ("VH",), 0) as raster:
        assert raster.band_names == ["VH"]
        valid = raster.read(0, 8)[1]
    assert (valid[:2].any(), valid[2:].all(), valid.shape) == (False, True, (8, 16))


@pytest.mark.parametrize("dtype", ["complex_int16", "complex64"])
def test_a_mosaic_of_complex_tiles_is_read_as_amplitude(tmp_path: Path, dtype: str) -> None:
    values = np.full((8, 8), 3 + 4j, np.complex64)
    tiles = {write_raster(tmp_path / f"A.{k}.tif", values, dtype=dtype): (0, k) for k in (0, 1)}
    with mosaic(tiles, "A", (1,), 0) as raster:
        amplitude, valid = raster.read(0, 8)
        assert raster.is_complex and valid.all() and (amplitude == 5).all()
        assert str(raster.path) == "A"
