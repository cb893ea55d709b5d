"""What chips of floats and signed integers mean: scale tags, a factor, fill, and values that cannot be what is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from helpers.chips import IMAGES, seeps_config, write_chip
from helpers.rasters import write_raster
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.audit.auditing import Audit, audit
from seep_lightning.data.audit.finding import Severity
from seep_lightning.data.loading import load_chips
from seep_lightning.data.normalise import ValueRange
from seep_lightning.data.statistics import measurement_of
from seep_lightning.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 32
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[12:18, 4:-4] = 1


def decibels(number: int) -> np.ndarray:
    """A sea around -20 dB with a dark bar."""
    power = np.random.default_rng(number).gamma(8, 1 / 800, MASK.shape) * np.where(MASK, 0.3, 1)
    return (10 * np.log10(power)).astype(np.float32)


def write_set(root: Path, values: Any, scale: float | None = None) -> Path:
    """Three chips, of what `values` makes of dB."""
    for number in range(3):
        name = f"S{number}.000000.tif"
        write_chip(root, name, MASK, MASK)
        path = root / IMAGES / name
        path.unlink()
        write_raster(path, values(decibels(number)))
        if scale is not None:
            with rasterio.open(path, "r+") as out:
                out.scales = [scale]
    return root


def hundredths(db: np.ndarray) -> np.ndarray:
    return np.rint(100 * db).astype(np.int16)


def with_fill(value: float, rows: int = 10) -> Any:
    def values(db: np.ndarray) -> np.ndarray:
        db[:rows] = value
        return db

    return values


def loaded(root: Path, **settings: Any) -> Any:
    return load_chips(seeps_config(root, scale="db", **settings))


def audited(root: Path, **settings: Any) -> Audit:
    return audit(seeps_config(root, **{"scale": "db", **settings}), SplitConfig())


@pytest.mark.parametrize("declared", [True, False])
def test_decibels_times_a_hundred_are_read_by_the_files_scale_or_by_a_factor(tmp_path: Path, declared: bool) -> None:
    root = write_set(tmp_path, hundredths, 0.01 if declared else None)
    chips = loaded(root, factor=None if declared else 0.01)
    np.testing.assert_allclose(chips.read(1).image[0], decibels(1), atol=0.006)
    expected = loaded(write_set(tmp_path / "floats", lambda db: db))
    np.testing.assert_allclose(chips.value_range.high, expected.value_range.high, rtol=0.01)


def test_decibels_times_a_hundred_without_a_factor_are_an_error_with_the_factor(tmp_path: Path) -> None:
    root = write_set(tmp_path, hundredths)
    with pytest.raises(UserError, match="They look like dB x 100: pass data.factor=0.01"):
        loaded(root)
    assert any("pass data.factor=0.01" in problem for problem in audited(root).problems)
    with pytest.raises(UserError, match="Pass data.scale=db data.factor=0.01 if they are decibels"):
        load_chips(seeps_config(root))


@pytest.mark.parametrize(
    ("values", "scale", "said"),
    [
        (lambda db: 10 ** (db / 10), "db", "data.scale=db, but its values lie at .* They look like power"),
        (lambda db: db + 60, "db", "data.scale=db, but .* gdal_edit.py -offset -50 FILE"),
        (lambda db: db, "linear", "data.scale=linear, but 100% of its values are below 0.* pass data.scale=db"),
    ],
)
def test_values_that_cannot_be_what_is_said_are_an_error(tmp_path: Path, values: Any, scale: str, said: str) -> None:
    root = write_set(tmp_path, lambda db: values(db).astype(np.float32))
    with pytest.raises(UserError, match=said):
        load_chips(seeps_config(root, scale=scale))
    assert audited(root, scale=scale).problems


def test_a_few_outliers_refuse_no_set(tmp_path: Path) -> None:
    def values(db: np.ndarray) -> np.ndarray:
        db.flat[:8] = 55
        return db

    assert len(loaded(write_set(tmp_path, values))) == 3


@pytest.mark.parametrize("value", [0, -9999, np.nan, np.inf, -3.4028235e38])
def test_what_no_sea_in_decibels_is_has_no_data(tmp_path: Path, value: float) -> None:
    chips = loaded(write_set(tmp_path, with_fill(value)))
    data = chips.read(0).data
    assert not data[:10].any() and data[10:].all()
    expected = loaded(write_set(tmp_path / "declared", with_fill(np.nan)))
    assert chips.value_range == expected.value_range


@pytest.mark.parametrize(("value", "severity"), [(-99, Severity.MEANINGLESS), (-35, Severity.WORTH_KNOWING)])
def test_other_fill_is_told_with_what_declares_it(tmp_path: Path, value: int, severity: Severity) -> None:
    root = write_set(tmp_path, with_fill(value))
    [line] = [text for text in audited(root).texts(severity) if "are exactly" in text]
    assert line.startswith(f"31 % of the pixels with data are exactly {value}") and f"data.nodata={value}" in line
    result = audited(root, nodata=value)
    assert not any("are exactly" in finding.text for finding in result.findings)
    assert result.facts["nodata"].startswith("31.2%")


def test_fill_of_integers_is_told_as_the_files_store_it(tmp_path: Path) -> None:
    root = write_set(tmp_path, lambda db: hundredths(with_fill(-99)(db)))
    assert "pass data.nodata=-9900" in " ".join(audited(root, factor=0.01).texts(Severity.MEANINGLESS)).lower()


def test_a_clean_set_has_no_line_about_its_values(tmp_path: Path) -> None:
    for name, values, settings in (
        ("floats", lambda db: db, {}),
        ("hundredths", hundredths, {"factor": 0.01}),
        ("whole", np.rint, {}),
    ):
        result = audited(write_set(tmp_path / name, values), **settings)
        assert not any("exactly" in finding.text for finding in result.findings), name


def test_the_full_scale_of_decibels_is_in_decibels(tmp_path: Path) -> None:
    root = write_set(tmp_path, lambda db: db)
    assert loaded(root, full_scale=-13.0).value_range.high == pytest.approx((0.0501,), rel=1e-3)
    with pytest.raises(UserError, match="data.full_scale=-13.0: expected a number above 0"):
        check_config(DataConfig(full_scale=-13.0), "data.")


def test_chips_of_8_bit_are_no_data_of_a_network_of_decibels() -> None:
    known = ValueRange((0.0,), (0.5,), "db")
    with pytest.raises(UserError, match=r"these chips are uint8, but the network was trained on dB, .* to -3\.0"):
        measurement_of(np.dtype("uint8"), ["S"], DataConfig(), known)
