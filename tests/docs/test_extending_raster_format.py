"""The entry of a raster format in docs/extending.md works as it stands, and what does not fit is one line."""

import ctypes
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rasterio import _env

from helpers.documents import code_blocks
from helpers.rasters import UTM, pixels, write_raster
from seep_lightning import compat
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.inputs import find_scenes
from seep_lightning.errors import UserError
from seep_lightning.mapping.scenes import predict
from seep_lightning.scene import raster_formats
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.raster_formats import RASTER_FORMATS, RasterFormat


def template() -> RasterFormat:
    """The entry of the document."""
    ((_, text),) = [block for block in code_blocks("extending.md", "A raster format") if block[0] == "python"]
    entry = eval(text.strip(), vars(raster_formats))
    assert isinstance(entry, RasterFormat)
    return entry


@pytest.fixture(autouse=True)
def nitf() -> Iterator[None]:
    """The driver of the document's entry, which was taken out when the table was without it."""
    ctypes.CDLL(_env.__file__).GDALRegister_NITF()
    yield
    compat.keep_gdal_drivers(raster_formats.kept_drivers())


def add(monkeypatch: pytest.MonkeyPatch, entry: RasterFormat) -> None:
    monkeypatch.setattr(raster_formats, "RASTER_FORMATS", (*RASTER_FORMATS, entry))


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    image = np.random.default_rng(0).integers(20_000, 30_000, (64, 64), dtype=np.uint16)
    (tmp_path / "scenes").mkdir()
    return write_raster(tmp_path / "scenes" / "a.ntf", image, driver="NITF", ICORDS="N", **UTM)


def test_scenes_of_a_new_entry_are_found_and_mapped(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"scenes: no \.tif, .*\.jp2 in it"):
        find_scenes("scenes", str(scene.parent))
    add(monkeypatch, template())
    assert [file.path for file in find_scenes("scenes", str(scene.parent))] == [scene]
    config = PredictConfig(input=str(scene.parent), output=str(tmp_path / "maps"), device="cpu", polygons=False)
    assert [row.name for row in predict(config)] == ["a"]
    assert (pixels(tmp_path / "maps" / "a.probability.tif") > 0).all()


def test_a_driver_that_this_gdal_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, replace(template(), driver="NTF2"))
    path = tmp_path / "a.ntf"
    path.write_bytes(b"no raster of a known kind")
    with pytest.raises(UserError, match=r"a\.ntf cannot be opened: this GDAL has no driver NTF2, which reads NITF"):
        Raster(path)


def test_what_is_no_raster_and_values_of_another_type_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, template())
    path = tmp_path / "a.ntf"
    path.write_bytes(b"no raster")
    with pytest.raises(UserError, match=r"a\.ntf is no raster .* Expected a GeoTIFF"):
        Raster(path)
    write_raster(path, np.ones((4, 4), np.int64))
    with pytest.raises(UserError, match="stores int64; expected one of uint8, .*, float64, or complex values, for"):
        Raster(path)


def test_chips_of_a_new_entry_are_taken_where_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, template())
    assert ".ntf" not in raster_formats.chip_suffixes()
    add(monkeypatch, replace(template(), chips=True))
    assert ".ntf" in raster_formats.chip_suffixes()
