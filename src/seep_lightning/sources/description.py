"""What is said of a source: how often it is seen, since when, how large, and where its oil comes up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.days import Slick
from seep_lightning.sources.ends import Ends
from seep_lightning.sources.origin import origin_of
from seep_lightning.sources.rate import JEFFREYS
from seep_lightning.sources.source import DayOfSource, SlickKey, Source


@dataclass(frozen=True)
class Place:
    """A place where slicks recur.

    Attributes:
        number: From 1.
        cells: Its cells.
        core: The cells of the piece around its most surprising cell.
        surprise: Of that cell.
        p_corrected: Of that cell.
        expected_days: Days on which slicks touch it by chance.
        looked_on: Numbers of the days on which it was looked at.
    """

    number: int
    cells: CellSet
    core: CellSet
    surprise: float
    p_corrected: float
    expected_days: float
    looked_on: frozenset[int]


def source_of(
    place: Place, slicks: Sequence[Slick], ends: Sequence[Ends], names: Sequence[str], grid: CellGrid, seed: int
) -> Source:
    """Describe a source.

    Args:
        place: Where slicks recur.
        slicks: Those that belong to it, one or more, in the order of time.
        ends: Of those that are no blobs.
        names: Date or name of each day.
        grid: The grid of the cells.
        seed: Of the trials that tell whether its slicks share an end.

    Returns:
        The source.
    """
    days = sorted({slick.day for slick in slicks})
    seen, looked = len(days), len(place.looked_on.union(days))
    low, high = JEFFREYS.interval(seen, looked)
    origin = origin_of(ends, grid.centres(place.core), grid.size, seed)
    return Source(
        number=place.number,
        cells=place.cells,
        days_seen=seen,
        days_looked=looked,
        rate=seen / looked,
        rate_low=low,
        rate_high=high,
        expected_by_chance=place.expected_days,
        p_best_cell=10.0**-place.surprise,
        p_corrected=place.p_corrected,
        p_mean=_mean_probability(slicks),
        by_day=tuple(_day_of_source(day, slicks) for day in days),
        first=names[days[0]],
        last=names[days[-1]],
        class_number=_commonest_class(slicks),
        origin=origin.point,
        origin_spread=origin.spread,
        origin_kind=origin.kind,
        slicks=tuple(SlickKey(slick.day, slick.number) for slick in slicks),
    )


def _day_of_source(day: int, slicks: Sequence[Slick]) -> DayOfSource:
    of_day = [slick for slick in slicks if slick.day == day]
    return DayOfSource(day, sum(slick.area for slick in of_day), max(slick.length for slick in of_day))


def _mean_probability(slicks: Sequence[Slick]) -> float | None:
    """The mean probability, each slick by its area; None where no slick has one."""
    told = [(slick.p_mean, slick.area) for slick in slicks if slick.p_mean is not None]
    if not told:
        return None
    probabilities, areas = np.array(told).T
    if not areas.any():
        return float(probabilities.mean())
    return float(np.average(probabilities, weights=areas))


def _commonest_class(slicks: Sequence[Slick]) -> int | None:
    """The class of most slicks; of several, the smallest number; None without classes."""
    numbers = [slick.class_number for slick in slicks if slick.class_number is not None]
    if not numbers:
        return None
    return int(np.bincount(numbers).argmax())
