"""A small file that claims many cells, slicks or days far apart is refused in a line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.windows import Window

from helpers.chips import IMAGES, MASKS, make_chips, seeps_config
from helpers.map_days import write_map
from helpers.rasters import UTM
from seep_lightning import find_sources
from seep_lightning.config.data import GridConfig
from seep_lightning.errors import UserError
from seep_lightning.scene.projections import Points
from seep_lightning.sources.bounds import DrawingRoom, LookedGround
from seep_lightning.sources.cells import CellBox, CellGrid, CellSet
from seep_lightning.sources.chip_source import chip_sources
from seep_lightning.sources.days import Day, Slick
from seep_lightning.sources.drawing import ScenePixels, cells_of_polygons, inner_cells, looked_cells
from seep_lightning.sources.ends import ends_of_day
from seep_lightning.sources.looks import MOST_SLICKS, measured_slicks
from seep_lightning.sources.tiles import TileKey

GRID = CellGrid("", 0.0, 0.0, 1.0)
SIDE = 40_000


def write_outlines(path: Path, polygons: list[list[list[float]]], **properties: Any) -> None:
    """A GeoJSON of outlines in metres."""
    system = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3035"}}
    features = [
        {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [polygon]}}
        for polygon in polygons
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": system, "features": features}))


def box(x: float, y: float, width: float, height: float) -> list[list[float]]:
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]


@pytest.mark.parametrize("tile", [400_000, 99_999_999_999, 10**40])
def test_chips_that_lie_far_apart_by_their_numbers_are_refused(tile: int, tmp_path: Path) -> None:
    make_chips(tmp_path, scenes=1, tiles=6)
    for folder in (IMAGES, MASKS):
        (tmp_path / folder / "S0.000005.tif").rename(tmp_path / folder / f"S0.{tile}.tif")
    (source,) = chip_sources(seeps_config(tmp_path, grid={"S": GridConfig(4)}))
    with pytest.raises(UserError, match="the chips of a scene lie on 128 x .* px, nearly all of them empty"):
        source.read(GRID)


def test_a_huge_outline_is_refused() -> None:
    with pytest.raises(UserError, match=r"over more than 16,777,216 cells.*cell="):
        cells_of_polygons(np.array([shapely.box(0, -SIDE, SIDE, 0)]), GRID)


def test_long_thin_outlines_count_by_their_cells_and_not_by_their_rectangles() -> None:
    slanting = shapely.Polygon([(0, 0), (9, 0), (SIDE, -SIDE)])
    found = cells_of_polygons(np.array([slanting, slanting]), GRID)
    assert [len(cells) < 10 * SIDE for cells in found] == [True, True]
    room = DrawingRoom()
    room.take(drawn=1 << 31)
    with pytest.raises(UserError, match="over more than 2,147,483,648 cells"):
        room.take(drawn=1)


def test_a_long_thin_outline_has_the_same_cells_drawn_by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    slanting = shapely.Polygon([(-5.5, 3.5), (700, -1300), (705, -1299)])
    (whole,) = cells_of_polygons(np.array([slanting]), GRID)
    monkeypatch.setattr("seep_lightning.sources.drawing.DRAWN_AT_ONCE", 1 << 16)
    (by_tiles,) = cells_of_polygons(np.array([slanting]), GRID)
    # one corner lies on the side of a cell
    assert len(np.setxor1d(by_tiles.keys, whole.keys)) <= 1 and len(whole) > 2000


def square(row: int, column: int, tiles: int) -> tuple[list[TileKey], CellBox]:
    """The tiles of a square, and its cells."""
    keys = [TileKey(row + down, column + right) for down in range(tiles) for right in range(tiles)]
    return keys, keys[0].box.with_box(keys[-1].box)


def test_what_was_looked_at_has_bounds() -> None:
    ground = LookedGround(GRID)
    ground.add(*square(0, 0, 15))
    ground.add(*square(60, 60, 15))
    ground.add([], CellBox(0, 0, 0, 0))
    with pytest.raises(UserError, match=r"more ground than 512 x 512 x 512 cells of 1 px\. .* such as cell=2 over"):
        ground.add(*square(30, 30, 15))
    with pytest.raises(UserError, match="the days lie too far apart"):
        LookedGround(GRID).add([TileKey(0, 0), TileKey(4000, 0)], CellBox(0, 0, 2_000_000, 2000))


def test_a_scene_is_not_read_to_its_end_where_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seep_lightning.sources.bounds.MOST_TILES", 3)
    everywhere = ScenePixels(1024, 1024, lambda *box: np.ones((box[1] - box[0], box[3] - box[2]), bool), flip, flip)
    with pytest.raises(UserError, match="more ground than 3 x"):
        looked_cells(everywhere, GRID)
    with pytest.raises(UserError, match="more ground than 3 x"):
        inner_cells(shapely.box(0, -1024, 1024, 0), GRID)
    assert len(inner_cells(shapely.box(0, -1024, 512, 0), GRID).tiles) == 2


def flip(points: Points) -> Points:
    """From column and row to x and y, or back."""
    return np.asarray(points * [1, -1])


def test_seas_far_apart_are_one_answer(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    far = UTM["transform"] @ Affine.translation(1e5, 1e5)
    for day, transform in enumerate([UTM["transform"], UTM["transform"], UTM["transform"], far, far, far], 1):
        write_map(tmp_path / "maps", f"S1_2018010{day}T054412", [np.s_[40:44, 20:60]], transform=transform)
    find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    with rasterio.open(tmp_path / "out" / "recurrence.tif") as raster:
        assert raster.width > 12_000 and raster.overviews(1) == [] and raster.driver == "GTiff"
        corners = [
            raster.read(1, window=Window(x, y, 40, 40)) for x, y in ((0, 0), (raster.width - 40, raster.height - 40))
        ]
    assert [float(np.nanmax(corner)) for corner in corners] == [3, 3]


def test_a_first_scene_that_was_refused_leaves_the_choice_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps", "S1_20180101T054412", [np.s_[40:44, 20:60]])
    with monkeypatch.context() as small:
        small.setattr("seep_lightning.sources.bounds.MOST_TILES", 1)
        with pytest.raises(UserError, match="such as cell=160 overwrite=true"):
            find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    result = find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199, cell=160)
    assert result.grid.size == 160


def test_a_day_that_reaches_too_far_leaves_the_others_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps", "S1_20180101T054412", [np.s_[40:44, 20:60]])
    find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    before = [path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.*")) if path.is_file()]
    far = UTM["transform"] @ Affine.translation(1e5, 0)
    new = write_map(tmp_path / "maps", "S1_20180102T054412", [np.s_[40:44, 20:60]], transform=far)
    monkeypatch.setattr("seep_lightning.sources.bounds.MOST_TILES", 4)
    with pytest.raises(UserError, match="more ground than 4 x"):
        find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    assert [path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.*")) if path.is_file()] == before
    new.unlink()
    find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)


def test_more_outlines_than_a_scene_has_are_refused() -> None:
    shapes = np.full(MOST_SLICKS + 1, shapely.box(0, 0, 1, 1))
    with pytest.raises(UserError, match="500,001 outlines; expected 500,000 at most"):
        measured_slicks(shapes, GRID, {})


def test_a_class_that_is_none_counts_as_none(tmp_path: Path) -> None:
    write_outlines(tmp_path / "2020-01-01.geojson", [box(4_321_000, 3_210_000, 3000, 800)], **{"class": 1e30})
    find_sources(maps=tmp_path / "2020-01-01.geojson", output=tmp_path / "out", permutations=199)
    assert (tmp_path / "out" / "sources.gpkg").is_file()


@pytest.mark.parametrize("size", [1e-6, 0.02])
def test_cells_of_a_strangers_store_are_not_too_small_for_a_new_day(size: float, tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    write_outlines(tmp_path / "days" / "2020-01-01.geojson", [box(4_321_000, 3_210_000, 3000, 800)])
    find_sources(maps=tmp_path / "days", output=tmp_path / "out", permutations=199)
    grid = tmp_path / "out" / "days" / "grid.json"
    grid.write_text(json.dumps({**json.loads(grid.read_text()), "size": size}))
    write_outlines(tmp_path / "days" / "2020-01-02.geojson", [box(4_321_000, 3_210_000, 3000, 800)])
    with pytest.raises(UserError, match="larger cells"):
        find_sources(maps=tmp_path / "days", output=tmp_path / "out", permutations=199)


def change(look: Path, **arrays: Any) -> None:
    """Write other arrays into the file of a look; `head` is a mapping of what changes."""
    content = dict(np.load(look))
    head = json.loads(content["head"].tobytes()) | arrays.pop("head", {})
    content |= arrays | {"head": np.frombuffer(json.dumps(head).encode(), np.uint8)}
    np.savez_compressed(look, **content)


def test_a_store_claims_no_slicks_without_outlines_and_no_odd_classes(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps", "S1_20180101T054412", [np.s_[40:44, 20:60]])
    find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    (look,) = (tmp_path / "out" / "days").glob("*.npz")
    whole = look.read_bytes()
    change(look, class_number=np.array([1e30]))
    with pytest.raises(UserError, match="a slick has a class that is none"):
        find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    for count, problem in ((100_000, "parts are missing"), (MOST_SLICKS + 1, "slicks")):
        look.write_bytes(whole)
        zeros = {name: np.zeros(count) for name in ("area", "length", "p_mean", "class_number")}
        lengths = {name: np.zeros(count, np.int64) for name in ("cell_counts", "wkb_lengths")}
        none = {"cell_keys": np.zeros(0, np.int64), "wkb": np.zeros(0, np.uint8)}
        change(look, head={"slicks": count}, **zeros, **lengths, **none)
        with pytest.raises(UserError, match=problem):
            find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)


def test_ends_of_an_outline_of_very_many_corners_are_found_without_all_its_pairs() -> None:
    angles = np.linspace(0, 2 * np.pi, 30_000, endpoint=False) + 0.3
    length, width, turn = 5_000.0, 400.0, 0.7
    along, across = length / 2 * np.cos(angles), width / 2 * np.sin(angles)
    outline = np.stack([along * np.cos(turn) - across * np.sin(turn), along * np.sin(turn) + across * np.cos(turn)], 1)
    slick = Slick(0, 0, "", outline, CellSet.none(), np.pi / 4 * length * width, length)
    day = Day("d", "", CellSet.none(), (slick,))
    (ends,) = ends_of_day(day, GRID)
    tips = np.array([[np.cos(turn), np.sin(turn)], [-np.cos(turn), -np.sin(turn)]]) * length / 2
    assert min(np.abs(ends.points - tips).max(), np.abs(ends.points[::-1] - tips).max()) < 0.01 * width
    assert np.linalg.norm(np.diff(ends.points, axis=0)) == pytest.approx(length, rel=1e-5)
