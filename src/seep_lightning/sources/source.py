"""One source: a place where slicks recur. The contract between who finds sources and who writes them."""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from seep_lightning.config.commands import SourcesConfig
from seep_lightning.sources.cells import CellSet

SHARED_END = "shared end"
CORE = "core"
ORIGIN_KINDS = (SHARED_END, CORE)
_USUAL: dict[str, Any] = {setting.name: setting.default for setting in fields(SourcesConfig)}


@dataclass(frozen=True)
class SourceSettings:
    """How sources are told from chance.

    Attributes:
        min_days: Slicks on fewer days make no source.
        level: The corrected p-value of a source is below it.
        permutations: How often the days are shifted at random; p-values are multiples of 1 / (permutations + 1).
        seed: Of the random shifts.
        reach: Cells around a slick in which it counts as seen too, for ends that wander from day to day.
    """

    min_days: int = _USUAL["min_days"]
    level: float = _USUAL["level"]
    permutations: int = _USUAL["permutations"]
    seed: int = _USUAL["seed"]
    reach: int = _USUAL["reach"]


class SlickKey(NamedTuple):
    """Which slick: the number of its day, and its number in the day."""

    day: int
    number: int


@dataclass(frozen=True)
class DayOfSource:
    """What one day shows at a source.

    Attributes:
        day: Number of the day.
        area: Of the slicks of the source on that day together, m2 or px2.
        length: Of the longest of them, m or px.
    """

    day: int
    area: float
    length: float


@dataclass(frozen=True)
class Source:
    """A place where slicks recur on more days than chance gives.

    Attributes:
        number: From 1, the surest first.
        cells: Its cells.
        days_seen: Days with a slick that belongs to it.
        days_looked: Days on which half of its cells or more were looked at, or on which it was seen.
        rate: days_seen / days_looked.
        rate_low: Lower end of the rate's 95 % interval.
        rate_high: Its upper end.
        expected_by_chance: Days on which a slick touches its cells by chance.
        p_best_cell: Of as many days by chance in its most surprising cell, the smallest of many: before correction.
        p_corrected: Of a cell as surprising anywhere by chance: corrected for the many cells looked at.
        p_mean: Mean probability of its slicks, each by its area; None where no slick has one.
        by_day: Area and length on each day on which it was seen, in the order of time.
        first: First date seen, YYYY-MM-DD, or the day's name.
        last: Last date seen.
        class_number: The commonest class of its slicks; None without classes.
        origin: x, y in the grid's coordinates.
        origin_spread: How far the days' nearest ends lie from the origin, median, in m or px; for a core, its cells.
        origin_kind: One of `ORIGIN_KINDS`.
        slicks: Its slicks.
    """

    number: int
    cells: CellSet
    days_seen: int
    days_looked: int
    rate: float
    rate_low: float
    rate_high: float
    expected_by_chance: float
    p_best_cell: float
    p_corrected: float
    p_mean: float | None
    by_day: tuple[DayOfSource, ...]
    first: str
    last: str
    class_number: int | None
    origin: tuple[float, float]
    origin_spread: float
    origin_kind: str
    slicks: tuple[SlickKey, ...]
