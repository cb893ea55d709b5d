"""The scale bar and the arrow below the picture of a map tell the truth, whichever way the scene lies."""

import math
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from helpers.rasters import write_raster
from seep_lightning.mapping.map_margin import (
    HEIGHT,
    LEAST_WIDTH,
    Directions,
    bar_label,
    directions,
    with_margin,
)
from seep_lightning.mapping.picture import write_scene_picture
from seep_lightning.scene.ground import Ground, middle_of
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scale_bars import round_length
from seep_lightning.scene.seep_colours import SEEP_COLOURS

ORIGIN = Affine.translation(5e5, 3e6)


def place_of(path: Path, **ground: object) -> Directions:
    write_raster(path, np.full((40, 60), 9, np.uint8), **ground)
    with Raster(path) as scene:
        place = directions(Ground.of(scene), middle_of(scene), shrinkage=0.5)
    assert place is not None
    return place


@pytest.mark.parametrize("degrees", [0, 30, 180])
def test_north_is_found_in_a_turned_scene(degrees: float, tmp_path: Path) -> None:
    transform = ORIGIN @ Affine.rotation(degrees) @ Affine.scale(10, -10)
    place = place_of(tmp_path / "s.tif", crs="EPSG:32639", transform=transform)
    assert place.per_pixel == pytest.approx(20, rel=1e-3)
    assert place.unit == "m" and place.is_even and place.north is not None
    # rows climb by so many degrees, so north lies as far to the right of up
    turn = math.radians(degrees)
    assert place.north == pytest.approx((math.sin(turn), -math.cos(turn)), abs=2e-3)


def test_degrees_far_north_are_uneven_and_pixels_have_no_north(tmp_path: Path) -> None:
    degrees = Affine.translation(5, 60) @ Affine.scale(0.001, -0.001)
    place = place_of(tmp_path / "d.tif", crs="EPSG:4326", transform=degrees)
    assert not place.is_even
    assert bar_label(2000, place) == "2 km along rows"
    plain = place_of(tmp_path / "p.tif")
    assert plain == Directions(2.0, "px", True, None)
    assert bar_label(100, plain) == "100 px"


def test_bars_have_round_lengths() -> None:
    assert [round_length(most) for most in (0.7, 1, 4.9, 5, 99, 2400)] == [0.5, 1, 2, 5, 50, 2000]


def test_the_margin_shows_all_colours_and_leaves_small_pictures_alone(tmp_path: Path) -> None:
    place = Directions(10.0, "m", True, (0.0, -1.0))
    margin = with_margin(np.zeros((50, LEAST_WIDTH, 3), np.uint8), SEEP_COLOURS, place)[50:]
    colours = {tuple(colour) for colour in margin.reshape(-1, 3).tolist()}
    assert colours >= {step.colour for step in SEEP_COLOURS.steps}
    assert len(margin) == HEIGHT
    narrow = np.zeros((50, LEAST_WIDTH - 1, 3), np.uint8)
    assert with_margin(narrow, SEEP_COLOURS, place) is narrow
    write_raster(tmp_path / "s.tif", np.full((40, 60), 9, np.uint8))
    with Raster(tmp_path / "s.tif") as scene:
        write_scene_picture(scene, None, tmp_path / "s.png")
    assert (tmp_path / "s.png").is_file()
    assert [SEEP_COLOURS.colour_of(value) for value in (0, 0.9, 1)] == [
        SEEP_COLOURS.steps[index].colour for index in (0, 4, 4)
    ]
