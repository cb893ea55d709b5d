"""What stored configs of older versions mean by keys that they did not have."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from seep_lightning.predictor.base import Predictor
from seep_lightning.runs.directory import Run


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"bands": ["VV", "VH"]}, "any"),
        ({"bands": ["VV", "VH"], "nodata_bands": "all"}, "all"),
        ({"bands": ["VV"]}, "all"),
        ({}, "all"),
    ],
)
def test_a_stored_run_of_several_bands_keeps_its_rule_for_nodata(tmp_path: Path, data: Any, expected: str) -> None:
    parts = ("model", "loss", "optimizer", "scheduler", "callbacks", "logger")
    stored = {part: {"_target_": "torch.nn.Identity"} for part in parts} | {"data": data}
    OmegaConf.save(OmegaConf.create(stored), tmp_path / "config.yaml")
    assert Run(tmp_path).config.data.nodata_bands == expected


def test_a_checkpoint_without_the_younger_facts_takes_nodata_in_any_band_and_no_floats() -> None:
    facts = {"normalise": {"kind": "scale", "log": False}, "nodata": 0, "bands": 2, "classes": 1, "band names": [1, 2]}
    network = Predictor(facts, 0.5)
    assert (network.nodata_bands, network.value_range, network.is_grey) == ("any", None, False)
