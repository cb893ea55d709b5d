"""The rule of `data.pair_columns`: what the columns of a list of pairs are called in its file."""

from collections.abc import Mapping
from typing import Any

NEEDED_COLUMNS = ("image", "mask")
PAIR_COLUMNS = (*NEEDED_COLUMNS, "scene", "tile", "split")
EXAMPLE = "'data.pair_columns={image: file, mask: label}'"


def _are_columns(value: Any) -> bool:
    """Whether this may name columns: null, or a text by the name that a column has here."""
    if value is None:
        return True
    if not isinstance(value, Mapping) or not set(value) <= set(PAIR_COLUMNS):
        return False
    return all(isinstance(name, str) for name in value.values())


# as `ranges.restricted` has them, for a field that may be of any type
COLUMNS_OF_PAIRS = {
    "holds": _are_columns,
    "expected": f"names of columns by {', '.join(PAIR_COLUMNS)}, such as {EXAMPLE}",
}
