"""A scene's layout does not depend on its name: 95001 begins like the generated scenes, A5001 like none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seep_lightning
from helpers.chips import TINY
from helpers.rasters import write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.data.mosaic import chip_box
from seep_lightning.mapping.jobs import find_jobs
from seep_lightning.runs.checkpoints import read_checkpoint
from seep_lightning.scene.scene_file import SceneFile

ROWS, COLUMNS, SIZE = 3, 4, 256
WEIGHTS = Path(seep_lightning.__file__).with_name("weights")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The same 12 chips under two names."""
    home = tmp_path_factory.mktemp("strangers")
    image, _ = generate_scene((5, 0), ROWS * SIZE, COLUMNS * SIZE)
    chips: dict[str, list[Path]] = {"95001": [], "A5001": []}
    for scene, paths in chips.items():
        (home / scene).mkdir()
        for tile in range(ROWS * COLUMNS):
            top, bottom, left, right = chip_box(divmod(tile, COLUMNS), (SIZE, SIZE))
            path = home / scene / f"{scene}.{tile:06d}.tif"
            paths.append(write_raster(path, image[top:bottom, left:right]))
    return chips


def facts_of(network: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a network knows of its data: one of those in the package, or of a training on generated chips."""
    if network != "synthetic":
        return dict(read_checkpoint(WEIGHTS / f"{network}.pt")["hyper_parameters"]["facts"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    config = compose("train", [*TINY, "data.synthetic.chips=12", "data.synthetic.scenes=3"])
    return SeepDataModule(config.data, config.split, []).facts()


@pytest.mark.parametrize("network", ["seeps", "generated", "synthetic"])
def test_the_same_chips_have_one_layout_whatever_they_are_called(
    network: str, strangers: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = facts_of(network, tmp_path, monkeypatch)
    for scene, paths in strangers.items():
        config = PredictConfig(input=str(paths[0].parent), output="out")
        (job,) = find_jobs([SceneFile.of_raster(path) for path in paths], facts, config)
        cells = np.array(list(job.tiles.values()))
        height, width = SIZE * (1 + cells.max(axis=0))
        assert (job.name, width, height) == (scene, 1024, 768)


def test_a_checkpoint_keeps_whole_names_of_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_of("synthetic", tmp_path, monkeypatch)
    assert list(facts["grid"]) == ["900001.", "900002.", "900003."]
    assert facts["grid"]["900001."] == {"columns": 10, "offset": 0}
