"""The rule of `data.mask_values`: which classes the values or colours of masks mean."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seep_lightning.errors import UserError

# before the key, where a data set's config stands in that of a run
IN_DATA = "data."
# in a map: nobody knows what such pixels are
IGNORE = "ignore"
# beside the classes, for pixels that are to be ignored
IGNORED = 255
MOST_CLASSES = IGNORED - 1

Colour = tuple[int, int, int]
"""Red, green and blue, 0..255 (or as many as the type holds)."""
StoredValue = int | Colour
"""What a pixel of a mask is: a number, or a colour."""

EXAMPLE = '{255: 1, "0,255,255": 1, 254: ignore}'
# numbers of 16 bit
LONGEST_RANGE = 1 << 16
# commas or blanks: Hydra's grammar takes commas with a backslash only
_COLOUR = re.compile(r"\s*(\d+)[,\s]+(\d+)[,\s]+(\d+)\s*")
_NUMBER = re.compile(r"\s*-?\d+\s*")
_RANGE = re.compile(r"\s*(\d+)\s*-\s*(\d+)\s*")


def parsed_mask_values(values: Mapping[Any, Any], classes: int, prefix: str = IN_DATA) -> dict[StoredValue, int]:
    """Read `mask_values`.

    Args:
        values: Classes, or `ignore`, by value (a number or a text of one), range of values (`128-255`) or colour (such
            as `0,255,255`).
        classes: The largest class that there is.
        prefix: What stands before the key, for messages.

    Returns:
        The class of each value or colour, `IGNORED` for those to be ignored.

    Raises:
        UserError: A key or a class is none.
    """
    table: dict[StoredValue, int] = {}
    for key, meaning in values.items():
        stored = _stored_values(key)
        if not stored:
            raise UserError(
                f'{prefix}mask_values: {key!r} is neither a value nor a colour "R,G,B", nor a range such as 128-255. '
                f"Expected such as '{prefix}mask_values={EXAMPLE}'."
            )
        table |= dict.fromkeys(stored, _class_of(key, meaning, classes, prefix))
    return table


def check_mask_values(values: Any, classes: int, prefix: str = IN_DATA) -> None:
    """Check `mask_values`, null or a dictionary.

    Args:
        values: As `parsed_mask_values` takes them, or None.
        classes: The largest class that there is.
        prefix: What stands before the key, for messages.

    Raises:
        UserError: It has no meaning.
    """
    if values is None:
        return
    if not isinstance(values, Mapping):
        raise UserError(f"{prefix}mask_values={values}: expected such as '{prefix}mask_values={EXAMPLE}'.")
    if classes >= IGNORED:
        raise UserError(
            f"{prefix}mask_values with {prefix}classes={classes}: {MOST_CLASSES} classes are the most, since {IGNORED} "
            "stands for ignored pixels. Map the masks' values to smaller numbers."
        )
    table = parsed_mask_values(values, classes, prefix)
    if not any(0 < meaning < IGNORED for meaning in table.values()):
        raise UserError(
            f"{prefix}mask_values={dict(values)}: no value means seep. Map one to a class, 1 to {classes}, "
            f"such as '{prefix}mask_values={EXAMPLE}'."
        )


def _stored_values(key: Any) -> Sequence[StoredValue]:
    """The numbers or the colour that a key names; none where it names neither."""
    if isinstance(key, bool):
        return []
    if isinstance(key, int):
        return [key]
    text = str(key)
    if _NUMBER.fullmatch(text):
        return [int(text)]
    if numbers := _RANGE.fullmatch(text):
        first, last = int(numbers[1]), int(numbers[2])
        return range(first, last + 1) if last - first < LONGEST_RANGE else []
    if colour := _COLOUR.fullmatch(text):
        return [(int(colour[1]), int(colour[2]), int(colour[3]))]
    return []


def _class_of(key: Any, meaning: Any, classes: int, prefix: str) -> int:
    """The class that a value stands for, or `IGNORED`; `UserError` where it is neither."""
    if meaning == IGNORE:
        return IGNORED
    is_class = isinstance(meaning, int) and not isinstance(meaning, bool) and 0 <= meaning <= classes
    if not is_class:
        largest = f"data.classes={classes}" if prefix == IN_DATA else str(classes)
        raise UserError(
            f"{prefix}mask_values: {key} is mapped to {meaning}; expected 0 (no seep), a class up to {largest}, "
            f"or {IGNORE}."
        )
    return int(meaning)
