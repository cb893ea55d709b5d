"""The layers of `seep sources` in QGIS itself: each has its style, with one colour scale for days with a slick."""

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.map_days import write_map
from helpers.paths import ROOT
from seep_lightning.config.commands import SourcesConfig
from seep_lightning.sources.collecting import collect_sources
from seep_lightning.sources.day_colours import DAY_STEPS

# the Python of QGIS is that of the system
QGIS_PYTHON = "/usr/bin/python3"


@pytest.mark.qgis
def test_layers_and_raster_have_one_scale(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    for day in range(4):
        write_map(maps, f"S1_2018010{day + 1}T054412", [np.s_[40:48, 30 : 60 + 4 * day]])
    out = tmp_path / "out"
    collect_sources(SourcesConfig(maps=str(maps), output=str(out), permutations=20, level=0.1))
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG"))}
    environment = own | {"HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    picture = tmp_path / "picture.png"
    command = [QGIS_PYTHON, str(ROOT / "tests" / "helpers" / "sources_in_qgis.py"), str(out), str(picture)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    labels = [f"days with a slick: {step.values}" for step in DAY_STEPS]
    attributes = {"sources": "days_seen", "origins": "days_seen", "slicks": "days_here"}
    for layer, attribute in attributes.items():
        assert facts[layer]["attribute"] == attribute
        assert facts[layer]["labels"] == labels
    assert facts["recurrence"]["labels"] == ["days with a slick: 0", *labels]
    assert "area a day (m²)" in facts["sources"]["aliases"]
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    red, green, blue = next(step.colour for step in DAY_STEPS if step.values == "3 to 4")
    assert (np.abs(drawn.astype(int) - (blue, green, red)).max(axis=2) < 40).any()
