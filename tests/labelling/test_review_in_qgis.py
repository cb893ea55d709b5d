"""The layer of a review in QGIS itself: the column of answers is a list to choose from, and comes back."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.paths import ROOT
from seep_lightning.labelling.answers import read_answers
from seep_lightning.labelling.review import WrittenReview

# the Python of QGIS is that of the system
QGIS_PYTHON = "/usr/bin/python3"


@pytest.mark.qgis
def test_an_answer_is_chosen_from_a_list_and_comes_back(written: WrittenReview, tmp_path: Path) -> None:
    layer = Path(shutil.copy(written.layer, tmp_path))
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG"))}
    environment = own | {"HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    command = [QGIS_PYTHON, str(ROOT / "tests" / "helpers" / "answer_in_qgis.py"), str(layer), "unsure"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["widget"] == "ValueMap"
    assert facts["values"] == ["", "keep", "drop", "redraw", "unsure"]
    assert facts["saved"]
    assert read_answers(layer).answers == {int(facts["number"]): "unsure"}
