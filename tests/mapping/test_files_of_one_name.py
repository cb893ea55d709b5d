"""Chips in sub-folders, and pictures such as JPG: what is mapped from a folder, and what the maps are called."""

from pathlib import Path

import numpy as np
import pytest

from helpers.rasters import write_raster
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.inputs import find_scenes
from seep_lightning.mapping.scenes import predict


def write_picture(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(level)
    write_raster(path, rng.normal(level, 9, (32, 32)).clip(1, 255).astype(np.uint8), driver="PNG")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two folders with files of the same names."""
    for folder, level in (("A", 90), ("B", 150)):
        write_picture(tmp_path / "set" / folder / "1.png", level)
        write_picture(tmp_path / "set" / folder / f"only_{folder}.png", level)
    return tmp_path / "set"


def test_files_of_one_name_have_maps_of_their_own(trained: Path, pictures: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    options = {"chips": True, "polygons": False, "device": "cpu"}
    rows = predict(PredictConfig(run=str(trained), input=f"{pictures}/*/*.png", output=str(maps), **options))
    names = ["A__1", "B__1", "only_A", "only_B"]
    assert sorted(row.name for row in rows) == names
    assert sorted(path.name for path in maps.glob("*.probability.tif")) == [f"{name}.probability.tif" for name in names]
    assert sorted(path.name for path in (maps / "masks").iterdir()) == [f"{name}.png" for name in names]


def test_pictures_are_scenes_only_where_there_are_no_others(tmp_path: Path) -> None:
    for name in ("a.tif", "a.jpg", "b.webp"):
        (tmp_path / name).touch()
    assert [scene.path.name for scene in find_scenes("input", str(tmp_path))] == ["a.tif"]
    (tmp_path / "a.tif").unlink()
    assert [scene.path.name for scene in find_scenes("input", str(tmp_path))] == ["a.jpg", "b.webp"]
