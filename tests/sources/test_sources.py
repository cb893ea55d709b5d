"""`seep sources`: from the maps of many days to the raster of recurrence and the layers."""

import csv
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from helpers.command_line import seep_from_scratch
from helpers.map_days import SIDE, write_map
from helpers.paths import ROOT
from helpers.rasters import UTM, write_raster
from helpers.vectors import write_polygons
from seep_lightning.config.commands import SourcesConfig
from seep_lightning.config.data import DataConfig, GridConfig
from seep_lightning.errors import InUse, UserError
from seep_lightning.find_sources import print_summary
from seep_lightning.locks import lock_path, locked
from seep_lightning.runs.directory import Run
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.chip_source import chip_sources
from seep_lightning.sources.collecting import SourcesResult, collect_sources
from seep_lightning.sources.columns import ORIGIN_COLUMNS, SLICK_COLUMNS, SOURCE_COLUMNS
from seep_lightning.sources.day_colours import DAY_STEPS
from seep_lightning.sources.looks import Look
from seep_lightning.sources.map_source import MapSource
from seep_lightning.sources.outline_source import outline_sources

MORE_SLICKS = {
    "S1_20180103T054412": [np.s_[40:48, 30:60], np.s_[90:94, 8:16]],
    "S1_20180115T054412": [np.s_[42:47, 20:50]],
    "S1_20180127T054412": [np.s_[38:46, 40:70], np.s_[100:110, 60:100]],
    "S1_20180208T054412": [],
}
NO_PLACE: dict[str, Any] = {"crs": None, "transform": Affine.identity()}


def write_maps(folder: Path, names: list[str], **facts: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        write_map(folder, name, MORE_SLICKS[name], **facts)
    return folder


def find(maps: Any, output: Path, **settings: Any) -> SourcesResult:
    given = [str(path) for path in maps] if isinstance(maps, list) else maps and str(maps)
    return collect_sources(SourcesConfig(maps=given, output=str(output), permutations=20, level=0.1, **settings))


def recurrence(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


def rows(path: Path, layer: str) -> list[dict[str, Any]]:
    meta, _, shapes, values = pyogrio.raw.read(path, layer=layer)
    # NaN is unlike itself
    columns = [[None if value != value else value for value in column.tolist()] for column in values]
    return [
        {**dict(zip(meta["fields"], row, strict=True)), "shape": shapely.from_wkb(shape)}
        for *row, shape in zip(*columns, shapes, strict=True)
    ]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def four_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SourcesResult]:
    folder = tmp_path_factory.mktemp("days")
    maps = write_maps(folder / "maps", list(MORE_SLICKS))
    return maps, find(maps, folder / "out")


def test_the_raster_counts_days_by_the_maps_own_pixels_and_outlines(four_days: tuple[Path, SourcesResult]) -> None:
    maps, result = four_days
    with rasterio.open(result.outputs.recurrence) as file:
        bands, transform, crs = file.read(), file.transform, file.crs
        assert file.descriptions == ("days_seen", "days_looked", "rate")
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert (transform.a, transform.e) == (80, -80)
    # the same by geometry alone
    to_utm = pyproj.Transformer.from_crs(crs, UTM["crs"], always_xy=True)
    to_grid = pyproj.Transformer.from_crs(UTM["crs"], crs, always_xy=True)
    rows_, columns = np.mgrid[: bands.shape[1], : bands.shape[2]]
    x, y = to_utm.transform(*(transform @ (columns + 0.5, rows_ + 0.5)))
    pixel_columns, pixel_rows = (~UTM["transform"]) @ (x, y)
    looked = (pixel_columns >= 0) & (pixel_columns < SIDE - 16) & (pixel_rows >= 0) & (pixel_rows < SIDE)
    seen = np.zeros(looked.shape)
    for slicks in MORE_SLICKS.values():
        of_day = np.zeros(looked.shape, bool)
        for slick_rows, slick_columns in slicks:
            corners = UTM["transform"] @ (slick_columns.start, slick_rows.stop)
            ends = UTM["transform"] @ (slick_columns.stop, slick_rows.start)
            box = shapely.transform(
                shapely.segmentize(shapely.box(*corners, *ends), 10),
                lambda points: np.column_stack(to_grid.transform(*points.T)),
            )
            left, top = transform @ (columns, rows_)
            of_day |= shapely.intersects(box, shapely.box(left, top - 80, left + 80, top))
        seen += of_day
    assert looked.sum() > 200
    assert np.nanmax(bands[0]) == 3
    assert (np.isfinite(bands[1]) == looked).all()
    assert (bands[1][looked] == 4).all()
    assert (bands[0][looked] == seen[looked]).all()
    assert np.allclose(bands[2][looked], seen[looked] / 4)


def test_each_slick_is_a_row_with_the_names_of_predict(four_days: tuple[Path, SourcesResult]) -> None:
    maps, result = four_days
    slicks = rows(result.outputs.layers, "slicks")
    assert len(slicks) == result.slicks == 5
    first = slicks[0]
    assert (first["date"], first["scene"]) == ("2018-01-03", "S1_20180103T054412")
    assert first["time"].startswith("2018-01-03T05:44:12")
    assert first["area_m2"] == pytest.approx(8 * 30 * 100, rel=0.01)
    assert first["shape"].area == pytest.approx(first["area_m2"], rel=0.01)
    assert first["p_mean"] == pytest.approx(0.9, abs=0.01)
    # where all three days have one, and where none has one again
    assert [slick["days_here"] for slick in slicks] == [3, 1, 3, 3, 1]
    info = pyogrio.read_info(result.outputs.layers, layer="slicks")
    assert list(info["fields"][:5]) == ["day", "number", "source", "source_days", "days_here"]
    days = table(result.outputs.days)
    assert [day["date"] for day in days] == ["2018-01-03", "2018-01-15", "2018-01-27", "2018-02-08"]
    assert [day["slicks"] for day in days] == ["2", "1", "2", "0"]


def test_a_day_is_added_without_the_old_maps(four_days: tuple[Path, SourcesResult], tmp_path: Path) -> None:
    _, at_once = four_days
    names = list(MORE_SLICKS)
    maps = write_maps(tmp_path / "maps", names[:2])
    find(maps, tmp_path / "out")
    for file in maps.iterdir():
        file.unlink()
    later = find(write_maps(maps, names[2:]), tmp_path / "out")
    assert (later.read, later.kept) == (2, 2)
    for path, other in zip(later.outputs.files[1:], at_once.outputs.files[1:], strict=True):
        if path.suffix == ".csv":
            assert path.read_text() == other.read_text()
    assert np.array_equal(recurrence(later.outputs.recurrence), recurrence(at_once.outputs.recurrence), equal_nan=True)
    for layer in ("sources", "origins", "slicks"):
        assert rows(later.outputs.layers, layer) == rows(at_once.outputs.layers, layer)
    # nothing is read twice, and what has changed is
    assert find(maps, tmp_path / "out").read == 0
    write_map(maps, names[3], [np.s_[40:48, 30:60]])
    again = find(maps, tmp_path / "out")
    assert (again.read, again.slicks) == (1, 6)


def test_scenes_of_one_date_are_one_day(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    write_map(maps, "a_20180103", [np.s_[40:48, 30:60]])
    write_map(maps, "b_20180103", [np.s_[40:48, 30:60]], transform=UTM["transform"] @ Affine.translation(0, 2))
    write_map(maps, "c_unknown", [np.s_[40:48, 30:60]])
    result = find(str(maps / "*.probability.tif"), tmp_path / "out.gpkg")
    assert (result.days, result.undated) == (2, 1)
    assert result.outputs.recurrence == tmp_path / "out.recurrence.tif"
    assert np.nanmax(recurrence(result.outputs.recurrence)[0]) == 2
    days = table(result.outputs.days)
    assert [day["scenes"] for day in days] == ["a_20180103 b_20180103", "c_unknown"]


def write_chips(root: Path, scene: str, tiles: dict[int, np.ndarray]) -> None:
    for tile, mask in tiles.items():
        write_raster(root / "images" / f"{scene}.{tile:06}.tif", np.full(mask.shape, 9, np.uint8))
        write_raster(root / "masks" / f"{scene}.{tile:06}.tif", mask)


def test_masks_of_chips_lie_on_the_ground_that_scenes_share(tmp_path: Path) -> None:
    slick = np.zeros((32, 32), np.uint8)
    slick[8:16, 8:24] = 2
    # the same place: one grid is a column ahead
    write_chips(tmp_path, "one", {0: np.zeros_like(slick), 3: slick})
    write_chips(tmp_path, "two", {6: slick, 1: np.zeros_like(slick)})
    grid = {"one": GridConfig(3), "two": GridConfig(5, 1)}
    result = find(None, tmp_path / "out", data=DataConfig(root=str(tmp_path), classes=2, grid=grid))
    seen, looked, _ = recurrence(result.outputs.recurrence)
    places = np.argwhere(seen == 2)
    assert len(places) == 2
    assert (looked[tuple(places.T)] == 2).all()
    assert np.isfinite(looked).sum() == 2 * 16
    assert {row["class"] for row in rows(result.outputs.layers, "slicks")} == {2}
    with pytest.raises(UserError, match=r"one.000000.tif: where it lies .* data.grid="):
        find(None, tmp_path / "again", data=DataConfig(root=str(tmp_path), classes=2))


def test_what_is_read_of_chips_and_outlines_is_read_anew_where_it_changes(tmp_path: Path) -> None:
    write_chips(tmp_path, "one", {0: np.eye(8, dtype=np.uint8)})
    grid = {"one": GridConfig(3)}
    changes: list[dict[str, Any]] = [
        *({}, {"mask_values": {1: "ignore"}}, {"classes": 2}),
        *({"mask_band": 1}, {"nodata": 9}, {"grid": {"one": GridConfig(3, 1)}}),
    ]

    def key(**change: Any) -> str:
        (source,) = chip_sources(DataConfig(root=str(tmp_path), **{"grid": grid, **change}))
        return source.key()

    keys = [key(**change) for change in changes]
    assert key(batch_size=3) == keys[0]
    image = tmp_path / "images" / "one.000000.tif"
    write_raster(image, np.full((8, 8), 255, np.uint8), nodata=7)
    keys.append(key())
    for part in (f"{image}.msk", image.with_suffix(".tfw")):
        Path(part).write_text("1")
        keys.append(key())
    outlines = write_polygons(tmp_path / "d_20180103.shp", [shapely.box(0, 0, 1, 1)], UTM["crs"])
    (source,) = outline_sources(outlines, None, None)
    for part in (".dbf", ".prj", ".shp"):
        keys.append(source.key())
        os.utime(outlines.with_suffix(part), (1, 1))
    keys.append(source.key())
    assert len(set(keys)) == len(keys)


def test_maps_of_chips_are_moved_by_the_same_grid(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    write_map(maps, "one", [np.s_[8:16, 8:24]], **NO_PLACE)
    write_map(maps, "two", [np.s_[8:16, 40:56]], **NO_PLACE)
    data = DataConfig(grid={"two": GridConfig(5, 1)})
    result = find(maps, tmp_path / "out", data=data, chip=32)
    seen, looked, _ = recurrence(result.outputs.recurrence)
    assert result.grid.unit == "px"
    assert (seen == 2).sum() == 2
    assert (looked == 2).sum() == 16 * 10
    assert {"area_px2", "length_px"} <= rows(result.outputs.layers, "slicks")[0].keys()


def test_an_analysts_outlines_have_a_column_of_dates(tmp_path: Path) -> None:
    boxes = [shapely.box(x, 4_990_000, x + 400, 4_990_200) for x in (500_000, 500_100, 500_300)]
    dates = np.array(["2018-01-03", "20180115", "2018-01-15T05:00"], object)
    file = tmp_path / "outlines.gpkg"
    pyogrio.raw.write(
        file, shapely.to_wkb(boxes), [dates], ["seen_on"], crs=UTM["crs"], geometry_type="Polygon", layer="a"
    )
    hull = find(file, tmp_path / "hull", date_column="seen_on")
    assert [day["date"] for day in table(hull.outputs.days)] == ["2018-01-03", "2018-01-15"]
    assert np.nanmax(recurrence(hull.outputs.recurrence)[0]) == 2
    area = write_polygons(tmp_path / "area.gpkg", [shapely.box(499_000, 4_989_000, 502_000, 4_991_000)], UTM["crs"])
    inside = find(file, tmp_path / "area", date_column="seen_on", area=str(area))
    looked = recurrence(inside.outputs.recurrence)[1]
    assert np.isfinite(looked).sum() * 80**2 == pytest.approx(3000 * 2000, rel=0.03)
    length = rows(inside.outputs.layers, "slicks")[0]["length_m"]
    assert length == pytest.approx(400, rel=0.01)
    with pytest.raises(UserError, match="no attribute day; those that it has: seen_on"):
        find(file, tmp_path / "other", date_column="day")


def test_what_cannot_be_used_is_told_in_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = list(MORE_SLICKS)
    maps = write_maps(tmp_path / "maps", names[:2])
    with pytest.raises(UserError, match="there is no such file or folder"):
        find(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: it is empty"):
        find(tmp_path / "empty", tmp_path / "out")
    config = Run(tmp_path / "runs" / "a").config_path
    config.parent.mkdir(parents=True)
    config.write_text("")
    (tmp_path / "runs" / "pool.json").write_text("{}")
    with pytest.raises(UserError, match="is a folder of runs: map with them first"):
        find(tmp_path / "runs", tmp_path / "out")
    write_map(maps, "unplaced", [], **NO_PLACE)
    with pytest.raises(UserError, match="has no coordinate system, .* has one"):
        find(maps, tmp_path / "out")
    # a map that is being written
    (maps / "unplaced.gpkg").unlink()
    find(maps, tmp_path / "out")
    assert "1 maps are not finished, or have no outlines, and are left out: unplaced" in caplog.text
    with pytest.raises(UserError, match="holds days in cells of 80 m"):
        find(maps, tmp_path / "out", cell=100)
    with pytest.raises(UserError, match=r"are both of S1_20180103T054412"):
        find([maps, maps / f"{names[0]}.probability.tif"], tmp_path / "out")
    lock = lock_path(tmp_path / "out" / "sources.gpkg")
    with locked(lock, "output=out", "sources"), ThreadPoolExecutor(1) as other, pytest.raises(InUse):
        other.submit(find, maps, tmp_path / "out").result()
    damaged = next((tmp_path / "out" / "days").glob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:-200])
    with pytest.raises(UserError, match="is damaged .* its map is read again"):
        find(maps, tmp_path / "out")
    damaged.unlink()
    assert find(maps, tmp_path / "out").read == 1


def test_a_day_without_outlines_is_a_day_that_was_looked_at(tmp_path: Path) -> None:
    outlines = write_polygons(tmp_path / "20180103.gpkg", [], UTM["crs"])
    with pytest.raises(UserError, match="holds no polygons: where was looked is not known"):
        find(outlines, tmp_path / "out")
    area = write_polygons(tmp_path / "area.gpkg", [shapely.box(499_000, 4_989_000, 502_000, 4_991_000)], UTM["crs"])
    result = find(outlines, tmp_path / "out", area=str(area))
    (day,) = table(result.outputs.days)
    assert (day["date"], day["slicks"], day["cells_seen"]) == ("2018-01-03", "0", "0")
    assert float(day["looked_m2"]) == pytest.approx(3000 * 2000, rel=0.03)


def test_a_stopped_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(MORE_SLICKS)[:3]
    maps = write_maps(tmp_path / "maps", names)
    read = MapSource.read

    def stop_at_the_last(source: MapSource, grid: CellGrid) -> Look:
        if source.name == names[2]:
            raise KeyboardInterrupt
        return read(source, grid)

    monkeypatch.setattr(MapSource, "read", stop_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        find(maps, tmp_path / "out")
    monkeypatch.undo()
    result = find(maps, tmp_path / "out")
    assert (result.read, result.kept, result.days) == (1, 2, 3)


def test_files_of_somebody_else_stay(tmp_path: Path) -> None:
    maps = write_maps(tmp_path / "maps", list(MORE_SLICKS)[:1])
    (tmp_path / "out").mkdir()
    note = tmp_path / "out" / "note.txt"
    note.write_text("mine")
    with pytest.raises(UserError, match="is not empty. Choose another, or pass overwrite=true"):
        find(maps, tmp_path / "out")
    assert find(maps, tmp_path / "out", overwrite=True).days == 1
    assert note.read_text() == "mine"
    own = write_polygons(tmp_path / "own.gpkg", [shapely.box(0, 0, 1, 1)], None)
    before = own.read_bytes()
    with pytest.raises(UserError, match="is there already"):
        find(maps, own)
    assert own.read_bytes() == before


def test_overwrite_deletes_no_strangers_files_in_the_folder_of_days(tmp_path: Path) -> None:
    maps = write_maps(tmp_path / "maps", list(MORE_SLICKS)[:1])
    days = tmp_path / "out" / "days"
    days.mkdir(parents=True)
    own = [days / "grid.json", days / "results.npz"]
    for file in own:
        file.write_text("mine")
    with pytest.raises(UserError, match=r"days holds grid.json, results.npz, which .*move"):
        find(maps, tmp_path / "out", overwrite=True)
    assert [file.read_text() for file in own] == ["mine"] * 2
    own[0].unlink()
    with pytest.raises(UserError, match=r"days holds results.npz, which .*move"):
        find(maps, tmp_path / "out", overwrite=True)
    own[1].unlink()
    assert find(maps, tmp_path / "out", overwrite=True).days == 1
    # beside the days it does no harm, but would be gone with them
    own[1].write_text("mine")
    assert find(maps, tmp_path / "out").kept == 1
    with pytest.raises(UserError, match=r"days holds results.npz, which .*move"):
        find(maps, tmp_path / "out", overwrite=True)


def test_overwrite_replaces_the_days_once_all_new_ones_are_read(tmp_path: Path) -> None:
    maps = write_maps(tmp_path / "maps", list(MORE_SLICKS)[:2])
    result = find(maps, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in result.outputs.store.iterdir()}
    (maps / f"{list(MORE_SLICKS)[1]}.gpkg").write_text("broken")
    with pytest.raises(UserError, match="S1_20180115T054412.gpkg"):
        find(maps, tmp_path / "out", overwrite=True)
    assert {path.name: path.read_bytes() for path in result.outputs.store.iterdir()} == before


def test_each_layer_has_its_style_inside_and_beside(four_days: tuple[Path, SourcesResult], tmp_path: Path) -> None:
    maps, _ = four_days
    own = tmp_path / "sources.slicks.qml"
    own.write_text("mine")
    outputs = find(maps, tmp_path / "sources.gpkg").outputs
    with closing(sqlite3.connect(outputs.layers)) as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall())
    assert set(styles) == {"sources", "origins", "slicks"}
    assert styles["slicks"] == own.read_text() == "mine"
    for name in ("sources", "origins"):
        root = ElementTree.fromstring(styles[name].partition("\n")[2])
        assert [element.get("attr") for element in root.iter("renderer-v2")] == ["days_seen"]
        assert (tmp_path / f"sources.{name}.qml").read_text() == styles[name]
    raster = ElementTree.parse(outputs.recurrence.with_suffix(".qml"))
    assert len(list(raster.iter("item"))) == 1 + len(DAY_STEPS)


def test_the_page_lists_the_columns() -> None:
    page = (ROOT / "docs" / "sources.md").read_text()
    tables = page.split("## Layers")[1].split("| attribute |")[1:]
    for text, columns in zip(tables, (SOURCE_COLUMNS, ORIGIN_COLUMNS, SLICK_COLUMNS), strict=True):
        expected = [f"| `{c.column_name('m')}` | {c.unit.replace('{unit}', 'm')} | {c.description} |" for c in columns]
        assert [line for line in text.splitlines() if line.startswith("| `")] == expected


def test_the_command_says_what_it_found(
    four_days: tuple[Path, SourcesResult], capsys: pytest.CaptureFixture[str]
) -> None:
    maps, result = four_days
    print_summary(result, SourcesConfig(maps=str(maps), output="out"))
    told = capsys.readouterr().out
    assert "4 days (4 scenes read), 5 slicks, cells of 80 m" in told
    assert "on 3 or more" in told
    assert "the most of a cell: " in told


@pytest.mark.slow
def test_the_module_is_the_command_although_it_is_a_package(
    four_days: tuple[Path, SourcesResult], tmp_path: Path
) -> None:
    maps, result = four_days
    told = seep_from_scratch("sources", f"maps={maps}", f"output={tmp_path / 'out'}", "permutations=100")
    assert told.returncode == 0, told.stderr
    assert str(tmp_path / "out" / "sources.gpkg") in told.stdout
    assert recurrence(tmp_path / "out" / "recurrence.tif").shape == recurrence(result.outputs.recurrence).shape
