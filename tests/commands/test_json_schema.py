"""`seep schema`: what it lets through and what it refuses, by the few words of JSON Schema that it uses."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from omegaconf import OmegaConf

from helpers.paths import ROOT
from seep_lightning.commands.composition import compose_untyped
from seep_lightning.commands.json_schema import json_schema
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.documents.yaml_files import read_yaml
from seep_lightning.errors import UserError

TYPES: Mapping[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}
LIMITS = {
    "minimum": lambda value, limit: value >= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
}


def is_valid(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether a schema of draft 7 takes a value; `$ref` stands alone."""
    if "$ref" in schema:
        return is_valid(value, root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema and not any(is_valid(value, choice, root) for choice in schema["anyOf"]):
        return False
    if not is_valid_alone(value, schema):
        return False
    if isinstance(value, list):
        return all(is_valid(item, schema.get("items", {}), root) for item in value)
    if isinstance(value, dict):
        return all(is_valid(item, schema_of(name, schema), root) for name, item in value.items())
    return True


def is_valid_alone(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a schema takes a value, whatever stands in it."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(has_type(value, kind) for kind in kinds):
        return False
    if "enum" in schema and not any(value == item and type(value) is type(item) for item in schema["enum"]):
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    limits = {name: schema[name] for name in LIMITS if name in schema}
    return not has_type(value, "number") or all(LIMITS[name](value, limit) for name, limit in limits.items())


def schema_of(name: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """That of a key of an object; of an unknown one what nothing fits."""
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    if name in known:
        return known[name]
    return {"enum": []} if others is False else {} if others is True else others


def has_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


@pytest.mark.parametrize("verb", SCHEMAS)
def test_the_composed_config_of_each_verb_is_valid(verb: str) -> None:
    schema = json_schema(verb)
    values = OmegaConf.to_container(compose_untyped(verb, []), resolve=False)
    # what a person has to give stands as ??? there
    given = {key: value for key, value in values.items() if value != "???"}
    assert is_valid(given, schema, schema)
    # an editor reads it as JSON
    assert json.loads(json.dumps(schema)) == schema


def test_the_files_of_conf_are_valid() -> None:
    schema = json_schema("train")
    for file in (*(ROOT / "conf/experiment").glob("*.yaml"), ROOT / "tests/fixtures/run_60f2943/config.yaml"):
        assert is_valid(read_yaml(file), schema, schema), file
    for section in ("data", "split", "trainer"):
        of_section = json_schema("train", section)
        for file in (ROOT / "conf" / section).glob("*.yaml"):
            assert is_valid(read_yaml(file), of_section, of_section), file


@pytest.mark.parametrize(
    "config",
    [
        {"sede": 1},
        {"seed": -1},
        {"seed": 0.5},
        {"ema_decay": 1},
        {"split": {"kind": "moon"}},
        {"split": {"folds": 2}},
        {"data": {"batch_size": "many"}},
        {"data": {"grid": {"0418": {"colums": 19}}}},
        {"trainer": {"max_epoch": 3}},
        {"figures": [1]},
    ],
    ids=str,
)
def test_mistakes_are_told_by_the_editor(config: dict[str, Any]) -> None:
    schema = json_schema("train")
    assert not is_valid(config, schema, schema)


def test_keys_have_their_texts_and_a_wrong_section_is_told() -> None:
    properties = json_schema("train", "data")["properties"]
    assert properties["batch_size"]["description"].startswith("Chips in a batch")
    assert properties["classes"]["default"] == 1
    with pytest.raises(UserError, match=r"train.model is no section .* train.data, train.split, train.trainer"):
        json_schema("train", "model")
    with pytest.raises(UserError, match="tarin has no keys. Expected one of train, "):
        json_schema("tarin")
