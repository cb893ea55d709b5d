"""The templates of a metric in docs/extending.md work as they stand, and what does not fit is one line."""

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning.errors import UserError
from seep_lightning.metrics.configured import ConfiguredMetrics
from seep_lightning.training.session import train

SECTION = "A metric"
MCC = {"_target_": "torchmetrics.classification.BinaryMatthewsCorrCoef"}


@pytest.mark.slow
def test_the_template_is_trained_with_by_its_own_command(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    commands = [text for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    _, _, _, *arguments = commands[-1].split()
    settings = ["trainer.max_epochs=2", "monitor=mcc/val", "hydra.run.dir=run", "data=seeps", f"data.root={root}"]
    done = seep("train", *arguments, *settings, GRID, *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = curve(tmp_path / "run")
    assert all(0 <= float(row["missed_chips/val"]) <= 1 for row in rows)
    assert all(-1 <= float(row["mcc/val"]) <= 1 for row in rows)


def test_a_metric_of_torchmetrics_needs_no_file(compose_tiny: Callable[..., Any], tmp_path: Path) -> None:
    commands = [text for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    setting = commands[0].split('"')[1]
    run = train(compose_tiny(setting), tmp_path / "run").run
    assert "mcc/val" in curve(run.dir)[-1]
    assert run.config.metrics == {"mcc": MCC}


def test_the_least_is_the_best_where_the_metric_says_so(compose_tiny: Callable[..., Any], tmp_path: Path) -> None:
    node = "metrics={hinge: {_target_: torchmetrics.classification.BinaryHingeLoss}}"
    run = train(compose_tiny(node, "monitor=hinge/val"), tmp_path / "run").run
    assert run.summary()["best"]["score"] == min(float(row["hinge/val"]) for row in curve(run.dir))


def test_nodata_counts_nowhere() -> None:
    probability = torch.tensor([0.9, 0.1, 0.8, 0.9]).view(1, 1, 2, 2)
    target = torch.tensor([3, 0, 1, 0]).view(1, 1, 2, 2)
    valid = torch.tensor([True, True, True, False]).view(1, 1, 2, 2)
    configured = ConfiguredMetrics({"mcc": MCC, "none": None})
    configured.update(probability, target, valid)
    assert {name: float(metric.compute()) for name, metric in configured.metrics().items()} == {"mcc": 1.0}


def test_a_metric_that_takes_valid_sees_whole_chips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    metric = importlib.import_module("my_metrics").MissedChips()
    target = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    target[:2, :, 0] = 2
    probability = 0.9 * (target[[0, 2, 2]] > 0)
    metric.update(probability, target, torch.ones_like(target, dtype=torch.bool))
    assert float(metric.compute()) == 0.5


@pytest.mark.parametrize(
    ("name", "node", "message"),
    [
        ("mcc", "torchmetrics.classification.BinaryMatthews", "cannot import it"),
        ("mcc", "pathlib.Path", "metrics.mcc._target_=pathlib.Path is not a torchmetrics"),
        ("curve", "torchmetrics.classification.BinaryROC", "BinaryROC does not give one number"),
        ("dice", MCC["_target_"], "dice is one of our own figures. Choose another name"),
    ],
)
def test_what_does_not_fit_is_one_line_before_the_training(
    name: str, node: str, message: str, compose_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        train(compose_tiny(f"metrics={{{name}: {{_target_: {node}}}}}"), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "torchmetrics.text.Perplexity"}, "Perplexity does not take probabilities in 0..1 .*dimension"),
        ({"_target_": "torchmetrics.Accuracy", "task": "multiclass", "num_classes": 2}, "MulticlassAccuracy does not"),
    ],
)
def test_a_metric_for_other_values_is_refused(node: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        ConfiguredMetrics({"other": node})
    assert "\n" not in str(caught.value)


def test_a_metric_starts_from_nothing_after_its_trial() -> None:
    metric = ConfiguredMetrics({"mcc": MCC}).metrics()["mcc"]
    assert not metric.update_called
    assert math.isfinite(float(metric.confmat.sum())) and float(metric.confmat.sum()) == 0
