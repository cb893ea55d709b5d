"""Positions of a Sentinel-1 product through `predict` and `prepare`: grid points left out lie where they should."""

from pathlib import Path

import numpy as np
import pyogrio.raw
import pyproj
import pytest
import shapely

from helpers.maps import band, mapped, table
from helpers.radar_geometry import PIXEL, Annotation, Floats, Grid, grid_over_sea, grid_pixels, metres_between
from helpers.rasters import write_raster
from helpers.sentinel1 import gcps_of
from helpers.vectors import write_polygons
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.preparation import prepare
from seep_lightning.scene.placements import ControlPointPlacement, Plane
from seep_lightning.scene.point_fits import ControlPoints, best_fit

DEGREES = "EPSG:4326"
MEAN, MOST = 3.0, 15.0
"""m: what is allowed of the distances between where a point is found and where it is."""
SIDE = 96
"""px: a whole product has 430 million, so only what surrounds a point is made, placed by the points of the whole."""
RADIUS = 6
"""Half the side of the dark square at a point, px."""


def is_fitted() -> np.ndarray:
    """Every other point of the grid, as on a chessboard."""
    return np.arange(210) % 2 == 0


@pytest.fixture(params=[pytest.param("real orbit", marks=pytest.mark.real), "70 N"])
def grid(request: pytest.FixtureRequest) -> Grid:
    """The grid of a product over sea: of the real product's orbit, and of one at 70 degrees north."""
    if request.param == "70 N":
        return grid_over_sea(70, grid_pixels())
    annotation = Annotation.read(request.getfixturevalue("sentinel1_annotation"))
    return annotation.over_sea(annotation.grid.pixels)


@pytest.fixture
def left_out(grid: Grid) -> Grid:
    """Some of the points that are not fitted: those next to the corners, and others from all over the product."""
    numbers = np.flatnonzero(~is_fitted())
    return grid.select(np.concatenate((numbers[:2], numbers[8:98:9], numbers[-2:])))


@pytest.fixture
def scenes(grid: Grid, left_out: Grid, tmp_path: Path) -> Path:
    """A folder of cut-outs of a product, each with a dark square in its middle, at a point left out."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    middle = SIDE // 2
    for number, (column, row) in enumerate(left_out.pixels):
        values = rng.normal(30000, 3000, (SIDE, SIDE))
        values[middle - RADIUS : middle + RADIUS, middle - RADIUS : middle + RADIUS] *= 0.5
        points = gcps_of(grid.select(is_fitted()))
        for point in points:
            point.col -= column - middle
            point.row -= row - middle
        write_raster(folder / f"s{number:02d}.tif", values.astype(np.uint16), gcps=(points, DEGREES))
    return folder


@pytest.mark.real
def test_the_real_grid_foretells_its_other_half_at_the_heights_of_its_points(sentinel1_annotation: Path) -> None:
    """Its points lie on the Alps, up to 2,800 m high; any function without heights misses them by 330 m or more."""
    grid = Annotation.read(sentinel1_annotation).grid
    plane = Plane.of(str(pyproj.CRS(DEGREES).to_wkt()), grid.degrees)
    points = ControlPoints(grid.pixels, plane.to_plane(grid.degrees), grid.heights)
    for chosen in (is_fitted(), ~is_fitted()):
        fit = best_fit(points.select(chosen), height=0)
        assert fit is not None
        placed = plane.from_plane(fit.place(grid.pixels[~chosen], grid.heights[~chosen]))
        missed = metres_between(placed, grid.degrees[~chosen])
        assert missed.mean() < MEAN and missed.max() < MOST


@pytest.mark.real
def test_a_product_without_water_is_placed_on_its_land_with_a_warning(sentinel1_annotation: Path) -> None:
    grid = Annotation.read(sentinel1_annotation).grid
    placement = ControlPointPlacement.through(gcps_of(grid), str(pyproj.CRS(DEGREES).to_wkt()))
    assert metres_between(placement.place(grid.pixels), grid.degrees).max() < 0.1
    assert placement.water is None and placement.residual is not None
    assert placement.residual.mean_m == pytest.approx(337, abs=10)
    assert "uncertain by more than a pixel" in placement.doubts[0]


def test_outlines_of_a_map_lie_at_points_left_out(trained: Path, scenes: Path, left_out: Grid, tmp_path: Path) -> None:
    out = mapped(trained, scenes, tmp_path / "out", window=SIDE)
    found = []
    for name in sorted(table(out)):
        meta, _, geometry, _ = pyogrio.raw.read(out / f"{name}.gpkg")
        assert meta["crs"] == DEGREES
        largest = max(shapely.from_wkb(geometry), key=lambda outline: outline.area)
        found.append(largest.centroid.coords[0])
    missed = metres_between(np.array(found), left_out.degrees)
    assert missed.mean() < MEAN and missed.max() < MOST
    row = table(out)["s00"]
    assert row["placement"] == "polynomial of order 4"
    assert 0 < float(row["residual_mean_m"]) < float(row["residual_max_m"]) < MOST
    assert 0 < float(row["residual_mean_px"]) < float(row["residual_max_px"]) < 1
    metadata = pyogrio.read_info(out / "s00.gpkg", layer="seeps")["layer_metadata"]
    assert metadata["transform"].startswith("polynomial of order 4 through 105 ground control points; left out one by")
    assert float(metadata["residual_max_m"]) == pytest.approx(float(row["residual_max_m"]), abs=0.01)


def test_masks_of_outlines_drawn_at_points_left_out_lie_there(scenes: Path, left_out: Grid, tmp_path: Path) -> None:
    labels = write_polygons(tmp_path / "drawn.gpkg", [disc(point) for point in left_out.degrees], DEGREES)
    config = PrepareConfig(str(scenes), str(labels), str(tmp_path / "out"), scene_attribute=None, size=SIDE)
    prepare(config)
    missed = []
    for mask in sorted((tmp_path / "out" / "masks").iterdir()):
        rows, columns = np.nonzero(band(mask))
        assert len(rows) == pytest.approx(np.pi * RADIUS**2, rel=0.1)
        off_row = rows.mean() + 0.5 - SIDE / 2
        off_column = columns.mean() + 0.5 - SIDE / 2
        missed.append(PIXEL * np.hypot(off_row, off_column))
    assert len(missed) == len(left_out.pixels)
    assert np.mean(missed) < MEAN and np.max(missed) < MOST


def disc(point: Floats) -> shapely.Polygon:
    """A disc of `RADIUS` pixels about a point in degrees."""
    azimuths = np.arange(0, 360, 10.0)
    longitudes = np.full_like(azimuths, point[0])
    latitudes = np.full_like(azimuths, point[1])
    distances = np.full_like(azimuths, RADIUS * PIXEL)
    rim = pyproj.Geod(ellps="WGS84").fwd(longitudes, latitudes, azimuths, distances)
    return shapely.Polygon(np.column_stack(rim[:2]))
