"""Fill that nobody declared: one exact value on many pixels, where no data were; and what it is taken for."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import percent
from seep_lightning.scene.interfaces import Values
from seep_lightning.scene.nodata import is_measurement

# From this share of the pixels on, one exact value is told.
LEAST_FILL = 0.01
# So many times as frequent as the values next to it is what no measurement gives. Of so many on either side the median
# counts, since next to one fill there may be another.
SPIKE = 5.0
NEIGHBOURS = 4
# From here on a whole number is written with an exponent.
LONGEST_INTEGER = 1e10
# Decibels beyond which no radar measures: the floor of a logarithm, or a fill value.
DECIBEL_LIMIT = 60.0
# Decibels of the smallest power of which somebody may have taken the logarithm, in place of none.
LOWEST_FLOOR = -320.0


class Meaning(Enum):
    """What a value that fills many pixels is taken for.

    Attributes:
        NO_MEASUREMENT: What no measurement gives, whatever a person says: it is nodata.
        NO_DATA: It cannot be data on the scale of the values: it becomes nodata, unless a person says otherwise.
        IN_DOUBT: It may be data, and keeps what it was.
    """

    NO_MEASUREMENT = 1
    NO_DATA = 2
    IN_DOUBT = 3


@dataclass(frozen=True)
class Fill:
    """A value that fills many pixels, and that nobody declared.

    Attributes:
        value: As stored.
        share: Of all pixels.
        meaning: What it is taken for.
        reason: Why, such as `which no power is`; empty where it is in doubt.
        may_be_floor: Whether it may stand for the darkest sea, as the floor of a logarithm.
    """

    value: float
    share: float
    meaning: Meaning
    reason: str = ""
    may_be_floor: bool = False

    def in_doubt(self) -> "Fill":
        """The same value, taken for one that may be data."""
        return replace(self, meaning=Meaning.IN_DOUBT, reason="")

    def __str__(self) -> str:
        """The fact, in words."""
        return f"{percent(self.share)} of its pixels are exactly {value_text(self.value)}"


def value_text(value: float) -> str:
    """A stored value with as many digits as make it again, so that it can be declared."""
    if value.is_integer() and abs(value) < LONGEST_INTEGER:
        return str(int(value))
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return str(single) if float(single) == value else str(value)


@dataclass(frozen=True)
class ValueScale:
    """What values are.

    Attributes:
        scale: `linear`, `db`, or None for 8 and 16 bit unsigned that are neither.
        factor: What makes dB or power of a stored value, with `offset`.
        offset: See `factor`.
    """

    scale: str | None
    factor: float = 1.0
    offset: float = 0.0

    def measured(self, value: float) -> float:
        """What a stored value means."""
        return value * self.factor + self.offset


def find_fill(stored: Values, declared: Collection[float], scale: ValueScale) -> list[Fill]:
    """Find the values that fill many pixels.

    Args:
        stored: A sample of stored values, (C, N).
        declared: The stored values that somebody declared to be nodata.
        scale: What the values are.

    Returns:
        The values, the most frequent first; infinities and NaN are not among them.
    """
    with np.errstate(over="ignore"):
        as_stored = {float(np.asarray(value).astype(stored.dtype)) for value in declared}
    candidates: set[float] = set()
    for band in stored:
        candidates |= _frequent_values(band, scale)
    usual = _usual_value(stored, candidates | as_stored)
    fills: list[Fill] = []
    for value in candidates - as_stored:
        share = _share(stored, value)
        if share >= LEAST_FILL:
            fills.append(_fill(value, share, usual, stored.dtype, scale))
    return sorted(fills, key=lambda fill: -fill.share)


def _share(stored: Values, value: float) -> float:
    """The share of pixels that have a value: 0 in all bands, since in one it may be a dark sea; others in any."""
    is_value = stored == np.asarray(value, stored.dtype)
    pixels = is_value.all(axis=0) if value == 0 else is_value.any(axis=0)
    return float(pixels.mean()) if pixels.size else 0.0


def _frequent_values(band: NDArray[Any], scale: ValueScale) -> set[float]:
    """The values of a band that may be fill: both ends of unsigned types; of others what stands out."""
    if scale.scale is None and band.dtype.kind == "u":
        return {0.0, float(np.iinfo(band.dtype).max)}
    finite = band[np.isfinite(band)]
    values, counts = np.unique(finite, return_counts=True)
    frequent = np.flatnonzero(counts >= LEAST_FILL * band.size).tolist()
    return {float(values[index]) for index in frequent if counts[index] >= SPIKE * _count_beside(counts, index)}


def _count_beside(counts: NDArray[np.int64], index: int) -> int:
    """How frequent the values next to one are, in the order of their size: the lower median; 0 where there are none."""
    before = counts[max(index - NEIGHBOURS, 0) : index]
    after = counts[index + 1 : index + 1 + NEIGHBOURS]
    beside = np.sort(np.concatenate([before, after]))
    return int(beside[(len(beside) - 1) // 2]) if len(beside) else 0


def _usual_value(stored: Values, fill: Collection[float]) -> float | None:
    """The median of the values that cannot be fill; None where there are none."""
    others = stored[is_measurement(stored)]
    for value in fill:
        others = others[others != np.asarray(value, stored.dtype)]
    return float(np.median(others)) if others.size else None


def _fill(value: float, share: float, usual: float | None, dtype: np.dtype[Any], scale: ValueScale) -> Fill:
    """What a frequent value is taken for, beside the usual one."""
    if not is_measurement(np.array([value], dtype))[0]:
        return Fill(value, share, Meaning.NO_MEASUREMENT, "which is no measurement")
    if usual is None:
        # where there is nothing else, the scale itself is in doubt; but 0 is nothing on any
        meaning = Meaning.NO_DATA if value == 0 and scale.scale is not None else Meaning.IN_DOUBT
        return Fill(value, share, meaning, "which is all there is" if meaning is Meaning.NO_DATA else "")
    measured = scale.measured(value)
    is_far = abs(measured) > DECIBEL_LIMIT >= abs(scale.measured(usual))
    match scale.scale:
        case "db" if value == 0 or is_far:
            may_be_floor = LOWEST_FLOOR < measured < -DECIBEL_LIMIT
            return Fill(value, share, Meaning.NO_DATA, "which no sea in dB is", may_be_floor)
        case "linear" if value == 0 or measured < 0 < scale.measured(usual):
            return Fill(value, share, Meaning.NO_DATA, "which no power is")
        case _:
            return Fill(value, share, Meaning.IN_DOUBT)
