"""Normalisation, batch and learning rate of a training that leaves them open."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run
from seep_lightning.training.open_settings import settle
from seep_lightning.training.session import train

OPEN = "data.batch_size=null"


def settled(config):
    return settle(config, SeepDataModule(config.data, config.split, config.augment))


def test_what_was_chosen_is_told_stored_and_used(compose_tiny: Callable[..., object], tmp_path: Path, caplog):
    caplog.set_level("INFO")
    run = train(compose_tiny(OPEN, "trainer.max_epochs=1"), tmp_path / "run").run
    stored = Run(run.dir).config
    assert (stored.data.normalise.kind, stored.data.batch_size, stored.optimizer["lr"]) == ("chip", 2, 0.0025)
    assert "base_lr" not in stored.optimizer
    chosen = json.loads((run.dir / "summary.json").read_text())["chosen"]
    assert chosen["data.batch_size"]["value"] == 2 and "steps an epoch" in chosen["data.batch_size"]["reason"]
    assert chosen.keys() == {"data.normalise.kind", "data.batch_size", "optimizer.lr"}
    assert "chosen: data.batch_size=2: 18 training chips give 9 steps an epoch, and 2 with 8" in caplog.text
    assert load(run.dir).normalise.kind == "chip"


def test_a_batch_that_somebody_asks_for_leaves_the_learning_rate(compose_tiny):
    config, choices = settled(compose_tiny("data.batch_size=2"))
    assert config.optimizer["lr"] == 0.005
    assert {choice.key for choice in choices} == {"data.normalise.kind", "optimizer.lr"}


def test_a_learning_rate_that_somebody_asks_for_stays(compose_tiny):
    config, choices = settled(compose_tiny(OPEN, "optimizer.lr=0.003"))
    assert config.optimizer["lr"] == 0.003
    assert "optimizer.lr" not in {choice.key for choice in choices}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_another_optimizer_keeps_its_own_rate(compose_tiny, optimizer):
    asked = compose_tiny(OPEN, f"optimizer={optimizer}")
    assert settled(asked)[0].optimizer == asked.optimizer


def test_a_resumed_run_keeps_what_was_chosen(compose_tiny, tmp_path):
    train(compose_tiny(OPEN, "trainer.max_epochs=1"), tmp_path / "run")
    run = train(compose_tiny(OPEN, "trainer.max_epochs=2"), tmp_path / "run").run
    assert run.summary()["epochs"] == 2 and run.summary()["chosen"]["data.batch_size"]["value"] == 2
    with pytest.raises(UserError, match="data.batch_size=2, not 3"):
        train(compose_tiny("data.batch_size=3", "trainer.max_epochs=3"), tmp_path / "run")
