"""Scenes of complex values are mapped, cut and trained on as their amplitudes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from helpers.maps import band, mapped
from helpers.rasters import UTM, pixels, write_raster
from helpers.stand_ins import DarkSpots, mapped_by
from helpers.vectors import write_polygons
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.images import read_image
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError
from seep_lightning.scene.raster import Raster

COMPLEX_TYPES = ("complex_int16", "complex64", "complex128")
# sides of right-angled triangles: whole numbers as parts, and as amplitude
PARTS = np.array([3 + 4j, 4 - 3j, -5 + 0j, -3 - 4j])


def phases_of(amplitude: Any) -> Any:
    """Complex values of these amplitudes, which are multiples of 5, with all signs of the parts."""
    phase = np.random.default_rng(0).choice(PARTS / 5, amplitude.shape)
    return amplitude * phase


def coarse(image: Any) -> Any:
    """The scene in multiples of 5 that 16 bit hold."""
    return (image // 20 * 5).astype(np.float32)


@pytest.mark.parametrize("dtype", COMPLEX_TYPES)
def test_a_complex_scene_is_mapped_as_its_amplitude(dtype: str, trained: Path, image: Any, tmp_path: Path) -> None:
    amplitude = coarse(image)
    values = phases_of(amplitude).astype(np.complex128 if dtype == "complex128" else np.complex64)
    real = write_raster(tmp_path / "real" / "a.tif", amplitude, **UTM)
    single_look = write_raster(tmp_path / "slc" / "a.tif", values, **{**UTM, "dtype": dtype})
    expected = mapped(trained, real, tmp_path / "expected", scale="linear", calibration="amplitude")
    out = mapped(trained, single_look, tmp_path / "out", picture=True)
    difference = band(out / "a.probability.tif").astype(int) - band(expected / "a.probability.tif")
    assert np.abs(difference).max() <= 1
    assert band(expected / "a.probability.tif").max() > 128
    fields = pyogrio.read_info(out / "a.gpkg")["fields"].tolist()
    assert "contrast_db" in fields
    with pytest.raises(UserError, match="the values of a are linear"):
        mapped(trained, single_look, tmp_path / "db", scale="db")


def test_what_the_training_implies_does_not_contradict_a_complex_scene(image: Any, tmp_path: Path) -> None:
    scene = write_raster(tmp_path / "a.tif", phases_of(coarse(image)[:96, :96]).astype(np.complex64), **UTM)
    decibels = DarkSpots(values={"low": [0.0], "high": [0.5], "scale": "db"})
    row = mapped_by(decibels, scene, tmp_path / "maps").row
    assert row.status == "done" and "scale=linear, but the network was trained on" in row.notes


@pytest.mark.parametrize("dtype", COMPLEX_TYPES)
def test_a_complex_scene_is_cut_as_its_amplitude(dtype: str, image: Any, tmp_path: Path) -> None:
    amplitude = coarse(image)
    labels = write_polygons(tmp_path / "a.gpkg", [shapely.box(500_300, 4_999_600, 500_400, 4_999_700)], "EPSG:32631")
    chips: list[Any] = []
    for name, values, scale in (("real", amplitude, "linear"), ("slc", phases_of(amplitude), None)):
        values = values if name == "real" else values.astype(np.complex64)
        stored_as = {} if name == "real" else {"dtype": dtype}
        scene = write_raster(tmp_path / name / "a.tif", values, nodata=0, **{**UTM, **stored_as})
        config = PrepareConfig(str(scene), str(labels), str(tmp_path / f"out-{name}"), size=128, scale=scale)
        prepare(config)
        chips.append(pixels(Path(config.output, "images", "a.000000.tif")).astype(int))
    assert np.abs(chips[0] - chips[1]).max() <= 1


def test_nodata_of_complex_values_is_found_before_they_become_amplitudes(tmp_path: Path) -> None:
    values = np.array([[5, -9999, 3 + 4j, complex("nan"), 0, 9999]], np.complex64)
    path = write_raster(tmp_path / "a.tif", values, nodata=-9999)
    with Raster(path) as raster:
        amplitude, valid = raster.read(0, 1)
    assert valid.tolist() == [[True, False, True, False, True, True]]
    assert amplitude[0, valid].tolist() == [5, 5, 0, 9999]


def test_a_complex_chip_is_read_as_its_amplitude(tmp_path: Path) -> None:
    amplitude = np.arange(5, 85, 5, dtype=np.float32).reshape(4, 4)
    path = write_raster(tmp_path / "a.tif", phases_of(amplitude).astype(np.complex64))
    np.testing.assert_allclose(read_image(path)[0], amplitude, rtol=1e-6)
