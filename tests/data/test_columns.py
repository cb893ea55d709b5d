"""How many tiles a row a scene has: what the data say comes before what a name says, and a contradiction is told."""

import json
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from helpers.rasters import UTM, write_raster
from seep_lightning.data.columns import LooseChips, columns_of_scene
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.data.mosaic import chip_box

ROWS, COLUMNS, SIZE = 4, 3, 128
PREFIX = {"9": 10}
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def cut(folder: Path, scene: str, image: np.ndarray, *, georeferenced: bool = False) -> LooseChips:
    """Chips of ROWS x COLUMNS tiles as a stranger has them, in a folder of the data set's."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    tiles = {}
    for tile in range(ROWS * COLUMNS):
        top, bottom, left, right = chip_box(divmod(tile, COLUMNS), (SIZE, SIZE))
        path = images / f"{scene}.{tile:06d}.tif"
        place = {**UTM, "transform": UTM["transform"] @ Affine.translation(left, top)} if georeferenced else {}
        tiles[write_raster(path, image[top:bottom, left:right], **place)] = tile
    return LooseChips(scene, tiles)


@pytest.fixture(scope="module")
def sea() -> np.ndarray:
    return generate_scene((5, 0), ROWS * SIZE, COLUMNS * SIZE)[0]


@pytest.fixture
def noise() -> np.ndarray:
    """A scene whose edges say nothing."""
    return np.random.default_rng(0).integers(1, 60000, (ROWS * SIZE, COLUMNS * SIZE)).astype(np.uint16)


@pytest.mark.parametrize("grids", [PREFIX, {"95001.": 10}])
def test_matching_edges_overrule_a_name_and_tell_it(sea, tmp_path, caplog, grids):
    assert columns_of_scene(cut(tmp_path, "95001", sea), grids) == COLUMNS
    assert "95001: 3 columns by the edges of its chips, but 10 by" in caplog.text
    assert "of the scene's name" in caplog.text or "the scene's name" in caplog.text


def test_a_description_overrules_a_name_and_tells_it(noise, tmp_path, caplog):
    (tmp_path / "dataset.json").write_text(json.dumps({"columns": {"95001": COLUMNS}}))
    assert columns_of_scene(cut(tmp_path, "95001", noise), PREFIX) == COLUMNS
    assert "3 columns by dataset.json beside its chips, but 10 by the beginning '9'" in caplog.text


def test_georeference_overrules_a_description_and_a_name_and_tells_both(noise, tmp_path, caplog):
    (tmp_path / "dataset.json").write_text(json.dumps({"columns": {"95001": 5}}))
    assert columns_of_scene(cut(tmp_path, "95001", noise, georeferenced=True), PREFIX) == COLUMNS
    assert "3 columns by the georeference of its chips, but 5 by dataset.json" in caplog.text
    assert "3 columns by the georeference of its chips, but 10 by the beginning '9'" in caplog.text


def test_georeference_that_fits_no_numbering_says_nothing(noise, tmp_path):
    chips = cut(tmp_path, "B", noise, georeferenced=True)
    downwards = {path: tile % COLUMNS * ROWS + tile // COLUMNS for path, tile in chips.tiles.items()}
    assert columns_of_scene(LooseChips("B", downwards), {}) is None


def test_a_name_decides_where_the_data_say_nothing(noise, tmp_path, caplog):
    chips = cut(tmp_path, "95001", noise)
    assert columns_of_scene(chips, {"95001.": COLUMNS}) == COLUMNS
    assert columns_of_scene(chips, {"9500.": COLUMNS}) is None
    assert "but" not in caplog.text


def test_the_person_at_the_keyboard_is_not_doubted(sea, tmp_path):
    assert columns_of_scene(cut(tmp_path, "95001", sea), PREFIX, told=6) == 6


def test_overlapping_chips_lie_on_no_grid(sea, tmp_path):
    chips = cut(tmp_path, "95001", sea)
    (tmp_path / "dataset.json").write_text('{"overlap": 32}')
    assert columns_of_scene(chips, PREFIX, told=6) is None
