"""Runs side by side; two of them paired on the same chips."""

import csv
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from seep_lightning import api
from seep_lightning.compare import compare_and_print, main
from seep_lightning.config.commands import CompareConfig, ReportConfig
from seep_lightning.errors import UserError
from seep_lightning.files import digest
from seep_lightning.reporting.comparison import compare
from seep_lightning.reporting.page import report
from seep_lightning.reporting.pairing import paired
from seep_lightning.reporting.run_table import first_difference, print_rows, short_names, write_rows


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Path:
    """Three runs that differ by their learning rate: two finished, one still going."""
    home = tmp_path / "sweep"
    for name, rate, dice in (("a", 0.1, 0.3), ("b", 0.2, 0.4), ("c", 0.3, None)):
        run = Path(shutil.copytree(trained, home / name))
        config = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(config.replace("lr: 0.005", f"lr: {rate}"))
        summary = json.loads((run / "summary.json").read_text())
        summary["figures"]["val"]["dice"] = dice
        summary["floors"]["val"]["darker_than"] = {"dice": 0.25, "dark_threshold": 0.8}
        if dice is None:
            summary = {"status": "running"}
        (run / "summary.json").write_text(json.dumps(summary))
    return home


def test_runs_are_ranked_by_validation_with_what_differs_only(sweep: Path, tmp_path: Path) -> None:
    rows = compare([str(sweep)])
    assert [row.run.dir.name for row in rows] == ["b", "a", "c"]
    assert [row.status for row in rows] == ["finished", "finished", "unfinished"]
    assert [row.settings for row in rows] == [{"optimizer.lr": 0.2}, {"optimizer.lr": 0.1}, {"optimizer.lr": 0.3}]
    write_rows(tmp_path / "ranking.csv", rows)
    with (tmp_path / "ranking.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["val/dice"] for row in written] == ["0.4", "0.3", ""]
    assert [row["optimizer.lr"] for row in written] == ["0.2", "0.1", "0.3"]


def test_a_figure_that_is_no_number_stands_last_and_leaves_the_others_in_order(sweep: Path) -> None:
    for name, dice in (("c", 0.2), ("d", 0.1), ("e", 0.5), ("b", math.nan)):
        run = sweep / name
        if not run.exists():
            shutil.copytree(sweep / "a", run)
        summary = json.loads((sweep / "a" / "summary.json").read_text())
        summary["figures"]["val"]["dice"] = dice
        (run / "summary.json").write_text(json.dumps(summary))
    assert [row.run.dir.name for row in compare([str(sweep)])] == ["e", "a", "c", "d", "b"]
    assert [row.run.dir.name for row in api.compare(sweep, sort="dice")] == ["d", "c", "a", "e", "b"]
    assert [row.run.dir.name for row in api.compare(sweep, sort="-dice")] == ["e", "a", "c", "d", "b"]


def test_a_run_with_a_damaged_split_is_left_out(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    (sweep / "a" / "split.csv").unlink()
    os.mkfifo(sweep / "a" / "split.csv")
    assert [row.run.dir.name for row in compare([str(sweep)])] == ["b", "c"]
    assert "left out: " in caplog.text and "a/split.csv is a pipe; expected a regular file." in caplog.text
    (sweep / "b" / "split.csv").write_text("x,y\n")
    with pytest.raises(UserError, match=r"a/split\.csv is a pipe"):
        compare([str(sweep)])


def test_so_is_one_whose_name_no_page_can_hold(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    (sweep / "a").rename(sweep / os.fsdecode(b"a\xff"))
    assert [row.run.dir.name for row in compare([str(sweep)])] == ["b", "c"]
    assert r"left out: The name of a\xff in" in caplog.text


def test_a_table_tells_runs_of_one_name_apart_and_what_was_pruned(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sweep / "c").rename(sweep / "x")
    shutil.copytree(sweep / "b", sweep / "two" / "b")
    summary = json.loads((sweep / "a" / "summary.json").read_text()) | {"status": "pruned"}
    (sweep / "a" / "summary.json").write_text(json.dumps(summary))
    print_rows(compare([str(sweep)]), "dice")
    shown = capsys.readouterr().out
    assert "two/b" in shown
    assert "0.300 pruned" in shown


def test_floors_stand_below_the_ranking_and_what_is_not_above_them_is_told(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        path = sweep / name / "summary.json"
        summary = json.loads(path.read_text())
        summary["floors"]["val"]["all_seep"]["dice"] = 0.35
        path.write_text(json.dumps(summary))
    rows = compare([str(sweep)])
    print_rows(rows, "dice")
    shown = capsys.readouterr().out
    assert "Dice without learning: all seep (0.350), no seep (0.000), darker than 0.80 x median (0.250)" in shown
    assert "a: Dice 0.300 is not above what rules without learning reach: all seep (0.350)." in shown
    assert "b: Dice" not in shown
    print_rows(rows, "jaccard")
    assert "without learning" not in capsys.readouterr().out
    page = report(ReportConfig(run=str(sweep), device="cpu")).read_text()
    assert "Rules without learning reach: all seep (0.350), no seep (0.000), darker than 0.80" in page
    assert '<p class="note">a: Dice 0.300 is not above' in page


def test_the_command_that_scores_the_best_run_on_the_test_part_stands_at_the_end(
    sweep: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sweep)
    config = CompareConfig(runs=str(sweep))
    best = compare_and_print(config)[0].run
    command = f"score the best one on the test part: python -m seep_lightning.evaluate run={best.dir.name}\n"
    assert capsys.readouterr().out.endswith(command)
    summary = json.loads(best.summary_path.read_text())
    summary["floors"]["val"]["all_seep"]["dice"] = 1.0
    old = best.summary_path.read_text()
    best.summary_path.write_text(json.dumps(summary))
    compare_and_print(config)
    best.summary_path.write_text(old)
    scored = best.dir / "evaluate" / "test"
    scored.mkdir(parents=True)
    (scored / "summary.json").write_text("{}")
    compare_and_print(config)
    assert "score the best one" not in capsys.readouterr().out


def test_a_run_of_before_there_were_floors_is_ranked_without(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sweep / "a" / "summary.json"
    summary = json.loads(path.read_text())
    del summary["floors"]
    path.write_text(json.dumps(summary))
    print_rows(compare([str(sweep)]), "dice")
    assert "without learning" not in capsys.readouterr().out


def run_with(trained: Path, run: Path, **changes: str) -> Path:
    """A copy of a run with lines of its config replaced, each by the beginning of its key."""
    shutil.copytree(trained, run)
    lines = (run / "config.yaml").read_text().splitlines()
    for key, line in changes.items():
        found = [i for i, old in enumerate(lines) if old.strip().startswith(f"{key}:")]
        lines[found[0]] = lines[found[0]].partition(f"{key}:")[0] + line
    (run / "config.yaml").write_text("\n".join(lines) + "\n")
    return run


def test_runs_that_differ_by_much_show_what_is_not_common(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    usual: dict[str, str] = {}
    others = {"lr": "lr: 0.0123456789", "width": "width: 6", "seed": "seed: 3", "ema_decay": "ema_decay: null"}
    others["weight_decay"] = "weight_decay: 0.02"
    for name, changes in (("a", usual), ("b", usual), ("c", others)):
        run_with(trained, tmp_path / name, **changes)
    print_rows(compare([str(tmp_path)]), "dice")
    shown = capsys.readouterr().out
    text = "".join(shown.replace("│", " ").split())
    assert "ema_decay=null" in text and "lr=0.01235" in text and "width=6" in text
    assert "0.0123456789" not in text
    table = [line for line in shown.splitlines() if line.startswith(("┃", "│"))]
    assert max(map(len, table)) <= 80
    for line in table:
        if line.endswith(("│ a    │", "│ b    │")):
            assert "=" not in line
    difference = first_difference("augment", [{"p": 1}, {"p": 0.5}], [{"p": 1}, {"p": 0.25}])
    assert difference == ("augment[1].p", 0.5)
    assert short_names(["optimizer.lr", "scheduler.lr", "model._target_"]) == {
        "optimizer.lr": "optimizer.lr",
        "scheduler.lr": "scheduler.lr",
        "model._target_": "model",
    }


def test_runs_are_chosen_and_sorted_by_settings_and_figures(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def names(**choice: str) -> list[str]:
        return [row.run.dir.name for row in api.compare(sweep, **choice)]

    assert names(where="optimizer.lr>0.1") == ["b", "c"]
    assert names(where="lr>=0.1, lr!=0.2,status=finished") == ["a"]
    assert names(where="dice>0") == ["b", "a"]
    assert names(where="init=null,compile=False") == names()
    assert names(sort="-lr") == ["c", "b", "a"]
    assert names(sort="dice") == ["a", "b", "c"]
    for choice, said in (
        (
            {"where": "optimzer.lr>1"},
            "no run has .* called optimzer.lr. Did you mean optimizer.lr",
        ),
        ({"where": "lr"}, "where=lr: 'lr' is no condition. Expected NAME"),
        ({"where": "__import__('os')"}, "is no condition"),
        ({"where": "lr<big"}, "expected a number after <, found big"),
        ({"where": "lr>9"}, "where=lr>9: none of the 3 runs is so"),
        ({"sort": "-_target_"}, "_target_ may be logger.csv._target_, .* Pass one of them"),
    ):
        with pytest.raises(UserError, match=said):
            names(**choice)
    config = CompareConfig(runs=str(sweep), format="json", columns="lr,dice,status")
    main(OmegaConf.structured(config))
    printed = json.loads(capsys.readouterr().out)
    assert printed[0] == {"run": str(sweep / "b"), "optimizer.lr": 0.2, "dice": 0.4, "status": "finished"}
    assert printed[2]["dice"] is None
    main(OmegaConf.structured(CompareConfig(runs=str(sweep), format="csv", where="lr<0.2")))
    [line] = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (line["run"], line["val/dice"]) == (str(sweep / "a"), "0.3")


def test_pairs_that_are_not_what_they_are_named_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        write_chips(tmp_path / name / "evaluate" / "val" / "chips.csv", 6, 0)
        (tmp_path / name / "evaluate" / "val" / "summary.json").write_text('{"part": "test"}')
    runs = [str(tmp_path / name) for name in "ab"]
    with pytest.raises(UserError, match="holds figures of part=test. Evaluate part=val anew"):
        main(OmegaConf.structured(CompareConfig(runs=runs, paired=True, part="val")))
    with pytest.raises(UserError, match=r"runs=\[0, 1\]: expected a path"):
        main(OmegaConf.structured(CompareConfig(runs=[0, 1])))


def test_an_evaluation_of_a_checkpoint_that_changed_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        folder = tmp_path / name / "evaluate" / "test"
        write_chips(folder / "chips.csv", 6, 0)
        path = tmp_path / name / "checkpoints" / "best.ckpt"
        path.parent.mkdir()
        path.write_text(name)
        scored = {"part": "test", "checkpoint": "best", "checkpoint_digest": digest(path)}
        (folder / "summary.json").write_text(json.dumps(scored))
    config = OmegaConf.structured(CompareConfig(runs=[str(tmp_path / name) for name in "ab"], paired=True))
    assert main(config).scenes == 6
    path.write_text("of more epochs")
    with pytest.raises(UserError, match="b/evaluate/test was scored before .*b/checkpoints/best.ckpt was trained on"):
        main(config)


def test_a_job_that_failed_before_its_training_is_named(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    (sweep / "d").mkdir()
    (sweep / "d" / "train.log").write_text("this job failed: model.width=0")
    assert len(compare([str(sweep)])) == 3
    assert f"left out: {sweep / 'd'}: no training began, or not yet; see its train.log" in caplog.text


def test_a_run_of_another_version_is_left_out_and_named(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    (sweep / "a" / "config.yaml").write_text("old_key: 1\n")
    rows = compare([str(sweep)])
    assert rows
    assert sweep / "a" not in {row.run.dir for row in rows}
    assert "left out" in caplog.text and "old_key" in caplog.text


def test_a_folder_without_runs_and_an_unknown_metric_are_named(sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no run in there"):
        compare([str(tmp_path / "empty")])
    with pytest.raises(UserError, match="metric=accuracy.*Known: dice"):
        compare([str(sweep)], "accuracy")


def write_chips(path: Path, scenes: int, shift: int) -> Path:
    rng = np.random.default_rng(0)
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "scene", "tp", "fp", "fn"])
        for i in range(scenes * 4):
            writer.writerow([f"{i}.tif", i % scenes, 50 + shift + rng.integers(20), 20, 30 - shift])
    return path


def test_a_pair_is_compared_on_whole_scenes(tmp_path: Path) -> None:
    better, worse = (write_chips(tmp_path / name / "chips.csv", 8, shift) for name, shift in (("a", 10), ("b", 0)))
    result = paired([better], [worse])
    assert result.scenes == 8
    assert result.interval is not None
    assert 0 < result.interval[0] < result.first - result.second < result.interval[1]
    same = paired([better], [better])
    assert same.first == same.second
    assert same.interval == (0, 0)


def test_below_six_scenes_there_is_no_interval(tmp_path: Path) -> None:
    a, b = (write_chips(tmp_path / name / "chips.csv", 5, shift) for name, shift in (("a", 10), ("b", 0)))
    assert paired([a], [b]).interval is None


def test_only_the_same_chips_can_be_paired(tmp_path: Path) -> None:
    a, b = (write_chips(tmp_path / name / "chips.csv", scenes, 0) for name, scenes in (("a", 6), ("b", 7)))
    with pytest.raises(UserError, match="4 are in one only"):
        paired([a], [b])
    with pytest.raises(UserError, match="another fold already"):
        paired([a, a], [b])
