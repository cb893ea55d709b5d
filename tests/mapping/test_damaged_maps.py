"""A map that was cut off, emptied or damaged since it was finished does not count as finished."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from helpers.maps import band, mapped, table
from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError


@pytest.fixture
def finished(trained: Path, image: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A scene, and the folder of its finished map."""
    scene = write_raster(tmp_path / "scene.tif", image, **UTM)
    return scene, mapped(trained, scene, tmp_path / "out", picture=True)


@pytest.mark.parametrize("name", ["scene.probability.tif", "scene.mask.tif"])
@pytest.mark.parametrize("damage", ["cut", "cut to nothing but a beginning", "empty", "zeros"])
def test_a_damaged_raster_is_made_again(
    damage: str, name: str, trained: Path, finished: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    scene, out = finished
    if damage == "zeros" and "mask" in name:
        pytest.skip("so small that its end holds no pixel")
    path = out / name
    whole = path.read_bytes()
    end = len(whole) // 8
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) - 20])
        case "cut to nothing but a beginning":
            path.write_bytes(whole[:100])
        case "empty":
            path.write_bytes(b"")
        case "zeros":
            path.write_bytes(whole[:-end] + bytes(end))
    pixels_before = {file.name: band(file) for file in out.glob("*.tif") if file != path}
    with caplog.at_level(logging.WARNING):
        mapped(trained, scene, out, picture=True)
    assert damage == "empty" or f"{name} is damaged" in caplog.text
    assert path.read_bytes() == whole
    for other, pixels in pixels_before.items():
        assert np.array_equal(band(out / other), pixels)


def test_a_raster_that_claims_another_size_is_not_read_to_its_end(
    trained: Path, finished: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    scene, out = finished
    path = out / "scene.probability.tif"
    whole = path.read_bytes()
    with rasterio.open(path) as dataset:
        side, tags, profile = dataset.width, dataset.tags(), dataset.profile
    # sparse: a gigapixel without a byte
    claimed = {**profile, "width": 1 << 16, "height": 1 << 16, "sparse_ok": True, "BIGTIFF": "YES"}
    with rasterio.open(path, "w", **claimed) as dataset:
        dataset.update_tags(**tags)
    with caplog.at_level(logging.WARNING):
        mapped(trained, scene, out, picture=True)
    assert f"claims 65536 x 65536 px, the scene has {side} x" in caplog.text
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", ["cut", "empty", "words"])
def test_damaged_outlines_are_made_again_and_kept_aside(
    damage: str, trained: Path, finished: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    scene, out = finished
    path = out / "scene.gpkg"
    whole = path.read_bytes()
    content = {"cut": whole[: len(whole) // 2], "empty": b"", "words": b"no database at all"}[damage]
    path.write_bytes(content)
    before = table(out)["scene"]["seeps"]
    mapped(trained, scene, out, picture=True)
    assert len(path.read_bytes()) == len(whole)
    assert table(out)["scene"]["seeps"] == before
    if damage != "empty":
        assert (out / "scene.gpkg.damaged").read_bytes() == content
        assert "scene.gpkg is damaged: it is kept as scene.gpkg.damaged" in caplog.text


def test_outlines_that_an_analyst_changed_stay(trained: Path, finished: tuple[Path, Path]) -> None:
    import sqlite3
    from contextlib import closing

    scene, out = finished
    with closing(sqlite3.connect(out / "scene.gpkg")) as database:
        database.execute("UPDATE layer_styles SET styleName = 'my own'")
        database.commit()
    changed = (out / "scene.gpkg").read_bytes()
    mapped(trained, scene, out, picture=True)
    assert (out / "scene.gpkg").read_bytes() == changed


def test_a_picture_that_is_missing_or_empty_is_drawn_again(trained: Path, finished: tuple[Path, Path]) -> None:
    scene, out = finished
    picture = out / "scene.png"
    whole = picture.read_bytes()
    outlines = (out / "scene.gpkg").read_bytes()
    for damage in (picture.unlink, lambda: picture.write_bytes(b"")):
        damage()
        mapped(trained, scene, out, picture=True)
        assert picture.read_bytes() == whole
    assert (out / "scene.gpkg").read_bytes() == outlines


def test_a_file_that_is_no_map_is_not_replaced(trained: Path, finished: tuple[Path, Path]) -> None:
    scene, out = finished
    (out / "scene.probability.tif").write_bytes(b"somebody's notes")
    with pytest.raises(UserError, match="is there already, from another model"):
        mapped(trained, scene, out, picture=True)
    assert (out / "scene.probability.tif").read_bytes() == b"somebody's notes"
