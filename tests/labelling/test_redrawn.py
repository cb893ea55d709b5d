"""A polygon of a review's layer counts as drawn where a person changed it, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from rasterio.control import GroundControlPoint

from helpers.rasters import write_raster
from seep_lightning.errors import UserError
from seep_lightning.labelling.answers import DrawnOutline
from seep_lightning.labelling.redrawn import redrawn_patches
from seep_lightning.labelling.review_file import ListedLabel, Patch, ReviewedChip, ReviewFile, run_lengths
from seep_lightning.labelling.review_places import ScenePlace
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.outline_file import read_outline_file
from seep_lightning.scene.projections import WGS84, Reprojection
from seep_lightning.scene.raster import Raster

SIZE = 64
NOTHING = np.zeros((SIZE, SIZE), bool)
PLACED_BY = 2
"""The chip by which the review placed its scene: a fold that tests the lower half only has it first."""
TO_UTM = "EPSG:32631"


def ring() -> NDArray[np.bool_]:
    """An object with two holes, one of a pixel."""
    mask = np.zeros((2 * SIZE, 2 * SIZE), bool)
    mask[70:110, 20:50] = True
    mask[80:100, 30:40] = False
    mask[75, 25] = False
    return mask


def across_chips() -> NDArray[np.bool_]:
    """A long slanted object over both lower chips."""
    mask = np.zeros((2 * SIZE, 2 * SIZE), bool)
    for column in range(10, 120):
        mask[70 + column // 4 : 75 + column // 4, column] = True
    return mask


def corners() -> NDArray[np.bool_]:
    """Pixels that touch at corners only: many parts."""
    mask = np.zeros((2 * SIZE, 2 * SIZE), bool)
    mask[90:110, 50:80] = np.indices((20, 30)).sum(axis=0) % 2 == 0
    return mask


OBJECTS = {"holes": ring, "over two chips": across_chips, "many parts": corners}


def affine_of(tile: int) -> dict[str, Any]:
    """A chip that lies by a transform."""
    row, column = divmod(tile, 2)
    corner = Affine.translation(500_000 + 640 * column, 7_000_000 - 640 * row)
    return {"crs": TO_UTM, "transform": corner @ Affine.scale(10, -10)}


def points_of(tile: int) -> dict[str, Any]:
    """A chip that lies by control points of its own, which are off by some pixels."""
    row, column = divmod(tile, 2)
    rng = np.random.default_rng(tile)
    points = []
    for y in range(0, SIZE + 1, 16):
        for x in range(0, SIZE + 1, 16):
            east, north = 500_000 + 10 * (SIZE * column + x), 7_000_000 - 10 * (SIZE * row + y)
            longitude, latitude = Reprojection(TO_UTM, WGS84)(np.array([[east, north]]) + rng.normal(0, 15, (1, 2)))[0]
            points.append(GroundControlPoint(y, x, longitude, latitude, 0))
    return {"gcps": (points, WGS84)}


PLACEMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "a transform": affine_of,
    "control points of each chip": points_of,
    "nothing": lambda tile: {},
}


class Review:
    """A review of four chips with one candidate, as `seep review` writes it."""

    def __init__(self, folder: Path, mask: NDArray[np.bool_], placement: Callable[[int], dict[str, Any]]) -> None:
        chips = []
        for tile in range(4):
            path = write_raster(folder / f"s.{tile:06d}.tif", np.ones((SIZE, SIZE), np.uint16), **placement(tile))
            chips.append(ReviewedChip(path.name, "s", tile, str(path), None))
        patches = []
        for tile, chip in enumerate(chips):
            row, column = divmod(tile, 2)
            part = mask[SIZE * row : SIZE * (row + 1), SIZE * column : SIZE * (column + 1)]
            if part.any():
                patches.append(Patch(chip.name, 0, 0, SIZE, SIZE, run_lengths(part), run_lengths(NOTHING)))
        facts = {"reason": "", "judged_by": "", "choices": {}, "area": 9, "p_mean": 0.1, "x": 0.0, "y": 0.0}
        box = {"top": 0, "left": 0, "bottom": 2 * SIZE, "right": 2 * SIZE}
        self.candidate = ListedLabel(
            1, "false", "s", **box, **facts, loss_change=1.0, label=1, suggested=0, patches=patches
        )
        self.candidate = replace(self.candidate, placed_by=chips[PLACED_BY].name)
        in_degrees = bool(placement(0))
        self.file = ReviewFile(["run"], "all", "", {}, chips, {"s": 2}, {}, [self.candidate], in_degrees=in_degrees)
        self.crs = WGS84 if in_degrees else None
        with Raster(Path(chips[PLACED_BY].image)) as raster:
            self.place = ScenePlace(Ground.of(raster), SIZE, 0)
        parts = features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4)
        outline = shapely.MultiPolygon([shapely.geometry.shape(part) for part, _ in parts])
        self.outline = outline
        self.written = self.placed(outline)

    def placed(self, outline: shapely.Geometry) -> shapely.Geometry:
        """An outline in columns and rows of the scene as the layer has it."""
        return self.place.outline(outline, self.file.in_degrees)

    def patches(self, shape: shapely.Geometry, crs: str | None) -> list[Patch] | None:
        """What comes of a polygon in a layer."""
        return redrawn_patches(self.file, self.candidate, DrawnOutline(shape, crs, "feature 1"))


@pytest.fixture(params=PLACEMENTS)
def placement(request: pytest.FixtureRequest) -> Callable[[int], dict[str, Any]]:
    return PLACEMENTS[request.param]


@pytest.mark.parametrize("name", OBJECTS)
def test_what_nobody_changed_is_known(name: str, placement: Callable[[int], dict[str, Any]], tmp_path: Path) -> None:
    review = Review(tmp_path, OBJECTS[name](), placement)
    assert review.patches(review.written, review.crs) is None
    # as QGIS writes a copy: in another order, from other points on
    turned = shapely.normalize(shapely.reverse(review.written))
    assert review.patches(turned, review.crs) is None


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("crs", [TO_UTM, "EPSG:3857", "EPSG:3995", "EPSG:4258"])
@pytest.mark.parametrize("placement", list(PLACEMENTS)[:2], indirect=True)
def test_nor_in_a_copy_in_another_coordinate_system(
    name: str, crs: str, placement: Callable[[int], dict[str, Any]], tmp_path: Path
) -> None:
    review = Review(tmp_path, OBJECTS[name](), placement)
    copy = shapely.transform(review.written, Reprojection(WGS84, crs))
    layer = tmp_path / "copy.gpkg"
    pyogrio.raw.write(
        layer, shapely.to_wkb(np.array([copy])), [np.ones(1)], ["number"], geometry_type="MultiPolygon", crs=crs
    )
    file = read_outline_file(layer, ["number"])
    assert review.patches(file.shapes[0], file.crs) is None


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["Undefined Cartesian SRS",UNIT["Meter",1]]'])
def test_a_copy_without_a_coordinate_system_is_one_line(crs: str | None, tmp_path: Path) -> None:
    review = Review(tmp_path, ring(), affine_of)
    with pytest.raises(UserError, match=r"feature 1.*coordinate system.* Save the layer in EPSG:4326\."):
        review.patches(review.written, crs)


def test_in_pixels_any_coordinate_system_is_none(tmp_path: Path) -> None:
    review = Review(tmp_path, ring(), PLACEMENTS["nothing"])
    assert review.patches(review.written, TO_UTM) is None


def test_a_review_of_an_earlier_version_is_placed_by_its_first_chip(tmp_path: Path) -> None:
    review = Review(tmp_path, ring(), affine_of)
    review.candidate = replace(review.candidate, placed_by="")
    assert review.patches(review.written, WGS84) is None


@pytest.mark.parametrize("name", OBJECTS)
def test_a_small_change_is_drawn(name: str, placement: Callable[[int], dict[str, Any]], tmp_path: Path) -> None:
    review = Review(tmp_path, OBJECTS[name](), placement)
    pixel = shapely.box(*[float(value) for value in _a_pixel_of(review.outline)])
    changed = {
        "a pixel less": review.outline - pixel,
        "moved by a pixel": shapely.transform(review.outline, lambda points: points + 1),
        # no other pixels, but somebody drew it
        "drawn smoothly": review.outline.buffer(0.45, join_style="round"),
    }
    for what, outline in changed.items():
        assert review.patches(review.placed(outline), review.crs) is not None, what


def _a_pixel_of(outline: shapely.Geometry) -> tuple[float, float, float, float]:
    """A pixel at the rim."""
    x, y = shapely.get_coordinates(outline).min(axis=0)
    corner = next(point for point in shapely.get_coordinates(outline) if point[1] == y or point[0] == x)
    for dx in (0, -1):
        for dy in (0, -1):
            pixel = shapely.box(corner[0] + dx, corner[1] + dy, corner[0] + dx + 1, corner[1] + dy + 1)
            if outline.contains(pixel.centroid):
                return pixel.bounds
    raise AssertionError


def test_a_hole_that_is_filled_is_drawn(placement: Callable[[int], dict[str, Any]], tmp_path: Path) -> None:
    review = Review(tmp_path, ring(), placement)
    outline = shapely.MultiPolygon([shapely.Polygon(part.exterior) for part in review.outline.geoms])
    patches = review.patches(review.placed(outline), review.crs)
    assert patches is not None and sum(patch.mask(patch.suggestion).sum() for patch in patches) == 40 * 30
