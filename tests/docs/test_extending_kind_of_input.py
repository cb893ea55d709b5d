"""The kind of input in docs/extending.md works as it stands: scenes of it are found, mapped and told about."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest

from helpers.documents import write_blocks
from helpers.rasters import UTM, write_raster
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.inputs import find_scenes
from seep_lightning.mapping.scenes import predict
from seep_lightning.scene.inputs import kinds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a raster of floats below it, and what is known of the raster."""
    power = np.random.default_rng(0).gamma(5, 0.01, (96, 96)).astype(np.float32)
    power[40:50, 20:80] *= 0.2
    (tmp_path / "scenes" / "data").mkdir(parents=True)
    write_raster(tmp_path / "scenes" / "data" / "a.tif", power, **UTM)
    about = {"name": "R2_20210401", "raster": "data/a.tif", "mission": "Radarsat-2", "time": "2021-04-01T05:26:23Z"}
    (tmp_path / "scenes" / "a.scene.json").write_text(json.dumps(about))
    return tmp_path / "scenes"


def test_scenes_of_the_template_are_found_and_mapped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_blocks("extending.md", "A kind of input", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    from described_scenes import DESCRIBED  # type: ignore[import-not-found]

    monkeypatch.setattr(kinds, "SCENE_KINDS", (DESCRIBED, *kinds.SCENE_KINDS))
    assert [scene.name for scene in find_scenes("input", str(folder))] == ["R2_20210401"]
    # scale and calibration are known
    (row,) = predict(PredictConfig(input=str(folder), output=str(tmp_path / "maps"), device="cpu", min_area=1))
    assert row.seeps
    layer = pyogrio.raw.read(tmp_path / "maps" / "R2_20210401.gpkg", columns=["mission", "time", "contrast_db"])
    columns = dict(zip(layer[0]["fields"], layer[3], strict=True))
    assert set(columns["mission"]) == {"Radarsat-2"}
    assert set(columns["time"]) == {"2021-04-01T05:26:23Z"}
    assert columns["contrast_db"].min() < -3
