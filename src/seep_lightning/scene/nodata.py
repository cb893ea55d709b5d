"""Which pixels of an image hold data: one rule for training, prediction and exported networks."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.ranges import is_number
from seep_lightning.scene.interfaces import Mask, Values

NODATA_BANDS = ("all", "any")
"""A pixel of several bands has no data where all of them say so, or where any does."""

# What programs write where there is no measurement; of floats and signed integers no value of a radar picture.
SENTINEL = -9999
# From here on a float is no measurement: the largest one of 32 bit, the 9.97e36 of NetCDF, the 1e30 of others.
LARGEST_MEASUREMENT = 1e30


def nodata_values(declared: Iterable[float | None], dtype: np.dtype[Any]) -> set[float]:
    """The declared nodata values that pixels of a type can have.

    Args:
        declared: By the user and by a file; None for none.
        dtype: The type of the pixels.
    """
    values = {value for value in declared if value is not None}
    if dtype.kind == "f":
        return values
    # as integers: then comparing copies no pixels
    return {int(value) for value in values if float(value).is_integer()}


def check_nodata(key: str, nodata: Any, dtype: np.dtype[Any], file: str) -> None:
    """Check that pixels of a type can have the nodata value that a person gives: one that none has leaves out nothing.

    Args:
        key: Of the config, such as `data.nodata`.
        nodata: The value; what is no number is none.
        dtype: The type of the stored pixels.
        file: Of whom the type is, for the message.

    Raises:
        UserError: No pixel can have the value.
    """
    if not is_number(nodata) or dtype.kind not in "iu":
        return
    limits = np.iinfo(dtype)
    if not (limits.min <= nodata <= limits.max and float(nodata).is_integer()):
        raise UserError(
            f"{key}={nodata}: {file} is {dtype.name}, whose pixels are whole numbers from {limits.min} to {limits.max}."
            f" Pass one of them, or leave {key} out."
        )


def pixels_with_data(
    values: Values, nodatas: Collection[float], bands: str = "any", file_mask: Values | None = None
) -> Mask:
    """Find the pixels that hold data.

    A value that is no measurement (`is_measurement`; in bands of floats a nodata value other than 0, too) in one band
    makes a pixel without data whatever `bands` says: no network can take it.

    Args:
        values: (C, h, w) as stored.
        nodatas: The values of pixels without data.
        bands: `all` or `any`, see `NODATA_BANDS`.
        file_mask: The file's own mask or alpha band, (h, w), above 0 where there are data; None where it has none.

    Returns:
        (h, w) bool.
    """
    is_float = values.dtype.kind == "f"
    if len(values) == 1 and len(nodatas) == 1 and file_mask is None and values.dtype.kind == "u":
        # the usual chip, in half the time
        return _differs(values[0], *nodatas)
    valid: Mask = np.ones(values.shape[1:], bool) if file_mask is None else file_mask > 0
    if values.dtype.kind != "u":
        for plane in values:
            valid &= is_measurement(plane)
    for nodata in nodatas:
        is_no_measurement = is_float and nodata != 0
        if bands == "any" or is_no_measurement:
            for plane in values:
                valid &= _differs(plane, nodata)
        else:
            valid &= np.any([_differs(plane, nodata) for plane in values], axis=0)
    return valid


def is_measurement(values: Values) -> Values:
    """Where values may be a measurement: not NaN, an infinity, -9999, nor the least number of a signed type.

    Complex values are looked at before they become amplitudes.

    Args:
        values: Of any shape, as stored.

    Returns:
        bool of the same shape.
    """
    match values.dtype.kind:
        case "f" | "c":
            # NaN and infinities are not below it either
            return np.asarray((np.abs(values) < LARGEST_MEASUREMENT) & (values != SENTINEL))
        case "i":
            return np.asarray((values != SENTINEL) & (values != np.iinfo(values.dtype).min))
        case _:
            return np.ones(values.shape, bool)


def _differs(plane: Values, nodata: float) -> Mask:
    """Where a band is not the nodata value."""
    # a nodata value of float64 may be infinite in float32
    with np.errstate(over="ignore"):
        return np.asarray(plane != nodata)
