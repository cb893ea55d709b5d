"""Chips on disk: pairing, names, file types, nodata, statistics, fingerprint, grids."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio

from helpers.chips import IMAGES, make_chips, seeps_config, write_chip
from helpers.rasters import write_raster
from seep_lightning.config.data import DataConfig, GridConfig
from seep_lightning.data import chips as reading
from seep_lightning.data.grid import place, written_grid
from seep_lightning.data.layouts import split_name
from seep_lightning.data.loading import load_chips
from seep_lightning.errors import UserError
from seep_lightning.scene.nodata import pixels_with_data

GRIDS = {"0418": GridConfig(columns=19), "0455": GridConfig(columns=20, offset=1)}


def picture(seed: int, dtype: type = np.uint16, size: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, np.iinfo(dtype).max, (size, size), dtype)


def test_images_and_masks_are_paired_by_name_whatever_the_directory_order(tmp_path, monkeypatch):
    for k in range(6):
        write_chip(tmp_path, f"A.{k:06d}.tif", np.full((8, 8), 100 + k, np.uint16), np.full((8, 8), k + 1, np.uint8))
    forward = load_chips(seeps_config(tmp_path))
    listing = Path.iterdir
    turned = {"train_images_256": False, "train_masks_256": True}
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(listing(self), reverse=turned[self.name])))
    backward = load_chips(seeps_config(tmp_path))
    assert forward.names == backward.names == [f"A.{k:06d}.tif" for k in range(6)]
    for k in range(6):
        image, mask, *_ = backward.read(k)
        assert (image == 100 + k).all() and (mask == k + 1).all()


def test_an_image_and_its_mask_may_have_different_suffixes(tmp_path):
    write_chip(tmp_path, "A.1.tif", picture(0), np.full((16, 16), 3, np.uint8))
    mask = tmp_path / "train_masks_256"
    assert cv2.imwrite(str(mask / "A.1.png"), np.full((16, 16), 2, np.uint8))
    (mask / "A.1.tif").unlink()
    chips = load_chips(seeps_config(tmp_path))
    assert chips.names == ["A.1.tif"] and (chips.read(0)[1] == 2).all()


def test_scene_and_tile_come_from_the_name_by_a_pattern():
    usual = DataConfig().pattern
    assert split_name("041871.000103.tif", usual) == ("041871", 103)
    assert split_name("quicklook.png", usual) == ("quicklook", -1)
    assert split_name("t7_S1B.tif", r"t(?P<tile>\d+)_(?P<scene>\w+)\.tif") == ("S1B", 7)


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_and_png_of_8_and_16_bit_are_read_as_they_are(tmp_path, suffix, dtype):
    mask = (picture(9) % 8).astype(np.uint8)
    write_chip(tmp_path, f"A.0.{suffix}", picture(1, dtype), mask)
    chips = load_chips(seeps_config(tmp_path))
    image, truth, *_ = chips.read(0)
    assert image.dtype == dtype and image.shape == (1, 16, 16) and chips.size == (16, 16)
    assert chips.value_range.high == (np.iinfo(dtype).max,)
    np.testing.assert_array_equal(image[0], picture(1, dtype))
    np.testing.assert_array_equal(truth, mask)


def test_without_a_memory_budget_chips_are_read_from_disk_and_are_the_same(chips_root, monkeypatch):
    kept, unkept = (load_chips(seeps_config(chips_root, cache_gb=gb, cache_folder="none")) for gb in (1.0, 0.0))
    reads = []
    original = reading.read_pair
    monkeypatch.setattr(reading, "read_pair", lambda *given: reads.append(given) or original(*given))
    for k in range(len(kept)):
        for a, b in zip(kept.read(k), unkept.read(k), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(reads) == len(unkept) == 30
    np.testing.assert_array_equal(kept.quartiles, unkept.quartiles)
    assert kept.fingerprint == unkept.fingerprint


def write_bands(root: Path, name: str, *bands: np.ndarray) -> None:
    """A chip of bands named VV, VH, ... with an empty mask."""
    write_chip(root, name, bands[0], np.zeros(bands[0].shape, np.uint8))
    shape = {"height": 16, "width": 16, "count": len(bands), "dtype": bands[0].dtype.name}
    with rasterio.open(root / "train_images_256" / name, "w", driver="GTiff", **shape) as file:
        file.write(np.stack(bands))
        file.descriptions = ["VV", "VH", "angle"][: len(bands)]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("chosen", [[3, 1], ["angle", "VV"], ["angle", 1]])
def test_bands_are_chosen_by_number_or_name_and_each_has_its_quartiles(tmp_path, chosen):
    bands = [picture(k) // (k + 1) + 1 for k in range(3)]
    bands[0][:5] = bands[1][5:9] = 0
    write_bands(tmp_path, "A.0.tif", *bands)
    chips = load_chips(seeps_config(tmp_path, bands=chosen, nodata_bands="any"))
    image, _, valid, _ = chips.read(0)
    np.testing.assert_array_equal(image, [bands[2], bands[0]])
    assert valid[5:].all() and not valid[:5].any()  # nodata where any chosen band has it
    for k, band in enumerate((bands[2], bands[0])):
        expected = np.quantile(band[valid] / 65535, [0.25, 0.5, 0.75], method="inverted_cdf")
        np.testing.assert_allclose(chips.quartiles[0, k], expected, rtol=1e-6)
        np.testing.assert_allclose(chips.scene_quartiles[0, k], expected, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_band_that_is_not_there_is_named_with_those_that_are(tmp_path):
    write_bands(tmp_path, "A.0.tif", picture(0), picture(1))
    with pytest.raises(
        UserError, match=r"A\.0\.tif has 2 band\(s\) named VV, VH; wanted VV, HH, of which HH is missing"
    ):
        load_chips(seeps_config(tmp_path, bands=["VV", "HH"]))


def test_nodata_is_what_the_config_says_in_all_bands_or_in_any():
    image = np.array([[[0, 5], [7, 9]], [[1, 0], [0, 9]]], np.uint16)
    np.testing.assert_array_equal(pixels_with_data(image, [0], "any"), [[False, False], [False, True]])
    np.testing.assert_array_equal(pixels_with_data(image, [0], "all"), [[True, True], [True, True]])
    np.testing.assert_array_equal(pixels_with_data(image, [9], "all"), [[True, True], [True, False]])
    assert pixels_with_data(image, []).all()


def test_quartiles_are_numpys_over_the_valid_pixels_of_the_chip_and_of_its_scene(tmp_path):
    pictures = {}
    for k, name in enumerate(("A.0.png", "A.1.png", "B.0.png")):
        pictures[name] = picture(k) // (k + 1) + 1
        pictures[name][:5] = 0
        write_chip(tmp_path, name, pictures[name], np.zeros((16, 16), np.uint8))
    chips = load_chips(seeps_config(tmp_path))

    def expected(*names: str) -> np.ndarray:
        values = np.concatenate([pictures[name][5:].ravel() for name in names]) / 65535
        return np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")

    for k, name in enumerate(chips.names):
        np.testing.assert_allclose(chips.quartiles[k, 0], expected(name), rtol=1e-6)
    both = expected("A.0.png", "A.1.png")
    assert abs(both - expected("A.0.png")).max() > 0.01
    for row, names in zip(chips.scene_quartiles[:, 0], (["A.0.png", "A.1.png"],) * 2 + (["B.0.png"],), strict=True):
        np.testing.assert_allclose(row, expected(*names), rtol=1e-6)


def test_the_fingerprint_changes_with_one_pixel_and_not_with_the_folder(tmp_path):
    here = make_chips(tmp_path / "here", scenes=1, tiles=3, size=16)
    there = Path(shutil.copytree(here, tmp_path / "there"))
    first = load_chips(seeps_config(here)).fingerprint
    assert load_chips(seeps_config(there)).fingerprint == first
    for folder, value in (("train_images_256", 4711), ("train_masks_256", 5)):
        path = there / folder / "S0.000001.tif"
        before = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        changed = before.copy()
        changed[7, 7] = value if before[7, 7] != value else value + 1
        assert cv2.imwrite(str(path), changed)
        assert load_chips(seeps_config(there)).fingerprint != first
        assert cv2.imwrite(str(path), before)
    assert load_chips(seeps_config(there)).fingerprint == first


def test_a_renamed_chip_is_other_data(tmp_path):
    here = make_chips(tmp_path, scenes=1, tiles=2, size=16)
    first = load_chips(seeps_config(here)).fingerprint
    for folder in ("train_images_256", "train_masks_256"):
        (here / folder / "S0.000001.tif").rename(here / folder / "S0.000007.tif")
    assert load_chips(seeps_config(here)).fingerprint != first


def test_both_grids_of_the_real_scenes_lie_on_one_ground():
    config = DataConfig(grid=GRIDS)
    assert reading.cell(config, "041871", 103) == (5, 8)  # 103 = 5 * 19 + 8
    assert reading.cell(config, "045501", 103) == (5, 3)  # 103 = 5 * 20 + 3
    assert place(config, "041871", 103) == (5, 8)
    assert place(config, "045501", 109) == (5, 8)  # column 9 of the 20 is column 8 of the 19
    assert place(config, "045501", 100) == (5, -1)
    assert place(config, "060000", 3) is None and place(config, "041871", -1) is None


def test_places_of_a_folder_follow_its_grid_config(tmp_path):
    for name in ("041869.000020.png", "045500.000022.png", "99.000001.png"):
        write_chip(tmp_path, name, picture(0), np.zeros((16, 16), np.uint8))
    chips = load_chips(seeps_config(tmp_path, grid=GRIDS))
    assert chips.places() == [(1, 1), (1, 1), None]
    assert chips.cells() == [(1, 1), (1, 2), None]


def test_a_scene_is_not_taken_for_one_whose_name_it_begins_with():
    grids = {"S1": GridConfig(12), "S10": GridConfig(20), "900001.": GridConfig(10)}
    cells = [reading.cell(DataConfig(grid=grids), scene, 25) for scene in ("S11", "S101", "900001", "9000011")]
    assert cells == [(2, 1), (1, 5), (2, 5), None]


def test_unpaired_chips_are_left_out_where_that_is_asked_for(chips_root):
    (chips_root / "train_masks_256" / "S0.000000.tif").unlink()
    (chips_root / "train_images_256" / "S1.000000.tif").unlink()
    chips = load_chips(seeps_config(chips_root, unpaired="skip"))
    assert len(chips) == 28 and not {"S0.000000.tif", "S1.000000.tif"} & set(chips.names)


def test_folders_may_have_other_names(chips_root):
    (chips_root / "train_images_256").rename(chips_root / "a")
    (chips_root / "train_masks_256").rename(chips_root / "b")
    assert len(load_chips(seeps_config(chips_root, images="a", masks="b"))) == 30


def test_a_damaged_description_is_one_sentence_and_one_of_another_program_is_passed_over(tmp_path: Path) -> None:
    for text in ('{"columns": {"a": 0, "b": "4", "c": 5}}', '{"columns": {"c": 5}}'):
        (tmp_path / "dataset.json").write_text(text)
        assert written_grid(tmp_path) == {"c.": GridConfig(5)}
    (tmp_path / "dataset.json").write_text('{"columns": ')
    with pytest.raises(UserError, match=r"dataset\.json is not JSON"):
        written_grid(tmp_path)


@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_a_png_that_is_cut_off_is_told(tmp_path, kept):
    write_chip(tmp_path, "A.0.png", picture(1), np.zeros((16, 16), np.uint8))
    path = tmp_path / IMAGES / "A.0.png"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match=r"cannot read .*A.0.png.* cut off"):
        load_chips(seeps_config(tmp_path))


def test_a_png_with_bytes_after_its_end_is_read(tmp_path):
    write_chip(tmp_path, "A.0.png", picture(1), np.zeros((16, 16), np.uint8))
    with (tmp_path / IMAGES / "A.0.png").open("ab") as file:
        file.write(b"some programs write here")
    np.testing.assert_array_equal(load_chips(seeps_config(tmp_path)).read(0).image[0], picture(1))


def test_chips_of_different_polarisations_are_told(tmp_path, caplog):
    for number, name in enumerate(("VV", "VV", "VH")):
        write_raster(write_chip_path(tmp_path, number), picture(number), names=(f"Sigma0_{name}",))
    with caplog.at_level("INFO"):
        chips = load_chips(seeps_config(tmp_path))
    assert chips.band_meanings == [""]
    assert "the chips are of different polarisations: VV in 2 chips, VH in 1 chips" in caplog.text


def write_chip_path(root: Path, number: int) -> Path:
    """The image's file of a chip with an empty mask."""
    name = f"A.{number}.tif"
    write_chip(root, name, picture(number), np.zeros((16, 16), np.uint8))
    return root / IMAGES / name
