"""`predict second_look=`: a judge scores the outlines, and leaves some out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest

from helpers.maps import mapped, table
from seep_lightning.errors import UserError
from seep_lightning.scene.options import Thresholds

OPTIONS: dict[str, Any] = {"thresholds": Thresholds(0.5, 0.5), "min_area": None}


def write_judge(path: Path, least: float) -> Path:
    """A judge for which the logit of an object is log(area in px) - log(100)."""
    judge = {
        "features": ["log_area_px"], "means": [0.0], "deviations": [2.0], "weights": [-np.log(100), 2.0, 0.0],
        "least": least, "taught_on": "nothing", "format": 1,
    }  # fmt: skip
    path.write_text(json.dumps(judge))
    return path


def test_outlines_have_scores_and_those_too_low_are_left_out(trained: Path, scene: Path, tmp_path: Path) -> None:
    lenient, strict = (write_judge(tmp_path / f"judge-{least}.json", least) for least in (0.0, 0.82))
    out = mapped(trained, scene, tmp_path / "out", second_look=str(lenient), **OPTIONS)
    _, _, _, (areas, scores) = pyogrio.raw.read(out / "a.gpkg", layer="seeps", columns=["area_m2", "p_right"])
    pixels = areas / 100
    assert len(pixels) > 1 and pixels.min() >= 20
    assert scores == pytest.approx(pixels / (pixels + 100), rel=0.01)
    with pytest.raises(UserError, match="is there already"):
        mapped(trained, scene, out, second_look=str(strict), **OPTIONS)
    mapped(trained, scene, out, second_look=str(strict), overwrite=True, **OPTIONS)
    kept = pyogrio.raw.read(out / "a.gpkg", layer="seeps", columns=["p_right"])[3][0]
    assert sorted(kept) == sorted(scores[scores >= 0.82]) and 0 < len(kept) < len(scores)
    assert table(out)["a"]["seeps"] == str(len(kept))
    told = pyogrio.read_info(out / "a.gpkg", layer="seeps")["layer_metadata"]["SEEP_LIGHTNING_SECOND_LOOK"]
    assert told.startswith("judge-0.82.json") and "least score 0.82, taught on nothing" in told


@pytest.mark.parametrize(
    ("change", "message"),
    [({"features": ["colour"]}, "of another version"), ({"weights": [1.0]}, "not of one length"), (None, "JSON")],
)
def test_what_is_no_judge_is_told_in_a_line(
    trained: Path, scene: Path, tmp_path: Path, change: Any, message: str
) -> None:
    path = write_judge(tmp_path / "judge.json", 0.5)
    path.write_text("no" if change is None else json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message) as error:
        mapped(trained, scene, tmp_path / "out", second_look=str(path))
    assert "judge.json" in str(error.value) and "\n" not in str(error.value)
