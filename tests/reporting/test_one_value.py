"""One figure has one name and one value: on the terminal, in JSON, CSV, TensorBoard, the report and the comparison."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.trainings import curve
from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.metrics.figures import DICE, before_scaling, pooled_pixel_figures
from seep_lightning.metrics.objects import count_objects
from seep_lightning.metrics.summaries import object_summary
from seep_lightning.reporting.comparison import compare
from seep_lightning.reporting.page import report
from seep_lightning.reporting.page_text import curves
from seep_lightning.reporting.tables import print_evaluation
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_history
from seep_lightning.train import print_validation_figures
from seep_lightning.training.callback_states import name_states_as_now

KEYS = [figure.key for figure in pooled_pixel_figures()]


@pytest.fixture(scope="module")
def run(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("one") / "run"))


def cells_of(printed: str, row: str) -> list[str]:
    """The cells of a row of a printed table."""
    line = next(line for line in printed.splitlines() if line.startswith(f"│ {row} "))
    return re.findall(r"[\d.–]+", line.partition(row)[2])


def points(folder: Path, name: str) -> dict[int, float]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {point.step: point.value for point in events.Scalars(f"figures/{name}")}


def test_a_figure_of_a_run_has_one_value_wherever_it_stands(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = Run(run).summary()
    figures, unscaled, epoch = (*summary["figures"].values(), summary["best"]["epoch"] + 1)
    scored = evaluate(EvaluateConfig(run=str(run), part="val"))
    row = curve(run)[epoch - 1]
    for key in KEYS:
        assert scored["figures"][key] == pytest.approx(figures[key], abs=1e-6)
        assert float(row[f"{key}/val"]) == pytest.approx(figures[key], abs=1e-6)
        assert float(row[f"{before_scaling(key)}/val"]) == pytest.approx(unscaled[key], abs=1e-6)
        assert points(run / "val", key)[epoch] == pytest.approx(figures[key], abs=1e-6)
        assert points(run / "best", key) == {epoch: pytest.approx(figures[key], abs=1e-6)}
    assert figures["dice"] != pytest.approx(unscaled["dice"], abs=1e-3)  # or nothing was shown
    with (run / "evaluate/val/chips.csv").open() as file:
        chips = list(csv.DictReader(file))
    right, false, missed = (sum(int(chip[column]) for chip in chips) for column in ("tp", "fp", "fn"))
    assert 2 * right / (2 * right + false + missed) == pytest.approx(figures["dice"], abs=1e-6)
    assert compare([str(run)])[0].figures == figures
    print_validation_figures(Run(run))
    at_the_end = cells_of(capsys.readouterr().out, f"val, epoch {epoch}, tuned")
    print_evaluation(scored)
    printed = capsys.readouterr().out
    page = report(ReportConfig(run=str(run), device="cpu")).read_text()
    for number, figure in enumerate(pooled_pixel_figures()):
        tuned, at_half = (f"{scored[key][figure.key]:.3f}" for key in ("figures", "figures_at_0.5"))
        column = number + (number > 0)  # Dice within 2 px stands second
        assert at_the_end[number] == cells_of(printed, "tuned")[column] == tuned
        assert cells_of(printed, "at 0.5")[number] == at_half
        assert re.search(rf"<td>{figure.label}</td><td>{tuned}</td>.*<td>{at_half}</td></tr>", page)
    assert max(len(line) for line in printed.splitlines() if line.startswith("│")) <= 80


def test_what_no_object_was_predicted_for_is_a_dash(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = evaluate(EvaluateConfig(run=str(run), part="val", threshold=0.3, name="asked"))
    nothing, truth = np.zeros((2, 20, 20), bool)
    truth[:10] = True
    scored["objects"] = object_summary(count_objects(nothing, truth, ~nothing))
    assert "null" in json.dumps(scored["objects"])
    print_evaluation(scored)
    printed = capsys.readouterr().out
    assert cells_of(printed, "all") == ["1", "0", "0.000", "0", "0", "–"]
    assert "Object precision –" in printed
    assert cells_of(printed, "at 0.3")[0] == f"{scored['figures']['dice']:.3f}"
    assert "threshold in use: 0.3000\n" in printed


def test_figures_of_an_older_run_are_read_under_the_names_of_today(run: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(run, tmp_path / "old"))
    rows = read_history(old / "metrics.csv")
    with (old / "metrics.csv").open("w") as file:
        columns = [column for column in rows[0] if column not in {f"{key}/val" for key in KEYS}]
        table = csv.writer(file)
        table.writerow([column.replace("_before_scaling", "") for column in columns])
        table.writerows([row[column] for column in columns] for row in rows)
    config = (old / "config.yaml").read_text()
    (old / "config.yaml").write_text(config.replace("monitor: dice_before_scaling/val", "monitor: dice/val"))
    assert Run(old).config.monitor == "dice_before_scaling/val"
    for name in ("dice_before_scaling/val", "dice_before_scaling/train", "threshold_before_scaling/val"):
        assert [row[name] for row in read_history(old / "metrics.csv")] == [row[name] for row in rows]
    assert list(curves(read_history(old / "metrics.csv"), DICE)) == [
        "validation, before scaling",
        "training, before scaling",
    ]
    states = {"RunCheckpoint{'monitor': 'dice/val', 'mode': 'max'}": 1}
    name_states_as_now(states, ["RunCheckpoint{'monitor': 'dice_before_scaling/val', 'mode': 'max'}"])
    assert list(states.values()) == [1] and "before_scaling" in next(iter(states))
