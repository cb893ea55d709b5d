"""GDAL prints nothing of its own, and writes nothing beside what it reads."""

import gzip
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.errors import RasterioError

from helpers.rasters import write_raster
from helpers.vectors import write_polygons
from seep_lightning.scene.datasets import open_dataset
from seep_lightning.scene.gdal_settings import gdal_settings
from seep_lightning.scene.vector_layers import polygon_layer, read_features


def packed(path: Path) -> Path:
    """The same file beside it, packed by gzip."""
    target = path.with_name(f"{path.name}.gz")
    with path.open("rb") as plain, gzip.open(target, "wb") as file:
        shutil.copyfileobj(plain, file)
    return target


@pytest.mark.filterwarnings("ignore:statistics")
def test_a_damaged_raster_prints_nothing_where_rasterio_does_not_listen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 60000, (1, 64, 64), np.uint16)
    path = write_raster(tmp_path / "a.tif", noise, compress="deflate")
    content = bytearray(path.read_bytes())
    content[1000:5000] = bytes(4000)
    path.write_bytes(content)
    dataset = open_dataset(path)
    with ThreadPoolExecutor(1) as other_thread:
        measuring = other_thread.submit(dataset.statistics, 1)
    dataset.close()
    assert isinstance(measuring.exception(), RasterioError)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_written_beside_what_is_read(tmp_path: Path) -> None:
    layer = write_polygons(tmp_path / "a.gml", [shapely.box(0, 0, 1, 1)], "EPSG:32633", driver="GML")
    layer.with_suffix(".xsd").unlink(missing_ok=True)
    raster = packed(write_raster(tmp_path / "a.tif", np.ones((1, 512, 512), np.uint16)))
    before = sorted(tmp_path.iterdir())
    assert len(read_features(polygon_layer(layer), []).numbers) == 1
    with open_dataset(f"/vsigzip/{raster}") as dataset:
        dataset.read()
    assert sorted(tmp_path.iterdir()) == before


def test_what_gdal_thinks_of_an_open_ring_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text('{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]]]}')
    code = f"from seep_lightning.scene.vector_layers import *; read_features(polygon_layer(Path({str(path)!r})), [])"
    # pytest has filters of its own
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("name", ["CPL_LOG", "CPL_DEBUG"])
def test_who_wants_to_see_what_gdal_says_sees_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "CPL_LOG" in gdal_settings()
    monkeypatch.setenv(name, "ON")
    assert "CPL_LOG" not in gdal_settings()
