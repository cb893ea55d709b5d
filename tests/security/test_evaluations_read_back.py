"""What stands in the folder of an evaluation may be a stranger's when it is read again."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.stranger_runs import copied_run, plant_module
from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.config.trust import Untrusted, trusting
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.folder_names import check_of_same_chips
from seep_lightning.evaluation.stored import read_evaluation
from seep_lightning.reporting.page import report

PASSWORD = "hunter2-hunter2"


@pytest.fixture(scope="module")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an evaluation of its validation part; tests must not change it."""
    run = copied_run(trained, tmp_path_factory.mktemp("evaluated") / "run")
    evaluate(EvaluateConfig(run=str(run), part="val", device="cpu"))
    return run


@pytest.fixture
def stranger(evaluated: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return copied_run(evaluated, tmp_path / "run")


def plant_settings(run: Path, **settings: Any) -> Path:
    """Let an evaluation say that its data were read with some settings; return its folder."""
    path = run / "evaluate" / "val" / "summary.json"
    stored = json.loads(path.read_text())
    stored["data"]["settings"] = {"root": stored["data"]["root"], **settings}
    path.write_text(json.dumps(stored))
    return path.parent


def page_of(run: Path) -> str:
    """The page of a report, with what it says of its lacks."""
    return report(ReportConfig(run=str(run), output=str(run.parent / "page.html"), device="cpu")).read_text()


def test_a_layout_that_an_evaluation_names_is_not_imported(
    stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    imported = plant_module(tmp_path)
    folder = plant_settings(stranger, layout={"_target_": "stranger.evil.Net"})
    page_of(stranger)
    assert not imported.exists()
    with pytest.raises(Untrusted, match=r"summary\.json names data\.layout\._target_=stranger\.evil\.Net"):
        read_evaluation(folder)
    with trusting(["stranger"]):
        read_evaluation(folder)


@pytest.mark.parametrize("key", ["root", "pairs", "images", "pattern"])
def test_a_reference_in_an_evaluation_is_not_resolved(
    key: str, stranger: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", PASSWORD)
    folder = plant_settings(stranger, **{key: "${oc.env:SECRET_TOKEN}"})
    with pytest.raises(UserError, match="not asked to look up"):
        read_evaluation(folder)
    if key == "root":
        assert PASSWORD not in page_of(stranger) + caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"data": ' * 5_000,
        '{"part": "val", "data": [1]}',
        '{"part": "val", "data": {"fingerprint": "a", "settings": 5}}',
        '{"part": ' + "9" * 5_000 + "}",
        "\xff",
    ],
    ids=range(6),
)
def test_a_damaged_summary_may_be_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(text, encoding="latin1")
    part: Any = SimpleNamespace(name="val", chips=SimpleNamespace(fingerprint="b", root=tmp_path))
    check_of_same_chips(tmp_path, EvaluateConfig(run="run"), part)
    (tmp_path / "summary.json").write_text('{"part": "test", "data": {"root": "elsewhere"}}')
    with pytest.raises(UserError, match=r"other chips \(part=test of elsewhere\)"):
        check_of_same_chips(tmp_path, EvaluateConfig(run="run"), part)
