"""What the pixels of images mean: colours as grey, palettes, floats, sizes, and what files say of missing data."""

import logging
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.chips import IMAGES, seeps_config, write_chip
from helpers.rasters import write_raster
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.batches import ChipDataset
from seep_lightning.data.chips import Chips
from seep_lightning.data.decoding import decode
from seep_lightning.data.images import read_image
from seep_lightning.data.loading import load_chips
from seep_lightning.data.normalise import QUARTILES, Normaliser
from seep_lightning.errors import UserError
from seep_lightning.scene.raster import Raster

NOTHING = np.zeros((16, 16), np.uint8)


def levels(seed: int = 0, *bands: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 255, (*bands, 16, 16), np.uint8)


def floats(seed: int = 0, size: tuple[int, ...] = (16, 16)) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4, 0.02, size).astype(np.float32)


def write_image(root: Path, name: str, values: np.ndarray, **facts: Any) -> Path:
    """A chip with an empty mask and an image that rasterio writes."""
    write_chip(root, name, np.ones(values.shape[-2:], np.uint8), np.zeros(values.shape[-2:], np.uint8))
    return write_raster(root / IMAGES / name, values, **facts)


def loaded(root: Path, **more: Any) -> Chips:
    return load_chips(seeps_config(root, **more))


def refusal(root: Path, **more: Any) -> str:
    with pytest.raises(UserError) as error:
        loaded(root, **more)
    return str(error.value)


# --- colours ------------------------------------------------------------------------------------------------------


def test_colours_become_the_luminance_and_equal_bands_their_own_value(tmp_path, caplog):
    colours, grey = levels(1, 3), levels(2)
    write_image(tmp_path, "A.tif", colours, photometric="RGB")
    write_image(tmp_path, "B.tif", np.stack([grey] * 3), photometric="RGB")
    write_image(tmp_path, "C.tif", grey)
    with caplog.at_level(logging.INFO):
        chips = loaded(tmp_path)
    expected = cv2.cvtColor(np.moveaxis(colours, 0, -1), cv2.COLOR_RGB2GRAY)
    assert np.abs(chips.read(0).image[0].astype(int) - expected).max() <= 1
    for index in (1, 2):
        np.testing.assert_array_equal(chips.read(index).image, [grey])
    assert chips.bands == ["grey"] and caplog.text.count("2 of 3 pictures have colours, and are read as grey") == 1


def test_grey_asked_for_is_not_told_and_bands_asked_for_are_taken(tmp_path, caplog):
    colours = levels(1, 3)
    write_image(tmp_path, "A.tif", colours, photometric="RGB")
    with caplog.at_level(logging.INFO):
        assert loaded(tmp_path, bands="grey").bands == ["grey"]
        np.testing.assert_array_equal(loaded(tmp_path, bands=[3, 1]).read(0).image, colours[[2, 0]])
    assert "grey" not in caplog.text


def test_the_nodata_value_of_a_sidecar_is_no_data_as_in_maps(tmp_path):
    path = write_image(tmp_path, "A.png", np.where(np.eye(16), 7, 90).astype(np.uint8)[None], driver="PNG")
    assert loaded(tmp_path).read(0).data.all()
    nodata = '<PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand>'
    path.with_name("A.png.aux.xml").write_text(f"<PAMDataset>{nodata}</PAMDataset>")
    np.testing.assert_array_equal(loaded(tmp_path).read(0).data, ~np.eye(16, dtype=bool))
    with Raster(path) as raster:
        np.testing.assert_array_equal(raster.read(0, 16)[1], ~np.eye(16, dtype=bool))


def test_alpha_of_0_is_no_data(tmp_path):
    alpha = np.full((16, 16), 255, np.uint8)
    alpha[:4] = 0
    write_image(tmp_path, "A.tif", np.stack([*levels(1, 3), alpha]), photometric="RGB", alpha="YES")
    grey_alpha = Image.fromarray(np.dstack([levels(2), alpha]), mode="LA")
    write_chip(tmp_path, "B.png", levels(2), NOTHING)
    grey_alpha.save(tmp_path / IMAGES / "B.png")
    chips = loaded(tmp_path, nodata=None)
    for index in (0, 1):
        np.testing.assert_array_equal(chips.read(index).data, alpha > 0)


def test_a_palette_is_expanded_to_grey(tmp_path):
    indexed = Image.fromarray(levels(3) % 16, mode="P")
    indexed.putpalette([value for k in range(16) for value in (k * 16 + 1, 0, 0)])
    write_chip(tmp_path, "A.png", levels(), NOTHING)
    indexed.save(tmp_path / IMAGES / "A.png")
    expected = np.rint(0.299 * (levels(3) % 16 * 16 + 1))
    np.testing.assert_array_equal(loaded(tmp_path, nodata=None).read(0).image[0], expected)


def test_bands_without_colours_must_be_chosen(tmp_path):
    write_image(tmp_path, "A.tif", levels(1, 3), names=["VV", "VH", "angle"], photometric="RGB")
    assert "A.tif has 3 bands; one is expected. Choose with data.bands=[1]" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["colours", "palette", "alpha", "grey"])
def test_a_scene_is_read_as_grey_exactly_as_a_chip_is(tmp_path, kind):
    path = tmp_path / "A.png"
    alpha = np.full((16, 16), 255, np.uint8)
    alpha[:4] = 0
    match kind:
        case "colours":
            picture = Image.fromarray(np.moveaxis(levels(1, 3), 0, -1))
        case "palette":
            picture = Image.fromarray(levels(3) % 16, mode="P")
            picture.putpalette([value for k in range(16) for value in (k * 16, k, 9)])
        case "alpha":
            picture = Image.fromarray(np.dstack([*levels(1, 3), alpha]))
        case _:
            picture = Image.fromarray(levels(1))
    picture.save(path)
    write_chip(tmp_path, "B.png", levels(), NOTHING)
    (tmp_path / IMAGES / "B.png").write_bytes(path.read_bytes())
    chip = loaded(tmp_path, bands="grey").read(0)
    with Raster(path, ("grey",), nodata=0) as raster:
        values, valid = raster.read(0, 16)
    np.testing.assert_array_equal(values, chip.image)
    np.testing.assert_array_equal(valid, chip.data)


# --- floats -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32", "uint32"])
def test_floats_and_signed_integers_are_read_with_quartiles_of_their_own(tmp_path, dtype):
    pictures = {}
    for k, name in enumerate(("A.0.tif", "A.1.tif", "B.0.tif")):
        scale = {"int16": 1e4, "float32": 1, "float64": 1}.get(dtype, 1e5)
        pictures[name] = (floats(k) * scale * (k + 1) + 1e-4).astype(dtype)
        write_image(tmp_path, name, pictures[name])
    chips = loaded(tmp_path)
    assert chips.read(0).image.dtype == np.float32
    (high,) = chips.value_range.high
    everything = np.stack(list(pictures.values()))
    assert np.quantile(everything, 0.99) < high <= everything.max()

    def quartiles(*names: str) -> np.ndarray:
        values = np.stack([pictures[name] for name in names])
        return np.quantile(values.astype(np.float32), QUARTILES, method="inverted_cdf") / high

    for k, name in enumerate(pictures):
        np.testing.assert_allclose(chips.quartiles[k, 0], quartiles(name), rtol=1e-5)
    np.testing.assert_allclose(chips.scene_quartiles[1, 0], quartiles("A.0.tif", "A.1.tif"), rtol=1e-5)
    batch = ChipDataset(chips, Normaliser())[0, 0]
    assert batch.image.isfinite().all() and 0.5 < float(batch.image.std()) < 2


def test_each_band_of_floats_has_its_own_range_and_nan_and_infinity_are_no_data(tmp_path):
    bands = np.stack([floats(0), 1000 * floats(1), floats(2) + 30])
    bands[0, :2] = np.nan
    bands[1, 3] = np.inf
    bands[2, 5] = -9999
    write_image(tmp_path, "A.tif", bands)
    chips = loaded(tmp_path, bands=[1, 2, 3], nodata=-9999)
    expected = np.ones((16, 16), bool)
    expected[[0, 1, 3, 5]] = False
    pixels = chips.read(0)
    np.testing.assert_array_equal(pixels.data, expected)
    low, middle, high = chips.value_range.high
    assert low < 1 < 30 < high < 31 < middle
    unit = chips.value_range.in_unit_range(pixels.image, pixels.data)
    assert np.isfinite(unit).all() and unit.max() == 1 and unit[:, expected].min() > 0
    assert chips.value_range.of_facts(chips.value_range.as_facts()) == chips.value_range


@pytest.mark.parametrize("lowest", [0.5, -0.5])
def test_a_single_value_below_zero_does_not_move_what_becomes_zero(tmp_path, lowest):
    values = np.random.default_rng(0).uniform(100, 200, (64, 64)).astype(np.float32)
    values[0, 0] = lowest
    write_chip(tmp_path, "A.tif", values, np.zeros((64, 64), np.uint8))
    config = seeps_config(tmp_path)
    config.normalise.log = False
    assert load_chips(config).value_range.low == (0.0,)


def test_the_full_scale_may_be_given(tmp_path):
    write_image(tmp_path, "A.tif", floats())
    assert loaded(tmp_path, full_scale=0.5).value_range.high == (0.5,)


@pytest.mark.parametrize("key", ["scale", "full_scale"])
def test_the_scale_of_8_and_16_bit_cannot_be_given(tmp_path, key):
    write_image(tmp_path, "A.tif", levels())
    value = {"scale": "db", "full_scale": 9.0}[key]
    assert f"data.{key}={value} is for chips of floats or signed integers; these are uint8" in refusal(
        tmp_path, **{key: value}
    )


def test_decibels_need_their_scale_or_no_logarithm(tmp_path):
    power = floats()
    decibels = (10 * np.log10(power)).astype(np.float32)
    write_image(tmp_path / "db", "A.tif", decibels)
    write_image(tmp_path / "linear", "A.tif", power)
    text = refusal(tmp_path / "db")
    assert "are below 0" in text and "data.scale=db" in text and "data.normalise.log=false" in text
    config = seeps_config(tmp_path / "db")
    assert [text.removeprefix("data: ")] == [
        problem for problem in audit(config, SplitConfig()).problems if "below 0" in problem
    ]
    chips, linear = loaded(tmp_path / "db", scale="db"), loaded(tmp_path / "linear")
    np.testing.assert_allclose(chips.quartiles, linear.quartiles, rtol=1e-3)
    first, second = (ChipDataset(data, Normaliser())[0, 0].image for data in (chips, linear))
    np.testing.assert_allclose(first, second, atol=0.01)
    plain = DataConfig(root=str(tmp_path / "db"), images=IMAGES, masks="train_masks_256")
    plain.normalise.log = False
    without_log = load_chips(plain)
    assert without_log.value_range.low[0] < -10
    values = without_log.value_range.in_unit_range(without_log.read(0).image, without_log.read(0).data)
    assert values.min() == 0 and values.max() == 1


# --- missing data -------------------------------------------------------------------------------------------------


def test_a_files_own_nodata_value_and_mask_are_honoured_beside_the_configs(tmp_path):
    values = levels()
    values[0], values[1] = 255, 0
    write_image(tmp_path, "A.tif", values, nodata=255)
    write_image(tmp_path, "B.tif", values)
    chips = loaded(tmp_path)
    for index, rows in ((0, [0, 1]), (1, [1])):
        expected = np.ones((16, 16), bool)
        expected[rows] = False
        expected &= ~((chips.read(index).image[0] == 255) & (index == 0))
        np.testing.assert_array_equal(chips.read(index).data, expected)


def test_of_several_bands_nodata_is_what_all_have_unless_said_otherwise(tmp_path):
    bands = levels(1, 2)
    bands[:, 0] = 0
    bands[0, 1] = 0
    write_image(tmp_path, "A.tif", bands)
    for rule, rows in (("all", [0]), ("any", [0, 1])):
        data = loaded(tmp_path, bands=[1, 2], nodata_bands=rule).read(0).data
        assert np.flatnonzero(~data.all(axis=1)).tolist() == rows
        with Raster(tmp_path / IMAGES / "A.tif", (1, 2), 0, rule) as raster:
            np.testing.assert_array_equal(raster.read(0, 16)[1], data)


# --- sizes --------------------------------------------------------------------------------------------------------


def test_smaller_chips_are_padded_with_no_data_and_larger_ones_cropped_around_their_centre(tmp_path, caplog):
    shapes = {"A.png": (20, 24), "B.png": (10, 12), "C.png": (16, 16), "D.png": (10, 20)}
    for name, shape in shapes.items():
        mask = np.zeros(shape, np.uint8)
        mask[0, 0] = 1
        write_chip(tmp_path, name, np.arange(1, 1 + shape[0] * shape[1], dtype=np.uint16).reshape(shape), mask)
    with caplog.at_level(logging.INFO):
        chips = loaded(tmp_path, size=16)
    assert chips.size == (16, 16)
    large, small, same, both = (chips.read(index) for index in range(4))
    original = np.arange(1, 481).reshape(20, 24)
    np.testing.assert_array_equal(large.image[0], original[2:18, 4:20])
    assert large.data.all() and same.data.all()
    expected = np.zeros((16, 16), bool)
    expected[:10, :12] = True
    np.testing.assert_array_equal(small.data, expected)
    assert not small.image[0][~expected].any() and small.labelled.all() and small.mask.sum() == 1
    assert both.data.sum() == 160 and not large.mask.any()
    pixels = 480 + 120 + 256 + 200
    left_out = 480 - 256 + 200 - 160
    assert "of 4 chips 2 are padded with no data, and 2 are cropped" in caplog.text
    assert f"leaves out {left_out / pixels:.1%} of all pixels and 50.0% of the seep" in caplog.text


def test_mixed_sizes_without_a_size_are_listed(tmp_path):
    for name, side in (("A.png", 16), ("B.png", 20), ("C.png", 16)):
        write_chip(tmp_path, name, np.ones((side, side), np.uint8), np.zeros((side, side), np.uint8))
    text = refusal(tmp_path)
    assert "2 of 16 x 16 (A.png, C.png); 1 of 20 x 20 (B.png)" in text and "Pass data.size=16" in text


def test_jpeg_and_webp_images_are_read(tmp_path):
    smooth = np.tile(np.linspace(20, 200, 16).astype(np.uint8), (16, 1))
    for suffix in (".jpg", ".webp", ".bmp", ".jp2"):
        path = tmp_path / f"a{suffix}"
        Image.fromarray(np.dstack([smooth] * 3)).save(path)
        assert np.abs(read_image(path)[0].astype(int) - smooth).max() < 12


STRIP_OFFSETS = 273
"""The tag of a TIFF that says where its pixels lie."""


@pytest.mark.parametrize("kind", [0, 2, 12])
def test_a_chip_that_gdal_itself_complains_of_is_one_sentence(tmp_path, kind):
    path = write_raster(tmp_path / "a.tif", np.ones((1, 32, 32), np.uint8))
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, directory)
    places = [directory + 2 + 12 * number for number in range(entries)]
    place = next(place for place in places if struct.unpack_from("<H", content, place) == (STRIP_OFFSETS,))
    struct.pack_into("<H", content, place + 2, kind)
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot read .*StripOffsets"):
        decode(path)
