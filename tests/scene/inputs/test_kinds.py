"""Inputs as scenes: what names one, how it is opened, and what is known of it beforehand."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.inputs.kinds import kind_of, open_scene, scenes_in
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions, SceneFacts

STORED = np.arange(1, 13, dtype=np.int16).reshape(3, 4)


class Doubled:
    """A decoder that doubles and takes the first column for no data."""

    dtype = np.dtype(np.float32)
    key = "doubled"

    def decode(self, stored, valid, top, left):
        return stored.astype(np.float32) * 2, valid & (np.arange(left, left + stored.shape[2]) > 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "a.b.tif", STORED, **UTM)


def test_a_file_is_one_scene_of_its_name_whatever_folder_is_worked_in(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    (scene,) = scenes_in(file.name)
    assert (scene.name, scene.location, scene.path) == ("a.b", str(file), file)
    assert kind_of(str(file.parent)) is None


def test_a_name_of_a_virtual_file_system_stays_as_it_is(file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(file, "in/a.tif")
    (scene,) = scenes_in(f"/vsizip/{tmp_path}/a.zip/in/a.tif")
    assert scene.location.startswith("/vsizip//")
    with open_scene(scene, ReadingOptions()) as raster:
        assert (raster.read(0, 3)[0] == STORED).all()
        assert raster.name == "a"


@pytest.mark.parametrize("name", ["a!b.tif", "zip+a.tif", "a?b.tif"])
def test_a_file_with_a_name_like_a_uri_is_that_file(name: str, file: Path) -> None:
    (scene,) = scenes_in(file.rename(file.with_name(name)))
    with open_scene(scene, ReadingOptions()) as raster:
        assert (raster.read(0, 3)[0] == STORED).all()


def test_a_known_scale_need_not_be_told_and_is_not_contradicted(file: Path) -> None:
    (scene,) = scenes_in(file)
    known = replace(scene, facts=SceneFacts(scale="linear", nodata=5))
    with open_scene(known, ReadingOptions()) as raster:
        raster.check_scale(None)
        raster.check_scale("linear")
        with pytest.raises(UserError, match=r"scale=db: the values of .*a.b.tif are linear"):
            raster.check_scale("db")
        assert (~raster.read(0, 3)[1]).sum() == 1


def test_what_is_known_changes_no_fingerprint_but_a_decoder_does(file: Path) -> None:
    with Raster(file) as plain, Raster(replace(scenes_in(file)[0], facts=SceneFacts(time="2021"))) as known:
        assert plain.fingerprint == known.fingerprint
        with Raster(file, decoder=Doubled()) as decoded:
            assert decoded.fingerprint != plain.fingerprint


def test_a_decoder_makes_values_and_says_which_are_data(file: Path) -> None:
    with Raster(file, nodata=2, decoder=Doubled()) as raster:
        values, valid = raster.read(0, 2, 0, 3)
        assert raster.dtype == values.dtype == np.float32
        assert values[0].tolist() == [[2, 4, 6], [10, 12, 14]]
        assert valid.tolist() == [[False, False, True], [False, True, True]]
