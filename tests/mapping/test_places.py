"""Georeferences and masks of all kinds through `predict`: a planted seep lies where it was planted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pyproj
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from helpers.maps import band, mapped, table
from helpers.rasters import UTM, write_raster

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 96
SEEP = (slice(52, 64), slice(30, 42))
"""Rows and columns of the planted seep."""
MIDDLE = (36.0, 58.0)
"""Its middle: column and row."""
BLIND = 20
"""So many columns on the left have no data, in the scenes that have such pixels."""
PIXELS = Affine.scale(10, -10)
DEGREE_PIXELS = Affine.scale(1e-4, -1e-4)


@dataclass(frozen=True)
class Case:
    """A scene's place and what is special about its file.

    Attributes:
        name: Name of the scene.
        crs: Its CRS; None for none.
        transform: Its transform.
        write: Function that writes the file; gives the file to map.
        is_blind: Whether its left columns have no data.
        by_points: Whether control points place it, in the same way as the transform would.
    """

    name: str
    crs: Any = UTM["crs"]
    transform: Affine = UTM["transform"]
    write: Callable[["Case", Path, NDArray[np.uint16]], Path] = lambda *given: given[0].plain(*given[1:])
    is_blind: bool = False
    by_points: bool = False

    def plain(self, folder: Path, values: NDArray[np.uint16], **facts: Any) -> Path:
        place = {"crs": self.crs, "transform": self.transform}
        return write_raster(folder / f"{self.name}.tif", values, **{**place, **facts})


def world_file(case: Case, folder: Path, values: NDArray[np.uint16]) -> Path:
    path = write_raster(folder / f"{case.name}.tif", values)
    # of the middle of the first pixel
    a, b, c, d, e, f, *_ = case.transform @ Affine.translation(0.5, 0.5)
    path.with_suffix(".tfw").write_text("\n".join(f"{number:.10f}" for number in (a, d, b, e, c, f)))
    return path


def virtual(case: Case, folder: Path, values: NDArray[np.uint16]) -> Path:
    source = case.plain(folder / "sources", values)
    rasterio.shutil.copy(source, folder / f"{case.name}.vrt", driver="VRT")
    return folder / f"{case.name}.vrt"


def big_tiff(case: Case, folder: Path, values: NDArray[np.uint16]) -> Path:
    return case.plain(folder, values, bigtiff="YES", tiled=True, blockxsize=32, blockysize=32, compress="deflate")


def masked(case: Case, folder: Path, values: NDArray[np.uint16], *, inside: bool) -> Path:
    path = case.plain(folder, values)
    valid = np.full(values.shape, 255, np.uint8)
    valid[:, :BLIND] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside), rasterio.open(path, "r+") as out:
        out.write_mask(valid)
    assert path.with_suffix(".tif.msk").exists() is not inside
    return path


def alpha(case: Case, folder: Path, values: NDArray[np.uint16]) -> Path:
    opaque = np.full_like(values, 65535)
    opaque[:, :BLIND] = 0
    path = case.plain(folder, np.stack((values, opaque)))
    with rasterio.open(path, "r+") as out:
        out.colorinterp = [ColorInterp.gray, ColorInterp.alpha]
    return path


def points(case: Case, folder: Path, values: NDArray[np.uint16]) -> Path:
    gcps = []
    for column, row in np.ndindex(4, 5):
        x, y = case.transform @ (column * 32, row * 24)
        if case.crs == "EPSG:4326":
            x = (x + 180) % 360 - 180
        gcps.append(GroundControlPoint(row * 24, column * 32, x, y, 0))
    return write_raster(folder / f"{case.name}.tif", values, gcps=(gcps, case.crs))


def pam_nodata(case: Case, folder: Path, values: NDArray[np.uint16]) -> Path:
    values = values.copy()
    values[:, :BLIND] = 777
    path = case.plain(folder, values)
    band_facts = '<PAMRasterBand band="1"><NoDataValue>777</NoDataValue></PAMRasterBand>'
    path.with_name(f"{path.name}.aux.xml").write_text(f"<PAMDataset>{band_facts}</PAMDataset>")
    return path


CUSTOM = "+proj=tmerc +lat_0=10 +lon_0=51.3 +k=0.9997 +x_0=12345 +y_0=-6789 +ellps=intl +units=m +no_defs"
DATE_LINE = Case("antimeridian", "EPSG:4326", Affine.translation(179.9965, -17) @ DEGREE_PIXELS)
ARCTIC = Case("arctic", "EPSG:3413", Affine.translation(-300, 400) @ PIXELS)
FEET = Case("survey_feet", "EPSG:2263", Affine.translation(1_000_000, 200_000) @ Affine.scale(32.8, -32.8))
CASES = (
    Case("north_up"),
    Case("south_up", transform=Affine(10, 0, 500_000, 0, 10, 5_000_000)),
    Case("mirrored", transform=Affine(-10, 0, 500_000, 0, -10, 5_000_000)),
    Case("rotated", transform=UTM["transform"] @ Affine.rotation(30)),
    Case("sheared", transform=UTM["transform"] @ Affine.shear(10, 5)),
    DATE_LINE,
    Case("degrees_from_0", "EPSG:4326", Affine.translation(270, 25) @ DEGREE_PIXELS),
    ARCTIC,
    Case("antarctic", "EPSG:3031", Affine.translation(-1_500_000, 1_200_000) @ PIXELS),
    FEET,
    Case("custom", CUSTOM, Affine.translation(20_000, 400_000) @ PIXELS),
    Case("mercator", "EPSG:3857", Affine.translation(1_000_000, 8_000_000) @ PIXELS),
    Case("world", None, write=world_file),
    Case("virtual", write=virtual),
    Case("bigtiff", write=big_tiff),
    Case("masked", write=lambda *given: masked(*given, inside=True), is_blind=True),
    Case("masked_beside", write=lambda *given: masked(*given, inside=False), is_blind=True),
    Case("alpha", write=alpha, is_blind=True),
    Case("pam", write=pam_nodata, is_blind=True),
    Case("points", transform=UTM["transform"] @ Affine.rotation(30), write=points, by_points=True),
    Case("points_in_feet", FEET.crs, FEET.transform, write=points, by_points=True),
    Case("points_at_the_antimeridian", DATE_LINE.crs, DATE_LINE.transform, write=points, by_points=True),
    Case("points_in_the_arctic", ARCTIC.crs, ARCTIC.transform, write=points, by_points=True),
)


@pytest.fixture(scope="module")
def maps(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases, mapped by one call."""
    home = tmp_path_factory.mktemp("places")
    (home / "in" / "sources").mkdir(parents=True)
    values = np.random.default_rng(0).normal(30000, 3000, (SIDE, SIDE))
    values[SEEP] *= 0.5
    for case in CASES:
        case.write(case, home / "in", values.astype(np.uint16))
    return mapped(trained, home / "in", home / "out", window=SIDE)


def test_every_case_is_mapped(maps: Path) -> None:
    assert {name: row["status"] for name, row in table(maps).items()} == {case.name: "done" for case in CASES}
    by_points = {name for name, row in table(maps).items() if row["placement"]}
    assert by_points == {case.name for case in CASES if case.by_points}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_seep_lies_where_it_was_planted(case: Case, maps: Path) -> None:
    meta, _, geometry, _ = pyogrio.raw.read(maps / f"{case.name}.gpkg")
    outline = max(shapely.from_wkb(geometry), key=lambda polygon: polygon.area)
    column, row = ~case.transform @ (outline.centroid.x, outline.centroid.y)
    assert (column, row) == pytest.approx(MIDDLE, abs=0.5)
    assert outline.area == pytest.approx(144 * abs(case.transform.determinant), rel=0.1)
    if case.crs is None:
        assert not meta["crs"]
    else:
        assert pyproj.CRS(meta["crs"]).equals(pyproj.CRS(case.crs), ignore_axis_order=True)
    with rasterio.open(maps / f"{case.name}.mask.tif") as dataset:
        if case.by_points:
            assert len(dataset.gcps[0]) == 20
            return
        assert dataset.transform.almost_equals(case.transform)
        assert (dataset.crs is None) == (case.crs is None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pixels_without_data_are_left_out(case: Case, maps: Path) -> None:
    has_data = band(maps / f"{case.name}.mask.tif") != 255
    expected = np.ones((SIDE, SIDE), bool)
    expected[:, :BLIND] = not case.is_blind
    assert (has_data == expected).all()
