"""The columns of the layers `sources`, `origins` and `slicks`, each declared once; docs/sources.md lists them.

What a polygon of `predict` has, too, has the same name here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from seep_lightning.scene.feature_layers import FeatureColumn
from seep_lightning.scene.field_texts import field_text, with_size_unit
from seep_lightning.sources.day_list import DayFacts
from seep_lightning.sources.looks import LookFacts
from seep_lightning.sources.source import Source

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class LayerColumn(Generic[Subject]):
    """A column of a layer.

    Attributes:
        name: Its name; `{unit}` stands for m, or for px without a coordinate system.
        value: Function that gives its value for one feature; None where there is none.
        description: What it is, in the words of docs/sources.md.
        unit: Of its values; `{unit}` as in the name.
        label: What people read above it; empty: its name.
        kind: Type of its values.
    """

    name: str
    value: Callable[[Subject], Any]
    description: str
    unit: str = ""
    label: str = ""
    kind: type[float] | type[int] | type[str] = float

    def column_name(self, unit: str) -> str:
        """Its name; unit: m or px."""
        return with_size_unit(self.name, unit)

    def column(self, unit: str) -> FeatureColumn:
        """The column as it is written; unit: m or px."""
        text = field_text(self.name, self.description, unit, unit=self.unit, label=self.label)
        return FeatureColumn(text, self.kind)


@dataclass(frozen=True)
class NamedSource:
    """A source with the names of its days.

    Attributes:
        source: The source.
        dates: The date, or the name, of each day on which it was seen.
        days_core: On how many days its most frequent cell had a slick.
    """

    source: Source
    dates: tuple[str, ...]
    days_core: int


@dataclass(frozen=True)
class PlacedSlick:
    """A slick with what is known of its place.

    Attributes:
        day: Its day.
        look: Its look.
        number: Its number in the day.
        source: Its source; None for none.
        days_here: On how many days, its own included, a cell of it had a slick: the most of its cells.
        area: m2 or px2.
        length: m or px.
        p_mean: Mean probability; None without.
        class_number: Class; None without.
    """

    day: DayFacts
    look: LookFacts
    number: int
    source: Source | None
    days_here: int
    area: float
    length: float
    p_mean: float | None
    class_number: int | None


SOURCE_COLUMNS: tuple[LayerColumn[NamedSource], ...] = (
    LayerColumn("source", lambda named: named.source.number, "number of the source, 1 for the surest", kind=int),
    LayerColumn(
        "days_seen",
        lambda named: named.source.days_seen,
        "days on which any of its cells had a slick of it",
        label="days seen",
        kind=int,
    ),
    LayerColumn(
        "days_looked",
        lambda named: named.source.days_looked,
        "days on which the place was mapped",
        label="days looked at",
        kind=int,
    ),
    LayerColumn(
        "days_core",
        lambda named: named.days_core,
        "days of its most frequent cell: the number that recurrence.tif has there",
        label="days of its most frequent cell",
        kind=int,
    ),
    LayerColumn("rate", lambda named: named.source.rate, "days_seen / days_looked", unit="0..1"),
    LayerColumn("rate_low", lambda named: named.source.rate_low, "lower end of the rate's 95 % interval", unit="0..1"),
    LayerColumn("rate_high", lambda named: named.source.rate_high, "upper end of it", unit="0..1"),
    LayerColumn(
        "expected_by_chance",
        lambda named: named.source.expected_by_chance,
        "days with a slick here that chance gives",
        label="days by chance",
    ),
    LayerColumn(
        "p_best_cell",
        lambda named: named.source.p_best_cell,
        "p-value of its most unlikely cell alone, the smallest of many; sources stand in its order",
        unit="0..1",
    ),
    LayerColumn(
        "p_corrected",
        lambda named: named.source.p_corrected,
        "p-value, corrected for the many places looked at",
        unit="0..1",
    ),
    LayerColumn(
        "p_mean",
        lambda named: named.source.p_mean,
        "mean probability of its slicks; none of outlines without one",
        label="mean probability",
        unit="0..1",
    ),
    LayerColumn(
        "area_{unit}2",
        lambda named: _mean([day.area for day in named.source.by_day]),
        "area of its slicks on a day, mean of the days seen",
        label="area a day",
        unit="{unit}2",
    ),
    LayerColumn(
        "length_{unit}",
        lambda named: _mean([day.length for day in named.source.by_day]),
        "length of the longest of its slicks on a day, mean of the days seen",
        label="length",
        unit="{unit}",
    ),
    LayerColumn(
        "first",
        lambda named: named.source.first,
        "first day seen; of days without dates the scene's name",
        label="first seen",
        kind=str,
    ),
    LayerColumn("last", lambda named: named.source.last, "last day seen, likewise", label="last seen", kind=str),
    LayerColumn("dates", lambda named: ", ".join(named.dates), "all days seen", label="dates seen", kind=str),
    LayerColumn(
        "class", lambda named: named.source.class_number, "commonest class of its slicks, if they have any", kind=int
    ),
    LayerColumn("slicks", lambda named: len(named.source.slicks), "number of its slicks", kind=int),
)

ORIGIN_COLUMNS: tuple[LayerColumn[NamedSource], ...] = (
    *SOURCE_COLUMNS[:5],
    LayerColumn(
        "p_corrected",
        lambda named: named.source.p_corrected,
        "p-value of the source, corrected for the many places looked at",
        unit="0..1",
    ),
    LayerColumn(
        "origin_kind",
        lambda named: named.source.origin_kind,
        "shared end: the end that the days' slicks share; core: no such end can be told, it is the place of most days",
        label="what it is",
        kind=str,
    ),
    LayerColumn(
        "origin_spread_{unit}",
        lambda named: named.source.origin_spread,
        "how far the days lie from it, median",
        label="spread",
        unit="{unit}",
    ),
)

SLICK_COLUMNS: tuple[LayerColumn[PlacedSlick], ...] = (
    LayerColumn("day", lambda slick: slick.day.number, "number of its day, from 0, as in days.csv", kind=int),
    LayerColumn("number", lambda slick: slick.number, "its number in the day, from 0", kind=int),
    LayerColumn(
        "source",
        lambda slick: slick.source and slick.source.number,
        "number of its source; none where there is none",
        kind=int,
    ),
    LayerColumn(
        "source_days",
        lambda slick: slick.source and slick.source.days_seen,
        "days on which its source was seen",
        label="days of its source",
        kind=int,
    ),
    LayerColumn(
        "days_here",
        lambda slick: slick.days_here,
        "days with a slick at the same place, this one included: 1 for a slick that never recurs",
        label="days here",
        kind=int,
    ),
    LayerColumn("date", lambda slick: slick.day.date or None, "its day, YYYY-MM-DD; none if not known", kind=str),
    LayerColumn("scene", lambda slick: slick.look.name, "name of its scene", kind=str),
    LayerColumn("time", lambda slick: slick.look.time or None, "when the scene was taken, if known", kind=str),
    LayerColumn("area_{unit}2", lambda slick: slick.area, "area", label="area", unit="{unit}2"),
    LayerColumn(
        "length_{unit}",
        lambda slick: slick.length,
        "length along the centre line; of outlines without one the longer side of the rectangle around it",
        label="length",
        unit="{unit}",
    ),
    LayerColumn(
        "p_mean",
        lambda slick: slick.p_mean,
        "mean probability; none of outlines without one",
        label="mean probability",
        unit="0..1",
    ),
    LayerColumn("class", lambda slick: slick.class_number, "class, if it has one", kind=int),
)


def _mean(values: list[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None
