"""The keys of a schema with what is declared of each: type, default, range, and its line in the class's docstring.

Help, completion and the schema for editors loop over them, so that a key is described where it is declared and nowhere
else.
"""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from seep_lightning.config.data import DataConfig, OtherDataConfig
from seep_lightning.config.target_texts import described_names
from seep_lightning.ranges import ALLOWED, EXPECTED, SPAN, Span

# the keys of these are described by those of other schemas
DESCRIBED_BY: dict[type[Any], type[Any]] = {OtherDataConfig: DataConfig}


@dataclass(frozen=True)
class DeclaredKey:
    """A key of a schema.

    Attributes:
        name: In its own section, such as `batch_size`.
        type: Its type.
        default: Its default; `MISSING` of OmegaConf where it must be given.
        text: What it is, in the words of the docstring, with `null` for None; empty where nothing is said.
        expected: What it may be, in words; empty where nothing is declared.
        allowed: Its allowed values, where it is one of some.
        span: The range of a number.
        schema: The dataclass of a key that is a section.
    """

    name: str
    type: Any
    default: Any
    text: str
    expected: str
    allowed: tuple[Any, ...]
    span: Span | None
    schema: type[Any] | None


def declared_keys(schema: type[Any]) -> tuple[DeclaredKey, ...]:
    """The keys of a schema, in the order of their declaration.

    Args:
        schema: A dataclass of the schema.
    """
    types = get_type_hints(schema)
    texts = attribute_texts(schema)
    return tuple(_declared(field, types[field.name], texts) for field in fields(schema))


def key_at(schema: type[Any], path: str) -> DeclaredKey | None:
    """The key at a path such as `data.batch_size`; None where the schema has none, or leaves it open.

    Args:
        schema: A dataclass of the schema.
        path: Names, with dots between them.
    """
    name, _, rest = path.partition(".")
    for key in declared_keys(schema):
        if key.name == name and not rest:
            return key
        if key.name == name and key.schema is not None:
            return key_at(key.schema, rest)
    return None


def attribute_texts(schema: type[Any]) -> Mapping[str, str]:
    """What the docstrings of a schema, and of those that it is made from, say of each attribute, in one line each.

    Args:
        schema: A dataclass.
    """
    texts: dict[str, str] = {}
    classes = (*reversed(schema.__mro__), DESCRIBED_BY.get(schema))
    for described in classes:
        if described is not None and is_dataclass(described):
            texts |= described_names(inspect.getdoc(described) or "")
    return texts


def summary_of(schema: type[Any]) -> str:
    """The first line of a schema's docstring.

    Args:
        schema: A dataclass.
    """
    return (inspect.getdoc(schema) or "").partition("\n")[0]


def _declared(field: Field[Any], kind: Any, texts: Mapping[str, str]) -> DeclaredKey:
    """A field of a schema as a key."""
    default = field.default
    if field.default_factory is not NO_DEFAULT:
        default = field.default_factory()
    return DeclaredKey(
        name=field.name,
        type=kind,
        default=default,
        text=texts.get(field.name, ""),
        expected=field.metadata.get(EXPECTED, ""),
        allowed=field.metadata.get(ALLOWED, ()),
        span=field.metadata.get(SPAN),
        schema=kind if is_dataclass(kind) else None,
    )
