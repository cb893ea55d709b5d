"""Plain mappings as dataclasses of the schema: directly where the values have its types, else by way of OmegaConf.

OmegaConf converts text to numbers and says what does not fit, but to build its tree of one config takes longer than to
read the file. A config that this package wrote needs neither.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from omegaconf import MISSING, OmegaConf

from seep_lightning.config.references import REFERENCE

T = TypeVar("T")


def typed_values(schema: type[T], values: Any) -> T:
    """Complete a mapping by the defaults of its schema, with values of the schema's types.

    Args:
        schema: A dataclass.
        values: Mappings, lists and plain values, as read from a file.

    Returns:
        The dataclass, with dataclasses in it where the schema has them, and plain mappings and lists elsewhere.

    Raises:
        OmegaConfBaseException: A key or a value is none of the schema.
    """
    direct = _converted(schema, values)
    if direct is not None:
        return direct
    merged = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.create(values))
    return cast(T, OmegaConf.to_object(merged))


def _converted(schema: type[T], values: Any) -> T | None:
    """The dataclass of values that need no conversion; None for all others, and for keys that are not its own."""
    # no command that reads no config needs it
    import msgspec

    if not _is_plain(values):
        return None
    try:
        built = msgspec.convert(values, schema)
    except msgspec.ValidationError:
        return None
    return built if _is_whole(built, values) else None


def _is_plain(value: Any) -> bool:
    """Whether a tree has names for keys, and plain values of which none refers to another."""
    match value:
        case dict():
            return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
        case list():
            return all(_is_plain(item) for item in value)
        case str():
            return REFERENCE not in value
        case _:
            return value is None or isinstance(value, bool | int | float)


def _is_whole(built: Any, values: Any) -> bool:
    """Whether what was built of values has a value for each key of its dataclasses, and no value was left out."""
    if is_dataclass(built):
        names = [field.name for field in fields(built)]
        given = values if isinstance(values, Mapping) else {}
        if not given.keys() <= set(names):
            return False
        return all(_is_whole(getattr(built, name), given.get(name)) for name in names)
    if isinstance(built, dict) and isinstance(values, Mapping):
        return all(_is_whole(item, values[key]) for key, item in built.items())
    is_same_kind = isinstance(built, float) or values is None or type(built) is type(values)
    return is_same_kind and not (isinstance(built, str) and built == MISSING)
