"""Networks of older versions, whose checkpoints tell less of their chips."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.inputs import find_scenes
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import find_jobs
from seep_lightning.mapping.networks import tiling_of


def test_without_a_pattern_each_image_is_a_scene_of_its_own(chips_root: Path, tmp_path: Path) -> None:
    images = chips_root / "train_images_256"
    files = find_scenes("input", str(images))
    config = PredictConfig(run="", input=str(images), output=str(tmp_path))
    jobs = find_jobs(files, {}, config)
    assert len(jobs) == len(files)


def test_without_a_size_of_chips_the_window_must_be_given() -> None:
    network: Any = SimpleNamespace(normalise=SimpleNamespace(kind="chip"), facts={}, name="old")
    with pytest.raises(UserError, match="old does not tell the size of its chips. Pass it as window=256"):
        tiling_of([network], PredictConfig(run="", input="", output=""))
    assert tiling_of([network], PredictConfig(run="", input="", output="", window=64)).window == 64
