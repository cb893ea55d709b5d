"""Stored configs as dataclasses: the short way gives what OmegaConf gives, and leaves the rest to OmegaConf."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.config import typed_values as module
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.typed_values import typed_values
from seep_lightning.documents.yaml_files import read_yaml

NODES = {"model": {"_target_": "M"}, "loss": {"_target_": "L"}, "optimizer": {"_target_": "O", "lr": 1e-3}}


def by_omegaconf(values: Any) -> TrainConfig:
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(TrainConfig), OmegaConf.create(values)))


def test_config_of_a_run_takes_the_short_way_and_is_what_omegaconf_makes_of_it(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = read_yaml(trained / "config.yaml")
    expected = by_omegaconf(values)
    monkeypatch.setattr(module, "OmegaConf", None)
    built = typed_values(TrainConfig, values)
    assert built == expected
    assert repr(built) == repr(expected)


@pytest.mark.parametrize(
    "values",
    [
        {"seed": "3"},
        {"name": 3},
        {"name": "of ${seed}", "seed": 3},
        {"data": {"cache_gb": 4}},
        {"data": {"factor": 1}},
        {"data": {"grid": {"041": {"columns": 4}}}},
        {"trainer": {"limit_train_batches": 1}},
        {"trainer": {"limit_train_batches": 1.0}},
        {"trainer": {"devices": [0, 1]}},
        {"augment": [{"_target_": "A", "p": 0.5}]},
    ],
)
def test_values_that_need_conversion_become_what_omegaconf_makes_of_them(values: dict[str, Any]) -> None:
    built = typed_values(TrainConfig, {**NODES, **values})
    expected = by_omegaconf({**NODES, **values})
    assert repr(built) == repr(expected)


@pytest.mark.parametrize(
    "values",
    [
        {"sed": 3},
        {"seed": 1.5},
        {"seed": None},
        {"data": {"cach_gb": 4}},
        {"data": 3},
        {"data": {"grid": {"S": {"offset": 1}}}},
        {"data": {"grid": {41: {"columns": 4}}}},
        {"model": "???"},
        {"trainer": {"max_epochs": "many"}},
        [1, 2],
    ],
)
def test_what_does_not_fit_is_an_error_of_omegaconf(values: Any) -> None:
    complete = {**NODES, **values} if isinstance(values, dict) else values
    with pytest.raises((OmegaConfBaseException, ValueError)):
        by_omegaconf(complete)
    with pytest.raises((OmegaConfBaseException, ValueError)):
        typed_values(TrainConfig, complete)
