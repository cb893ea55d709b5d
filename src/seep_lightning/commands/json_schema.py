"""A command's keys as JSON Schema, by which an editor completes and checks YAML: types, ranges, defaults, texts."""

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from omegaconf import MISSING

from seep_lightning.config.declared_keys import DeclaredKey, declared_keys, summary_of
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.errors import UserError
from seep_lightning.ranges import Span

DIALECT = "http://json-schema.org/draft-07/schema#"
JSON_TYPES: Mapping[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    types.NoneType: "null",
}
INTERPOLATION = "interpolation"
# what a config file may hold beside the keys of a command: Hydra's own
HYDRAS_KEYS = {
    "defaults": {"type": "array", "description": "What this file starts from (Hydra's defaults list)."},
    "hydra": {"type": "object", "description": "Settings of Hydra."},
}


def json_schema(command: str, section: str = "") -> dict[str, Any]:
    """The schema of a config file.

    No key is required: such files hold differences only.

    Args:
        command: A verb, such as `train`.
        section: The key whose files it is for, such as `data`; empty: files whose keys stand at the top.

    Returns:
        JSON Schema, draft 7.

    Raises:
        UserError: There is no such verb or section.
    """
    schema = _schema_of(command, section)
    top = _object_of(schema)
    top["properties"] |= HYDRAS_KEYS
    name = f"{command}.{section}" if section else command
    return {
        "$schema": DIALECT,
        "title": f"seep {name}: {summary_of(schema)}",
        **top,
        "definitions": {INTERPOLATION: {"type": "string", "pattern": r"\$\{"}, **_definitions(schema)},
    }


def _schema_of(command: str, section: str) -> type[Any]:
    """The dataclass of a verb, or of a section of its config."""
    if command not in SCHEMAS:
        raise UserError(
            f"{command} has no keys. Expected one of {', '.join(SCHEMAS)}, or a section such as train.data."
        )
    if not section:
        return SCHEMAS[command]
    sections: dict[str, type[Any]] = {
        key.name: key.schema for key in declared_keys(SCHEMAS[command]) if key.schema is not None
    }
    if section not in sections:
        known = ", ".join(f"{command}.{name}" for name in sections) or "none"
        raise UserError(f"{command}.{section} is no section that a dataclass declares. Known: {known}.")
    return sections[section]


def _object_of(schema: type[Any]) -> dict[str, Any]:
    """A dataclass as a JSON object whose keys are known."""
    properties = {key.name: _property_of(key) for key in declared_keys(schema)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _definitions(schema: type[Any]) -> dict[str, Any]:
    """The dataclasses in a dataclass, at any depth, by their names."""
    found: dict[str, Any] = {}
    for key in declared_keys(schema):
        for kind in (key.type, *get_args(key.type)):
            if hasattr(kind, "__dataclass_fields__"):
                found |= {kind.__name__: _object_of(kind), **_definitions(kind)}
    return found


def _property_of(key: DeclaredKey) -> dict[str, Any]:
    """A key with its text and default; any key may refer to others with `${...}`."""
    about: dict[str, Any] = {"description": _description(key)} if key.text or key.expected else {}
    if _is_plain(key.default):
        about["default"] = key.default
    values = _values_of(key)
    if not values:
        return about
    # draft 7 reads nothing beside `$ref`
    return {**about, "anyOf": [values, {"$ref": f"#/definitions/{INTERPOLATION}"}]}


def _values_of(key: DeclaredKey) -> dict[str, Any]:
    """What a key may be, without texts; empty for anything."""
    if key.allowed:
        return {"enum": list(key.allowed)}
    limits = _limits_of(key.span) if key.span is not None else {}
    return {**_type_of(key.type), **limits}


def _type_of(kind: Any) -> dict[str, Any]:
    """A type of Python as JSON Schema has it."""
    if hasattr(kind, "__dataclass_fields__"):
        return {"$ref": f"#/definitions/{kind.__name__}"}
    if get_origin(kind) in (Union, types.UnionType):
        return _one_type_of(get_args(kind))
    if get_origin(kind) is list:
        items = _type_of(get_args(kind)[0])
        return {"type": "array", "items": items} if items else {"type": "array"}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": _type_of(get_args(kind)[1])}
    return {"type": JSON_TYPES[kind]} if kind in JSON_TYPES else {}


def _one_type_of(kinds: tuple[Any, ...]) -> dict[str, Any]:
    """Any of several plain types; JSON's numbers hold whole ones too."""
    return {"type": [JSON_TYPES[kind] for kind in kinds]}


def _limits_of(span: Span) -> dict[str, float]:
    """A range, which JSON Schema applies to numbers alone."""
    limits = {
        "minimum": span.at_least,
        "exclusiveMinimum": span.above,
        "maximum": span.at_most,
        "exclusiveMaximum": span.below,
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def _description(key: DeclaredKey) -> str:
    """What a key is, and what it may be in words, for a rule that JSON Schema does not have."""
    is_said_by_values = bool(key.allowed) or key.span is not None
    if not key.expected or is_said_by_values:
        return key.text
    return f"{key.text} Expected {key.expected}.".strip()


def _is_plain(value: Any) -> bool:
    """Whether a default says something to an editor."""
    return value != MISSING and isinstance(value, bool | int | float | str | list | None)
