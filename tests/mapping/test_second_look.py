"""`predict second_look=`: a judge scores the outlines, and leaves some out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from helpers.maps import mapped, table
from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.mapping.scene_history import SceneHistory
from seep_lightning.mapping.table import read_rows
from seep_lightning.predict import second_look_line
from seep_lightning.scene.object_features import PLACE_FEATURES
from seep_lightning.scene.options import Thresholds
from seep_lightning.scene.raster import Raster
from seep_lightning.sources.history import History

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
    row = table(out)["a"]
    left_out = len(scores) - len(kept)
    text = f"second look: {left_out} of {len(scores)} outlines left out (p_right below 0.82)"
    assert (row["seeps"], row["left_out"]) == (str(len(kept)), str(left_out)) and row["notes"].endswith(f"{text}.")
    assert second_look_line([read_rows(out / "scenes.csv")["a"]], strict) == text
    told = pyogrio.read_info(out / "a.gpkg", layer="seeps")["layer_metadata"]["SEEP_LIGHTNING_SECOND_LOOK"]
    assert told.startswith("judge-0.82.json") and "least score 0.82, taught on nothing" in told


def test_a_judge_takes_the_recurrence_at_an_object_from_the_history(trained: Path, scene: Path, tmp_path: Path) -> None:
    judge = write_judge(tmp_path / "judge.json", 0.0)
    # the logit of a score is the log odds of recurrence
    known = {"features": ["recurrence"], "deviations": [1.0], "weights": [0.0, 1.0, 0.0]}
    judge.write_text(json.dumps(json.loads(judge.read_text()) | known))
    with pytest.raises(UserError, match=r"judge.json was taught with recurrence, and history= is missing") as error:
        mapped(trained, scene, tmp_path / "no", second_look=str(judge), **OPTIONS)
    assert "\n" not in str(error.value)
    with rasterio.open(scene) as dataset:
        corner, crs = dataset.transform, dataset.crs
    seen, looked = np.ones((20, 20), np.uint16), np.full((20, 20), 10, np.uint16)
    # the trained network's objects lie above each other
    seen[:10] = 9
    far = write_days(tmp_path / "far.tif", seen, looked, Affine(32, 0, 9e6, 0, -32, 9e6), crs)
    days = write_days(
        tmp_path / "recurrence.tif", seen, looked, corner @ Affine.translation(-256, -272) @ Affine.scale(32), crs
    )
    options = OPTIONS | {"second_look": str(judge), "history_weight": 0}
    out = mapped(trained, scene, tmp_path / "out", history=str(far), **options)
    # elsewhere every place is as likely as another
    assert scores_of(out)[1] == pytest.approx(0.5)
    before = (out / "a.probability.tif").stat().st_mtime_ns
    with pytest.raises(UserError, match="is there already"):
        mapped(trained, scene, out, history=str(days), **options)
    mapped(trained, scene, out, history=str(days), overwrite=True, **options)
    assert (out / "a.probability.tif").stat().st_mtime_ns == before
    history, config = History.of(days), PredictConfig(input="", output="", history_weight=0)
    with Raster(scene) as raster:
        local = SceneHistory.of(history, raster, config, np.zeros((1, 2))).smoothed(PLACE_FEATURES["recurrence"])
    middles, scores = scores_of(out)
    assert np.log(scores / (1 - scores)) == pytest.approx(local.at(middles), abs=0.05) and np.ptp(scores) > 0.1
    told = pyogrio.read_info(out / "a.gpkg", layer="seeps")["layer_metadata"]
    assert "recurrence of recurrence.tif" in told["SEEP_LIGHTNING_SECOND_LOOK"] and "SEEP_LIGHTNING_HISTORY" not in told
    assert "second look alone" in table(out)["a"]["notes"]
    with pytest.raises(UserError, match=r"history_weight=0: the history adds nothing"):
        mapped(trained, scene, out, history=str(days), **options | {"second_look": None})


def scores_of(out: Path) -> tuple[Any, Any]:
    """The middles of a map's outlines, (N, 2), and their scores."""
    _, _, shapes, (scores,) = pyogrio.raw.read(out / "a.gpkg", layer="seeps", columns=["p_right"])
    return shapely.get_coordinates(shapely.centroid(shapely.from_wkb(shapes))), scores


def write_days(path: Path, seen: Any, looked: Any, transform: Affine, crs: Any) -> Path:
    """A raster of recurrence."""
    height, width = seen.shape
    with rasterio.open(
        path, "w", "GTiff", width, height, 2, crs=crs, transform=transform, dtype="uint16", nodata=65535
    ) as dataset:
        dataset.write(np.stack([seen, looked]))
        dataset.descriptions = ("days_seen", "days_looked")
    return path


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
