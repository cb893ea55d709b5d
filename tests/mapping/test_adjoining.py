"""Images that lie edge to edge on the ground, whatever they are called: told, or mapped as one scene."""

import logging
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray

from helpers.maps import COLUMNS, ROWS, TILE, band, mapped, table
from helpers.rasters import UTM, write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.mosaic import chip_box
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import SceneJob, find_jobs
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile

FACTS = {"pattern": r"(?P<scene>[^.]+)(\.(?P<tile>\d+))?\.\w+$", "nodata": 0}
# to be mapped one by one is what a user of these settings is told
TOLD = "lie edge to edge on the ground"


def write_chip(
    path: Path, cell: tuple[float, float], values: NDArray[np.uint16] | None = None, size: int = TILE
) -> Path:
    """A chip at a row and column of the grid of `UTM`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row, column = cell
    transform = UTM["transform"] @ Affine.translation(column * size, row * size)
    pixels = np.full((size, size), 30000, np.uint16) if values is None else values
    return write_raster(path, pixels, crs=UTM["crs"], transform=transform)


def jobs_of(folder: Path, mosaic: bool | str) -> list[SceneJob]:
    files = [SceneFile.of_raster(path) for path in sorted(folder.rglob("*.tif"))]
    return find_jobs(files, FACTS, PredictConfig(input=str(folder), output="out", mosaic=mosaic))


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Two chips side by side, and one of the same grid far away."""
    for name, cell in (("east_b", (0, 1)), ("east_a", (0, 0)), ("far", (9, 9))):
        write_chip(tmp_path / f"{name}.tif", cell)
    return tmp_path


def test_images_that_adjoin_are_told_to_be_mapped_one_by_one(pair, caplog):
    names = [job.name for job in jobs_of(pair, mosaic=True)]
    assert names == ["east_a", "east_b", "far"]
    [line] = caplog.messages
    assert line.startswith(f"2 images {TOLD}, such as east_a.tif and east_b.tif") and "mosaic=georeference" in line


def test_noise_of_chips_laid_into_a_scene_is_not_ignored(pair):
    laid = next(job for job in jobs_of(pair, mosaic="georeference") if len(job.tiles) > 1)
    with pytest.raises(UserError, match="remove_noise= is for Sentinel-1 products"):
        laid.open(ReadingOptions(remove_noise=True))


def test_nothing_is_told_where_that_is_meant(pair, caplog):
    assert len(jobs_of(pair, mosaic=False)) == 3
    assert not caplog.messages


def test_images_that_adjoin_are_one_scene_where_that_is_asked_for(pair, caplog):
    scene, far = jobs_of(pair, "georeference")
    assert scene.name == "east" and far.name == "far"
    assert {file.name: cell for file, cell in scene.tiles.items()} == {"east_a": (0, 0), "east_b": (0, 1)}
    assert not caplog.messages


@pytest.mark.parametrize(
    ("cell", "size", "crs"),
    [((0, 1.5), TILE, "EPSG:32631"), ((0, 2), TILE, "EPSG:32631"), ((0, 1), TILE, "EPSG:32632"), ((0, 1), 16, None)],
)
def test_images_that_only_overlap_or_lie_apart_or_on_another_grid_are_no_scene(tmp_path, caplog, cell, size, crs):
    write_chip(tmp_path / "a.tif", (0, 0))
    path = write_chip(tmp_path / "b.tif", cell, size=size)
    if crs == "EPSG:32632":
        write_raster(path, np.full((TILE, TILE), 30000, np.uint16), crs=crs, transform=UTM["transform"])
    assert len(jobs_of(tmp_path, "georeference")) == len(jobs_of(tmp_path, mosaic=True)) == 2
    assert not caplog.messages


def test_pictures_without_a_place_are_no_scene(tmp_path, caplog):
    for name in ("a", "b"):
        write_raster(tmp_path / f"{name}.tif", np.full((TILE, TILE), 30000, np.uint16))
    assert len(jobs_of(tmp_path, "georeference")) == 2 and len(jobs_of(tmp_path, mosaic=True)) == 2
    assert not caplog.messages


def test_images_of_two_days_are_refused_with_what_to_do(tmp_path):
    for day in ("day1", "day2"):
        for column in (0, 1):
            write_chip(tmp_path / f"{day}_{column}.tif", (0, column))
    with pytest.raises(UserError, match=r"day2_0\.tif lies where another image .* one scene at a time"):
        jobs_of(tmp_path, "georeference")


@pytest.mark.parametrize(
    ("names", "scene"),
    [
        (("chip001", "chip002"), "chip"),
        (("041869_000003", "041869_000004"), "041869"),
        (("a", "b"), "folder"),
    ],
)
def test_a_scene_is_called_as_its_images_begin_or_as_their_folder(tmp_path, names, scene):
    for column, name in enumerate(names):
        write_chip(tmp_path / "folder" / f"{name}.tif", (0, column))
    assert [job.name for job in jobs_of(tmp_path / "folder", "georeference")] == [scene]


def test_mosaic_takes_no_other_word():
    assert compose("predict", ["input=a", "output=b", "mosaic=georeference"]).mosaic == "georeference"
    with pytest.raises(UserError, match="mosaic=place: expected true, false or georeference"):
        compose("predict", ["input=a", "output=b", "mosaic=place"])


def test_the_map_of_chips_laid_by_georeference_is_that_of_their_scene(trained, scene, image, tmp_path, caplog):
    whole = mapped(trained, scene, tmp_path / "whole")
    chips = tmp_path / "chips"
    for row in range(ROWS):
        for column in range(COLUMNS):
            top, bottom, left, right = chip_box((row, column), (TILE, TILE))
            write_chip(chips / f"a-r{row}c{column}.tif", (row, column), image[top:bottom, left:right])
    with caplog.at_level(logging.WARNING):
        laid = mapped(trained, chips, tmp_path / "laid", mosaic="georeference")
    assert TOLD not in caplog.text and list(table(laid)) == ["a"]
    np.testing.assert_array_equal(band(laid / "a.probability.tif"), band(whole / "a.probability.tif"))
    assert table(laid)["a"]["seeps"] == table(whole)["a"]["seeps"]
    assert table(laid)["a"]["area"] == table(whole)["a"]["area"]
