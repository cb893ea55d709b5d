"""What `prepare` makes of each outline of an analyst's file: used, ignored, refused or left out, and always told."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine

from helpers.command_line import seep
from helpers.paths import ROOT
from helpers.rasters import write_raster
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.data.description import LabelOrigin
from seep_lightning.data.loading import load_chips
from seep_lightning.data.outline_account import FATES, NOTES, outline_lines
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError

CRS = "EPSG:32640"
SIDE = 64
PIXEL = 10.0
WEST, NORTH = 400_000.0, 2_750_000.0
# the right border of each scene holds no data
NODATA_FROM = 60


def scene_file(home: Path, name: str, column: int = 0, **place: Any) -> Path:
    """A scene of 64 x 64 px that begins `column` pixels further east."""
    values = np.random.default_rng(0).integers(2, 200, (SIDE, SIDE)).astype(np.uint16)
    values[:, NODATA_FROM:] = 0
    here = {"crs": CRS, "transform": Affine(PIXEL, 0, WEST + PIXEL * column, 0, -PIXEL, NORTH)}
    return write_raster(home / f"{name}.tif", values, nodata=0, **(place or here))


def box(left: float, top: float, width: float = 8, height: float = 4) -> shapely.Polygon:
    """A box in pixels of the first scene."""
    west = WEST + PIXEL * left
    north = NORTH - PIXEL * top
    return shapely.box(west, north - PIXEL * height, west + PIXEL * width, north)


def label_file(home: Path, shapes: Sequence[Any], suffix: str = ".gpkg", **columns: Sequence[Any]) -> Path:
    """A file of outlines; GeoPackage numbers them from 1."""
    path = home / f"seeps{suffix}"
    path.unlink(missing_ok=True)
    geometry = shapely.to_wkb(np.array(shapes, dtype=object))
    values = [
        np.array(column) if isinstance(column[0], int) else np.array(column, object) for column in columns.values()
    ]
    pyogrio.raw.write(path, geometry, values, list(columns), crs=CRS, geometry_type="Unknown", layer="seeps")
    return path


@pytest.fixture
def config(tmp_path: Path) -> PrepareConfig:
    """Two scenes side by side, and one outline in each."""
    scene_file(tmp_path, "A")
    scene_file(tmp_path, "B", column=100)
    label_file(tmp_path, [box(4, 4), box(110, 4)], scene=["A", "B"])
    settings = {"scenes": str(tmp_path / "*.tif"), "labels": str(tmp_path / "seeps.gpkg")}
    return PrepareConfig(**settings, output=str(tmp_path / "out"), scene_attribute="scene", size=32, empty_share=0)


def seep_pixels(config: PrepareConfig) -> dict[str, int]:
    """The number of pixels of seep in the chips of each scene."""
    counts: dict[str, int] = {}
    for path in Path(config.output, "masks").iterdir():
        with rasterio.open(path) as mask:
            scene = path.name.split(".")[0]
            counts[scene] = counts.get(scene, 0) + int((mask.read(1) > 0).sum())
    return counts


def told(facts: dict[str, Any]) -> str:
    return "\n".join(outline_lines(facts["outlines"]))


@pytest.mark.parametrize("no_name", [None, "", "  "])
def test_an_outline_newly_drawn_in_a_gis_counts_in_the_scene_in_which_it_lies(config, tmp_path, no_name):
    label_file(tmp_path, [box(4, 4), box(110, 4), box(120, 20)], scene=["A", "B", no_name])
    facts = prepare(config)
    assert seep_pixels(config) == {"A": 32, "B": 64}
    assert facts["outlines"]["used"] == facts["outlines"]["in_file"] == 3
    assert facts["outlines"]["placed_by_position"] == {"count": 1, "examples": [3]}
    assert "1 used, of no scene by name: they count where they lie (number 3)" in told(facts)


def test_an_outline_without_a_scene_in_several_scenes_counts_in_all_and_is_told(config, tmp_path):
    scene_file(tmp_path, "C", column=20)
    label_file(tmp_path, [box(4, 4), box(30, 20)], scene=["A", None])
    facts = prepare(config)
    assert seep_pixels(config) == {"A": 64, "C": 32}
    assert facts["outlines"]["in_several_scenes"] == {"count": 1, "examples": [2]}


@pytest.mark.parametrize("scene", [7, 7.0])
def test_a_scene_may_be_called_by_a_number(tmp_path, config, scene):
    scene_file(tmp_path, "7", column=200)
    label_file(tmp_path, [box(210, 4), box(110, 4)], scene=["7", "7"])
    values = np.array([scene, np.nan]) if isinstance(scene, float) else np.array([scene, 8])
    shapes = shapely.to_wkb(np.array([box(210, 4), box(110, 4)]))
    pyogrio.raw.write(config.labels, shapes, [values], ["scene"], crs=CRS, geometry_type="Polygon", layer="seeps")
    config.unplaced = "skip"
    prepare(config)
    # NULL in a column of floats is no name: that outline counts where it lies
    expected = {"7": 32, "B": 32} if isinstance(scene, float) else {"7": 32}
    assert seep_pixels(config) == expected


UNPLACED = {
    "of an unknown scene": (box(4, 20), "S1_old", "1 of a scene that is not among the scenes (number 3), named S1_old"),
    "outside of its scene": (box(110, 20), "A", "1 outside of the scene that they name (number 3), named A"),
    "outside of all": (box(300, 20), None, "1 outside of all scenes (number 3)"),
    "at the edge": (box(-8, 20), None, "1 outside of all scenes (number 3)"),
}


@pytest.mark.parametrize(("shape", "scene", "message"), UNPLACED.values(), ids=UNPLACED)
def test_an_outline_without_a_place_is_refused_or_left_out_and_told(config, tmp_path, shape, scene, message):
    label_file(tmp_path, [box(4, 4), box(110, 4), shape], scene=["A", "B", scene])
    with pytest.raises(UserError) as error:
        prepare(config)
    text = str(error.value)
    assert "1 of 3 outlines have no place in the scenes (A, B)" in text
    assert message in text
    assert "unplaced=skip" in text
    assert not Path(config.output).exists()
    config.unplaced = "skip"
    facts = prepare(config)
    assert seep_pixels(config) == {"A": 32, "B": 32}
    assert "2 of 3 outlines used" in told(facts)
    assert "1 not used, " in told(facts)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_in_several_scenes_without_georeference_an_outline_needs_a_name(config, tmp_path):
    for name in ("A", "B"):
        scene_file(tmp_path, name, transform=Affine.identity())
    shapes = shapely.to_wkb(np.array([shapely.box(4, -8, 12, -4), shapely.box(4, -20, 12, -16)]))
    names = np.array(["A", None], object)
    Path(config.labels).unlink()
    pyogrio.raw.write(config.labels, shapes, [names], ["scene"], geometry_type="Polygon", layer="seeps")
    with pytest.raises(UserError, match=r"1 of no scene by name, and the scenes have no georeference \(number 2\)"):
        prepare(config)
    config.scenes = str(tmp_path / "A.tif")
    prepare(config)
    assert seep_pixels(config) == {"A": 64}


def test_without_a_scene_column_an_outline_outside_of_all_scenes_is_refused_too(config, tmp_path):
    config.scene_attribute = None
    label_file(tmp_path, [box(4, 4), box(300, 4)])
    with pytest.raises(UserError, match=r"1 of 2 outlines have no place .* 1 outside of all scenes \(number 2\)"):
        prepare(config)


def test_what_was_not_used_is_counted_with_its_reason(config, tmp_path):
    fold = shapely.Polygon([(WEST, NORTH), (WEST + 50, NORTH), (WEST, NORTH)])
    bow = shapely.Polygon([(20, 20), (40, 40), (40, 20), (20, 40)])
    bow = shapely.transform(bow, lambda at: np.column_stack([WEST + PIXEL * at[:, 0], NORTH - PIXEL * at[:, 1]]))
    shapes = {
        "used": box(4, 4),
        "no_geometry": None,
        "no_area": fold,
        "too_small": box(4.6, 30.6, 0.3, 0.3),
        "ignored": box(4, 44),
        "no_data": box(61, 10, 2, 2),
        "repaired": bow,
    }
    label_file(tmp_path, list(shapes.values()), scene=["A"] * 7, sure=[1, 1, 1, 1, 0, 1, 1])
    config.ignore = "sure = 0"
    facts = prepare(config)["outlines"]
    assert (facts["in_file"], facts["used"]) == (7, 2)
    for number, key in enumerate(shapes, 1):
        assert key == "used" or facts[key] == {"count": 1, "examples": [number]}
    lines = outline_lines(facts)
    assert lines[0] == "2 of 7 outlines used, and 1 as ignored pixels"
    assert "  1 not used, too small to hold the centre of a pixel (number 4)" in lines
    assert json.loads(Path(config.output, "dataset.json").read_text())["outlines"] == facts


def test_of_many_outlines_three_are_named(config, tmp_path):
    label_file(tmp_path, [box(4, 4), *[box(300, 4 * k) for k in range(5)]], scene=["A", *["B"] * 5])
    with pytest.raises(
        UserError, match=r"5 outside of the scene that they name \(number 2, 3, 4 and 2 more\), named B"
    ):
        prepare(config)
    config.unplaced = "skip"
    assert "(number 2, 3, 4 and 2 more)" in told(prepare(config))


def test_outlines_none_of_which_makes_seep_are_refused_with_the_reasons(config, tmp_path):
    label_file(tmp_path, [box(61, 10, 2, 2), box(4.6, 30.6, 0.3, 0.3)], scene=["A", "A"])
    with pytest.raises(UserError) as error:
        prepare(config)
    assert "1 too small to hold the centre of a pixel (number 2); 1 nothing but nodata below them" in str(error.value)
    assert not Path(config.output).exists()


def test_where_no_outline_lies_in_a_scene_the_reasons_are_told(config, tmp_path):
    label_file(tmp_path, [box(4, 4), box(300, 4)], scene=["old", None])
    config.unplaced = "skip"
    with pytest.raises(UserError) as error:
        prepare(config)
    assert "none of its polygons lies in one of the 2 scene(s): 1 of a scene that is not among" in str(error.value)
    assert "(number 1), named old; 1 outside of all scenes (number 2). Check both on a map" in str(error.value)


def test_a_file_without_outlines_is_told(config):
    nothing = np.zeros(0, object)
    pyogrio.raw.write(config.labels, nothing, [nothing], ["scene"], crs=CRS, geometry_type="Polygon", layer="seeps")
    with pytest.raises(UserError, match="holds no polygon"):
        prepare(config)


def test_outlines_of_all_formats_are_numbered_as_the_format_does(config, tmp_path):
    config.unplaced = "skip"
    for suffix, numbers in ((".gpkg", [2]), (".geojson", [1]), (".shp", [1])):
        shapes = [box(4, 4), box(300, 4)]
        geometry = shapely.to_wkb(np.array(shapes))
        path = tmp_path / f"drawn{suffix}"
        names = np.array(["A", None], object)
        pyogrio.raw.write(path, geometry, [names], ["scene"], crs=CRS, geometry_type="Polygon")
        config.labels, config.output = str(path), str(tmp_path / f"out{suffix}")
        assert prepare(config)["outlines"]["outside"]["examples"] == numbers


CONDITIONS = {
    "a column that is not there": ("sure = 0", "is no SQL condition"),
    "the same in double quotes, a text for SQLite": ('"sure" = 0', "has no attribute sure"),
    "no SQL": ("note = = 0", "is no SQL condition"),
}


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
@pytest.mark.parametrize(("condition", "message"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_that_is_refused_is_answered_with_the_columns(config, tmp_path, condition, message, suffix):
    path = label_file(tmp_path, [box(4, 4)], suffix, scene=["A"], note=["x"])
    config.labels, config.ignore = str(path), condition
    with pytest.raises(UserError) as error:
        prepare(config)
    text = str(error.value)
    assert text.startswith(f"ignore={condition!r}")
    assert message in text
    assert "hose that it has: scene, note." in text
    assert text.count(". ") <= 2


def test_a_quoted_column_and_a_text_with_quotes_are_no_mistakes(config, tmp_path):
    label_file(tmp_path, [box(4, 4), box(4, 20)], scene=["A", "A"], note=["", 'say "x"'])
    config.ignore = """"note" = 'say "x"'"""
    assert prepare(config)["outlines"]["ignored"]["examples"] == [2]


@pytest.mark.parametrize("key", ["scene_attribute", "class_attribute"])
def test_a_column_that_is_not_there_is_answered_with_those_that_are(config, key):
    setattr(config, key, "szene")
    with pytest.raises(UserError, match=r"has no attribute szene; those that it has: scene\."):
        prepare(config)


def test_which_network_drew_the_outlines_travels_into_the_data_set(config, tmp_path):
    shapes = [box(4, 4), box(4, 12), box(4, 20), box(4, 28), box(300, 4)]
    label_file(tmp_path, shapes, scene=["A"] * 5, model=["seeps", "seeps", "a + b", None, "seeps"])
    config.unplaced = "skip"
    facts = prepare(config)
    assert facts["outlines"]["models"] == {"seeps": 2, "a + b": 1}
    assert "2 of those used were drawn by the network seeps" in told(facts)


def test_ignored_pixels_are_neither_seep_nor_sea_in_chips_of_several_bands(config, tmp_path):
    values = np.random.default_rng(0).integers(0, 200, (2, SIDE, SIDE)).astype(np.uint8)
    place = {"crs": CRS, "transform": Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH)}
    config.scenes = str(write_raster(tmp_path / "A.tif", values, **place))
    label_file(tmp_path, [box(4, 4), box(8, 4)], scene=["A", "A"], sure=[1, 0])
    config.ignore, config.bands, config.empty_share = "sure = 0", [1, 2], 1.0
    prepare(config)
    chips = load_chips(DataConfig(root=config.output, bands=[1, 2]))
    first = chips.read(0)
    doubtful = np.zeros((32, 32), bool)
    doubtful[4:8, 12:16] = True
    np.testing.assert_array_equal(first.valid, ~doubtful)
    assert first.mask[4:8, 4:12].all()
    assert first.mask.sum() == 32


def test_the_command_says_how_many_outlines_it_used_and_why_not_the_others(config, tmp_path):
    label_file(tmp_path, [box(4, 4), box(300, 4)], scene=["A", "A"])
    keys = ("scenes", "labels", "output", "scene_attribute", "size")
    arguments = [f"{key}={getattr(config, key)}" for key in keys]
    refused = seep("prepare", *arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "1 of 2 outlines have no place" in refused.stderr
    done = seep("prepare", *arguments, "unplaced=skip", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(
        "1 of 2 outlines used\n  1 not used, outside of the scene that they name (number 2)\n"
    )


def test_the_reasons_in_the_documentation_are_those_of_the_package():
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| (goes on|refuses it.*) \|$", (ROOT / "docs" / "labels.md").read_text(), re.M
    )
    assert [(key, what.startswith("refuses")) for key, what in rows] == [(g.key, g.is_unplaced) for g in FATES]
    assert all(f"`{group.key}`" in (ROOT / "docs" / "labels.md").read_text() for group in NOTES)


@pytest.mark.parametrize("text", [None, "[]", "{}", '{"outlines": 3}', '{"outlines": {"models": [1]}}'])
def test_a_dataset_json_of_an_older_version_or_another_program_names_no_network(tmp_path, text):
    if text is not None:
        (tmp_path / "dataset.json").write_text(text)
    assert str(LabelOrigin.of(tmp_path)) == ""
