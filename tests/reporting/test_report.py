"""One page about a run or a sweep: what it says, and how it looks in a browser."""

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.metrics.centre_lines import centre_lines
from seep_lightning.metrics.covariates import covariates
from seep_lightning.metrics.histogram import BINS, dice_by_threshold
from seep_lightning.reporting import plots
from seep_lightning.reporting.comparison import compare
from seep_lightning.reporting.folds import groups_of_folds, pool_evaluations
from seep_lightning.reporting.intervals import intervals
from seep_lightning.reporting.page import report
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_chip_rows


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may write into."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Path:
    """Four runs that differ by their learning rate: two finished, one failed, one still in its first epoch."""
    home = tmp_path / "sweep"
    for rate, dice in ((0.1, 0.3), (0.2, 0.4), (0.3, "failed"), (0.4, "running")):
        run = Path(shutil.copytree(trained, home / f"lr-{rate}"))
        config = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(config.replace("lr: 0.005", f"lr: {rate}"))
        if isinstance(dice, float):
            rewrite(run / "summary.json", lambda summary, d=dice: summary["figures"]["val"].update(dice=d))
        else:
            (run / "summary.json").write_text(
                json.dumps({"status": dice, "error": "the loss is <nan>" * (rate == 0.3)})
            )
            shutil.rmtree(run / "checkpoints")
            (run / "metrics.csv").unlink()
    return home


def rewrite(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def page_of(run: Path, **settings: Any) -> str:
    return report(ReportConfig(run=str(run), device="cpu", **settings)).read_text()


def test_a_page_holds_everything_and_needs_nothing_from_elsewhere(run: Path) -> None:
    page = page_of(run)
    summary = json.loads((run / "summary.json").read_text())
    for fact in (summary["data"]["fingerprint"], summary["leakage"], summary["packages"]["torch"], "AdamW: lr 0.005"):
        assert fact in page
    figures = json.loads((run / "evaluate" / "val" / "summary.json").read_text())["figures"]
    assert f"<b>{figures['dice']:.3f}</b>" in page
    headings = ["What was trained", "Curves", "Figures on validation", "Scenes", "Threshold", "Where it does well"]
    found = re.findall(r"<h2>([^<]*)</h2>", page)
    assert [h for h, expected in zip(found, headings, strict=False) if h.startswith(expected)] == found[:6]
    assert found[6:] == ["The 3 worst chips", "The 3 best chips", "What the words mean"]
    day = datetime.fromtimestamp((run / "summary.json").stat().st_mtime)
    assert f"<h1>train on chips, {day.day} {day:%B %Y}</h1>" in page
    assert "docs/" not in page and "<dt>Object recall</dt>" in page and "<dt>Soft Dice S</dt>" not in page
    assert page.count('src="data:image/svg') == 6 + 3 + 3
    assert page.count('src="data:image/webp') == 6 * 4
    assert not re.search(r"https?:|<script|url\(|@import", page)
    assert len(page) < 10e6
    assert not (run / "evaluate" / "test").exists()


def test_there_is_no_interval_below_six_scenes(run: Path) -> None:
    page = page_of(run, part="all")
    assert "No intervals: they need at least 6 scored scenes, here there are 5." in page
    assert "95 %" not in page
    rows = [{"scene": str(i % 6), "tp": 50 + i % 6, "fp": 20, "fn": 30} for i in range(24)]
    spread = intervals(rows)
    assert spread["dice"][0] < 2 * 52.5 / (2 * 52.5 + 50) < spread["dice"][1]
    assert intervals([row for row in rows if row["scene"] != "5"]) == {}


def test_the_number_of_scenes_stands_beside_every_interval(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seep_lightning.metrics.jackknife.FEWEST_SCENES", 5)
    page = page_of(run, part="all")
    assert "The intervals are of 95 %, by a jackknife over these 5 scenes." in page
    assert "<th>95 % over 5 scenes</th>" in page
    beside = re.findall(r"<small>95 %: [01]\.\d\d to [01]\.\d\d, 5 scenes</small>", page)
    assert len(beside) == 5  # Dice, Dice within 2 px, Jaccard, precision, recall


def test_the_interval_of_a_mean_over_chips_is_of_chips() -> None:
    counts = [{"tp": 1, "fp": 0, "fn": 0}, {"tp": 100, "fp": 400, "fn": 400}]  # Dice 1 and 0.2
    rows = [{"scene": str(scene)} | chip for scene in range(6) for chip in counts]
    spread = intervals(rows)
    assert spread["dice_per_chip"] == pytest.approx((0.6, 0.6))
    assert spread["dice"] == pytest.approx((202 / 1002, 202 / 1002))


def test_an_evaluation_is_used_until_its_checkpoint_changes(run: Path) -> None:
    page_of(run)
    path = run / "evaluate" / "val" / "summary.json"
    rewrite(path, lambda summary: summary["figures"].update(dice=0.1234))
    assert "<b>0.123</b>" in page_of(run, overwrite=True)
    rewrite(path, lambda summary: summary.update(checkpoint_digest="another"))
    assert "<b>0.123</b>" not in page_of(run, overwrite=True)


def test_an_evaluation_of_other_chips_is_neither_shown_nor_lost(run: Path) -> None:
    path = run / "evaluate" / "val" / "summary.json"
    evaluate(EvaluateConfig(run=str(run), part="test", name="mine"))
    # as earlier versions let it be called
    (run / "evaluate" / "mine").rename(path.parent)
    before = path.read_text()
    assert "holds part=test of" in page_of(run)
    rewrite(path, lambda summary: summary.update(part="val"))
    assert "<h2>Figures on validation" in page_of(run, overwrite=True)
    path.write_text(before)
    rewrite(path, lambda summary: summary.update(part="val", data=summary["data"] | {"fingerprint": "other"}))
    assert "holds part=val of" in page_of(run, overwrite=True)


def test_folds_of_a_recipe_are_pooled_on_top(trained: Path, tmp_path: Path) -> None:
    home = tmp_path / "folds"
    names = sorted(name for name, part in Run(trained).parts().items() if part == "val")
    for fold in (0, 1):
        run = Path(shutil.copytree(trained, home / f"fold-{fold}"))
        config = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(
            config.replace("kind: scene", "kind: kfold").replace("fold: 0", f"fold: {fold}")
        )
        evaluate(EvaluateConfig(run=str(run), part="val"))
        path = run / "evaluate/val/chips.csv"
        lines = path.read_text().splitlines()
        kept = [line for line in lines[1:] if names.index(line.partition(",")[0]) % 2 == fold]
        path.write_text("\n".join([lines[0], *kept, ""]))
    page = page_of(home)
    whole = Run(trained).summary()["figures"]["val"]
    assert f"<span>Dice, 2 folds pooled</span><b>{whole['dice']:.3f}</b>" in page
    assert f"<td>all folds</td><td>2 folds</td>\n<td>{whole['dice']:.3f}</td><td>–</td>" in page
    assert "Plot: split.fold" not in page
    rows = compare([str(home)])
    rows[1].settings["split.fold"] = rows[0].settings["split.fold"]
    assert groups_of_folds(rows) == []
    for fold in (0, 1):
        config = Path(shutil.copytree(home / f"fold-{fold}", home / f"seed-1-fold-{fold}")) / "config.yaml"
        config.write_text(config.read_text().replace("\nseed: 0", "\nseed: 1"))
    [folds] = groups_of_folds(compare([str(home)]))
    seeds = pool_evaluations(folds, "val")
    assert (seeds.counted, seeds.figures["dice"]) == ("2 folds x 2 seeds", pytest.approx(whole["dice"]))
    shutil.rmtree(home / "seed-1-fold-1")
    assert groups_of_folds(compare([str(home)])) == []


@pytest.mark.parametrize("values", [[0.001, 0.005], [0.001, 0.0012, 0.0013, 0.5], [*range(30)], [1, 3, 40, 900, 4e5]])
def test_labels_below_an_axis_do_not_meet(values: list[float]) -> None:
    rows = [{"x": value, "y": k} for k, value in enumerate(values)]
    plot = plots.scatter(rows, "x", "y", "x", "y")
    canvas = FigureCanvasAgg(plot)
    canvas.draw()
    labels = [label for label in plot.axes[0].get_xticklabels() if label.get_text()]
    boxes = sorted((box.x0, box.x1) for box in (label.get_window_extent() for label in labels))
    assert len(boxes) >= 2
    assert all(first[1] < second[0] for first, second in pairwise(boxes))


def test_an_existing_file_is_kept_unless_asked(run: Path, tmp_path: Path) -> None:
    (run / "report.html").write_text("mine")
    with pytest.raises(UserError, match=r"output=.*report.html exists.*overwrite=true"):
        page_of(run)
    assert (run / "report.html").read_text() == "mine"
    assert page_of(run, output=str(tmp_path / "new" / "page.html")).startswith("<!doctype html>")


def test_a_sweep_is_ranked_and_what_failed_is_named(sweep: Path) -> None:
    page = page_of(sweep)
    assert re.findall(r"<td>(lr-[\d.]+)</td>", page) == ["lr-0.2", "lr-0.1", "lr-0.3", "lr-0.4"]
    assert "<b>lr-0.3</b> is not finished (failed): the loss is &lt;nan&gt;" in page
    assert "<b>lr-0.4</b> is not finished (unfinished)" in page
    assert "2 of 4" in page
    assert page.count('src="data:image/svg') == 3 + 12  # two curves and a parameter; the best run's
    assert len(page) < 10e6
    for name in ("lr-0.1", "lr-0.2"):
        shutil.rmtree(sweep / name)
    assert "2 runs" in page_of(sweep, overwrite=True)


def test_an_unfinished_run_tells_what_there_is(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    rewrite(run / "summary.json", lambda summary: summary.update(status="interrupted", error="stopped by Ctrl-C"))
    shutil.rmtree(run / "checkpoints")
    page = page_of(run)
    assert "This run is not finished (interrupted)" in page
    assert "No figures of part=val" in page
    assert "No figures of part=val" in caplog.text
    assert page.count('src="data:image/svg') == 6
    (run / "metrics.csv").unlink()  # stopped in its first epoch
    (run / "summary.json").write_text('{"status": "running"}')
    assert "not finished (running)" in page_of(run, overwrite=True)


def test_without_its_chips_a_page_has_figures_but_no_pictures(run: Path, tmp_path: Path) -> None:
    evaluate(EvaluateConfig(run=str(run), part="test"))
    rewrite(run / "evaluate" / "test" / "summary.json", lambda s: s["data"].update(root=str(tmp_path / "gone")))
    page = page_of(run, part="test")
    assert "No pictures of part=test: data.root: there is no folder" in page
    assert "Figures on the test part" in page


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run=.*there is no such directory"):
        page_of(tmp_path / "nowhere")
    with pytest.raises(UserError, match="there is no config.yaml"):
        page_of(tmp_path)
    with pytest.raises(UserError, match="part=vall"):
        compose("report", [f"run={tmp_path}", "part=vall"])


def test_an_evaluation_leaves_what_a_report_needs(run: Path) -> None:
    summary = evaluate(EvaluateConfig(run=str(run), part="all", threshold=0.25))  # a bin's edge
    counts = torch.tensor(summary["histogram"])
    assert counts.sum() == 30 * 32 * 32 - 5 * 32 * 5  # nodata is left out
    assert float(dice_by_threshold(counts)[BINS // 4]) == pytest.approx(summary["figures"]["dice"], abs=1e-6)
    rows = read_chip_rows(run / "evaluate" / "all" / "chips.csv")
    assert {row["seep_px"] for row in rows} <= {26.0 * width for width in (2, 3, 4)} | {24.0 * w for w in (2, 3, 4)}
    assert all(0.4 < row["contrast"] < 0.6 for row in rows)


@pytest.mark.slow
def test_scoring_needs_no_lightning_and_a_page_of_stored_figures_no_torch(run: Path) -> None:
    code = (
        "import sys; from seep_lightning.config.commands import ReportConfig;"
        "from seep_lightning.reporting.page import report;"
        f"report(ReportConfig(run={str(run)!r}, device='cpu', overwrite=True));"
        "print(sorted({'torch', 'lightning', 'torchmetrics', 'albumentations'} & set(sys.modules)))"
    )
    for imported in ("['torch']", "[]"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == imported


def test_size_width_and_contrast_of_a_bar() -> None:
    image, truth = np.full((64, 64), 200, np.uint16), np.zeros((64, 64), bool)
    truth[30:34, 12:52] = True
    image[truth] = 90
    valid = np.ones_like(truth)
    facts = covariates(image, truth, valid, centre_lines(truth))
    assert facts["seep_px"] == 160
    assert facts["width_px"] == pytest.approx(4, rel=0.1)
    assert facts["contrast"] == pytest.approx(0.45)
    assert covariates(image, truth, truth, centre_lines(truth))["contrast"] is None
    assert covariates(image, ~valid, valid, ~valid) == {"seep_px": 0, "width_px": None, "contrast": None}


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["run", "sweep"])
def test_a_browser_shows_it_whole_and_asks_for_nothing(browser: Any, kind: str, request: Any) -> None:
    path = report(ReportConfig(run=str(request.getfixturevalue(kind)), device="cpu"))
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda sent: asked.append(sent.url))
    tab.goto(path.as_uri())
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    images = tab.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")
    assert len(images) > 30
    assert min(images) > 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.set_viewport_size({"width": 1280, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1280
    tab.close()
