"""A training that starts from the weights of another one."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.trainings import weights
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.predictor.exporting import export
from seep_lightning.training.session import train

Compose = Callable[..., object]


@pytest.mark.parametrize("exported", [False, True])
def test_init_starts_from_the_weights_of_a_run_or_a_file(
    exported: bool, compose_tiny: Compose, trained: Path, tmp_path: Path
) -> None:
    init = export(ExportConfig(str(trained), str(tmp_path / "a.pt"), "torch")) if exported else trained
    config = compose_tiny(f"init='{init}'", "optimizer.lr=1e-9", "ema_decay=null", "trainer.max_epochs=1")
    started = weights(train(config, tmp_path / "run").run.dir)
    best = weights(trained, "best")
    assert all(torch.allclose(started[k], best[k], atol=1e-6) for k in started if k.endswith(".weight"))
    with pytest.raises(UserError, match="its network differs from model .* or init=null"):
        train(compose_tiny(f"init='{init}'", "model.width=8"), tmp_path / "wider")
    with pytest.raises(UserError, match="Expected a run, a file of export format=torch, or seeps, generated"):
        train(compose_tiny("init=genrated"), tmp_path / "misspelt")


def test_another_normalisation_than_that_of_init_is_told(
    compose_tiny: Compose, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shorter = (f"init='{trained}'", "trainer.max_epochs=1")
    train(compose_tiny(*shorter), tmp_path / "same")
    assert "learned from other network input" not in caplog.text
    train(compose_tiny(*shorter, "data.normalise.kind=scale"), tmp_path / "other")
    assert "learned from other network input; pass data.normalise.kind=chip data.normalise.log=true" in caplog.text


def test_the_leakage_line_counts_what_the_network_of_init_has_learned_from(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    shorter = ("split=random", "trainer.max_epochs=1")
    first = train(compose_tiny(*shorter), tmp_path / "first").run
    assert "LEARNED" not in first.summary()["leakage"]
    second = train(compose_tiny(*shorter, "split.seed=1", f"init={first.dir}"), tmp_path / "second").run
    was, now = (dict(re.findall(r"^([^,]+),.*,(\w+)$", r.split_path.read_text(), re.M)) for r in (first, second))
    known = {part: sum(was[name] == "train" for name in now if now[name] == part) for part in ("val", "test")}
    said = f"; init=first HAS LEARNED FROM {known['val']} val and {known['test']} test chips"
    assert second.summary()["leakage"].endswith(said) and known["val"] > 0
    third = train(compose_tiny(*shorter, f"init={second.dir}"), tmp_path / "third").run  # first's own split
    assert "; init=second HAS LEARNED" in third.summary()["leakage"]
    assert "; init=first" not in third.summary()["leakage"]
    path = export(ExportConfig(str(first.dir), str(tmp_path / "a.pt"), "torch"))
    fourth = train(compose_tiny(*shorter, f"init={path}"), tmp_path / "fourth").run
    assert fourth.summary()["leakage"].endswith("HAS LEARNED FROM THIS DATA SET, from which part is not known")


def test_init_from_a_run_that_tells_no_classes_gives_a_new_head_only(
    compose_tiny: Compose, trained: Path, tmp_path: Path
) -> None:
    more = ("task=classes", "optimizer.lr=1e-9", "ema_decay=null", "trainer.max_epochs=1")
    config = compose_tiny(f"init='{trained}'", *more)
    started, best = weights(train(config, tmp_path / "run").run.dir, "best"), weights(trained, "best")
    kept = [k for k in started if k.endswith(".weight") and k != "net.head.weight"]
    assert len(started["net.head.weight"]) == 8 and all(torch.allclose(started[k], best[k], atol=1e-6) for k in kept)


def test_a_training_on_outlines_of_the_network_of_init_is_told_so(
    compose_tiny: Compose, chips_root: Path, trained: Path, tmp_path: Path
) -> None:
    facts = {"outlines": {"used": 40, "models": {"run": 37}}}
    (chips_root / "dataset.json").write_text(json.dumps(facts))
    first = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "first").run
    assert first.summary()["leakage"].endswith("; 37 of 40 outlines WERE DRAWN BY THE NETWORK run")
    # a network knows the outlines of all that it started from
    second = train(compose_tiny("trainer.max_epochs=1", f"init='{trained}'"), tmp_path / "second").run
    third = train(compose_tiny("trainer.max_epochs=1", f"init={second.dir}"), tmp_path / "third").run
    for run in (second, third):
        assert "THIS NETWORK IS SCORED ON ITS OWN OUTLINES, 37 of 40" in run.summary()["leakage"]
