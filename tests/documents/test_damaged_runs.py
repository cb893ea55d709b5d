"""Damage of each file of a run directory, met by each verb that reads it, is one line that names the file."""

import copy
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from seep_lightning.errors import UserError
from seep_lightning.evaluation.stored import read_evaluation
from seep_lightning.predictor.export_source import ExportOptions, source_of
from seep_lightning.predictor.loading import load
from seep_lightning.reporting.comparison import compare
from seep_lightning.runs.checkpoints import read_checkpoint
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.links import check_no_way_out
from seep_lightning.runs.records import metrics_table, read_chip_rows, read_history
from seep_lightning.training.cases import covers
from seep_lightning.training.last_checkpoint import check_optimizer_states
from seep_lightning.training.loggers import Csv

Damage = Callable[[bytes], bytes]
REMOVED = object()


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "run"
    shutil.copytree(trained, copied, ignore=shutil.ignore_patterns("evaluate", "*.part", "events.*"))
    return copied


def refusal(call: Callable[[], object]) -> str:
    """The message of the `UserError` that a call ends in: one line of at most three sentences."""
    with pytest.raises(UserError) as error:
        call()
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?")) and len(text) < 700
    return text


# --- bytes that are no such document --------------------------------------------------------------------------------

NO_DOCUMENT: dict[str, Damage] = {
    "empty": lambda content: b"",
    "not UTF-8": lambda content: content + "é".encode("latin-1") + b"\n",
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "NUL": lambda content: content[:40] + b"\0" + content[40:],
    "a list": lambda content: b"[]\n",
    "nested": lambda content: b"[" * 100_000,
    "huge": lambda content: b'"' + b"x" * 300_000,
}
READERS: dict[str, Callable[[Path], object]] = {
    "config.yaml": open_run,
    "summary.json": lambda run: Run(run).summary(),
    "split.csv": lambda run: Run(run).parts(),
    "metrics.csv": lambda run: read_history(run / "metrics.csv"),
}


@pytest.mark.parametrize("damage", NO_DOCUMENT)
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_no_such_document_is_named(name: str, damage: str, run: Path) -> None:
    path = run / name
    path.write_bytes(NO_DOCUMENT[damage](path.read_bytes()))
    assert refusal(lambda: READERS[name](run)).startswith(str(path))


@pytest.mark.parametrize("name", [*READERS, "checkpoints/best.ckpt"])
def test_a_pipe_in_place_of_a_file_is_refused_at_once(name: str, run: Path) -> None:
    path = run / name
    path.unlink()
    os.mkfifo(path)
    read = READERS.get(name, lambda run: read_checkpoint(run / name))
    assert f"{path} is a pipe" in refusal(lambda: read(run))


@pytest.mark.parametrize("name", READERS)
def test_a_byte_order_mark_does_no_harm(name: str, run: Path) -> None:
    path = run / name
    expected = repr(READERS[name](run))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    if name != "config.yaml":
        assert repr(READERS[name](run)) == expected
    else:
        assert open_run(run).config.seed == 0


@pytest.mark.parametrize("separator", [b";", b"\t"])
@pytest.mark.parametrize("name", ["split.csv", "metrics.csv"])
def test_tables_that_a_spreadsheet_saved_are_read(name: str, separator: bytes, run: Path) -> None:
    path = run / name
    expected = READERS[name](run)
    path.write_bytes(path.read_bytes().replace(b",", separator))
    assert READERS[name](run) == expected


# --- values in config.yaml and summary.json -------------------------------------------------------------------------


def changed(tree: Any, place: str, value: Any) -> Any:
    """A tree with the value at a dotted place replaced."""
    tree = copy.deepcopy(tree)
    *above, key = place.split(".")
    node = tree
    for name in above:
        node = node[name]
    if value is REMOVED:
        del node[key]
    else:
        node[key] = value
    return tree


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("data", []),
        ("data", None),
        ("data.batch_size", "many"),
        ("data.batch_size", -1),
        ("data.bands", {"a": 1}),
        ("data.grid", [1]),
        ("model", "unet"),
        ("model", None),
        ("seed", "x"),
        ("seed", None),
        ("trainer.max_epochs", [1]),
        ("split.kind", {}),
        ("task", "??"),
        ("unheard_of", 1),
    ],
)
def test_a_config_with_a_wrong_value_is_told(place: str, value: Any, run: Path) -> None:
    path = run / "config.yaml"
    path.write_text(yaml.safe_dump(changed(yaml.safe_load(path.read_text()), place, value)))
    text = refusal(lambda: load(run, device="cpu"))
    assert "config.yaml" in text or "checkpoint" in text or place.split(".")[-1] in text


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("best", None),
        ("best", REMOVED),
        ("best", []),
        ("best.epoch", "five"),
        ("best.scaling", [1, 2, 3]),
        ("best.scaling", [math.nan, 0]),
        ("best.scaling", [1e308, 0]),
        ("best.threshold", "high"),
        ("best.threshold", 2),
        ("best.min_area", -3),
        ("figures", None),
        ("figures.val", [0.5]),
        ("figures.val.dice", None),
        ("floors.val", {"all_seep": {}}),
        ("data", "chips"),
        ("data.fingerprint", 5),
        ("format", 99),
        ("findings", "none"),
        ("packages", []),
    ],
)
def test_a_summary_with_a_wrong_value_is_told_by_every_verb_that_reads_it(place: str, value: Any, run: Path) -> None:
    path = run / "summary.json"
    path.write_text(json.dumps(changed(json.loads(path.read_text()), place, value)))
    opened = open_run(run)
    for call in (
        lambda: load(run, device="cpu"),
        lambda: compare([str(run)]),
        lambda: source_of(str(run), "best", ExportOptions()),
        lambda: opened.finished and covers(opened, opened.config),
    ):
        assert str(path) in refusal(call)


def test_keys_of_later_versions_are_tolerated(run: Path) -> None:
    path = run / "summary.json"
    path.write_text(json.dumps(changed(json.loads(path.read_text()), "best.new", {"a": [1]})))
    assert Run(run).summary()["best"]["new"] == {"a": [1]}


# --- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["epoch,loss/val", "0,0.5", "1"], "line 3 has 1 cells; expected 2"),
        (["epoch,loss/val", "0,0.5", "x,0.4"], "line 3: epoch is 'x'"),
        (["epoch,loss/val", "0,half"], "line 2: loss/val is 'half'"),
        (["epoch,loss/val", "nan,1"], "line 2: epoch is 'nan'; expected a whole number"),
        (["loss/val", "0.5"], "lacks the column epoch"),
        (["epoch,a,a", "0,1,2"], "has the column 'a' twice"),
    ],
)
def test_a_damaged_curve_is_told_with_its_line(lines: list[str], said: str, run: Path) -> None:
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")
    assert said in refusal(lambda: read_history(run / "metrics.csv"))


def test_a_training_that_goes_on_with_a_damaged_curve_is_told(run: Path) -> None:
    (run / "metrics.csv").write_text("epoch,loss/val\n0,0.5\n1\n")
    assert "line 3 has 1 cells" in refusal(lambda: Csv(run))


def test_no_curve_is_an_empty_one(run: Path) -> None:
    (run / "metrics.csv").unlink()
    assert read_history(run / "metrics.csv") == []
    assert metrics_table(run / "metrics.csv").columns == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["name,scene", "a,S"], "lacks the column part"),
        (["name,scene,part", "a,S,training"], "line 2: the part is 'training'; expected train, val, test"),
        (["name,scene,part", "a,S"], "line 2 has 2 cells"),
    ],
)
def test_a_damaged_split_is_told_with_its_line(lines: list[str], said: str, run: Path) -> None:
    (run / "split.csv").write_text("\n".join(lines))
    assert said in refusal(lambda: Run(run).parts())
    assert "split.csv" in refusal(lambda: compare([str(run)]))


@pytest.mark.parametrize("cell", ["", "nan", "-1", "0.5", "many"])
def test_pixels_of_a_scored_chip_are_whole_numbers(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "chips.csv"
    path.write_text(f"name,scene,tile,dice,tp,fp,fn,seep_px\na,S,0,0.5,{cell},0,0,3\n")
    assert "line 2: tp is" in refusal(lambda: read_chip_rows(path))


# --- evaluations ----------------------------------------------------------------------------------------------------

EVALUATION = {
    "part": "val",
    "data": {"root": "/chips", "fingerprint": "0a", "chips": 1, "settings": {}},
    "threshold": 0.5,
    "figures": {"dice": 0.5},
    "figures_at_0.5": {"dice": 0.5},
    "calibration_error": 0.1,
    "scenes": {"S": {"dice": 0.5, "chips": 1}},
    "histogram": [[0] * 256, [0] * 256],
    "objects": {"object_recall": None, "by_size": {"20 to 49 px": {"recall": 0.5}}},
    "within_tolerance": {"dice_2px": 0.5, "scenes": {"S": [1, 2, 3, 4]}},
    "floors": {"darker_than": {"dice": 0.1, "dark_threshold": 0.8}},
    "checkpoint_digest": "0a",
}


def write_evaluation(folder: Path, content: Any) -> Path:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(content))
    return folder


def test_an_evaluation_is_read(tmp_path: Path) -> None:
    assert read_evaluation(write_evaluation(tmp_path / "val", EVALUATION)) == EVALUATION


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("part", "../../etc"),
        ("part", REMOVED),
        ("data", None),
        ("data.chips", "some"),
        ("threshold", math.nan),
        ("figures", []),
        ("figures.dice", None),
        ("figures.recall", "x"),
        ("scenes", None),
        ("histogram", [[1, 2], [3, 4]]),
        ("histogram", [[0] * 256]),
        ("within_tolerance.scenes", {"S": [1]}),
        ("within_tolerance.scenes", 1.0),
        ("objects", []),
        ("floors", {"darker_than": 1}),
        ("floors", {"darker_than": {"dice": 0.1, "dark_threshold": None}}),
        ("checkpoint_digest", 5),
        ("checkpoint", "../best"),
    ],
)
def test_a_damaged_evaluation_is_told(place: str, value: Any, tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "val", changed(EVALUATION, place, value))
    assert str(folder / "summary.json") in refusal(lambda: read_evaluation(folder))


# --- checkpoints ----------------------------------------------------------------------------------------------------

FACTS = ("hyper_parameters", "facts")
CHOICES = ("seep_lightning",)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("state_dict",), ["weights"]),
        (("state_dict",), {"net.a": [1.0]}),
        (("hyper_parameters",), ["model"]),
        (("hyper_parameters", "model"), None),
        (("hyper_parameters", "facts"), None),
        (("hyper_parameters", "channels_last"), "yes"),
        (("epoch",), None),
        (("epoch",), REMOVED),
        (("epoch",), "three"),
        ((*CHOICES, "threshold"), "abc"),
        ((*CHOICES, "threshold"), math.nan),
        ((*CHOICES, "threshold"), None),
        ((*CHOICES, "threshold"), REMOVED),
        ((*CHOICES, "format"), "1"),
        ((*CHOICES, "scaling"), [1.0, 0.0, 2.0]),
        ((*CHOICES, "scaling"), [math.inf, 0.0]),
        ((*CHOICES, "scaling"), [1e308, -1e308]),
        ((*CHOICES, "min_area"), "small"),
        ((*CHOICES, "stride"), 0),
        ((*FACTS, "bands"), 0),
        ((*FACTS, "bands"), 10**9),
        ((*FACTS, "bands"), "one"),
        ((*FACTS, "normalise"), {"kind": "best"}),
        ((*FACTS, "normalise"), None),
        ((*FACTS, "nodata"), "none"),
        ((*FACTS, "band names"), [1, 2]),
        ((*FACTS, "classes"), -1),
        ((*FACTS, "values"), {"low": [1.0], "high": [0.0], "scale": None}),
        ((*FACTS, "values"), {"low": [0.0, 1.0], "high": [2.0], "scale": None}),
        # in 32 bit they are infinite, or one number: each pixel would be none
        ((*FACTS, "values"), {"low": [0.0], "high": [1e308], "scale": None}),
        ((*FACTS, "values"), {"low": [1.0], "high": [1.0 + 1e-12], "scale": None}),
        ((*FACTS, "values"), {"low": [0.0], "high": [1e-320], "scale": None}),
        ((*FACTS, "grid"), {"S": {"columns": 0}}),
        ((*FACTS, "chip_size"), [0, 0]),
        ((*FACTS, "pattern"), 5),
    ],
)
def test_a_checkpoint_with_a_wrong_value_is_told(place: tuple[str, ...], value: Any, run: Path) -> None:
    path = run / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    node = content
    for name in place[:-1]:
        node = node[name]
    if value is REMOVED:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    torch.save(content, path)
    assert str(path) in refusal(lambda: load(run, device="cpu"))
    assert str(path) in refusal(lambda: source_of(str(run), "best", ExportOptions()))


def test_a_shallow_copy_of_the_weights_is_no_other_network(run: Path) -> None:
    path = run / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    name = next(name for name, weight in content["state_dict"].items() if weight.ndim > 1)
    content["state_dict"][name] = content["state_dict"][name][:1]
    torch.save(content, path)
    assert str(path) in refusal(lambda: load(run, device="cpu"))


@pytest.mark.parametrize("value", [math.nan, [], None, {"a": 1}, REMOVED])
def test_a_damaged_state_of_the_optimiser_is_told_before_the_first_step(value: Any, run: Path) -> None:
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    check_optimizer_states(Run(run), content["optimizer_states"])
    parameter = next(iter(content["optimizer_states"][0]["state"].values()))
    if value is REMOVED:
        del parameter["exp_avg_sq"]
    else:
        parameter["exp_avg_sq"] = value
    assert "damaged in the state of its optimiser" in refusal(
        lambda: check_optimizer_states(Run(run), content["optimizer_states"])
    )


def test_a_link_that_leads_back_to_itself_is_no_way_out(run: Path) -> None:
    path = run / "split.csv"
    path.unlink()
    path.symlink_to(path.name)
    check_no_way_out(Run(run))
    assert "leads back to itself" in refusal(lambda: Run(run).parts())
