"""Normalisation and batch of a training that leaves them open."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seep_lightning.errors import UserError
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train

OPEN = "data.batch_size=null"


def test_what_was_chosen_is_told_stored_and_used(compose_tiny: Callable[..., object], tmp_path: Path, caplog):
    caplog.set_level("INFO")
    run = train(compose_tiny(OPEN, "trainer.max_epochs=1"), tmp_path / "run").run
    stored = Run(run.dir).config
    assert (stored.data.normalise.kind, stored.data.batch_size) == ("chip", 2)
    chosen = json.loads((run.dir / "summary.json").read_text())["chosen"]
    assert chosen["data.batch_size"]["value"] == 2 and "steps an epoch" in chosen["data.batch_size"]["reason"]
    assert chosen.keys() == {"data.normalise.kind", "data.batch_size"}
    assert "chosen: data.batch_size=2: 18 training chips give 9 steps an epoch, and 2 with 8" in caplog.text
    assert load(run.dir).normalise.kind == "chip"


def test_a_resumed_run_keeps_what_was_chosen(compose_tiny, tmp_path):
    train(compose_tiny(OPEN, "trainer.max_epochs=1"), tmp_path / "run")
    run = train(compose_tiny(OPEN, "trainer.max_epochs=2"), tmp_path / "run").run
    assert run.summary()["epochs"] == 2 and run.summary()["chosen"]["data.batch_size"]["value"] == 2
    with pytest.raises(UserError, match="data.batch_size=2, not 3"):
        train(compose_tiny("data.batch_size=3", "trainer.max_epochs=3"), tmp_path / "run")
