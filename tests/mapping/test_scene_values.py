"""What the values of a scene mean for the network that maps it: its nodata, its factor, the range of its training."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio

from helpers.maps import mapped, table
from helpers.rasters import UTM, write_raster
from helpers.stand_ins import DarkSpots, mapped_by
from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.mapping import notes, scenes
from seep_lightning.mapping.notes import NoteTeller
from seep_lightning.mapping.workers import MapperMemory, MappingRequest, Outcome
from seep_lightning.scene.scene_file import SceneFile

SIDE = 64
POWER = np.random.default_rng(5).gamma(8, 0.00125, (SIDE, SIDE))
POWER[20:28, 10:54] *= 0.16
DECIBELS = (10 * np.log10(POWER)).astype(np.float32)
HUNDREDTHS = np.rint(100 * DECIBELS).astype(np.int16)

OF_DECIBELS = {"low": [0.0], "high": [0.04], "scale": "db"}
OF_POWER = {"low": [0.0], "high": [0.04], "scale": None}


def scene(folder: Path, values: np.ndarray, scale: float | None = None, **facts: Any) -> Path:
    path = write_raster(folder / "a.tif", values, **facts, **UTM)
    if scale is not None:
        with rasterio.open(path, "r+") as out:
            out.scales = [scale]
    return path


@pytest.mark.parametrize(
    ("values", "trained", "options"),
    [
        (DECIBELS, OF_DECIBELS, {}),
        (POWER.astype(np.float32), OF_POWER, {}),
        (HUNDREDTHS, OF_DECIBELS, {"factor": 0.01}),
        (HUNDREDTHS, None, {"factor": 0.01, "scale": "db"}),
        (DECIBELS, None, {"scale": "db"}),
        (POWER.astype(np.float32), None, {"scale": "linear"}),
        ((POWER * 1e6).astype(np.uint16), OF_POWER, {"factor": 1e-6}),
    ],
)
def test_the_same_scene_gives_one_map_however_it_is_stored(
    values: np.ndarray, trained: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    first = mapped_by(
        DarkSpots(values=OF_POWER), scene(tmp_path / "first", POWER.astype(np.float32)), tmp_path / "first"
    )
    other = mapped_by(DarkSpots(values=trained), scene(tmp_path, values), tmp_path, **options)
    assert (first.mask == other.mask).mean() > 0.995 and 0 < (first.mask == 1).mean() < 0.2
    assert not other.told


def test_a_factor_of_the_training_holds_for_integers_that_declare_none(tmp_path: Path) -> None:
    network = DarkSpots(values=OF_DECIBELS, factor=0.01)
    by_factor = mapped_by(network, scene(tmp_path, HUNDREDTHS), tmp_path).mask
    (tmp_path / "tagged").mkdir()
    by_tag = mapped_by(network, scene(tmp_path / "tagged", HUNDREDTHS, scale=0.01), tmp_path / "tagged").mask
    np.testing.assert_array_equal(by_factor, by_tag)
    np.testing.assert_array_equal(network(HUNDREDTHS) >= 0.5, by_tag == 1)
    (tmp_path / "picture").mkdir()
    picture = scene(tmp_path / "picture", (POWER * 1000).astype(np.uint8))
    with pytest.raises(UserError, match="stores uint8, but the network was trained on dB"):
        mapped_by(network, picture, tmp_path / "picture")


@pytest.mark.parametrize(
    ("values", "trained", "said"),
    [
        ((POWER * 1000).astype(np.uint8), OF_DECIBELS, "stores uint8, but the network was trained on dB, .* to -14.0"),
        ((POWER * 1e6).astype(np.uint16), OF_POWER, "stores uint16, but the network was trained on floats or signed"),
        (DECIBELS, OF_POWER, "scale=linear, but 100% of its values are below 0"),
        (POWER.astype(np.float32), OF_DECIBELS, "scale=db, but its values lie at"),
        (HUNDREDTHS, OF_DECIBELS, "They look like dB x 100: pass factor=0.01"),
        (
            100 * POWER.astype(np.float32),
            OF_POWER,
            "but the network was trained on floats or signed integers, 0 to 0.04",
        ),
        (1e-9 * POWER.astype(np.float32), OF_POWER, "so that it would see one value nearly everywhere"),
        (DECIBELS, None, "stores float32: pass scale=linear, or scale=db"),
    ],
)
def test_values_that_the_network_never_saw_are_refused_with_what_it_was_trained_on(
    values: np.ndarray, trained: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        mapped_by(DarkSpots(values=trained), scene(tmp_path, values), tmp_path)
    assert not list(tmp_path.glob("*.probability.tif"))


def test_a_network_of_values_below_0_takes_them(tmp_path: Path) -> None:
    scores = ((DECIBELS - DECIBELS.mean()) / DECIBELS.std()).astype(np.float32)
    network = DarkSpots(values={"low": [-4.0], "high": [4.0], "scale": None}, normalise={"kind": "scale", "log": False})
    mask, told, _ = mapped_by(network, scene(tmp_path, scores), tmp_path)
    assert not told and (mask != 255).all()


def test_an_array_of_8_bit_is_refused_by_a_network_of_decibels() -> None:
    with pytest.raises(UserError, match="the image is uint8 .* this run was trained on dB, any low value to -14.0"):
        DarkSpots(values=OF_DECIBELS)((POWER * 1000).astype(np.uint8))


def test_a_nodata_value_takes_the_place_of_the_runs_and_none_of_any(tmp_path: Path) -> None:
    levels = (POWER * 2000).clip(2, 200).astype(np.uint8)
    levels[:4], levels[-4:] = 0, 255
    shares = {}
    for nodata in (None, 255, "none"):
        folder = tmp_path / f"{nodata}"
        folder.mkdir()
        mask, told, _ = mapped_by(DarkSpots(), scene(folder, levels), folder, nodata=nodata)
        shares[nodata] = [(mask[rows] == 255).all() for rows in (slice(0, 4), slice(60, 64))]
        assert len(told) == {None: 2, 255: 1, "none": 0}[nodata]
    assert shares == {None: [True, False], 255: [False, True], "none": [False, False]}


def test_the_contrast_of_scaled_decibels_is_that_of_their_power(trained: Path, tmp_path: Path) -> None:
    bars = np.full((96, 96), -20.0) + np.random.default_rng(0).normal(0, 0.2, (96, 96))
    bars[40:46, 10:80] -= 3
    contrasts = []
    for name, values, scale in (("floats", bars.astype(np.float32), None), ("tagged", np.rint(bars * 100), 0.01)):
        (tmp_path / name).mkdir()
        stored = values if scale is None else values.astype(np.int16)
        out = mapped(
            trained, scene(tmp_path / name, stored, scale), tmp_path / name / "out", scale="db", threshold=0.05
        )
        contrasts.append(pyogrio.raw.read(out / "a.gpkg", columns=["contrast"])[3][0])
    assert len(contrasts[0]) > 0
    np.testing.assert_allclose(contrasts[1], contrasts[0], rtol=0.01)


def test_what_is_assumed_is_told_once_a_scene_and_stands_in_the_table(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = DECIBELS.copy()
    values[:20] = 0
    path = scene(tmp_path, values)
    with caplog.at_level(logging.INFO):
        out = mapped(trained, path, tmp_path / "out", scale="db", polygons=False)
    note = "31 % of its pixels are exactly 0, which no sea in dB is, and count as nodata."
    assert caplog.text.count(f"a: {note}") == 1
    assert table(out)["a"]["notes"].startswith(note)
    # a second call finds the map finished, and tells it again
    caplog.clear()
    mapped(trained, path, out, scale="db", polygons=False)
    assert caplog.text.count(note) == 1 and table(out)["a"]["notes"].startswith(note)


def test_many_scenes_are_told_in_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    teller = NoteTeller()
    for number in range(50):
        teller.tell(f"s{number}", ["a note"])
        teller.tell("quiet", [])
    assert len(caplog.messages) == notes.TOLD_SCENES + 1
    assert caplog.messages[-1].endswith("stands in scenes.csv, in the column notes.")


def test_a_note_of_another_kind_is_told_of_a_later_scene_too(caplog: pytest.LogCaptureFixture) -> None:
    teller = NoteTeller()
    for number in range(50):
        teller.tell(f"s{number}", [f"{number} % of its pixels are 0"])
    teller.tell("late", ["Band 1 (VH) is taken by its number"])
    assert len(caplog.messages) == notes.TOLD_SCENES + 2
    assert caplog.messages[-1] == "late: Band 1 (VH) is taken by its number"


def test_workers_notes_are_told_here(caplog: pytest.LogCaptureFixture) -> None:
    from seep_lightning.mapping.jobs import SceneJob
    from seep_lightning.mapping.table import SceneRow

    job = SceneJob("a", {SceneFile.of_raster("a.tif"): (0, 0)})
    assert len(list(scenes._told(iter([Outcome(job, SceneRow("a", notes="a note")), Outcome(job)]), 2))) == 2
    assert caplog.messages == ["a: a note"]


def test_a_worker_opens_a_mapper_anew_where_only_the_nodata_value_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(MapperMemory, "_open", lambda self, key, request: opened.append(key) or object())
    memory = MapperMemory()
    for nodata in (None, -9999):
        memory.mapper_of(MappingRequest(PredictConfig(run="a", input="b", output="c", nodata=nodata), ()))
    assert len(set(opened)) == 2
