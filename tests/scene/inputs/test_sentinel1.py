"""Sentinel-1 products as scenes: backscatter by their tables, the border around the swath, and damaged ones."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seep_lightning
from helpers import safe_products as made
from helpers.safe_products import BORDER, HEIGHT, NAME, WIDTH, GeneratedProduct, Numbers, archived
from seep_lightning.errors import UserError
from seep_lightning.scene.inputs.kinds import each_once, kind_of, open_scene, scenes_in
from seep_lightning.scene.inputs.sentinel1.border import first_measured
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions

VV = made.sea_numbers()
GRID = np.mgrid[:HEIGHT, :WIDTH]


def opened(path: Path, *bands: int | str, remove_noise: bool = False) -> Raster:
    (scene,) = scenes_in(path)
    return open_scene(scene, ReadingOptions(bands or (1,), remove_noise=remove_noise))


def valid_pixels(folder: Path, numbers: Numbers, **product: object) -> np.ndarray:
    """Which pixels of a product with this VV hold data."""
    made_product = replace(GeneratedProduct({"vv": numbers}), **product)  # type: ignore[arg-type]
    with opened(made_product.write(folder)) as raster:
        return raster.read(0, HEIGHT)[1]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return GeneratedProduct().write(tmp_path_factory.mktemp("product"))


def test_backscatter_is_that_of_the_tables_however_the_product_is_given(product: Path, tmp_path: Path) -> None:
    sigma0 = (VV / made.between_vectors(made.gain)) ** 2
    for path in (product, product / "manifest.safe", archived(product, tmp_path)):
        with opened(path) as raster:
            amplitude, valid = raster.read(0, HEIGHT)
        assert raster.name == NAME
        assert raster.dtype == amplitude.dtype == np.float32
        assert valid[:, BORDER:].all() and not valid[:, :BORDER].any()
        difference = 10 * np.log10(amplitude[0][valid] ** 2 / sigma0[valid])
        assert np.abs(difference).max() < 1e-4


def test_a_window_holds_what_the_whole_holds(product: Path) -> None:
    with opened(product, "VH", "VV") as raster:
        whole, all_valid = raster.read(0, HEIGHT)
        part, valid = raster.read(50, 90, 10, 200)
    assert raster.band_names == ["VH", "VV"]
    assert (part == whole[:, 50:90, 10:200]).all()
    assert (valid == all_valid[50:90, 10:200]).all()


def test_a_nodata_value_that_a_product_would_not_heed_is_refused(product: Path) -> None:
    with pytest.raises(UserError, match="nodata=5: .* Leave nodata= out"):
        seep_lightning.open_scene(product, nodata=5)


def test_noise_is_subtracted_on_request(product: Path) -> None:
    noise = made.between_vectors(made.noise_power) * made.noise_factor(GRID[0])
    expected = (VV.astype(float) ** 2 - noise).clip(0) / made.between_vectors(made.gain) ** 2
    with opened(product, remove_noise=True) as raster, opened(product) as plain:
        amplitude, valid = raster.read(0, HEIGHT)
        assert raster.fingerprint != plain.fingerprint
    assert np.abs(amplitude[0] ** 2 - expected)[valid].max() < 1e-6


def test_backscatter_is_power_on_request(product: Path) -> None:
    (scene,) = scenes_in(product)
    with open_scene(scene, ReadingOptions(calibration="power")) as power, opened(product) as amplitude:
        assert (power.facts.calibration, amplitude.facts.calibration) == ("power", "amplitude")
        assert power.fingerprint != amplitude.fingerprint
        np.testing.assert_allclose(power.read(0, 50)[0], amplitude.read(0, 50)[0] ** 2, rtol=1e-6)


def test_what_a_product_says_is_known_without_its_pixels(product: Path) -> None:
    (scene,) = scenes_in(product)
    facts = scene.facts
    assert (facts.time, facts.mission, facts.orbit_direction) == ("2021-04-01T05:26:23Z", "Sentinel-1A", "descending")
    assert (facts.scale, facts.calibration) == ("linear", "amplitude")
    with opened(product) as first, opened(product, "VH") as second:
        assert (first.facts.polarisation, second.facts.polarisation) == ("VV", "VH")
        assert first.georeferenced and first.placed_by_points
        assert len(first.gcps) == 20
        corner = first.gcps[0]
        assert (corner.col, corner.row, corner.x, corner.y) == (0, 0, 12, 45)


def test_the_co_polarised_band_comes_first(tmp_path: Path) -> None:
    numbers = {"hv": made.sea_numbers(2), "hh": VV}
    product = GeneratedProduct(numbers, NAME.replace("IW_GRDH_1SDV", "EW_GRDM_1SDH")).write(tmp_path)
    with opened(product) as raster:
        assert raster.band_names == ["HH"]
    with pytest.raises(UserError, match=r"ECC8.SAFE has 2 band\(s\) named HH, HV"):
        opened(product, "VV")


def test_a_ragged_border_is_cut_and_the_swath_is_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    border = rng.integers(0, 9, VV.shape)
    rows, columns = GRID
    # slanting on the left and the right, steps above, as where sub-swaths begin at different lines
    outside = (columns < BORDER + rows // 8) | (columns > WIDTH - 30 + rows // 16)
    outside |= rows < np.where((columns > 120) & (columns < 280), 25, 4)
    valid = valid_pixels(tmp_path, np.where(outside, border, VV).astype(np.uint16))
    assert not valid[outside].any()
    # a pixel here and there lies below a fifth of the noise
    assert valid[~outside].mean() > 0.9999


def test_a_slick_at_the_swaths_edge_stays(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    numbers = VV.copy()
    slick = np.zeros(VV.shape, bool)
    slick[100:140, BORDER : BORDER + 60] = True
    slick[-30:, 200:300] = True
    # nothing but noise comes back
    noise = made.noise_power(*GRID) * made.noise_factor(GRID[0])
    numbers[slick] = np.sqrt(noise * rng.gamma(5, 1 / 5, VV.shape))[slick].round()
    assert valid_pixels(tmp_path, numbers)[slick].mean() > 0.99


def test_a_hole_of_zeros_has_no_data_unless_noise_was_subtracted_before(tmp_path: Path) -> None:
    numbers = VV.copy()
    numbers[100:120, 100:150] = 0
    numbers[150:160, 100:150] = 1
    for without_noise in (False, True):
        valid = valid_pixels(tmp_path / str(without_noise), numbers, without_noise=without_noise)
        assert valid[100:120, 100:150].all() == without_noise
        # what lies within the swath is never border
        assert valid[150:160, 100:150].all()


def test_without_a_table_of_noise_the_border_is_cut_and_noise_is_not_removed(tmp_path: Path) -> None:
    product = GeneratedProduct({"vv": VV}).write(tmp_path)
    next(product.glob("annotation/calibration/noise*")).unlink()
    for path in (product, archived(product, tmp_path / "archives")):
        with opened(path) as raster:
            valid = raster.read(0, HEIGHT)[1]
        assert valid[:, BORDER:].all() and not valid[:, :BORDER].any()
    with pytest.raises(UserError, match=r"no table of its thermal noise. Leave remove_noise= out"):
        opened(product, remove_noise=True)


@pytest.mark.parametrize(("measured", "first"), [("0101111111111", 1), ("1000000011111", 8), ("0000000000000", 13)])
def test_a_swath_begins_where_pixels_stay_large(measured: str, first: int) -> None:
    pixels = np.array([[digit == "1" for digit in measured]])
    assert first_measured(pixels).tolist() == [first]


def test_what_names_a_product(product: Path, tmp_path: Path) -> None:
    archive = archived(product, tmp_path)
    renamed = archive.rename(tmp_path / "scene.zip")
    in_archive = [f"/vsizip/{renamed}", f"/vsizip/{{{renamed}}}/{product.name}/manifest.safe"]
    for path in (product, product / "manifest.safe", renamed, *in_archive):
        kind = kind_of(str(path))
        assert kind is not None and kind.name == "sentinel1"
    assert {scenes_in(path)[0] for path in (renamed, *in_archive)} == {scenes_in(renamed)[0]}
    assert scenes_in(renamed)[0].name == NAME
    (tmp_path / "notes.zip").write_bytes(b"no archive")
    measurement = next((product / "measurement").glob("*vv*"))
    for path in (product.parent, tmp_path / "notes.zip", measurement):
        kind = kind_of(str(path))
        assert kind is None or kind.name == "raster"


def test_a_product_that_was_unpacked_into_a_folder_of_its_name_is_found(product: Path, tmp_path: Path) -> None:
    shutil.copytree(product, tmp_path / product.name / product.name)
    with opened(tmp_path / product.name) as raster:
        assert raster.name == NAME


def test_an_archive_that_changes_while_it_is_read_is_told(product: Path, tmp_path: Path) -> None:
    archive = archived(product, tmp_path)
    with opened(archive) as raster:
        raster.read(0, 10)
        archive.write_bytes(archive.read_bytes() + b"more")
        with pytest.raises(UserError, match=r"ECC8.zip changed while it was read"):
            raster.check_unchanged()


def test_a_product_beside_its_archive_is_one_scene(product: Path, tmp_path: Path) -> None:
    shutil.copytree(product, tmp_path / product.name)
    archive = archived(product, tmp_path)
    scenes = each_once([*scenes_in(tmp_path / product.name), *scenes_in(archive)])
    assert [scene.path for scene in scenes] == [tmp_path / product.name]


DAMAGE = {
    "manifest.safe": r"has no manifest.safe",
    "measurement/*vv*": r"has no measurement/s1a-iw-grd-vv-.*-001.tiff",
    "annotation/*vv*": r"has no annotation/s1a-iw-grd-vv-.*-001.xml",
    "annotation/calibration/calibration*vv*": r"has no annotation/calibration/calibration-s1a-iw-grd-vv",
}


@pytest.mark.parametrize("missing", DAMAGE)
def test_an_incomplete_product_is_told_in_a_line(missing: str, product: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(product, tmp_path / product.name)
    next(copy.glob(missing)).unlink()
    with pytest.raises(UserError, match=rf"ECC8.SAFE is not complete: it {DAMAGE[missing]}"):
        opened(copy)
    # the other band is whole
    if "vv" in missing:
        with opened(copy, "VH") as raster:
            assert raster.read(0, HEIGHT)[1].any()


@pytest.mark.parametrize("file", ["manifest.safe", "annotation/*vv*.xml", "annotation/calibration/calibration*vv*"])
def test_a_cut_off_file_is_told_in_a_line(file: str, product: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(product, tmp_path / product.name)
    path = next(copy.glob(file))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UserError, match=rf"ECC8.SAFE: {path.relative_to(copy)} is not XML, or cut off"):
        opened(copy)


def test_a_cut_off_raster_is_told_in_a_line(product: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(product, tmp_path / product.name)
    path = next(copy.glob("measurement/*vv*"))
    path.write_bytes(path.read_bytes()[:90_000])
    with pytest.raises(UserError, match=r"ECC8.SAFE.*(damaged|no raster)"), opened(copy) as raster:
        raster.read(0, HEIGHT)


def test_a_cut_off_archive_is_told_in_a_line(product: Path, tmp_path: Path) -> None:
    archive = archived(product, tmp_path)
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(UserError, match=r"ECC8.zip is cut off or damaged .*Download it again"):
        opened(archive)


def test_a_product_of_complex_numbers_is_refused(tmp_path: Path) -> None:
    product = GeneratedProduct({"vv": VV}, NAME.replace("GRDH", "SLC_"), product_type="SLC").write(tmp_path)
    with pytest.raises(UserError, match=r"SAFE is a product of type SLC; expected GRD. Download the GRD product"):
        opened(product)
