"""Scenes whose names hold characters that mean something in URIs, patterns, shells, SQL or Hydra's grammar."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import shapely

from helpers.maps import band, mapped, table
from helpers.rasters import UTM, pixels, write_raster
from helpers.vectors import write_polygons
from seep_lightning.commands.composition import compose
from seep_lightning.commands.overrides import quote_override
from seep_lightning.config.commands import PredictConfig, PrepareConfig
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError
from seep_lightning.mapping.scenes import predict

ODD_NAMES = (
    "a!b",
    "a#b",
    "a?b",
    "a&b=c",
    "a;b",
    "a:b",
    r"a\b",
    "a\tb",
    "a\nb",
    " a b ",
    "a[1]*b",
    "a%20b",
    "a'b\"c",
    "a,b{c}",
    "a<b>|c",
    "a$b`c`",
    "zip!a",
    "~a",
    "-a",
    "été 海",
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_scene_with_an_odd_name_is_mapped_under_this_name(
    name: str, trained: Path, image: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    scene = write_raster(folder / f"{name}.tif", image, **UTM)
    out = mapped(trained, scene, tmp_path / f"out{name}", picture=True)
    kinds = (".gpkg", ".mask.tif", ".png", ".probability.tif", ".qml")
    assert {path.name for path in out.iterdir()} == {f"{name}{kind}" for kind in kinds} | {"scenes.csv"}
    assert not list(elsewhere.iterdir())
    assert table(out)[name]["status"] == "done"


def test_a_folder_of_odd_names_is_mapped_as_the_same_scene_is_by_a_plain_name(
    trained: Path, scene: Path, tmp_path: Path
) -> None:
    for name in ODD_NAMES:
        shutil.copy(scene, scene.with_name(f"{name}.tif"))
    out = mapped(trained, scene.parent, tmp_path / "out")
    assert list(table(out)) == [path.stem for path in sorted(scene.parent.iterdir())]
    plain = band(out / "a.probability.tif")
    for name in ODD_NAMES:
        assert (band(out / f"{name}.probability.tif") == plain).all()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_scene_and_labels_with_an_odd_name_are_prepared(name: str, image: Any, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    scene = write_raster(folder / f"{name}.tif", image, nodata=0, **UTM)
    outline = shapely.box(500_300, 4_999_600, 500_400, 4_999_700)
    labels = write_polygons(tmp_path / "plain.gpkg", [outline], "EPSG:32631").rename(folder / f"{name}.gpkg")
    settings = {"scenes": str(scene), "labels": str(labels), "output": str(folder / "out"), "ignore": "fid > 1"}
    prepare(PrepareConfig(**settings, size=32))
    chips = [path.name for path in (folder / "out" / "images").iterdir()]
    assert all(chip.startswith(f"{name}.") for chip in chips)
    masks = [pixels(path) for path in (folder / "out" / "masks").iterdir()]
    assert sum(mask.sum() for mask in masks) == 100


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_typed_as_it_is(name: str) -> None:
    arguments = [f"input={name}.tif", f"output=maps/{name}"]
    config = compose("predict", [quote_override(argument, multirun=False) for argument in arguments])
    assert (config.input, config.output) == (f"{name}.tif", f"maps/{name}")


def test_a_run_whose_name_is_not_utf_8_is_told_so(trained: Path, scene: Path, tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"a\xff")
    run.symlink_to(trained)
    with pytest.raises(UserError, match=r"The name of a\\xff in .* is not UTF-8"):
        predict(PredictConfig(run=[str(run), str(run)], input=str(scene), output=str(tmp_path / "out")))
