"""Functions through control points: which one is chosen, how it foretells points left out, there and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint

from helpers.radar_geometry import grid_over_sea, grid_pixels, metres_between, moved_by_longitude
from helpers.rasters import write_raster
from helpers.sentinel1 import gcps_of
from seep_lightning.errors import UserError
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.placements import ControlPointPlacement, water_height
from seep_lightning.scene.point_fits import FIT_KINDS, ControlPoints, FitKind, PixelFrame, fit_kind
from seep_lightning.scene.projections import Points
from seep_lightning.scene.raster import Raster

DEGREES = str(pyproj.CRS("EPSG:4326").to_wkt())
UTM = str(pyproj.CRS("EPSG:32631").to_wkt())
FEET = str(pyproj.CRS("EPSG:2263").to_wkt())
WIDTH, HEIGHT = 25_788, 16_685
Warp = Callable[[Points], Points]


def somewhere(count: int = 500) -> Points:
    """Pixels all over a product."""
    return np.random.default_rng(0).random((count, 2)) * np.array([WIDTH, HEIGHT])


def lattice(columns: int, rows: int, size: float = 300.0) -> Points:
    """Pixels of a regular grid of points, (N, 2)."""
    grid = np.meshgrid(np.linspace(0, size, columns), np.linspace(0, size, rows))
    return np.stack(grid, axis=-1).reshape(-1, 2)


def points_at(pixels: Points, warp: Warp) -> list[GroundControlPoint]:
    rows = zip(pixels.tolist(), warp(pixels).tolist(), strict=True)
    return [GroundControlPoint(row, column, x, y, 0.0) for (column, row), (x, y) in rows]


def turned(pixels: Points) -> Points:
    """An affine transform to metres."""
    transform = Affine(10, 0, 500_000, 0, -10, 5_000_000) @ Affine.rotation(20)
    return np.column_stack(transform @ tuple(pixels.T))


def bent(pixels: Points) -> Points:
    """A smooth function that is no polynomial: pixels of 10 m, bent by up to 30 m."""
    bend = 30 * np.sin(pixels / 60)
    return turned(pixels) + bend[:, ::-1]


# mean and largest distance in m that is allowed; a polynomial of order 2 in degrees misses by up to 187 m at 70 N
@pytest.mark.parametrize("latitude", [-70, 0, 25, 57, 70, 78])
def test_a_product_is_placed_to_less_than_a_tenth_of_a_pixel(latitude: float) -> None:
    points = grid_over_sea(latitude, grid_pixels())
    placement = ControlPointPlacement.through(gcps_of(points), DEGREES)
    truth = grid_over_sea(latitude, somewhere())
    missed = metres_between(placement.place(truth.pixels), truth.degrees)
    assert missed.mean() < 0.1 and missed.max() < 0.5
    assert placement.residual is not None and placement.residual.max_m < 1
    assert not placement.doubts
    np.testing.assert_allclose(placement.unplace(placement.place(truth.pixels)), truth.pixels, atol=0.01)
    np.testing.assert_allclose(placement.unplace(truth.degrees), truth.pixels, atol=0.05)


def test_there_and_back_holds_far_beyond_the_points_and_for_nothing_on_the_far_side_of_the_earth() -> None:
    placement = ControlPointPlacement.through(gcps_of(grid_over_sea(70, grid_pixels())), DEGREES)
    around = somewhere() * 5 - 2 * np.array([WIDTH, HEIGHT])
    np.testing.assert_allclose(placement.unplace(placement.place(around)), around, atol=0.01)
    rng = np.random.default_rng(5)
    globe = np.column_stack((rng.random(2000) * 360 - 180, rng.random(2000) * 180 - 90))
    far = metres_between(globe, np.tile(placement.place(somewhere(1)), (2000, 1))) > 500_000
    unplaced = placement.unplace(globe[far])
    assert not ((unplaced >= 0) & (unplaced <= [WIDTH, HEIGHT])).all(axis=1).any()
    assert np.isnan(placement.unplace(np.array([[np.nan, 70], [np.inf, 70]]))).all()


@pytest.mark.parametrize("from_zero", [False, True], ids=["from -180", "from 0"])
def test_a_product_across_the_date_line_is_placed_without_a_jump(from_zero: bool) -> None:
    here = grid_over_sea(57, grid_pixels())
    east = 180 - here.degrees[:, 0].mean()
    there = moved_by_longitude(here, east)
    if from_zero:
        there.degrees[:, 0] %= 360
    placement = ControlPointPlacement.through(gcps_of(there), DEGREES)
    placed = placement.place(here.pixels)
    np.testing.assert_allclose(placed, here.degrees + np.array([east, 0]), atol=1e-5)
    for turn in (-360, 0, 360):
        np.testing.assert_allclose(placement.unplace(placed + np.array([turn, 0])), here.pixels, atol=0.1)


def test_points_around_a_pole_are_placed() -> None:
    pixels = lattice(7, 7)
    polar = pyproj.Transformer.from_crs("EPSG:3995", "EPSG:4326", always_xy=True)
    metres = (pixels - 140) * np.array([400, -400])
    degrees = np.column_stack(polar.transform(*metres.T))
    placement = ControlPointPlacement.through(points_at(pixels, lambda _: degrees), DEGREES)
    assert metres_between(placement.place(pixels), degrees).max() < 2
    np.testing.assert_allclose(placement.unplace(degrees), pixels, atol=0.01)


@pytest.mark.parametrize("wkt", [UTM, FEET], ids=["metres", "feet"])
@pytest.mark.parametrize("count", [4, 5, 6, 9, 12])
def test_points_of_an_affine_transform_in_a_plane_crs_give_it_back(count: int, wkt: str) -> None:
    pixels = np.random.default_rng(1).random((count, 2)) * 300
    placement = ControlPointPlacement.through(points_at(pixels, turned), wkt)
    assert placement.name == "polynomial of order 1"
    assert placement.residual is not None and placement.residual.max_px < 1e-6
    np.testing.assert_allclose(placement.place(lattice(5, 5)), turned(lattice(5, 5)), atol=1e-6)
    # beyond the points it goes on
    np.testing.assert_allclose(placement.place(lattice(5, 5, 3000)), turned(lattice(5, 5, 3000)), atol=1e-5)


def test_residuals_of_feet_are_in_metres() -> None:
    points = points_at(lattice(3, 2), turned)
    points[0].x += 100
    metres, feet = (ControlPointPlacement.through(points, wkt).residual for wkt in (UTM, FEET))
    assert metres is not None and feet is not None
    # so far from its zone the projection is 3 % too large
    assert feet.max_m == pytest.approx(metres.max_m * 0.3048, rel=0.05)
    assert feet.max_px == pytest.approx(metres.max_px)


def test_three_points_determine_a_place_that_nothing_checks() -> None:
    corners = np.array([[0.0, 0], [300, 0], [0, 300]])
    placement = ControlPointPlacement.through(points_at(corners, turned), UTM)
    np.testing.assert_allclose(placement.place(lattice(3, 3)), turned(lattice(3, 3)), atol=1e-6)
    assert placement.residual is None
    assert "no further point checks them" in placement.note


@pytest.mark.parametrize(
    ("side", "name"), [(3, "polynomial of order 2"), (5, "polynomial of order 4"), (11, "thin-plate spline")]
)
def test_what_bends_is_met_the_better_the_more_points_there_are(side: int, name: str) -> None:
    points = points_at(lattice(side, side), bent)
    placement = ControlPointPlacement.through(points, UTM)
    assert placement.name == name
    if name == "thin-plate spline":
        np.testing.assert_allclose(placement.place(lattice(side, side)), bent(lattice(side, side)), atol=1e-6)
    np.testing.assert_allclose(placement.unplace(placement.place(lattice(9, 9))), lattice(9, 9), atol=0.01)


@pytest.mark.parametrize("kind", FIT_KINDS, ids=lambda kind: f"{kind.name} {kind.order} {kind.height_order}")
def test_leaving_out_a_point_without_fitting_anew_gives_what_fitting_anew_gives(kind: FitKind) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.random((40, 2)) * 300
    heights = rng.random(40) * 1000
    points = ControlPoints(pixels, bent(pixels) + heights[:, None] * np.array([1.2, 0.1]), heights)
    fit = fit_kind(kind, points)
    assert fit is not None
    for left_out in (0, 7, 39):
        kept = points.without(left_out)
        # the frame of all points: the same functions
        object.__setattr__(kept, "frame", PixelFrame.around(pixels))
        other = fit_kind(kind, kept)
        assert other is not None
        foretold = other.place(pixels[left_out : left_out + 1], heights[left_out : left_out + 1])[0]
        np.testing.assert_allclose(points.plane[left_out] - foretold, fit.misses[left_out], rtol=1e-5, atol=1e-5)


def test_slopes_are_those_of_the_function() -> None:
    pixels = lattice(12, 12)
    surface = ControlPointPlacement.through(points_at(pixels, bent), UTM).surface
    at = lattice(5, 5, 290) + 3.3
    step = 1e-3
    for axis, move in enumerate(np.eye(2) * step):
        by_hand = (surface(at + move) - surface(at - move)) / (2 * step)
        np.testing.assert_allclose(surface.slopes(at)[:, :, axis], by_hand, atol=1e-4)


@pytest.mark.parametrize("moved", [(0, 900.0), (57, 300.0)])
def test_a_gross_outlier_is_left_out_and_named(moved: tuple[int, float]) -> None:
    number, metres = moved
    points = grid_over_sea(57, grid_pixels())
    wrong = gcps_of(points)
    wrong[number].y += metres / 111_132
    placement = ControlPointPlacement.through(wrong, DEGREES)
    (outlier,) = placement.outliers
    assert outlier.number == number + 1
    assert (outlier.column, outlier.row) == tuple(points.pixels[number])
    assert outlier.distance_m == pytest.approx(metres, rel=0.02)
    (doubt,) = placement.doubts
    assert f"were left out: point {number + 1} (row " in doubt
    truth = grid_over_sea(57, somewhere())
    assert metres_between(placement.place(truth.pixels), truth.degrees).max() < 0.5


def test_of_nine_points_one_may_be_wrong() -> None:
    points = points_at(lattice(3, 3), turned)
    points[4].x -= 2000
    (outlier,) = ControlPointPlacement.through(points, UTM).outliers
    assert (outlier.number, outlier.distance_m) == (5, pytest.approx(2000, rel=0.01))


def test_heights_that_are_none_do_not_count() -> None:
    points = points_at(lattice(3, 3), turned)
    for point in points[::2]:
        point.z = float("nan")
    assert ControlPointPlacement.through(points, UTM).name == "polynomial of order 1"


def test_points_in_a_corner_of_a_scene_are_told(tmp_path: Path) -> None:
    gcps = (points_at(lattice(3, 3, 100), turned), UTM)
    with Raster(write_raster(tmp_path / "a.tif", np.ones((200, 300), np.uint8), gcps=gcps)) as raster:
        assert Ground.of(raster).doubts(raster) == ["Its control points lie around 17 % of it only."]


def test_points_given_twice_count_once_and_two_places_of_a_pixel_are_told() -> None:
    points = points_at(lattice(4, 4), turned)
    assert (
        ControlPointPlacement.through(points * 2, UTM).residual == ControlPointPlacement.through(points, UTM).residual
    )
    twin = points_at(lattice(4, 4), turned)[5]
    twin.x += 500
    placement = ControlPointPlacement.through([*points, *points[:4], twin], UTM)
    assert placement.doubts
    assert [outlier.number for outlier in placement.outliers] in ([], [21])


def test_points_on_mountains_do_not_move_the_sea() -> None:
    truth = grid_over_sea(57, grid_pixels())
    rng = np.random.default_rng(3)
    is_land = truth.pixels[:, 0] > 15_000
    heights = np.where(is_land, rng.random(len(is_land)) * 1500, 0.0)
    # a radar shows what is high nearer to itself: its place is farther off
    slope = 1.4 - 0.4 * truth.pixels[:, 0] / WIDTH
    east = heights * slope / (111_320 * np.cos(np.radians(58)))
    points = gcps_of(truth)
    for point, move, height in zip(points, east, heights, strict=True):
        point.x += move
        point.z = height
    placement = ControlPointPlacement.through(points, DEGREES)
    assert "with heights" in placement.name and placement.water == 0
    sea = grid_over_sea(57, somewhere())
    missed = metres_between(placement.place(sea.pixels), sea.degrees)
    assert missed[sea.pixels[:, 0] < 14_000].max() < 2
    assert missed.max() < 15


def test_water_is_the_height_that_many_points_have_in_common() -> None:
    mountains = np.linspace(100, 2000, 60)
    assert water_height(np.zeros(9)) == 0
    assert water_height(np.concatenate((mountains, np.full(30, -28.0)))) == -28
    assert water_height(np.concatenate((mountains, [0, 1, 3]))) == 1
    assert water_height(mountains) is None


def test_points_on_land_without_water_are_met_where_they_lie() -> None:
    truth = grid_over_sea(57, grid_pixels())
    points = gcps_of(truth)
    for number, point in enumerate(points):
        ridges = np.sin(point.col / 2500) * np.cos(point.row / 2500)
        point.z = 1000 + 600 * ridges + 5.0 * number
        point.x += point.z * 2e-5
    placement = ControlPointPlacement.through(points, DEGREES)
    assert placement.name == "thin-plate spline"
    places = np.array([(point.x, point.y) for point in points])
    assert metres_between(placement.place(truth.pixels), places).max() < 0.01
    (doubt,) = placement.doubts
    assert "uncertain by more than a pixel" in doubt and "on land, since their heights show no water" in doubt


@pytest.mark.parametrize(
    ("pixels", "places", "said"),
    [
        (np.array([[0.0, 0], [9, 9]]), np.array([[3.0, 45], [3.1, 45]]), "at least 3 different ones"),
        (np.tile([[5.0, 5.0]], (4, 1)), np.tile([[3.0, 45.0]], (4, 1)), "at least 3 different ones"),
        (np.arange(10.0).reshape(5, 2), np.random.default_rng(0).random((5, 2)), "their pixels lie on one line"),
        (lattice(3, 3), np.column_stack((np.full(9, 3.0), np.arange(9.0))), "their places lie on one line"),
        (lattice(3, 3), lattice(3, 3) * np.nan, "not finite"),
        (lattice(3, 3), lattice(3, 3) + 4000, "no place in their coordinate system"),
        (lattice(3, 3), np.random.default_rng(4).random((9, 2)), None),
    ],
)
def test_points_that_place_nothing_are_one_clear_error(
    tmp_path: Path, pixels: Points, places: Points, said: str | None
) -> None:
    points = points_at(pixels, lambda _: places)
    path = write_raster(tmp_path / "a.tif", np.ones((300, 300), np.uint8), gcps=(points, "EPSG:4326"))
    with Raster(path) as raster:
        if said is None:
            # any nine places are placed somehow, and the doubt is told
            assert Ground.of(raster).by_points.doubts  # type: ignore[union-attr]
            return
        with pytest.raises(UserError, match=f"a.tif: its {len(pixels)} ground control points do not place it .*{said}"):
            Ground.of(raster)
