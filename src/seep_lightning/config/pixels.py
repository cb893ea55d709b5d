"""The rules of what chips are made of: bands, size, full scale."""

from typing import Any

from seep_lightning.scene.options import GREY, NO_NODATA


def _is_choice_of_bands(value: Any) -> bool:
    """Whether these may be the bands that are read."""
    if value is None or value == GREY:
        return True
    if not isinstance(value, list) or not value:
        return False
    return all(_is_band(band) for band in value)


def _is_band(value: Any) -> bool:
    """Whether this may be a band: a number from 1, or a name."""
    return _is_count(value) or isinstance(value, str)


def _is_size(value: Any) -> bool:
    """Whether this may be the size of chips."""
    if value is None or _is_count(value):
        return True
    return isinstance(value, list) and len(value) == 2 and all(_is_count(side) for side in value)


def _is_count(value: Any) -> bool:
    """Whether this is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_nodata(value: Any) -> bool:
    """Whether this may be the nodata value that a person gives for scenes."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value in (None, NO_NODATA) or is_number


def _is_above_0(value: float | None) -> bool:
    """Whether this is a number above 0, or nothing."""
    return value is None or value > 0


# as `rules.restricted` has them, for fields that may be of any type
CHOICE_OF_BANDS = {
    "holds": _is_choice_of_bands,
    "expected": "a list such as [1] or [VV], grey, or null for the one band",
}
SIZE_OF_CHIPS = {"holds": _is_size, "expected": "a side in pixels such as 256, or [height,width]"}
NODATA_VALUE = {"holds": _is_nodata, "expected": f"a number, {NO_NODATA} or null"}
NUMBER_ABOVE_0 = {"holds": _is_above_0, "expected": "a number above 0"}
