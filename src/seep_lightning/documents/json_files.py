"""JSON: text, depth and shape checked; a key that stands twice is refused, since readers disagree on which one counts.

NaN and infinities are read, as Python writes them. Half a letter (a surrogate of UTF-16, alone) is refused, as bytes
that are not UTF-8 are: no page and no table could be written with it.
"""

import json
import re
from pathlib import Path
from typing import Any, TypeVar

from seep_lightning.documents.damage import damaged
from seep_lightning.documents.depth import check_depth, too_deep
from seep_lightning.documents.regular_files import LARGEST_DOCUMENT
from seep_lightning.documents.shapes import as_shape
from seep_lightning.documents.text import read_text
from seep_lightning.errors import first_line

T = TypeVar("T")

# a letter of two halves is a letter
_MAY_BE_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, shape: type[T], *, largest: int = LARGEST_DOCUMENT, advice: str = "") -> T:
    """Read a JSON file of a declared shape.

    Args:
        path: The file.
        shape: What must stand in it, see `shapes.as_shape`; `dict[str, Any]` for any mapping.
        largest: Bytes that it may have.
        advice: What to do about one that is damaged, a sentence.

    Raises:
        UserError: It cannot be read, is not JSON, or is of another shape.
    """
    value = parsed_json(read_text(path, largest=largest), str(path), advice=advice)
    return as_shape(value, shape, str(path), advice=advice)


def parsed_json(text: str, source: str, *, advice: str = "") -> Any:
    """The value that JSON says, of any shape.

    Args:
        text: The JSON.
        source: Where it comes from, for messages.
        advice: What to do about one that is damaged, a sentence.

    Raises:
        UserError: It is not JSON, too deep, or holds half a letter.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unrepeated)
    except RecursionError as error:
        raise too_deep(source) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise damaged(f"{source} is not JSON ({place}: {error.msg})", advice) from error
    # a repeated key, or a number of thousands of digits
    except ValueError as error:
        raise damaged(f"{source} is not JSON ({first_line(error)})", advice) from error
    check_depth(value, source)
    if _MAY_BE_HALF.search(text):
        _check_letters(value, source, advice)
    return value


def _check_letters(value: Any, source: str, advice: str) -> None:
    """Raise `UserError` for a value with half a letter in a text of it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start].encode("unicode_escape").decode()
        raise damaged(f"{source} holds half a letter ({half})", advice) from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its pairs; ValueError for a key that stands twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} stands twice in one object")
            seen.add(key)
    return value
