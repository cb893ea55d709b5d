"""Figures that an independent script confirms, on the masks that were written."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.chips import make_chips, seeps_config
from helpers.masks import read, rescored
from seep_lightning import load
from seep_lightning.config.commands import EvaluateConfig, PredictConfig
from seep_lightning.data.loading import load_chips
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.mapping.scenes import predict
from seep_lightning.metrics.baseline import dark_threshold
from seep_lightning.reporting.tables import print_evaluation


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may write into."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.mark.parametrize("part", ["train", "val", "test", "all"])
def test_the_written_masks_have_the_written_figures(run: Path, trained: Path, part: str) -> None:
    summary = evaluate(EvaluateConfig(run=str(run), part=part))
    out = run / "evaluate" / part
    again = rescored(out, trained.parent / "chips")
    assert {k: summary["figures"][k] for k in again} == pytest.approx(again, abs=1e-9)
    assert json.loads((out / "summary.json").read_text())["figures"] == summary["figures"]
    names = (out / "names.txt").read_text().split()
    with (run / "split.csv").open() as file:
        expected = [row["name"] for row in csv.DictReader(file) if part in (row["part"], "all")]
    assert names == expected
    with (out / "chips.csv").open() as file:
        dice = [float(row["dice"]) for row in csv.DictReader(file)]
    assert dice == sorted(dice)
    assert len(dice) == len(names)
    assert np.mean(dice) == pytest.approx(summary["figures"]["dice_per_chip"])


def test_validation_scores_as_it_did_in_training(run: Path) -> None:
    training = json.loads((run / "summary.json").read_text())
    figures = evaluate(EvaluateConfig(run=str(run), part="val"))
    assert figures["figures"] == pytest.approx(training["figures"]["val"])
    assert training["figures"]["val_before_scaling"]["dice"] == pytest.approx(training["best"]["score"], abs=1e-6)
    assert figures["figures"]["dice"] >= figures["figures_at_0.5"]["dice"] - 1e-3  # it was tuned on these chips
    assert figures["calibration_error"] < 0.1  # so was the scaling


def test_other_data_are_scored_whole(run: Path, tmp_path: Path) -> None:
    other = make_chips(tmp_path / "other", scenes=2, seed=5)
    config = EvaluateConfig(run=str(run))
    config.data.root = str(other)
    summary = evaluate(config)
    assert summary["data"]["chips"] == 12
    assert summary["part"] == "all"
    assert {k: summary["figures"][k] for k in ("dice",)} == pytest.approx(
        {"dice": rescored(run / "evaluate" / "other", other)["dice"]}
    )


def test_the_same_data_elsewhere_keep_their_split(run: Path, trained: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(trained.parent / "chips", tmp_path / "moved")
    config = EvaluateConfig(run=str(run))
    config.data.root = str(moved)
    assert evaluate(config)["part"] == "test"


def test_changed_data_are_refused(run: Path, tmp_path: Path) -> None:
    text = (run / "config.yaml").read_text()
    other = make_chips(tmp_path / "other", seed=9)
    root = next(line for line in text.splitlines() if line.strip().startswith("root:"))
    (run / "config.yaml").write_text(text.replace(root, f"  root: {other}", 1))
    with pytest.raises(UserError, match="have changed since"):
        evaluate(EvaluateConfig(run=str(run)))


def test_nothing_is_overwritten_unless_asked(run: Path) -> None:
    evaluate(EvaluateConfig(run=str(run)))
    with pytest.raises(UserError, match="overwrite=true"):
        evaluate(EvaluateConfig(run=str(run)))
    assert evaluate(EvaluateConfig(run=str(run), overwrite=True, threshold=0.9))["threshold"] == 0.9
    assert not list((run / "evaluate").glob(".*"))


def test_the_floor_is_the_best_dark_cut(tmp_path: Path) -> None:
    chips = load_chips(seeps_config(make_chips(tmp_path / "chips")))
    dice, cut = dark_threshold(chips, list(range(len(chips))))
    assert dice > 0.8  # bars at half the brightness of the sea
    assert 0.5 < cut < 0.9


def test_load_gives_a_callable_on_arrays(trained: Path) -> None:
    predictor = load(trained)
    image = read(sorted((trained.parent / "chips" / "train_images_256").iterdir())[0])
    probability = predictor(image)
    assert probability.shape == image.shape
    assert probability.dtype == np.float32
    assert (probability[image == 0] == 0).all()
    assert 0 < probability.max() <= 1
    assert np.array_equal(probability, predictor(image[None]))
    assert predictor(image[:30, :17]).shape == (30, 17)
    with pytest.raises(UserError, match="float64"):
        predictor(image.astype(float))


def test_chips_mapped_alone_have_the_masks_that_were_scored(run: Path, trained: Path, tmp_path: Path) -> None:
    root, level = trained.parent / "chips", load(run).threshold
    evaluate(EvaluateConfig(run=str(run), part="all"))
    options = {"chips": True, "mosaic": False, "polygons": False}
    rows = predict(PredictConfig(run=str(run), input=str(root), output=str(tmp_path / "maps"), **options))
    names = sorted(p.name for p in (root / "train_images_256").iterdir())
    assert [f"{row.name}.tif" for row in rows] == names
    for name in names:
        image, stored = read(root / "train_images_256" / name), read(tmp_path / "maps" / "probabilities" / name)
        expected = load(run)(image)
        assert ((stored == 0) == (image == 0)).all()
        assert np.abs((stored[stored > 0] - 1.0) / 254 - expected[stored > 0]).max() <= 0.5 / 254 + 1e-6
        differ = read(tmp_path / "maps" / "masks" / name) != read(run / "evaluate" / "all" / "masks" / name)
        assert np.abs(expected[differ] - level).max(initial=0) < 1 / 254  # the map's mask is that of its 8 bits
    name = names[0]
    one = str(root / "train_images_256" / name)
    predict(PredictConfig(run=str(run), input=one, output=str(tmp_path / "one"), **options))
    assert np.array_equal(read(tmp_path / "one/probabilities" / name), read(tmp_path / "maps/probabilities" / name))


def test_a_network_that_is_scored_on_its_own_outlines_is_told_so(run: Path, tmp_path: Path, capsys) -> None:
    other = make_chips(tmp_path / "other", scenes=2, seed=5)
    config = EvaluateConfig(run=str(run), overwrite=True)
    config.data.root = str(other)
    assert "leakage" not in evaluate(config)
    for models, expected in (
        ({}, None),
        ({"seeps": 30}, "30 of 40 outlines WERE DRAWN BY THE NETWORK seeps"),
        (
            {"seeps": 30, "seeps + run": 7},
            "37 of 40 outlines WERE DRAWN BY THE NETWORKS seeps (30), seeps + run (7); "
            "THIS NETWORK IS SCORED ON ITS OWN OUTLINES, 7 of 40",
        ),
    ):
        (other / "dataset.json").write_text(json.dumps({"outlines": {"used": 40, "models": models}}))
        summary = evaluate(config)
        assert summary.get("leakage") == expected
    print_evaluation(summary)
    assert "THIS NETWORK IS SCORED ON ITS OWN OUTLINES, 7 of 40" in capsys.readouterr().out
