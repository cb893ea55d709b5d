"""A run directory from which something is missing is refused where a result would be another, or be lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seep_lightning import load
from seep_lightning.errors import UserError
from seep_lightning.files import digest
from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train

Compose = Callable[..., object]


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may spoil."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.mark.parametrize("evidence", ["final figures", "evaluations", "checkpoints/best.ckpt", "metrics.csv"])
def test_a_run_that_lost_its_last_checkpoint_does_not_start_over(evidence: str, run: Path) -> None:
    config = Run(run).config
    (run / "checkpoints" / "last.ckpt").unlink()
    if evidence != "final figures":
        (run / "summary.json").write_text('{"status": "running"}')
    if evidence == "evaluations":
        (run / "evaluate" / "test").mkdir(parents=True)
        (run / "evaluate" / "test" / "summary.json").write_text("{}")
    if evidence == "metrics.csv":
        (run / "checkpoints" / "best.ckpt").unlink()
    before = {path: digest(path) for path in run.rglob("*") if path.is_file() and path.suffix != ".log"}
    with pytest.raises(UserError, match=rf"has {evidence}, but no checkpoints/last\.ckpt.*init={run}"):
        train(config, run)
    assert {path: digest(path) for path in before} == before
    assert not (run / ".train.lock").exists()


def test_a_best_checkpoint_alone_is_not_replaced(run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone" / "checkpoints" / "best.ckpt"
    alone.parent.mkdir(parents=True)
    shutil.copy(run / "checkpoints" / "best.ckpt", alone)
    with pytest.raises(UserError, match=r"has checkpoints/best\.ckpt, but no checkpoints/last\.ckpt"):
        train(Run(run).config, tmp_path / "alone")


def test_a_run_killed_between_its_first_two_checkpoints_starts_over(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("trainer.max_epochs=1", "monitor=epoch")
    figures = train(config, tmp_path / "run").run.summary()["figures"]
    (tmp_path / "run" / "checkpoints" / "last.ckpt").unlink()
    (tmp_path / "run" / "summary.json").write_text('{"status": "running"}')
    assert train(config, tmp_path / "run").run.summary()["figures"] == figures


@pytest.mark.parametrize("content", [None, "{}", '{"status": "finished"}'])
def test_a_map_without_the_runs_summary_is_refused(content: str | None, run: Path) -> None:
    """The least area and the scaling were left out in silence: the mean probability was 0.473 instead of 0.048."""
    (run / "summary.json").unlink()
    if content is not None:
        (run / "summary.json").write_text(content)
    with pytest.raises(UserError, match=r"summary\.json(: it lacks the key 'name'| is missing or lacks the status)"):
        load(run)


def test_a_summary_of_another_run_is_told(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    summary["best"]["epoch"] += 1
    (run / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match=r"summary\.json is of epoch .*they are of different runs"):
        load(run)


def test_a_run_that_trains_for_the_first_time_can_be_mapped_with(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    del summary["best"]
    (run / "summary.json").write_text(json.dumps({**summary, "status": "running"}))
    assert load(run).min_area is None


def test_a_resumed_run_keeps_what_the_audit_found_when_it_began(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "findings": ["masks are shifted"]}))
    assert train(Run(run).config, run).run.summary()["findings"] == ["masks are shifted"]


def test_a_run_without_its_summary_gets_one_with_the_same_figures(run: Path) -> None:
    before = Run(run).summary()
    (run / "summary.json").unlink()
    after = train(Run(run).config, run).run.summary()
    kept = ("best", "figures", "floors", "epochs", "findings", "leakage", "data", "status")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
