"""`seep next`: what is ranked first, what is left out, and what is written."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import shapely
from pyproj import CRS

from helpers.paths import ROOT
from helpers.rasters import UTM, write_raster
from seep_lightning import api
from seep_lightning.config.commands import NextConfig
from seep_lightning.errors import UserError
from seep_lightning.labelling import next_labels
from seep_lightning.labelling.acquisition import ACQUISITIONS, CandidateTable, pick_candidates
from seep_lightning.labelling.candidates import Side
from seep_lightning.labelling.features import Bottleneck, map_features
from seep_lightning.labelling.next_columns import NEXT_COLUMNS, RankedCandidate
from seep_lightning.labelling.next_files import write_list
from seep_lightning.labelling.next_labels import Found, ranked_of
from seep_lightning.labelling.uncertainty import TOP_SHARE, pixel_uncertainty, window_uncertainty
from seep_lightning.labelling.whole_scenes import by_scene
from seep_lightning.nets.unet import UNet
from seep_lightning.predictor.loading import load

FIXTURES = ROOT / "tests" / "fixtures"
RUN = FIXTURES / "run_60f2943"
"""Its chips are 32 px."""


def sea(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """Sea with a faint dark bar in the window of the second row and third column."""
    rng = np.random.default_rng(seed)
    image = rng.normal(30000, 3000, (height, width))
    image[44:50, 66:94] *= 0.72
    return image.clip(1, 65535).astype(np.uint16)


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RankedCandidate]]:
    """A list of the windows of a scene on the ground; beside it in the folder lie a damaged file and labelled chips."""
    folder = tmp_path_factory.mktemp("next")
    scenes = folder / "scenes"
    scenes.mkdir()
    write_raster(scenes / "a.tif", sea(1), **UTM)
    return folder, api.next(scenes=scenes, run=RUN, output=folder / "list", count=5)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "next.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_window_that_the_network_is_unsure_of_comes_first(ranked: tuple[Path, list[RankedCandidate]]) -> None:
    folder, candidates = ranked
    first = candidates[0].candidate
    assert (first.name, first.box.top, first.box.left) == ("a.r001c002", 32, 64)
    rows = table(folder / "list")
    assert list(rows[0]) == [column.name for column in NEXT_COLUMNS]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert "the network is unsure here more than usual" in rows[0]["reason"]


def test_the_layer_lies_where_the_scene_does(ranked: tuple[Path, list[RankedCandidate]]) -> None:
    folder, _ = ranked
    meta, _, geometry, values = pyogrio.raw.read(folder / "list" / "next.gpkg", layer="next")
    assert meta["crs"] == "EPSG:32631"
    # row 32, column 64 with pixels of 10 m
    assert shapely.from_wkb(geometry)[0].bounds == (500_640, 4_999_360, 500_960, 4_999_680)
    assert dict(zip(meta["fields"], values, strict=True))["rank"].tolist() == [1, 2, 3, 4, 5]


def test_of_scenes_in_several_coordinate_systems_the_layer_is_in_degrees(
    ranked: tuple[Path, list[RankedCandidate]], tmp_path: Path
) -> None:
    first, second, third = ranked[1][:3]
    other = replace(second.candidate, wkt=CRS.from_epsg(32632).to_wkt())
    unplaced = replace(third.candidate, wkt="")
    write_list(tmp_path / "list", [first, replace(second, candidate=other), replace(third, candidate=unplaced)])
    meta, _, geometry, _ = pyogrio.raw.read(tmp_path / "list" / "next.gpkg", layer="next")
    assert meta["crs"] == "EPSG:4326"
    # central meridians of zones 31 and 32
    longitudes = [shapely.from_wkb(outline).centroid.x for outline in geometry[:2]]
    assert longitudes == pytest.approx([3, 9], abs=0.02)
    assert geometry[2] is None


def test_a_scene_called_like_a_formula_is_a_text_in_the_list(
    ranked: tuple[Path, list[RankedCandidate]], tmp_path: Path
) -> None:
    first = ranked[1][0]
    formula = replace(first.candidate, name="=1+1", scene="@SUM(A1)")
    write_list(tmp_path / "list", [replace(first, candidate=formula)])
    text = (tmp_path / "list" / "next.csv").read_text()
    assert "'=1+1" in text and ",=1+1" not in text and ",@SUM" not in text


def test_a_list_is_replaced_only_if_asked_and_a_damaged_file_is_told_at_the_end(
    ranked: tuple[Path, list[RankedCandidate]], tmp_path: Path
) -> None:
    folder, _ = ranked
    before = (folder / "list" / "next.csv").read_text()
    write_raster(tmp_path / "a.tif", sea(1), **UTM)
    (tmp_path / "b.tif").write_bytes(b"II*\0 this is no scene")
    settings = {"scenes": tmp_path, "run": RUN, "output": folder / "list", "count": 3}
    with pytest.raises(UserError, match="exists and is not empty"):
        api.next(**settings)
    assert (folder / "list" / "next.csv").read_text() == before
    with pytest.raises(UserError, match=r"1 of 2 files could not be read, such as b: .* The others are ranked in "):
        api.next(**settings, overwrite=True)
    assert len(table(folder / "list")) == 3
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds no list"):
        api.next(**{**settings, "output": tmp_path}, overwrite=True)


def test_labelled_chips_are_looked_at_only_for_diversity_and_evenly_drawn(
    ranked: tuple[Path, list[RankedCandidate]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(next_labels, "_look_at_labelled", lambda *given: asked.append(given[-1]) or [])
    settings = {"scenes": ranked[0] / "scenes" / "a.tif", "run": RUN, "count": 1}
    for strategy, labelled in (("uncertainty", 9), ("diversity", 9), ("both", 0)):
        api.next(**settings, output=tmp_path / strategy, strategy=strategy, labelled=labelled)
    assert asked == [9]
    names = [Path(f"{scene}.{tile}") for scene in "ab" for tile in range(10)]
    assert list(map(str, next_labels.evenly_drawn(names, 4))) == ["a.0", "a.5", "b.0", "b.5"]


def test_what_the_run_learned_from_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labelled = sorted((FIXTURES / "chips_60f2943" / "train_images_256").iterdir())[0]
    chips = tmp_path / "chips"
    chips.mkdir()
    (chips / labelled.name).write_bytes(labelled.read_bytes())
    with pytest.raises(UserError, match="the run knows the labels of all 1 files"):
        api.next(scenes=chips, run=RUN, output=tmp_path / "list")
    write_raster(chips / "S7.000003.tif", sea(2, 32, 32))
    caplog.set_level("INFO")
    (only,) = api.next(scenes=chips, run=[RUN, RUN], output=tmp_path / "list", by="scene")
    assert "left out: 1 of 2 files" in caplog.text
    # twice the same network disagrees about nothing
    assert (only.candidate.name, only.pick.uncertainty) == ("S7", 0)
    with pytest.raises(UserError, match="strategy=best: expected one of both, uncertainty, diversity, random"):
        api.next(scenes=chips, run=RUN, output=tmp_path / "other", strategy="best")


def test_scenes_are_compared_with_labelled_scenes(ranked: tuple[Path, list[RankedCandidate]]) -> None:
    rng = np.random.default_rng(0)
    window = ranked[1][0].candidate
    windows = [
        replace(window, scene=scene, features=rng.normal(kind, 9, 8).astype(np.float32))
        for kind, scene in enumerate("aabbcc")
        for _ in range(3)
    ]
    # another scene that is just like a
    labelled = [replace(each, scene="labelled") for each in windows if each.scene == "a"]
    found = Found(1, 1, candidates=windows, labelled=labelled)
    settings = NextConfig(scenes="x", output="y", by="scene", strategy="diversity", count=3)
    picks = {each.candidate.name: each.pick for each in ranked_of(found, ACQUISITIONS["diversity"], settings)}
    assert picks["a"].diversity == pytest.approx(0, abs=1e-3)
    assert picks["b"].diversity > 0.3


def six_candidates() -> CandidateTable:
    """Six candidates: 0 and 1 are twins and the most unsure, 2 and 3 are like what is labelled, 4 and 5 like nobody."""
    features = np.array([[4, 0], [4, 0], [0, 0], [0, 0.1], [0, 4], [-4, -4]], np.float32)
    uncertainty = np.array([0.9, 0.89, 0.8, 0.1, 0.5, 0.3])
    labelled = np.zeros((1, 2), np.float32)
    return CandidateTable(uncertainty, features, labelled, list("abcdef"), np.full((6, 2), np.nan))


def test_twins_and_what_is_like_labelled_ones_come_late() -> None:
    chosen = {
        kind: [pick.index for pick in pick_candidates(six_candidates(), ACQUISITIONS[kind], 6, 0)]
        for kind in ACQUISITIONS
    }
    assert chosen["uncertainty"] == [0, 1, 2, 4, 5, 3]
    assert chosen["both"][:3] == [0, 4, 5]
    assert set(chosen["diversity"][:3]) & {0, 1} and set(chosen["diversity"][:3]) >= {4, 5}
    assert sorted(chosen["random"]) == list(range(6))
    again = [pick.index for pick in pick_candidates(six_candidates(), ACQUISITIONS["random"], 6, 1)]
    assert again != chosen["random"]


def test_neighbours_of_one_scene_do_not_come_together() -> None:
    cells = np.array([[0, 0], [0, 1], [9, 9], [0, 0], [0, 2], [5, 5]], float)
    far_apart = np.arange(6, dtype=np.float32)[:, None] * np.eye(1, 6, dtype=np.float32)
    even = replace(
        six_candidates(), scenes=["a", "a", "a", "b", "a", "a"], cells=cells, uncertainty=np.linspace(0.9, 0.88, 6)
    )
    picks = pick_candidates(replace(even, features=far_apart, labelled=far_apart[:0]), ACQUISITIONS["diversity"], 2, 0)
    assert [pick.place for pick in picks] == [1, 1]
    by_uncertainty = replace(even, features=np.zeros((6, 1), np.float32), labelled=np.zeros((0, 1), np.float32))
    first, second = pick_candidates(by_uncertainty, ACQUISITIONS["both"], 2, 0)
    assert {by_uncertainty.scenes[first.index], by_uncertainty.scenes[second.index]} == {"a", "b"}


def test_uncertainty_is_entropy_of_one_network_and_disagreement_of_several() -> None:
    sure, unsure = np.full((1, 1, 10, 10), 0.01, np.float32), np.full((1, 1, 10, 10), 0.5, np.float32)
    assert np.allclose(pixel_uncertainty([unsure]), 1)
    # all find it hard: nothing is learned of which network is right
    assert np.allclose(pixel_uncertainty([unsure, unsure]), 0)
    mean_entropy = -(0.01 * math.log2(0.01) + 0.99 * math.log2(0.99))
    assert np.allclose(pixel_uncertainty([sure, 1 - sure]), 1 - mean_entropy, atol=1e-6)
    # three classes and the sea, all alike
    assert np.allclose(pixel_uncertainty([np.full((1, 4, 2, 2), [[[[0.75]], [[0.25]], [[0.25]], [[0.25]]]])]), 1)
    pixels = np.zeros((100, 100), np.float32)
    pixels[0, : round(TOP_SHARE * 10_000)] = 1
    pixels[0, :100] = 1
    valid = np.ones((100, 100), bool)
    assert window_uncertainty(pixels, valid) == pytest.approx(100 / (TOP_SHARE * 10_000))
    assert window_uncertainty(pixels, ~valid) == 0
    # what is seep is so by the network's own threshold
    faint = np.full((100, 100), 0.36, np.float32)
    shares = [map_features(faint, pixels, valid, threshold)[1] for threshold in (0.3, 0.5)]
    assert shares == [1, 0]


def test_windows_cover_a_side_and_features_come_from_the_bottleneck() -> None:
    for length in (5, 31, 32, 33, 47, 48, 100, 1000):
        side = Side.of(length, 32)
        covered = {pixel for start in side.starts for pixel in range(start, start + side.size)}
        assert covered == set(range(length))
        assert side.size <= 48
    network = load(RUN, device="cpu")
    assert isinstance(network.net, UNet)
    bottleneck = Bottleneck(network)
    network.probability(np.zeros((2, 1, 32, 32), np.float32))
    assert bottleneck.features(2).shape == (2, 32)
    bottleneck.close()
    assert not network.net.encoder[-1]._forward_hooks
    assert Bottleneck(object()).features(3).shape == (3, 0)


def test_a_scene_is_as_unsure_as_its_most_unsure_windows(ranked: tuple[Path, list[RankedCandidate]]) -> None:
    windows = [each.candidate for each in ranked[1]]
    (scene,) = by_scene(windows)
    assert scene.uncertainty == max(window.uncertainty for window in windows)
    assert (scene.windows, scene.outline.area) == (5, sum(window.outline.area for window in windows))
