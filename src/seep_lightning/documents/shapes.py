"""Values of a document against a declared shape: a frozen dataclass, or a type such as `dict[str, float]`.

What a shape does not name is tolerated: a later version may have written it. Fields with a default may be missing: an
earlier version did not write them.
"""

import re
import sys
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from seep_lightning.documents.damage import damaged

T = TypeVar("T")

Count = Annotated[int, Meta(ge=0, le=2**62)]
"""A number of things."""

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number that is neither NaN nor infinite."""

Probability = Annotated[float, Meta(ge=0, le=1)]
"""A number from 0 to 1, which NaN is not."""

LONGEST_VALUE = 40
"""Characters of a value in a message."""

_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at (?P<place>.*))?", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<found>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]*)`")
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]")
# the words of msgspec, and those of people
_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}


def as_shape(value: Any, shape: type[T], source: str, *, advice: str = "", strict: bool = True) -> T:
    """A value of a document as its declared shape.

    Args:
        value: Mappings, lists and plain values, as a reader gives them.
        shape: What it must be. Ranges stand as `Annotated[float, msgspec.Meta(ge=0)]`.
        source: Where it comes from, for messages.
        advice: What to do about another one, a sentence.
        strict: Whether text is no number: false for cells of a table.

    Returns:
        The value, dataclasses built.

    Raises:
        UserError: It is something else: one line that says where, what was found, and what was expected.
    """
    try:
        return msgspec.convert(value, shape, strict=strict)
    except RecursionError as error:
        raise damaged(f"{source} is nested too deep", advice) from error
    except msgspec.ValidationError as error:
        problem = _in_words(str(error), value)
        raise damaged(f"{source}: {problem}", advice) from error


def _in_words(message: str, value: Any) -> str:
    """What msgspec says, as a clause about a place in the document."""
    parts = _MESSAGE.fullmatch(message)
    assert parts is not None
    place = (parts["place"] or "$").replace("`", "")
    said = "it" if place == "$" else place
    problem = parts["problem"]
    missing = _MISSING.fullmatch(problem)
    if missing is not None:
        return f"{said} lacks the key {missing['key']!r}"
    wrong_type = _WRONG_TYPE.fullmatch(problem)
    if wrong_type is not None:
        found = _found(place, value) or _kind(wrong_type["found"])
        return f"{said} is {found}; expected {_kind(wrong_type['expected'])}"
    found = _found(place, value)
    told = f" is {found}" if found else ""
    return f"{said}{told}: {problem[:1].lower()}{problem[1:]}".replace("`", "")


def _kind(types: str) -> str:
    """Types as msgspec calls them, in words."""
    words = [_KINDS.get(kind, kind) for kind in types.split(" | ")]
    return " or ".join(words)


def _found(place: str, value: Any) -> str:
    """The plain value at a place such as `$.facts.bands[0]`; empty where it is no plain one, or cannot be told."""
    # a document that is one text may be any file that a link leads to
    if place == "$":
        return ""
    steps = list(_STEP.finditer(place))
    walked = "$" + "".join(step[0] for step in steps)
    if walked != place:
        return ""
    for step in steps:
        key = step["key"] if step["index"] is None else int(step["index"])
        try:
            value = value[key]
        except (LookupError, TypeError):
            return ""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str | int | float):
        return repr(value)[:LONGEST_VALUE]
    return ""
