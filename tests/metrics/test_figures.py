"""Figures are declared once: what is added to the declarations shows up everywhere, in the documentation too."""

import csv
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.paths import ROOT
from helpers.trainings import curve
from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.metrics.figures import (
    FIGURES,
    BatchFigure,
    ClassFigure,
    Figure,
    ObjectFigure,
    PixelFigure,
    ProbabilityFigure,
    ToleranceFigure,
    declared,
    lower_is_better,
)
from seep_lightning.metrics.requested_figures import declare
from seep_lightning.reporting.page import report
from seep_lightning.reporting.tables import print_evaluation
from seep_lightning.training.session import train

ADDED = [
    PixelFigure(
        key="false_share",
        label="Share of false pixels",
        description="pooled: FP / (TP + FP)",
        better="lower",
        function=lambda counts: counts[..., 1] / (counts[..., 0] + counts[..., 1]).clip(1),
    ),
    PixelFigure(
        key="recall_per_chip",
        label="Recall, mean over chips",
        description="mean over chips of each chip's recall",
        function=lambda counts: counts[..., 0] / (counts[..., 0] + counts[..., 2]).clip(1),
        mean_over_chips=True,
    ),
    ObjectFigure(
        key="predicted_objects",
        label="Predicted objects",
        unit="objects",
        description="how many objects are predicted",
        function=lambda counts: counts.predicted.sum(),
        decimals=0,
    ),
    ProbabilityFigure(
        key="seep_share",
        label="Share of seep",
        description="share of valid pixels that is seep",
        function=lambda reliability: reliability.counts[1].sum() / reliability.counts.sum().clip(1),
    ),
]


def markdown_table(figures: Iterable[Figure]) -> str:
    """Figures as a table in Markdown, as it stands in docs/metrics.md."""
    lines = ["| name | label | unit, better | what |", "| --- | --- | --- | --- |"]
    for figure in figures:
        unit_and_better = f"{figure.unit}, {figure.better}"
        lines.append(f"| `{figure.key}` | {figure.label} | {unit_and_better} | {figure.description} |")
    return "\n".join(lines)


def undocumented(document: str) -> list[Figure]:
    """The declared figures that a document's tables lack."""
    groups = [(PixelFigure, ToleranceFigure, ClassFigure), (ObjectFigure,), (ProbabilityFigure,), (BatchFigure,)]
    missing = []
    for kinds in groups:
        figures = [figure for kind in kinds for figure in declared(kind)]
        if f"\n{markdown_table(figures)}\n\n" not in document:
            missing += figures
    return missing


@pytest.fixture
def added() -> Iterator[list[Figure]]:
    before = list(FIGURES)
    for figure in ADDED:
        declare(figure)
    yield ADDED
    FIGURES[:] = before


def test_the_tables_of_the_documentation_are_the_declarations() -> None:
    document = (ROOT / "docs" / "metrics.md").read_text()
    assert not undocumented(document), "docs/metrics.md: write the tables anew, as `markdown_table` does here"


def test_a_figure_that_is_not_documented_is_told(added: list[Figure]) -> None:
    missing = undocumented((ROOT / "docs" / "metrics.md").read_text())
    assert {figure.key for figure in added} <= {figure.key for figure in missing}


def test_an_added_figure_is_in_summary_tables_and_page(
    added: list[Figure], trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    summary = evaluate(EvaluateConfig(run=str(run), part="all"))
    with (run / "evaluate/all/chips.csv").open() as file:
        rows = list(csv.DictReader(file))
    false_positive, true_positive = (sum(float(row[name]) for row in rows) for name in ("fp", "tp"))
    assert summary["figures"]["false_share"] == pytest.approx(false_positive / (true_positive + false_positive))
    assert summary["figures"]["recall_per_chip"] == pytest.approx(np.mean([float(row["recall"]) for row in rows]))
    assert float(rows[0]["false_share"]) == pytest.approx(1 - float(rows[0]["precision"]))
    assert all("false_share" in scene for scene in summary["scenes"].values())
    assert summary["objects"]["predicted_objects"] > 0
    assert 0 < summary["seep_share"] < 1
    print_evaluation(summary)
    printed = capsys.readouterr().out
    assert "false_share" in printed and "recall_per_chip" in printed
    assert f"Predicted objects {summary['objects']['predicted_objects']:.0f}" in printed
    assert f"Share of seep {summary['seep_share']:.3f}" in printed
    page = report(ReportConfig(run=str(run), part="all", device="cpu")).read_text()
    for figure in added:
        assert f"<td>{figure.label}</td>" in page
    assert "<span>Share of false pixels, all</span>" in page  # a tile
    assert 'alt="Plot: Share of false pixels"' not in page  # the training did not know it


def test_an_added_figure_is_a_curve_and_may_be_the_monitor(
    added: list[Figure], compose_tiny: Any, tmp_path: Path
) -> None:
    run = train(compose_tiny("monitor=false_share/val"), tmp_path / "run").run
    rows = curve(run.dir)
    names = {"false_share_before_scaling/train", "false_share/val", "recall_per_chip_before_scaling/val"}
    assert names <= set(rows[-1])
    assert run.summary()["best"]["score"] == pytest.approx(min(float(row["false_share/val"]) for row in rows))


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("loss/val", True),
        ("dice_before_scaling/val", False),
        ("false_per_megapixel_before_scaling", True),
        ("mcc/val", False),
    ],
)
def test_a_figure_says_which_way_is_better(name: str, lower: bool) -> None:
    assert lower_is_better(name) is lower


def test_the_notebook_s_figures_are_of_runs_that_ask_for_them(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    assert "soft_dice_S/val" not in curve(run)[-1]
    summary = evaluate(EvaluateConfig(run=str(run), part="val"))
    print_evaluation(summary)
    assert "soft" not in summary
    assert "Soft Dice" not in capsys.readouterr().out
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("figures: []", "figures: [soft_dice_S, soft_2S_over_1_plus_S]"))
    summary = evaluate(EvaluateConfig(run=str(run), part="val", overwrite=True))
    print_evaluation(summary)
    assert summary["soft"].keys() == {"soft_dice_S", "soft_2S_over_1_plus_S", "batch_size"}
    assert f"mean over batches of 4: Soft Dice S {summary['soft']['soft_dice_S']:.3f}" in capsys.readouterr().out
    page = report(ReportConfig(run=str(run), device="cpu")).read_text()
    assert "Soft Dice S, mean over batches of 4" in page
