"""Each kind of input is mapped, and cut by `prepare`, as the equal GeoTIFF is."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pyproj
import pytest
import rasterio
import shapely
from scipy.io import netcdf_file as netcdf_file_of_scipy

from helpers.maps import band, mapped, table
from helpers.paths import ROOT
from helpers.rasters import UTM, pixels
from helpers.scene_kinds import (
    NAME,
    OTHER,
    beam_dimap,
    gzipped,
    netcdf,
    pages,
    scene_tif,
    tarred,
    zarr,
    zipped,
)
from helpers.vectors import write_polygons
from seep_lightning.commands.composition import compose
from seep_lightning.commands.overrides import quote_override
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError
from seep_lightning.scene.band_names import TrainedBand
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.inputs.kinds import open_scene, scenes_in
from seep_lightning.scene.scene_file import ReadingOptions

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

Made = tuple[str, dict[str, Any]]
"""An input, and the settings with which it is read."""


def dim_file(home: Path, values: Any) -> Made:
    return str(beam_dimap(home, {NAME: values, OTHER: values[::-1].copy()})), {"bands": [NAME]}


def dim_data(home: Path, values: Any) -> Made:
    return str(beam_dimap(home, {NAME: values}).with_suffix(".data")), {}


def netcdf_file(home: Path, values: Any) -> Made:
    return str(netcdf(home, values)), {"bands": ["Band1"]}


def netcdf_variable(home: Path, values: Any) -> Made:
    return f'NETCDF:"{netcdf(home, values)}":Band1', {}


def hdf5_file(home: Path, values: Any) -> Made:
    return str(netcdf(home, values).rename(home / "a.h5")), {"bands": ["Band1"]}


def zarr_folder(home: Path, values: Any) -> Made:
    return str(zarr(home, values)), {"bands": [NAME.upper()], "nodata": 0}


def tiff_page(home: Path, values: Any) -> Made:
    return f"GTIFF_DIR:2:{pages(home, values)}", {}


def zip_file(home: Path, values: Any) -> Made:
    return str(zipped(home, values)), {}


def file_in_zip(home: Path, values: Any) -> Made:
    return f"/vsizip/{zipped(home, values)}/in a folder/a.tif", {}


def tar_file(home: Path, values: Any) -> Made:
    return str(tarred(home, values)), {}


def file_in_tar(home: Path, values: Any) -> Made:
    return f"/vsitar/{tarred(home, values)}/in/a.tif", {}


def gzip_file(home: Path, values: Any) -> Made:
    return str(gzipped(home, values)), {}


def file_in_gzip(home: Path, values: Any) -> Made:
    return f"/vsigzip/{gzipped(home, values)}", {}


def folder_of_one(home: Path, values: Any) -> Made:
    dim_file(home, values)
    return str(home), {"bands": [NAME]}


KINDS = (
    dim_file,
    dim_data,
    netcdf_file,
    netcdf_variable,
    hdf5_file,
    zarr_folder,
    tiff_page,
    zip_file,
    file_in_zip,
    tar_file,
    file_in_tar,
    gzip_file,
    file_in_gzip,
    folder_of_one,
)


def make(kind: Callable[[Path, Any], Made], folder: Path, image: Any) -> Made:
    """An input of a kind in a folder of its own."""
    folder.mkdir()
    return kind(folder, image)


@pytest.fixture(scope="module")
def plain(trained: Path, image: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map of the GeoTIFF."""
    home = tmp_path_factory.mktemp("plain")
    return mapped(trained, scene_tif(home, image), home / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_of_any_kind_is_mapped_as_the_geotiff_is(
    kind: Callable[[Path, Any], Made], plain: Path, trained: Path, image: Any, tmp_path: Path
) -> None:
    source, settings = make(kind, tmp_path / "in", image)
    out = mapped(trained, source, tmp_path / "out", picture=True, **settings)
    (probability,) = out.glob("*.probability.tif")
    assert (band(probability) == band(plain / "a.probability.tif")).all()
    with rasterio.open(probability) as dataset:
        assert dataset.transform == UTM["transform"] and dataset.crs.to_epsg() == 32631
    assert len(list(out.glob("*.gpkg"))) == len(list(out.glob("*.png"))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_of_any_kind_is_cut_as_the_geotiff_is(
    kind: Callable[[Path, Any], Made], image: Any, tmp_path: Path
) -> None:
    source, settings = make(kind, tmp_path / "in", image)
    labels = write_polygons(tmp_path / "a.gpkg", [shapely.box(500_300, 4_999_600, 500_400, 4_999_700)], "EPSG:32631")
    prepare(PrepareConfig(source, str(labels), str(tmp_path / "out"), size=128, **settings))
    (chip,) = (tmp_path / "out" / "images").iterdir()
    (mask,) = (tmp_path / "out" / "masks").iterdir()
    assert (pixels(chip)[0, :96] == image).all() and pixels(mask).sum() == 100


SEVERAL = {
    "netcdf": (netcdf, "holds 2 rasters: Band1, Band2. Choose by name, such as bands=.Band1."),
    "zarr": (zarr, "holds 2 rasters: SIGMA0_V., SIGMA0_V.. Choose by name, such as bands=.SIGMA0"),
    "pages": (pages, "holds 2 rasters, one a page. Choose by name, such as GTIFF_DIR:1:.*a.tif, GTIFF_DIR:2:"),
}


@pytest.mark.parametrize(("make_file", "message"), SEVERAL.values(), ids=SEVERAL)
def test_of_several_rasters_none_is_taken_in_silence(
    make_file: Callable[[Path, Any], Path], message: str, trained: Path, image: Any, tmp_path: Path
) -> None:
    path = make_file(tmp_path, image)
    with pytest.raises(UserError, match=message):
        mapped(trained, path, tmp_path / "out")


def test_a_folder_of_all_kinds_is_mapped_in_one_call(
    trained: Path, image: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "in"
    home.mkdir()
    beam_dimap(home, {NAME: image}, name="snap")
    zipped(home, image)
    gzipped(home, image).rename(home / "b.tif.gz")
    (home / "notes.zip").write_bytes(b"no archive")
    scene_tif(home, image, "plain")
    out = mapped(trained, home, tmp_path / "out")
    assert set(table(out)) == {"a", "b", "plain", "snap"}
    assert "lies beside itself" not in caplog.text


@pytest.mark.parametrize("kind", [netcdf_file, netcdf_variable, zip_file, file_in_zip, file_in_tar, file_in_gzip])
def test_a_file_in_a_container_or_an_archive_that_changes_is_another_scene(
    kind: Callable[[Path, Any], Made], image: Any, tmp_path: Path
) -> None:
    fingerprints: set[str] = set()
    for values in (image, image // 2):
        text, settings = kind(tmp_path, values)
        (scene,) = scenes_in(text)
        with open_scene(scene, ReadingOptions(tuple(settings.get("bands", [1])))) as raster:
            fingerprints.add(raster.fingerprint)
    assert len(fingerprints) == 2


def test_snap_tells_time_mission_orbit_and_what_values_are(trained: Path, image: Any, tmp_path: Path) -> None:
    power = image.astype(np.float32)
    out = mapped(trained, beam_dimap(tmp_path, {NAME: power, OTHER: power}), tmp_path / "out", bands=[NAME])
    expected = mapped(trained, scene_tif(tmp_path / "tif", power), tmp_path / "expected", scale="linear")
    assert (band(out / "a.probability.tif") == band(expected / "a.probability.tif")).all()
    meta, _, _, values = pyogrio.raw.read(out / "a.gpkg")
    attributes = dict(zip(meta["fields"], values, strict=True))
    assert len(attributes["time"]) and set(attributes["time"]) == {"2018-10-13T06:23:22Z"}
    assert set(attributes["contrast_db"]) and set(attributes["mission"]) == {"Sentinel-1A"}
    with pytest.raises(UserError, match="the values of a are linear"):
        mapped(trained, tmp_path / "a.dim", tmp_path / "db", bands=[NAME], scale="db")


def test_snaps_real_and_imaginary_parts_are_read_as_amplitude(image: Any, tmp_path: Path) -> None:
    parts = {"i_VV": (image * 0.6).astype(np.float32), "q_VV": (image * -0.8).astype(np.float32)}
    (scene,) = scenes_in(beam_dimap(tmp_path, parts, unit="real"))
    with open_scene(scene, ReadingOptions()) as raster:
        values, _ = raster.read(0, raster.height)
        assert raster.is_complex and raster.band_names == ["VV"]
    np.testing.assert_allclose(values[0], image, rtol=1e-5)


def test_snaps_tie_points_place_a_scene(image: Any, tmp_path: Path) -> None:
    height, width = image.shape
    rows, columns = np.mgrid[0 : height + 1 : 16, 0 : width + 1 : 16]
    eastings, northings = UTM["transform"] @ (columns.ravel(), rows.ravel())
    to_degrees = pyproj.Transformer.from_crs(UTM["crs"], "EPSG:4326", always_xy=True)
    longitudes, latitudes = to_degrees.transform(eastings, northings)
    grids = [np.reshape(values, rows.shape) for values in (latitudes, longitudes)]
    (scene,) = scenes_in(beam_dimap(tmp_path, {NAME: image}, tie_points=grids))
    with open_scene(scene, ReadingOptions()) as raster:
        pixels_of_points = np.array([[10.5, 20.5], [width - 3, height - 7]])
        degrees = Ground.of(raster).place(pixels_of_points)
    expected = np.column_stack(to_degrees.transform(*(UTM["transform"] @ tuple(pixels_of_points.T))))
    # a tenth of a metre
    np.testing.assert_allclose(degrees, expected, atol=1e-6)


def test_a_damaged_product_of_snap_is_one_line(image: Any, tmp_path: Path) -> None:
    path = beam_dimap(tmp_path, {NAME: image})
    (tmp_path / "a.data" / f"{NAME}.img").unlink()
    with pytest.raises(UserError, match="none of its bands lies in .*a.data. Copy the .dim file"):
        open_scene(scenes_in(path)[0], ReadingOptions())
    path.write_text("<Dimap_Document>")
    with pytest.raises(UserError, match="is not XML, or cut off"):
        open_scene(scenes_in(path)[0], ReadingOptions())


def test_a_product_like_nisar_s_is_placed_and_its_terms_are_chosen_by_name() -> None:
    (scene,) = scenes_in(ROOT / "tests" / "fixtures" / "nisar_like_gcov.h5")
    with open_scene(scene, ReadingOptions(("HVHV",))) as raster:
        assert raster.crs.to_epsg() == 32631
        assert tuple(raster.transform)[:6] == (20, 0, 500_000, 0, -20, 5_000_000)
        assert raster.read(0, 1)[0].ravel().tolist() == list(range(1000, 1016))
    with pytest.raises(UserError, match="holds 3 rasters: HHHH, HVHV, mask"):
        open_scene(scene, ReadingOptions((TrainedBand(1),)))


def write_netcdf3(path: Path, variables: dict[str, Any]) -> Path:
    """A file of variables (H, W) that tell no projection."""
    height, width = next(iter(variables.values())).shape
    with netcdf_file_of_scipy(path, "w") as file:
        file.createDimension("row", height)
        file.createDimension("column", width)
        for name, values in variables.items():
            file.createVariable(name, values.dtype.char, ("row", "column"))[:] = values
    return path


def test_longitudes_and_latitudes_of_all_pixels_place_a_scene(image: Any, tmp_path: Path) -> None:
    rows, columns = np.indices(image.shape) + 0.5
    to_degrees = pyproj.Transformer.from_crs(UTM["crs"], "EPSG:4326", always_xy=True)
    longitudes, latitudes = to_degrees.transform(*(UTM["transform"] @ (columns, rows)))
    sigma0 = image.astype(np.float32)
    path = write_netcdf3(tmp_path / "a.nc", {"sigma0": sigma0, "lat": latitudes, "lon": longitudes})
    (scene,) = scenes_in(path)
    with open_scene(scene, ReadingOptions((TrainedBand(1),))) as raster:
        # GDAL takes rows without an axis from the south
        assert (raster.read(0, 96)[0] == sigma0[::-1]).all() and raster.band_names == ["sigma0"]
        pixels_of_points = np.array([[10.5, 20.5], [120, 90]])
        degrees = Ground.of(raster).place(pixels_of_points)
    pixels_of_points[:, 1] = len(image) - pixels_of_points[:, 1]
    expected = np.column_stack(to_degrees.transform(*(UTM["transform"] @ tuple(pixels_of_points.T))))
    np.testing.assert_allclose(degrees, expected, atol=1e-6)


ODD = "a!b;c#d [e]"


@pytest.mark.parametrize("kind", [dim_file, netcdf_file, netcdf_variable, hdf5_file, tiff_page, zip_file, gzip_file])
def test_a_kind_is_read_in_a_folder_with_an_odd_name(
    kind: Callable[[Path, Any], Made], image: Any, tmp_path: Path
) -> None:
    source, settings = make(kind, tmp_path / ODD, image)
    (scene,) = scenes_in(source)
    with open_scene(scene, ReadingOptions(tuple(settings.get("bands", [1])))) as raster:
        assert (raster.read(0, raster.height)[0][0] == image).all()


def test_gdals_name_of_a_raster_is_typed_as_it_is() -> None:
    typed = 'input=NETCDF:"/a b/c.nc":Sigma0_VV'
    assert compose("predict", [quote_override(typed, multirun=False), "output=maps"]).input == typed.removeprefix(
        "input="
    )


def test_an_archive_of_what_is_read_unpacked_only_says_so(image: Any, tmp_path: Path) -> None:
    product = beam_dimap(tmp_path, {NAME: image})
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for file in (product, *product.with_suffix(".data").iterdir()):
            archive.write(file, file.relative_to(tmp_path))
    (scene,) = scenes_in(tmp_path / "packed.zip")
    with pytest.raises(UserError, match=r"packed.zip holds a.dim, which is read unpacked only. Unpack it"):
        open_scene(scene, ReadingOptions())


def test_an_archive_that_is_cut_off_is_to_be_downloaded_again(trained: Path, image: Any, tmp_path: Path) -> None:
    whole = zipped(tmp_path, image)
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"\.zip is no raster .* it is cut off: download it again\."):
        mapped(trained, whole, tmp_path / "out")


def test_a_folder_without_a_scene_names_what_it_holds_and_what_could_be_given(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.docx").write_text("no raster")
    with pytest.raises(UserError, match=r"holds 1 .docx. Give rasters, or Sentinel-1 .*\.dim.*NetCDF.*\.zip"):
        mapped(trained, tmp_path / "in", tmp_path / "out")
