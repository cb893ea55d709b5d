"""Values that cannot be what was said of them: dB that are power, power that is dB, dB times a hundred."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError

# Of each band: single outliers do not make a scene another kind.
LOW_SHARE = 0.01
HIGH_SHARE = 0.99
# Decibels of calibrated radar lie between these, but for outliers.
LOWEST_DECIBELS = -90.0
HIGHEST_DECIBELS = 30.0
# The median of a sea in dB.
DECIBELS_OF_SEA = (-45.0, -3.0)
# What people multiply dB by to store integers, as what makes dB of them again.
USUAL_FACTORS = (0.1, 0.01, 0.001)
# More power below 0 than this is not noise that was subtracted.
MOST_NEGATIVE_POWER = 0.25


class Keys(NamedTuple):
    """How the command calls the keys that a message names."""

    scale: str = "scale"
    factor: str = "factor"


class Spread(NamedTuple):
    """Where the values of a band lie."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> "Spread":
        """Of values (N,), at least one."""
        low, median, high = np.quantile(values, (LOW_SHARE, 0.5, HIGH_SHARE)).tolist()
        return cls(low, median, high)

    def __str__(self) -> str:
        """In words."""
        return f"{self.low:.4g} to {self.high:.4g} (98 % of them), their median is {self.median:.4g}"


SCENE_KEYS = Keys()


def check_values(values: NDArray[Any], scale: str | None, where: str, keys: Keys = SCENE_KEYS) -> None:
    """Check that values can be what was said of them.

    Args:
        values: A sample of values with data, (C, N), as they are read.
        scale: `db` or `linear`; None: nothing was said.
        where: What they are of, for the message.
        keys: How the command calls its keys.

    Raises:
        UserError: They cannot, with the likely cause.
    """
    if not values.shape[1]:
        return
    for band in values:
        match scale:
            case "db":
                problem = _problem_of_decibels(Spread.of(band), keys)
            case "linear":
                problem = _problem_of_power(band, keys)
            case _:
                problem = ""
        if problem:
            raise UserError(f"{where}: {problem}")


def _problem_of_decibels(spread: Spread, keys: Keys) -> str:
    """Why values cannot be dB; empty where they can."""
    said = f"{keys.scale}=db, but its values lie at {spread}"
    if spread.median < LOWEST_DECIBELS:
        factor = factor_of_decibels(spread.median)
        if factor is not None:
            return f"{said}. They look like dB x {1 / factor:g}: pass {keys.factor}={factor:g}."
        return f"{said}. No radar measures so little: is its fill declared as nodata, are they dB at all?"
    if spread.high > HIGHEST_DECIBELS or spread.low > 0:
        return (
            f"{said}. They look like power or amplitude: pass {keys.scale}=linear. If they are dB that nobody "
            "calibrated, move them to where dB are: gdal_edit.py -offset -50 FILE."
        )
    return ""


def _problem_of_power(band: NDArray[Any], keys: Keys) -> str:
    """Why values cannot be power or amplitude; empty where they can."""
    below = float(np.mean(band < 0))
    if below <= MOST_NEGATIVE_POWER:
        return ""
    spread = Spread.of(band)
    factor = factor_of_decibels(spread.median)
    cure = f"{keys.scale}=db"
    if spread.median < LOWEST_DECIBELS and factor is not None:
        cure += f" {keys.factor}={factor:g}"
    return (
        f"{keys.scale}=linear, but {below:.0%} of its values are below 0, where no power is; they lie at {spread}. "
        f"Are its values dB? Then pass {cure}."
    )


def factor_of_decibels(median: float) -> float | None:
    """What makes dB of a sea of values with this median, such as 0.01 for -2000; None where nothing usual does."""
    low, high = DECIBELS_OF_SEA
    for factor in USUAL_FACTORS:
        if low <= median * factor <= high:
            return factor
    return None
