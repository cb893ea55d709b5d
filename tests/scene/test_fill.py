"""Fill that nobody declared, found in a sample of a scene, and what it is taken for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene import sampling
from seep_lightning.scene.fill import Fill, Meaning, ValueScale, find_fill
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.sampling import sample_stored
from seep_lightning.scene.settling import ValueOptions, settle_values

SIDE = 128
POWER = np.random.default_rng(0).gamma(6, 0.002, (SIDE, SIDE)).astype(np.float32)
DECIBELS = 10 * np.log10(POWER)


def found(values: np.ndarray, scale: str | None, **scaling: float) -> list[Fill]:
    return find_fill(values.reshape(1, -1), (), ValueScale(scale, **scaling))


def filled(values: np.ndarray, value: float, rows: int = 8) -> np.ndarray:
    values = values.copy()
    values[:rows] = value
    return values


@pytest.mark.parametrize(
    ("values", "scale", "value", "meaning"),
    [
        (DECIBELS, "db", 0, Meaning.NO_DATA),
        (DECIBELS, "db", -99, Meaning.NO_DATA),
        (DECIBELS, "db", -9999, Meaning.NO_MEASUREMENT),
        (DECIBELS, "db", -3.4028235e38, Meaning.NO_MEASUREMENT),
        (DECIBELS, "db", -32768, Meaning.NO_DATA),
        (DECIBELS, "db", -35, Meaning.IN_DOUBT),
        (POWER, "linear", 0, Meaning.NO_DATA),
        (POWER, "linear", -1, Meaning.NO_DATA),
        (POWER, "linear", -9999, Meaning.NO_MEASUREMENT),
        (POWER, "linear", 1e-5, Meaning.IN_DOUBT),
        ((POWER * 9e5).astype(np.uint16), None, 0, Meaning.IN_DOUBT),
        ((POWER * 9e5).astype(np.uint16), None, 65535, Meaning.IN_DOUBT),
    ],
)
def test_a_value_that_fills_many_pixels_is_told_for_what_it_is(
    values: np.ndarray, scale: str | None, value: float, meaning: Meaning
) -> None:
    [fill] = found(filled(values, value), scale)
    assert (fill.value, fill.meaning) == (pytest.approx(value), meaning)
    assert str(fill).startswith("6.2 % of its pixels are exactly ")
    assert not found(filled(values, value, rows=1), scale)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (DECIBELS, "db"),
        (np.rint(DECIBELS), "db"),
        (POWER, "linear"),
        (np.rint(100 * DECIBELS).astype(np.int16), "db"),
        (np.rint(10 * DECIBELS).astype(np.int16), "db"),
        (np.random.default_rng(0).poisson(3, (SIDE, SIDE)).astype(np.float32), "linear"),
        (np.random.default_rng(0).integers(1, 9, (SIDE, SIDE)).astype(np.uint8), None),
    ],
)
def test_frequent_values_that_measurements_have_are_no_fill(values: np.ndarray, scale: str | None) -> None:
    assert not found(values, scale, factor=1 if abs(values).max() < 100 else 0.01)


def test_several_fills_side_by_side_are_all_told() -> None:
    values = DECIBELS.copy()
    for number, value in enumerate((-32768, -9999, -99)):
        values[10 * number : 10 * number + 10] = value
    assert {fill.value for fill in found(values, "db")} == {-32768, -9999, -99}
    power = filled(filled(POWER, 1e-7, rows=60), 0, rows=30)
    assert {fill.meaning for fill in found(power, "linear")} == {Meaning.NO_DATA, Meaning.IN_DOUBT}


@pytest.mark.parametrize("scale", ["db", "linear"])
def test_nothing_but_zeros_is_no_data_and_nothing_but_another_value_is_in_doubt(scale: str) -> None:
    assert found(np.zeros((9, 9), np.float32), scale)[0].meaning is Meaning.NO_DATA
    assert found(np.full((9, 9), 40_000, np.float32), scale)[0].meaning is Meaning.IN_DOUBT


def test_zero_is_fill_where_all_bands_have_it() -> None:
    noise = filled(POWER, 0, rows=60)
    assert not find_fill(np.stack([POWER.ravel(), noise.ravel()]), (), ValueScale("linear"))
    assert find_fill(np.stack([noise.ravel(), noise.ravel()]), (), ValueScale("linear"))


def large(path: Path, monkeypatch: pytest.MonkeyPatch, **layout: Any) -> Path:
    """A scene that is too large to be read as a whole, with 3 % of fill along its right edge."""
    monkeypatch.setattr(sampling, "SAMPLE_PIXELS", 1 << 14)
    monkeypatch.setattr(sampling, "READ_PIXELS", 1 << 17)
    monkeypatch.setattr(sampling, "WINDOW_PIXELS", 1 << 10)
    values = np.tile(POWER, (8, 8))
    values[:, -31:] = 0
    return write_raster(path, values, **layout)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 32, "blockysize": 32}, {"blockysize": 1024}])
def test_a_part_of_a_large_scene_tells_its_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: dict[str, Any]
) -> None:
    path = large(tmp_path / "a.tif", monkeypatch, **layout)
    read: list[int] = []
    with Raster(path) as raster:
        whole = raster.read_stored

        def counted(*window: int) -> Any:
            values = whole(*window)
            read.append(values[0].size)
            return values

        monkeypatch.setattr(raster, "read_stored", counted)
        sample = sample_stored(raster)
        assert sum(read) <= raster.height * raster.width / 4
        [fill] = find_fill(sample.values, (), ValueScale("linear"))
        assert fill.share == pytest.approx(0.03, abs=0.015)


def settled(path: Path, values: np.ndarray, options: ValueOptions, **facts: Any) -> tuple[str, np.ndarray]:
    """What is told of a scene, and where it has data."""
    with Raster(write_raster(path, values, **UTM, **facts)) as raster:
        notes = settle_values(raster, options).notes
        return " ".join(notes), raster.read(0, SIDE)[1]


def test_fill_that_cannot_be_data_becomes_nodata_unless_a_person_says_otherwise(tmp_path: Path) -> None:
    values = filled(DECIBELS, 0)
    notes, valid = settled(tmp_path / "a.tif", values, ValueOptions("db"))
    assert notes.startswith("6.2 % of its pixels are exactly 0, which no sea in dB is, and count as nodata. Pass")
    assert not valid[:8].any() and valid[8:].all()
    notes, valid = settled(tmp_path / "b.tif", values, ValueOptions("db", nodata="none"))
    assert not notes and valid.all()
    notes, valid = settled(tmp_path / "c.tif", values, ValueOptions("db"), nodata=0)
    assert not notes and not valid[:8].any()


def test_fill_that_may_be_data_keeps_what_it_was_and_is_told(tmp_path: Path) -> None:
    levels = filled(np.rint(POWER * 5000).clip(1, 250).astype(np.uint8), 0)
    notes, valid = settled(tmp_path / "a.tif", levels, ValueOptions())
    assert "are exactly 0, and count as data: where no data were, pass nodata=0." in notes and valid.all()
    with Raster(tmp_path / "a.tif", nodata=0) as raster:
        assert "count as nodata, as in the network's training" in settle_values(raster, ValueOptions()).notes[0]


def test_the_floor_of_a_logarithm_is_fill_where_it_is_solid_and_may_be_dark_sea_where_it_is_scattered(
    tmp_path: Path,
) -> None:
    notes, valid = settled(tmp_path / "a.tif", filled(DECIBELS, -70), ValueOptions("db"))
    assert "are exactly -70, which no sea in dB is, and count as nodata" in notes and not valid[:8].any()
    scattered = np.where(np.random.default_rng(1).random(DECIBELS.shape) < 0.2, np.float32(-70), DECIBELS)
    notes, valid = settled(tmp_path / "b.tif", scattered, ValueOptions("db"))
    assert "are exactly -70, and count as data: where no data were, pass nodata=-70" in notes and valid.all()


def test_bright_sea_that_ends_at_full_scale_is_not_told_and_fill_of_that_value_is(tmp_path: Path) -> None:
    # as `prepare` cuts chips: 65535 at twice the median
    shares = POWER / (2 * np.median(POWER))
    values = (65535 * shares.clip(1e-4, 1)).astype(np.uint16)
    assert 0.01 < (values == 65535).mean() < 0.1
    assert settled(tmp_path / "a.tif", values, ValueOptions())[0] == ""
    told, _ = settled(tmp_path / "b.tif", filled(values, 65535, rows=SIDE // 2), ValueOptions())
    assert "are exactly 65535, and count as data" in told


def test_the_value_that_is_told_can_be_declared(tmp_path: Path) -> None:
    values = filled(DECIBELS, np.float32(-63.98565))
    notes, _ = settled(tmp_path / "a.tif", values, ValueOptions("db"))
    assert "Pass nodata=-63.98565 to say so" in notes
    assert not settled(tmp_path / "b.tif", values, ValueOptions("db", nodata=-63.98565))[0]
    assert not settled(tmp_path / "c.tif", values, ValueOptions("db"), nodata=-63.98565)[0]


def test_a_mask_hides_fill(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    alpha = filled(np.full((SIDE, SIDE), 255, np.uint8), 0)
    write_raster(path, np.stack([filled(np.full((SIDE, SIDE), 90, np.uint8), 0), alpha]), alpha="YES", **UTM)
    with Raster(path) as raster:
        assert not settle_values(raster, ValueOptions()).notes


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (np.rint(100 * DECIBELS).astype(np.int16), ValueOptions("db"), "They look like dB x 100: pass factor=0.01"),
        (POWER, ValueOptions("db"), "scale=db, but its values lie at .* pass scale=linear"),
        (DECIBELS, ValueOptions("linear"), "scale=linear, but 100% of its values are below 0.* pass scale=db"),
        (np.rint(100 * DECIBELS).astype(np.int16), ValueOptions("linear"), "pass scale=db factor=0.01"),
        (POWER * 1e6, ValueOptions("db"), "pass scale=linear"),
    ],
)
def test_values_that_cannot_be_what_is_said_are_an_error_with_the_cause(
    tmp_path: Path, values: np.ndarray, options: ValueOptions, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        settled(tmp_path / "a.tif", values, options)


def test_outliers_refuse_no_scene(tmp_path: Path) -> None:
    values = DECIBELS.copy()
    values[0, :100] = 80
    assert settled(tmp_path / "a.tif", values, ValueOptions("db"))[0] == ""
