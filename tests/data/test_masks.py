"""What the pixels of masks mean: values, colours, palettes, bits; classes and pixels to be ignored."""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.chips import IMAGES, MASKS, seeps_config, write_chip
from helpers.rasters import write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.chips import Chips
from seep_lightning.data.images import read_pair
from seep_lightning.data.loading import load_chips
from seep_lightning.data.masks import _whole_numbers
from seep_lightning.errors import UserError

SEEP = np.zeros((16, 16), bool)
SEEP[4:8, 2:12] = True
LAND = np.zeros((16, 16), bool)
LAND[12:, 12:] = True


def config_of(root: Path, **more: Any) -> DataConfig:
    return seeps_config(root, **{"classes": 1, **more})


def write_mask(root: Path, name: str, mask: np.ndarray | Image.Image) -> Path:
    """A chip of grey sea, with a mask that PIL writes."""
    stem = Path(name).stem
    write_chip(root, f"{stem}.png", np.full((16, 16), 90, np.uint8), np.zeros((16, 16), np.uint8))
    (root / MASKS / f"{stem}.png").unlink()
    path = root / MASKS / name
    picture = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
    picture.save(path)
    return path


def levels(sea: int, seep: int, land: int | None = None) -> np.ndarray:
    values = np.where(SEEP, seep, sea).astype(np.uint8)
    if land is not None:
        values[LAND] = land
    return values


def colours(seep: tuple[int, ...], land: tuple[int, ...]) -> np.ndarray:
    values = np.zeros((16, 16, len(seep)), np.uint8)
    values[SEEP] = seep
    values[LAND] = land
    return values


def palette(values: np.ndarray, *entries: tuple[int, int, int]) -> Image.Image:
    picture = Image.fromarray(values.astype(np.uint8), mode="P")
    picture.putpalette([level for entry in entries for level in entry])
    return picture


def loaded(config: DataConfig) -> Chips:
    chips = load_chips(config)
    np.testing.assert_array_equal(chips.read(0).mask, SEEP)
    return chips


def refusal(config: DataConfig) -> str:
    with pytest.raises(UserError) as error:
        load_chips(config)
    return str(error.value)


@pytest.mark.parametrize(
    ("mask", "values"),
    [
        (levels(0, 255), {255: 1}),
        (levels(255, 0), {0: 1, 255: 0}),
        (levels(1, 2), {1: 0, 2: 1}),
        (levels(0, 7), {"7": 1}),
        (SEEP, None),
        (levels(0, 1), None),
        (palette(SEEP, (0, 0, 0), (128, 0, 0)), None),
        (palette(SEEP, (0, 0, 0), (128, 0, 0)), {"128,0,0": 1}),
        (palette(2 * SEEP, (9, 9, 9), (1, 1, 1), (128, 0, 0)), {"128 0 0": 1}),
        (np.stack([levels(0, 1)] * 3, -1), None),
        (np.stack([levels(0, 1)] * 3 + [levels(255, 255)], -1), None),
        (np.stack([levels(0, 255)] * 3, -1), {"255,255,255": 1}),
        (np.stack([levels(0, 255)] * 3, -1), {255: 1}),
        (colours((0, 255, 255), (0, 0, 0)), {"0,255,255": 1}),
        (levels(0, 300).astype(np.uint16), {44: 1}),
    ],
)
def test_values_colours_palettes_and_bits_are_read_as_classes(tmp_path, mask, values):
    write_mask(tmp_path, "A.png", mask)
    assert loaded(config_of(tmp_path, mask_values=values)).read(0).labelled.all()


def test_what_is_ignored_is_part_of_the_fingerprint(tmp_path):
    write_mask(tmp_path, "A.png", levels(0, 255, 254))
    meanings = ({255: 1, 254: "ignore"}, {255: 1, 254: 0})
    ignored, sea = (load_chips(config_of(tmp_path, mask_values=values)).fingerprint for values in meanings)
    assert ignored != sea


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("dtype", ["uint8"])
def test_tiff_masks_of_few_bits_are_read(tmp_path, bits, dtype):
    write_mask(tmp_path, "A.tif", levels(0, 1))
    write_raster(tmp_path / MASKS / "A.tif", SEEP.astype(dtype), nbits=bits)
    loaded(config_of(tmp_path))


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32", "float64"])
def test_masks_of_wide_types_with_small_whole_values_are_read(tmp_path, dtype):
    write_mask(tmp_path, "A.tif", levels(0, 1))
    write_raster(tmp_path / MASKS / "A.tif", SEEP.astype(dtype))
    loaded(config_of(tmp_path))


def test_a_mask_of_probabilities_is_refused(tmp_path):
    write_mask(tmp_path, "A.tif", levels(0, 1))
    write_raster(tmp_path / MASKS / "A.tif", SEEP * np.float32(0.25))
    assert "holds 0.25. Expected whole numbers" in refusal(config_of(tmp_path))


@pytest.mark.parametrize(
    ("mask", "values"),
    [
        (levels(0, 255, 254), {255: 1, 254: "ignore"}),
        (colours((0, 255, 255), (0, 153, 0)), {"0,255,255": 1, "0,153,0": "ignore"}),
    ],
)
def test_ignored_pixels_are_not_labelled_and_hold_data(tmp_path, mask, values, caplog):
    write_mask(tmp_path, "A.png", mask)
    with caplog.at_level(logging.INFO):
        chips = loaded(config_of(tmp_path, mask_values=values))
    pixels = chips.read(0)
    np.testing.assert_array_equal(pixels.labelled, ~LAND)
    assert pixels.data.all() and not pixels.valid[LAND].any()
    assert chips.class_pixels([0]).tolist() == [256 - 16 - 40, 40]
    assert "6.25% of all pixels are ignored" in caplog.text


def test_a_mask_of_0_and_255_is_read_as_seep_and_told_once(tmp_path, caplog):
    for k in range(3):
        write_mask(tmp_path, f"A.{k}.png", levels(0, 255))
    write_mask(tmp_path, "B.png", levels(0, 0))
    with caplog.at_level(logging.INFO):
        loaded(config_of(tmp_path))
    assert caplog.text.count("255 is read as seep") == 1 and "3 masks hold 0 and 255" in caplog.text


def test_255_in_some_masks_and_1_in_others_is_refused_with_all_values(tmp_path):
    write_mask(tmp_path, "A.png", levels(0, 1))
    write_mask(tmp_path, "B.png", levels(0, 255))
    text = refusal(config_of(tmp_path))
    assert "B.png holds the value 255, but data.classes=1" in text
    assert "Met are 0 (432 px), 1 (40 px), 255 (40 px)" in text
    assert "'data.mask_values={1: " in text and "raise data.classes" not in text


def test_a_value_that_is_not_listed_is_one_error_with_the_values_of_all_masks(tmp_path):
    write_mask(tmp_path, "A.png", levels(0, 255, 128))
    write_mask(tmp_path, "B.png", levels(0, 255, 77))
    text = refusal(config_of(tmp_path, mask_values={255: 1}))
    assert "A.png holds the value 128, but data.mask_values does not list it" in text
    assert "0 (400 px), 77 (16 px), 128 (16 px), 255 (80 px)" in text
    example = text.rpartition("'data.mask_values=")[2].rstrip("'.")
    assert compose("train", [f"data.mask_values={example}", "data.classes=1"]).data.mask_values[128] == "ignore"


def test_a_colour_that_is_not_listed_is_named_as_the_key_takes_it(tmp_path):
    write_mask(tmp_path, "A.png", colours((0, 255, 255), (0, 153, 0)))
    assert 'holds the value "0,153,0"' in refusal(config_of(tmp_path, mask_values={"0,255,255": 1}))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".jp2"])
def test_a_lossy_mask_needs_the_values_and_takes_the_nearest(tmp_path, suffix):
    big = np.kron(np.where(SEEP, 255, 0), np.ones((4, 4))).astype(np.uint8)
    image, mask = tmp_path / "a.png", tmp_path / f"a{suffix}"
    cv2.imwrite(str(image), np.full((64, 64), 90, np.uint8))
    options = {"quality_mode": "rates", "quality_layers": [8]} if suffix == ".jp2" else {"quality": 60}
    Image.fromarray(big).convert("L" if suffix != ".webp" else "RGB").save(mask, **options)
    with pytest.raises(UserError, match=r"is compressed with loss.*data\.mask_values=\{255: 1\}"):
        read_pair(image, mask, DataConfig(classes=1))
    pixels = read_pair(image, mask, DataConfig(classes=1, mask_values={255: 1}))
    assert (pixels.mask != (big > 0)).mean() < 0.02


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ('data.mask_values={255: 1, "0,255,255": 1, 254: ignore}', {255: 1, "0,255,255": 1, 254: "ignore"}),
        ("data.mask_values={'0,255,255': 1}", {"0,255,255": 1}),
        ("data.mask_values={0: 1, 255: 0}", {0: 1, 255: 0}),
    ],
)
def test_the_map_survives_the_command_line(override, expected):
    assert compose("train", [override, "data.classes=1"]).data.mask_values == expected


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "data.mask_values={255: 2}",
            "255 is mapped to 2; expected 0 (no seep), a class up to data.classes=1, or ignore",
        ),
        ("data.mask_values={white: 1}", "'white' is neither a value nor a colour"),
        ("data.mask_values={255: 0}", "no value means seep"),
        ("data.mask_values=255", "data.mask_values=255: expected such as"),
    ],
)
def test_a_map_without_meaning_is_refused(override, message):
    with pytest.raises(UserError) as error:
        compose("train", [override, "data.classes=1"])
    assert message in str(error.value)


def test_a_range_of_values_is_a_threshold(tmp_path):
    soft = levels(20, 200)
    soft[LAND] = 128
    write_mask(tmp_path, "A.png", soft)
    values = compose(
        "train", ["data.mask_values={0-127: 0, 129-255: 1, 128: ignore}", "data.classes=1"]
    ).data.mask_values
    pixels = loaded(config_of(tmp_path, mask_values=values)).read(0)
    np.testing.assert_array_equal(~pixels.labelled, LAND)


@pytest.mark.parametrize("key", ["200-100", "0-99999999"])
def test_a_range_that_is_none_is_refused(key):
    with pytest.raises(UserError, match="nor a range such as 128-255"):
        compose("train", [f"data.mask_values={{{key}: 1}}", "data.classes=1"])


# --- what a mask itself declares as no data -----------------------------------------------------------------------


def write_declaring(root: Path, values: np.ndarray, nodata: float) -> None:
    write_mask(root, "A.tif", levels(0, 1))
    write_raster(root / MASKS / "A.tif", values, nodata=nodata)


@pytest.mark.parametrize(
    ("values", "nodata"),
    [
        (levels(0, 1, 255), 255),
        (levels(0, 1, 7).astype(np.int16), 7),
        (np.where(LAND, np.nan, SEEP).astype(np.float32), np.nan),
    ],
)
def test_the_nodata_value_of_a_mask_is_ignored_and_told_once(tmp_path, caplog, values, nodata):
    write_declaring(tmp_path, values, nodata)
    with caplog.at_level(logging.INFO):
        chips = loaded(config_of(tmp_path))
    np.testing.assert_array_equal(~chips.read(0).labelled, LAND)
    assert caplog.text.count(f"1 masks declare {nodata:g} as no data: 6.25% of all pixels are ignored for it") == 1
    assert "(data.mask_values)" not in caplog.text


@pytest.mark.parametrize(
    ("values", "nodata", "mask_values"),
    [
        # 0 is what many programs declare where nothing is drawn
        (levels(0, 1), 0, None),
        (levels(0, 255), 0, {255: 1}),
        (levels(0, 255), 255, {255: 1}),
        (levels(0, 1), 9, None),
    ],
)
def test_the_nodata_value_of_a_mask_is_not_ignored_where_it_has_a_meaning(
    tmp_path, caplog, values, nodata, mask_values
):
    write_declaring(tmp_path, values, nodata)
    with caplog.at_level(logging.INFO):
        assert loaded(config_of(tmp_path, mask_values=mask_values)).read(0).labelled.all()
    assert "as no data" not in caplog.text


def test_0_is_ignored_where_a_mask_declares_it_and_another_value_is_sea(tmp_path):
    write_declaring(tmp_path, levels(1, 2, 0), 0)
    pixels = loaded(config_of(tmp_path, mask_values={1: 0, 2: 1})).read(0)
    np.testing.assert_array_equal(~pixels.labelled, LAND)


# --- which band of a mask holds the values ------------------------------------------------------------------------


def with_alpha(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.stack([colour] * 3 + [alpha], -1)


@pytest.mark.parametrize("colour", [0, 1, 255])
def test_masks_drawn_in_alpha_alone_are_refused_with_the_band_to_pass(tmp_path, colour):
    for name in ("A", "B"):
        write_mask(tmp_path, f"{name}.png", with_alpha(levels(colour, colour), levels(0, 255)))
    text = refusal(config_of(tmp_path))
    assert "A.png has one colour throughout" in text and "data.mask_band=4 if that band holds the seep" in text
    assert any("data.mask_band=4" in problem for problem in audit(config_of(tmp_path), SplitConfig()).problems)
    loaded(config_of(tmp_path, mask_band=4))


def test_masks_that_are_transparent_where_pictures_end_are_read_by_their_colours(tmp_path):
    write_mask(tmp_path, "A.png", with_alpha(levels(0, 1), levels(255, 255, 0)))
    write_mask(tmp_path, "B.png", with_alpha(levels(0, 0), levels(255, 255, 0)))
    loaded(config_of(tmp_path))


def test_masks_without_any_seep_and_with_transparent_edges_are_read_where_the_band_is_named(tmp_path):
    write_mask(tmp_path, "A.png", with_alpha(levels(0, 0), levels(255, 255, 0)))
    assert "data.mask_band=1 if it does not" in refusal(config_of(tmp_path))
    assert not load_chips(config_of(tmp_path, mask_band=1)).read(0).mask.any()


def test_a_band_that_a_mask_has_not_got_is_told(tmp_path):
    write_mask(tmp_path, "A.png", levels(0, 1))
    assert "A.png has 1 band(s). Pass 1 to 1, or null" in refusal(config_of(tmp_path, mask_band=4))


# --- soft edges ---------------------------------------------------------------------------------------------------


def ellipses(scale: int = 1) -> np.ndarray:
    values = np.zeros((96 * scale, 96 * scale), np.uint8)
    for centre in (30, 64):
        cv2.ellipse(values, (centre * scale, centre * scale), (22 * scale, 8 * scale), 30, 0, 360, 255, -1)
    return values


def thin_streak() -> np.ndarray:
    """Few values beside its edges' slope, and most of its pixels lie near an edge."""
    values = np.zeros((64, 64), np.uint8)
    cv2.line(values, (5, 20), (50, 33), 255, 7)
    return values


SOFT = {
    "antialiased": lambda: cv2.resize(ellipses(4), (96, 96), interpolation=cv2.INTER_AREA),
    "bilinear": lambda: cv2.resize(ellipses(2), (120, 120), interpolation=cv2.INTER_LINEAR),
    "blurred": lambda: cv2.GaussianBlur(ellipses(), (0, 0), 3),
    "blurred and thin": lambda: cv2.GaussianBlur(thin_streak(), (5, 5), 1),
}


@pytest.mark.parametrize("way", SOFT)
def test_soft_edges_are_not_called_jpeg_and_a_threshold_cures_them(tmp_path, way):
    soft = SOFT[way]()
    write_chip(tmp_path, "A.png", np.full(soft.shape, 90, np.uint8), soft)
    text = refusal(config_of(tmp_path))
    assert "as soft edges leave them (antialiasing" in text and "JPEG" not in text
    cure = text.rpartition("'data.mask_values=")[2].rstrip("'.")
    values = compose("train", [f"data.mask_values={cure}", "data.classes=1"]).data.mask_values
    mask = load_chips(config_of(tmp_path, mask_values=values)).read(0).mask
    np.testing.assert_array_equal(mask > 0, soft > 127)


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_a_jpeg_that_was_saved_as_png_is_called_so(tmp_path, quality):
    encoded = cv2.imencode(".jpg", ellipses(), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    write_chip(tmp_path, "A.png", np.full((96, 96), 90, np.uint8), cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))
    assert "as lossy compression (JPEG) leaves them" in refusal(config_of(tmp_path))


def test_many_classes_are_no_scatter(tmp_path):
    values = np.repeat(np.arange(16, dtype=np.uint8) * 16, 16).reshape(16, 16)
    write_mask(tmp_path, "A.png", values)
    assert "holds the value 16, but data.classes=1" in refusal(config_of(tmp_path))


def test_more_values_than_classes_are_halved_in_the_example(tmp_path):
    values = np.repeat(np.arange(0, 256, 4, dtype=np.uint8), 16).reshape(32, 32)
    write_mask(tmp_path, "A.png", values)
    assert "'data.mask_values={0-126: 0, 127-252: 1}'" in refusal(config_of(tmp_path))


def test_images_and_masks_of_a_chip_must_lie_in_one_place(tmp_path):
    write_chip(tmp_path, "A.tif", np.full((16, 16), 90, np.uint8), SEEP.astype(np.uint8))
    place = {"crs": "EPSG:32631", "transform": (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0)}

    def written(folder: str, values: np.ndarray, offset: float = 0, **more: Any) -> None:
        from affine import Affine

        facts = {"crs": place["crs"], "transform": Affine(10, 0, 500_000 + offset, 0, -10, 5_000_000), **more}
        write_raster(tmp_path / folder / "A.tif", values, **facts)

    image, mask = np.full((16, 16), 90, np.uint8), SEEP.astype(np.uint8)
    written(IMAGES, image)
    for offset in (0, 4):
        written(MASKS, mask, offset)
        loaded(config_of(tmp_path))
    written(MASKS, mask, 400)
    assert "the mask of A.tif lies 40.0 px off its image" in refusal(config_of(tmp_path))
    written(MASKS, mask, crs="EPSG:32632")
    assert "A.tif is in EPSG:32631 but its mask is in EPSG:32632" in refusal(config_of(tmp_path))
    write_raster(tmp_path / MASKS / "A.tif", mask)
    loaded(config_of(tmp_path))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e30, np.nan, np.inf])
def test_a_number_that_no_integer_is_ends_in_one_line(value: float, tmp_path: Path) -> None:
    mask = np.array([[0, value]], np.float32)
    with pytest.raises(UserError, match="Expected whole numbers"):
        _whole_numbers(mask, tmp_path / "mask.tif")
