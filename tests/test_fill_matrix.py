"""Fill, declared or not, of every type of values, through predict, prepare and check: right, or told; never silent."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely

from helpers.rasters import UTM, pixels, write_raster
from helpers.stand_ins import DarkSpots, mapped_by
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.preparation import prepare

SIDE = 96
# from top to bottom, so that fill of any height leaves its share as it is
SLICK = (slice(4, 92), slice(40, 50))
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[SLICK] = 1
# sea of 8 looks around -20 dB, with a slick 8 dB below it
POWER = np.random.default_rng(3).gamma(8, 0.00125, MASK.shape) * np.where(MASK, 0.16, 1)
DECIBELS = 10 * np.log10(POWER)


@dataclass(frozen=True)
class Kind:
    """A type of values: how power is stored, which fills it can hold, and what is said of it."""

    name: str
    stored: Callable[[], np.ndarray]
    fills: tuple[float, ...]
    said: dict[str, Any] = field(default_factory=dict)


KINDS = (
    Kind("uint8", lambda: (POWER / POWER.max() * 254 + 1).astype(np.uint8), (0,)),
    Kind("uint16", lambda: (POWER / POWER.max() * 65534 + 1).astype(np.uint16), (0,)),
    Kind(
        "int16 dB x 100",
        lambda: np.rint(100 * DECIBELS).astype(np.int16),
        (0, -9999),
        {"scale": "db", "factor": 0.01},
    ),
    Kind("float32 linear", lambda: POWER.astype(np.float32), (0, -9999, np.nan), {"scale": "linear"}),
    Kind("float32 dB", lambda: DECIBELS.astype(np.float32), (0, -9999, np.nan), {"scale": "db"}),
)
SHARES = (0.032, 0.34, 0.63)


@dataclass(frozen=True)
class Case:
    """A scene, and what is expected of it: `told` whether a line names the fill, `right` whether it has no data."""

    kind: Kind
    fill: float | None
    share: float
    declared: bool

    @property
    def rows(self) -> int:
        return 0 if self.fill is None else round(self.share * SIDE)

    @property
    def is_assumed(self) -> bool:
        """Whether somebody must assume what the fill is; NaN is no number by itself."""
        return self.fill is not None and not self.declared and not np.isnan(self.fill)

    def scene(self, path: Path) -> Path:
        values = self.kind.stored()
        declared = {}
        if self.fill is not None:
            values[: self.rows] = self.fill
            declared = {"nodata": self.fill} if self.declared else {}
        return write_raster(path, values, **declared, **UTM)

    def __str__(self) -> str:
        fill = "no fill" if self.fill is None else f"{self.fill:g} on {self.share:.0%}"
        return f"{self.kind.name}, {fill}, {'declared' if self.declared else 'undeclared'}"


def cases() -> Iterator[Case]:
    for kind in KINDS:
        yield Case(kind, None, 0, declared=False)
        for fill, share, declared in product(kind.fills, SHARES, (True, False)):
            yield Case(kind, fill, share, declared)


ALL_CASES = tuple(cases())
# of each kind each fill once, on another share each time
DIAGONAL = tuple(
    case for k, case in enumerate(ALL_CASES) if case.fill is None or (not case.declared and k // 2 % 3 == k % 3)
)


def predicted(case: Case, folder: Path) -> tuple[np.ndarray, str]:
    """The mask of a scene (255 where it has no data), and what was told."""
    mask, told, row = mapped_by(DarkSpots(), case.scene(folder / "a.tif"), folder, **case.kind.said)
    assert row.notes == " ".join(told)
    return mask, row.notes


def cut(case: Case, folder: Path) -> tuple[np.ndarray, dict[str, str]]:
    """The pixels of the chip that is cut of a scene (0 where it has no data), and what was told."""
    left, top = 500_000, 5_000_000
    rows, columns = SLICK
    slick = shapely.box(
        left + 10 * columns.start, top - 10 * rows.stop, left + 10 * columns.stop, top - 10 * rows.start
    )
    labels = folder / "seeps.gpkg"
    pyogrio.raw.write(labels, shapely.to_wkb(np.array([slick])), [], [], crs=UTM["crs"], geometry_type="Polygon")
    scene = case.scene(folder / "a.tif")
    facts = prepare(PrepareConfig(str(scene), str(labels), str(folder / "chips"), size=SIDE, **case.kind.said))
    return pixels(folder / "chips" / "images" / "a.000000.tif")[0], facts["notes"]


@pytest.fixture(scope="module")
def unfilled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By kind, mask and chip of the scene without fill."""
    whole: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for kind in KINDS:
        case = Case(kind, None, 0, declared=False)
        folder = tmp_path_factory.mktemp("whole")
        mask, told = predicted(case, folder)
        image, notes = cut(case, folder)
        assert not told and not notes
        whole[kind.name] = mask, image
    return whole


Unfilled = dict[str, tuple[np.ndarray, np.ndarray]]


def check_map(case: Case, unfilled: Unfilled, folder: Path) -> None:
    mask, told = predicted(case, folder)
    expected, _ = unfilled[case.kind.name]
    assert (mask[: case.rows] == 255).all(), "fill is mapped"
    seep, truth = mask[case.rows :] == 1, expected[case.rows :] == 1
    dice = 2 * (seep & truth).sum() / (seep.sum() + truth.sum())
    assert dice > 0.95, dice
    assert (mask[case.rows :] != 255).all(), "data are not mapped"
    assert bool(told) == case.is_assumed
    if told:
        assert f"are exactly {case.fill:g}" in told and f"nodata={case.fill:g}" in told


def check_chip(case: Case, unfilled: Unfilled, folder: Path) -> None:
    image, notes = cut(case, folder)
    _, expected = unfilled[case.kind.name]
    assert bool(notes) == case.is_assumed
    if case.is_assumed and image.dtype == case.kind.stored().dtype and "scale" not in case.kind.said:
        # 0 of 8 and 16 bit may be the darkest sea, and is told to count as data
        assert "count as data: where no data were, pass nodata=0" in notes["a"]
        assert (image[: case.rows] == 1).all()
    else:
        assert not image[: case.rows].any(), "fill is sea"
    ratio = np.median(image[case.rows :] / expected[case.rows :])
    # full scale is twice the median of what is left
    assert ratio == pytest.approx(1, abs=0.05)
    bounded = image[case.rows :][expected[case.rows :] < 30000].astype(float)
    np.testing.assert_allclose(bounded, ratio * expected[case.rows :][expected[case.rows :] < 30000], rtol=0.05, atol=2)


def check_audit(case: Case, folder: Path) -> None:
    for subfolder in ("images", "masks"):
        (folder / subfolder).mkdir()
    for name in ("A.1.tif", "B.1.tif"):
        case.scene(folder / "images" / name)
        write_raster(folder / "masks" / name, MASK, **UTM)
    result = audit(DataConfig(root=str(folder), **(case.kind.said)), SplitConfig())
    share = case.rows / SIDE
    told = [finding.text for finding in result.findings if "are exactly" in finding.text]
    # all of these are nodata by `data.nodata`, or no measurement
    assert not told
    assert result.facts["nodata"].startswith(f"{share:.1%}")
    assert not any("db" in problem or "linear" in problem for problem in result.problems)


@pytest.mark.parametrize("case", DIAGONAL, ids=str)
def test_fill_makes_no_wrong_map_chip_or_audit_in_silence(case: Case, unfilled: Unfilled, tmp_path: Path) -> None:
    check_everywhere(case, unfilled, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in ALL_CASES if case not in DIAGONAL], ids=str)
def test_nor_does_any_other_fill(case: Case, unfilled: Unfilled, tmp_path: Path) -> None:
    check_everywhere(case, unfilled, tmp_path)


def check_everywhere(case: Case, unfilled: Unfilled, tmp_path: Path) -> None:
    for name in ("map", "chip", "audit"):
        (tmp_path / name).mkdir()
    check_map(case, unfilled, tmp_path / "map")
    check_chip(case, unfilled, tmp_path / "chip")
    check_audit(case, tmp_path / "audit")
