"""A small file that claims many cells, slicks or days far apart is refused in a line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from helpers.map_days import write_map
from seep_lightning import find_sources
from seep_lightning.errors import UserError
from seep_lightning.sources.cells import CellBox, CellGrid
from seep_lightning.sources.drawing import MOST_TILES, cells_of_polygons, check_looked
from seep_lightning.sources.looks import MOST_SLICKS, measured_slicks
from seep_lightning.sources.tiles import TILE

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


def test_a_huge_outline_is_refused() -> None:
    with pytest.raises(UserError, match=r"over more than 16,777,216 cells.*cell="):
        cells_of_polygons(np.array([shapely.box(0, -SIDE, SIDE, 0)]), GRID)


def test_so_are_many_that_reach_far() -> None:
    slanting = shapely.Polygon([(0, 0), (9, 0), (SIDE, -SIDE)])
    with pytest.raises(UserError, match="over more than 2,147,483,648 cells"):
        cells_of_polygons(np.array([slanting, slanting]), GRID)


def test_a_long_thin_outline_has_the_same_cells_drawn_by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    slanting = shapely.Polygon([(-5.5, 3.5), (700, -1300), (705, -1299)])
    (whole,) = cells_of_polygons(np.array([slanting]), GRID)
    monkeypatch.setattr("seep_lightning.sources.drawing.DRAWN_AT_ONCE", 1)
    (by_tiles,) = cells_of_polygons(np.array([slanting]), GRID)
    # one corner lies on the side of a cell
    assert len(np.setxor1d(by_tiles.keys, whole.keys)) <= 1 and len(whole) > 2000


def test_what_was_looked_at_has_bounds() -> None:
    check_looked(CellBox(0, 0, TILE * 30, TILE * 30), 400)
    with pytest.raises(UserError, match="more was looked at than 512 x 512 x 512 cells"):
        check_looked(CellBox(0, 0, TILE * 30, TILE * 30), MOST_TILES + 1)
    with pytest.raises(UserError, match="the days lie too far apart"):
        check_looked(CellBox(0, 0, 1000, 2_000_000), 5)


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
