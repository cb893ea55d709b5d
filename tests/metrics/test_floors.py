"""What rules without learning reach: worked out, stored, shown, and told where a Dice is not above."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.chips import IMAGES, make_chips, seeps_config, write_chip
from helpers.paths import ROOT
from helpers.rasters import write_raster
from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.data.images import ChipPixels
from seep_lightning.data.loading import load_chips
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.metrics.baseline import count_by_darkness, dark_threshold, darkness_of_chip, seep_against_sea
from seep_lightning.metrics.floors import (
    FLOORS,
    class_floors,
    classes_not_above_floors,
    floors_not_beaten,
    floors_of,
    marks_everything,
    mean_floors,
    stored_floors,
)
from seep_lightning.reporting.page import report
from seep_lightning.reporting.tables import print_evaluation
from seep_lightning.runs.directory import Run
from seep_lightning.train import print_next_commands, print_validation_figures


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may write into."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_floors_are_the_dice_of_their_rules(tmp_path: Path) -> None:
    chips = load_chips(seeps_config(make_chips(tmp_path / "chips")))
    everywhere = list(range(len(chips)))
    counts = seep_against_sea(count_by_darkness(chips, everywhere))
    floors = floors_of(counts)
    sea, seep = counts.sum(axis=1)
    assert seep == sum((chips.read(i).mask > 0)[chips.read(i).valid].sum() for i in everywhere)
    assert floors["all_seep"]["dice"] == pytest.approx(2 * seep / (2 * seep + sea))
    assert floors["no_seep"] == {"dice": 0.0}
    assert tuple(floors["darker_than"].values()) == dark_threshold(chips, everywhere)
    assert floors["darker_than"]["dice"] > 0.8 > 0.5 > floors["all_seep"]["dice"]


@pytest.mark.parametrize("holes", [0, 1])
def test_darkness_is_the_same_of_counted_values_and_of_floats(holes: int) -> None:
    rng = np.random.default_rng(holes)
    image = rng.integers(1, 9, (1, 16, 15)).astype(np.uint16)
    mask = rng.integers(0, 2, (16, 15)).astype(np.uint8)
    data = np.ones((16, 15), bool)
    data.flat[:holes] = False
    pixels = ChipPixels(image, mask, data, np.ones_like(data))
    counts = darkness_of_chip(pixels, image[0], 1)
    assert counts.sum() == data.sum()
    assert np.array_equal(counts, darkness_of_chip(pixels, image[0].astype(np.float32), 1))


def test_without_seep_to_call_nothing_seep_is_right() -> None:
    floors = floors_of(np.array([[5, 9], [0, 0]]))
    assert [floors[floor.key]["dice"] for floor in FLOORS] == [0, 1, 0]
    assert "no seep (1.000)" in floors_not_beaten(1.0, floors)


def test_a_class_has_floors_against_all_else() -> None:
    counts = np.array([[10, 60], [20, 0], [5, 5], [0, 0]])
    floors = class_floors(counts)
    assert floors.keys() == {"1", "2"}
    assert floors["1"]["all_seep"]["dice"] == pytest.approx(2 * 20 / (20 + 100))
    assert floors["2"]["all_seep"]["dice"] == pytest.approx(2 * 10 / (10 + 100))
    assert floors["1"]["darker_than"]["dice"] == pytest.approx(2 * 20 / (20 + 35))
    means = mean_floors(floors)
    assert means["all_seep"]["dice"] == pytest.approx((40 / 120 + 20 / 110) / 2)


def test_what_is_not_above_a_floor_is_one_line() -> None:
    floors = {"all_seep": {"dice": 0.4}, "darker_than": {"dice": 0.3, "dark_threshold": 0.81}}
    assert floors_not_beaten(0.41, floors) == ""
    assert floors_not_beaten(0.4, floors).endswith("without learning reach: all seep (0.400).")
    assert floors_not_beaten(0.2, floors).endswith("all seep (0.400), darker than 0.81 x median (0.300).")
    assert marks_everything({"dice": 0.4001, "recall": 1.0}, floors)
    assert not marks_everything({"dice": 0.4001, "recall": 0.99}, floors) and not marks_everything({"dice": 1}, {})
    classes = {
        "by_class": {"1": {"dice": 0.5, "floors": floors}, "4": {"dice": 0.1, "floors": floors}, "5": {"dice": 0}}
    }
    line = classes_not_above_floors(classes)
    assert "class 4 (0.100; all seep (0.400)" in line and "class 1" not in line and "class 5" not in line


def test_an_evaluation_has_its_floors_in_summary_table_and_page(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    summary = evaluate(EvaluateConfig(run=str(run), part="val"))
    assert summary["floors"].keys() == {floor.key for floor in FLOORS}
    assert summary["floor"] == summary["floors"]["darker_than"]
    summary["figures"]["dice"] = 0.0
    print_evaluation(summary)
    printed = capsys.readouterr().out
    page = report(ReportConfig(run=str(run), device="cpu")).read_text()
    for floor in FLOORS:
        rule = floor.text(summary["floors"][floor.key])
        value = f"{summary['floors'][floor.key]['dice']:.3f}"
        assert f"{rule} ({value})" in printed
        assert f"<td>Floor of Dice: {rule.replace(' x ', ' × ')}</td><td>{value}</td>" in page
    assert "Dice 0.000 is not above what rules without learning reach: all seep" in printed


def test_a_network_below_its_floors_is_told_on_the_page(run: Path) -> None:
    evaluate(EvaluateConfig(run=str(run), part="val"))
    path = run / "evaluate" / "val" / "summary.json"
    scored = json.loads(path.read_text())
    pages = []
    for dice in (1.0, 0.0):
        scored["figures"]["dice"] = dice
        path.write_text(json.dumps(scored))
        pages.append(report(ReportConfig(run=str(run), device="cpu", overwrite=True)).read_text())
    above, below = pages
    assert "is not above" not in above
    assert '<p class="note">Dice 0.000 is not above what rules without learning reach: all seep' in below


def test_training_stores_the_floors_of_validation(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    floors = summary["floors"]["val"]
    evaluated = evaluate(EvaluateConfig(run=str(run), part="val"))
    assert floors == evaluated["floors"]
    assert 0 < floors["all_seep"]["dice"] < summary["figures"]["val"]["dice"]


def test_below_the_last_table_of_a_training_stands_each_floor(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    summary = json.loads((run / "summary.json").read_text())
    print_validation_figures(Run(run))
    printed = capsys.readouterr().out
    for floor in FLOORS:
        values = summary["floors"]["val"][floor.key]
        assert f"{floor.text(values)} ({values['dice']:.3f})" in printed
    assert "train: 6 val chips, split=scene, 6 epochs in " in printed and "threshold in use: 0." in printed
    # below a floor there is something else to do than to score the test part
    below = {}
    for curve in ("0.1", "0.1 0.3 0.2", "0.1 0.2 0.3"):
        rows = [f"{number},{value}" for number, value in enumerate(curve.split(), start=1)]
        Run(run).metrics_path.write_text("\n".join(["epoch,dice/val", *rows]) + "\n")
        print_next_commands(Run(run), scored=False)
        below[curve] = capsys.readouterr().out
    summary["floors"]["val"] = {"no_seep": {"dice": 0.0}}
    (run / "summary.json").write_text(json.dumps(summary))
    print_next_commands(Run(run), scored=False)
    above = capsys.readouterr().out
    assert re.match(
        "train it further: .*seep_lightning.train run=.* trainer.max_epochs=[1-9]+0\n", below["0.1 0.2 0.3"]
    )
    # a curve that does not rise, and one of a single point, support no advice
    needs = r"\d+ steps tell nothing yet: some 500 teach new weights .trainer.max_epochs=[1-9]+0.\.\n"
    assert re.match(needs, below["0.1"]) and re.match(needs, below["0.1 0.3 0.2"])
    assert "score the test part" in above and "further" not in above and "steps tell" not in above
    assert not any("score the test part" in text for text in below.values())


def test_an_evaluation_of_before_there_were_several_floors_still_gives_a_page(run: Path) -> None:
    evaluate(EvaluateConfig(run=str(run), part="val"))
    path = run / "evaluate" / "val" / "summary.json"
    old = json.loads(path.read_text())
    del old["floors"], old["within_tolerance"]
    path.write_text(json.dumps(old))
    assert stored_floors(old) == {"darker_than": old["floor"]}
    print_evaluation(old | {"out": str(path.parent)})
    page = report(ReportConfig(run=str(run), device="cpu")).read_text()
    assert "Floor of Dice: darker than" in page
    assert "all seep" not in page and "Dice within 2 px" not in page


def test_ignored_pixels_and_nodata_are_in_no_floor(tmp_path: Path) -> None:
    image = np.full((32, 32), 100, np.uint16)
    image[:16] = 0
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, :8] = 1
    write_chip(tmp_path, "S.0.tif", image, mask)
    chips = load_chips(seeps_config(tmp_path))
    sea, seep = seep_against_sea(count_by_darkness(chips, [0])).sum(axis=1)
    assert (sea, seep) == (16 * 32 - 64, 64)


def test_the_floors_of_the_documentation_are_the_declarations() -> None:
    document = (ROOT / "docs" / "metrics.md").read_text()
    for floor in FLOORS:
        rule = floor.rule.replace("{dark_threshold:.2f}", "T")
        assert f"| `{floor.key}` | {rule} | {floor.description} |\n" in document


def test_floats_below_0_are_counted_as_the_darkest(tmp_path: Path) -> None:
    """Noise that was taken off leaves some; so few are no reason to refuse the logarithm."""
    image = np.full((32, 32), 0.1, np.float32)
    image[4:7, 4:7] = -0.5
    mask = (image < 0).astype(np.uint8)
    write_chip(tmp_path, "S.0.tif", mask, mask)
    write_raster(tmp_path / IMAGES / "S.0.tif", image)
    chips = load_chips(seeps_config(tmp_path))
    counts = seep_against_sea(count_by_darkness(chips, [0]))
    assert counts.sum() == 32 * 32 and counts[1, 0] == 9
