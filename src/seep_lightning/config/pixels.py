"""The rules of what chips are made of: bands, size, full scale."""

from typing import Any

from seep_lightning.ranges import COUNT, Span, is_number, is_text
from seep_lightning.scene.options import GREY, NO_NODATA

LARGEST_VALUE = 10**12
"""Of what pixels are multiplied with: their values stay finite in 32 bit."""
LONGEST_SIDE = 8192
"""Of a chip, px: a network is trained on several at once. Scenes are larger, and are cut into windows."""
SIDE = Span(at_least=1, at_most=LONGEST_SIDE, whole=True)


def _is_choice_of_bands(value: Any) -> bool:
    """Whether these may be the bands that are read."""
    if value is None or value == GREY:
        return True
    if not isinstance(value, list) or not value:
        return False
    return all(_is_band(band) for band in value)


def _is_band(value: Any) -> bool:
    """Whether this may be a band: a number from 1, or a name."""
    return COUNT.holds(value) or is_text(value)


def _is_size(value: Any) -> bool:
    """Whether this may be the size of chips."""
    if value is None or SIDE.holds(value):
        return True
    return isinstance(value, list) and len(value) == 2 and all(SIDE.holds(side) for side in value)


def _is_nodata(value: Any) -> bool:
    """Whether this may be the nodata value that a person gives for scenes."""
    return value in (None, NO_NODATA) or is_number(value)


def _is_above_0(value: Any) -> bool:
    """Whether this is a number above 0, or nothing."""
    return value is None or Span(above=0, at_most=LARGEST_VALUE).holds(value)


# as `ranges.restricted` has them, for fields that may be of any type
CHOICE_OF_BANDS = {
    "holds": _is_choice_of_bands,
    "expected": "a list such as [1] or [VV], grey, or null for the one band",
}
SIZE_OF_CHIPS = {
    "holds": _is_size,
    "expected": f"a side in pixels such as 256, or [height,width], {LONGEST_SIDE} at most",
}
NODATA_VALUE = {"holds": _is_nodata, "expected": f"a number, {NO_NODATA} or null"}
NUMBER_ABOVE_0 = {"holds": _is_above_0, "expected": f"a number above 0, {LARGEST_VALUE} at most"}
