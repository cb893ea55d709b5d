"""What help, completion and editors are told of keys stands where the keys are declared."""

from typing import Any

import pytest

from seep_lightning.config.declared_keys import declared_keys, key_at
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.config.target_texts import argument_texts
from seep_lightning.config.training import TrainConfig, TrainerConfig


def undescribed(schema: type[Any], prefix: str = "") -> list[str]:
    names = []
    for key in declared_keys(schema):
        if key.schema is not None and key.schema is not TrainerConfig:
            names += undescribed(key.schema, f"{prefix}{key.name}.")
        elif not key.text:
            names.append(f"{prefix}{key.name}")
    return names


@pytest.mark.parametrize("command", SCHEMAS)
def test_every_key_says_what_it_is(command: str) -> None:
    assert undescribed(SCHEMAS[command]) == [], "say it under `Attributes` in the docstring of its class"


def test_a_key_has_its_range_as_values_and_in_words() -> None:
    folds = key_at(TrainConfig, "split.folds")
    assert folds is not None and folds.span is not None
    assert (folds.span.at_least, folds.expected, folds.default) == (3, "3 or more", 5)
    kind = key_at(TrainConfig, "split.kind")
    assert kind is not None and kind.allowed == ("random", "scene", "place", "kfold", "file")
    assert key_at(TrainConfig, "split.nothing") is None


def test_arguments_of_a_class_of_ours_are_described_and_others_are_not_imported() -> None:
    assert argument_texts("seep_lightning.nets.unet.UNet")["width"].startswith("Channels of the finest stage")
    assert argument_texts("torch.optim.AdamW") == argument_texts("seep_lightning.nets.unet.Nothing") == {}
