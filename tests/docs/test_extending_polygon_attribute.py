"""The template of a polygon attribute in docs/extending.md works as it stands, and what does not fit is one line."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest

from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.options import PolygonOptions
from seep_lightning.scene.polygon_attributes import PolygonAttribute
from seep_lightning.scene.polygons import SeepLayer, find_seeps
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vector_files import write_seeps

SECTION = "A polygon attribute"
NAME = "my_attributes.ELONGATION"


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the template, importable as in the folder where a user works."""
    write_blocks("extending.md", SECTION, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("my_attributes")


@pytest.fixture
def probability(tmp_path: Path) -> Raster:
    """A map with one seep of 100 x 10 px."""
    stored = np.ones((60, 200), np.uint8)
    stored[20:30, 50:150] = 255
    return Raster(write_raster(tmp_path / "map.tif", stored, nodata=0, **UTM))


def layer(probability: Raster, *attributes: Any) -> SeepLayer:
    return find_seeps(probability, PolygonOptions(attributes=list(attributes)))


def test_the_template_s_column_comes_after_ours(template: Any, probability: Raster, tmp_path: Path) -> None:
    ours = layer(probability)
    write_seeps(layer(probability, NAME), tmp_path / "seeps.gpkg")
    meta, _, _, values = pyogrio.raw.read(tmp_path / "seeps.gpkg")
    assert list(meta["fields"]) == [*ours.columns, "elongation"]
    assert values[-1] == pytest.approx([10], rel=0.05)


def test_the_command_of_the_template_writes_the_column(template: Any, tmp_path: Path) -> None:
    ((_, command),) = [block for block in code_blocks("extending.md", SECTION) if block[0] == "bash"]
    image = np.full((64, 64), 20_000, np.uint16)
    write_raster(tmp_path / "scene.tif", image, **UTM)
    _, _, verb, *arguments = command.split()
    done = seep(verb.removeprefix("seep_lightning."), *arguments, "device=cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "elongation" in pyogrio.read_info(tmp_path / "maps" / "scene.gpkg")["fields"]


def test_the_command_tells_a_wrong_name_before_it_maps(template: Any, tmp_path: Path) -> None:
    write_raster(tmp_path / "scene.tif", np.full((64, 64), 20_000, np.uint16), **UTM)
    done = seep("predict", "input=scene.tif", "output=maps", "attributes=[my_attributes.NONE]", cwd=tmp_path)
    assert done.returncode == 2
    assert "my_attributes.NONE cannot be imported" in done.stderr
    assert not list((tmp_path / "maps").glob("*.tif"))


def test_the_attribute_itself_is_as_good_as_its_name(template: Any, probability: Raster) -> None:
    assert layer(probability, template.ELONGATION).seeps == layer(probability, NAME).seeps


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_attributes.ELONGATIN", r"ELONGATIN cannot be imported .* Expected the dotted name of a PolygonAttribute"),
        ("not_there.ELONGATION", r"not_there.ELONGATION cannot be imported"),
        ("my_attributes.elongation", "elongation is a function; expected a PolygonAttribute"),
        (PolygonAttribute("aspect", lambda seep: 1.0, "twice"), "two polygon attributes aspect"),
        (PolygonAttribute("sort", lambda seep: "thin", "text"), "sort gave 'thin'; its column is for float"),
    ],
)
def test_what_does_not_fit_is_one_line(template: Any, probability: Raster, name: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        layer(probability, name)
    assert "\n" not in str(caught.value)


def test_an_attribute_may_apply_to_some_scenes_only(probability: Raster) -> None:
    with_image = PolygonAttribute(
        "dark", lambda seep: "yes", "text", kind=str, applies=lambda scene: scene.image is not None
    )
    assert "dark" not in layer(probability, with_image).columns
    image = find_seeps(probability, PolygonOptions(attributes=[with_image]), image=probability)
    assert image.seeps[0].attributes["dark"] == "yes"
