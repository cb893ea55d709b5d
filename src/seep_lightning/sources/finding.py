"""Sources of days: where slicks recur more often than chance gives.

Each day's slicks are widened by `reach` cells, since ends wander from day to day. `surprise` ranks the cells, `chance`
says how surprising a cell gets by chance, `places` makes places of the cells that are more so and gives them their
slicks, `description` says of each place how often, since when and from where.
"""

import logging
from collections.abc import Sequence

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.chance import Permutations, corrected, days_by_chance, largest_by_chance
from seep_lightning.sources.days import Days
from seep_lightning.sources.description import Place, source_of
from seep_lightning.sources.ends import ends_of_day
from seep_lightning.sources.marks import MARKS, MarkedDays, universe_of
from seep_lightning.sources.places import Places, Recurrent, places_of
from seep_lightning.sources.shifts import Indices
from seep_lightning.sources.source import Source, SourceSettings
from seep_lightning.sources.surprise import Floats, kinds_of

log = logging.getLogger(__name__)

MOST_COUNTED = 199
"""Permutations over which the days expected by chance are a mean: more make it no better."""


def find_sources(days: Days, grid: CellGrid, settings: SourceSettings) -> list[Source]:
    """Find the sources of some days.

    Args:
        days: The days, in the order of time; they are gone through several times.
        grid: The grid of their cells.
        settings: How sources are told from chance.

    Returns:
        The sources, the surest first.

    Raises:
        UserError: So few permutations that no p-value gets below the level.
    """
    check_permutations(settings)
    universe = universe_of(days)
    marked = [MarkedDays(days, grid, universe, mark, settings.reach) for mark in MARKS]
    recurrent = recurrent_cells(marked, settings)
    if not len(recurrent.cells):
        return []
    slicks = [slick for day in days for slick in day.slicks]
    places = places_of(recurrent, slicks, settings.reach, settings.min_days)
    described = _places(marked[0], recurrent, places, settings)
    names = [day.date or day.name for day in days]
    ends = [slick_ends for day in days for slick_ends in ends_of_day(day, grid)]
    sources = []
    for number, place in enumerate(described):
        own = [slick for slick, owner in zip(slicks, places.of_slick, strict=True) if owner == number]
        keys = {(slick.day, slick.number) for slick in own}
        own_ends = [slick_ends for slick_ends in ends if (slick_ends.day, slick_ends.number) in keys]
        sources.append(source_of(place, own, own_ends, names, grid, settings.seed))
    return sources


def recurrent_cells(marked: Sequence[MarkedDays], settings: SourceSettings) -> Recurrent:
    """Find the cells where slicks or their ends recur more often than chance gives anywhere.

    Args:
        marked: The days with their slicks, and with their ends.
        settings: How recurrence is told from chance.

    Returns:
        The cells, with surprise and corrected p-value of each.
    """
    by_cell = np.zeros(len(marked[0].universe))
    by_chance = np.zeros(settings.permutations)
    for days in marked:
        totals = days.totals()
        kinds = kinds_of(totals, settings.min_days)
        by_cell = np.maximum(by_cell, kinds.of_cells(totals.seen))
        # the same permutation shifts slicks and ends alike: the larger surprise of both is one draw of chance
        permutations = Permutations(settings.permutations, settings.seed)
        marks = int(totals.seen.sum())
        by_chance = np.maximum(by_chance, largest_by_chance(days, kinds, marks, permutations))
    p_values = corrected(by_cell, by_chance)
    chosen = p_values < settings.level
    if not chosen.any():
        _tell_nothing_found(by_cell, p_values, settings)
    return Recurrent(CellSet(marked[0].universe.keys[chosen]), by_cell[chosen], p_values[chosen])


def _tell_nothing_found(surprises: Floats, p_values: Floats, settings: SourceSettings) -> None:
    """Say how near to a source the best cell comes."""
    if not surprises.any():
        log.info("no source: slicks are on %d days or more in no cell (min_days)", settings.min_days)
        return
    best = p_values.min()
    log.info(
        "no source: chance gives a cell as surprising as the best one with p = %.3g; level=%g", best, settings.level
    )


def check_permutations(settings: SourceSettings) -> None:
    """Raise where no place could be a source.

    Args:
        settings: How sources are told from chance.

    Raises:
        UserError: So few permutations that no p-value gets below the level.
    """
    smallest = 1 / (settings.permutations + 1)
    if smallest >= settings.level:
        fewest = int(1 / settings.level + 1e-9)
        raise UserError(
            f"permutations={settings.permutations} gives p-values of {smallest:.3g} and more: none is below "
            f"level={settings.level:g}. Pass permutations={fewest} or more."
        )


def _places(looked: MarkedDays, recurrent: Recurrent, places: Places, settings: SourceSettings) -> list[Place]:
    """Gather what the days say of each place."""
    of_cell = np.zeros(len(looked.universe), np.int32)
    of_cell[np.searchsorted(looked.universe.keys, recurrent.cells.keys)] = places.of_cell + 1
    permutations = Permutations(min(settings.permutations, MOST_COUNTED), settings.seed)
    expected = days_by_chance(looked, of_cell, permutations).mean(axis=0)
    looked_at = _looked_at(looked, of_cell)
    described = []
    for number in range(places.number):
        here = np.flatnonzero(places.of_cell == number)
        core = here[places.is_core[here]]
        peak = here[recurrent.surprise[here].argmax()]
        described.append(
            Place(
                number=number + 1,
                cells=CellSet(recurrent.cells.keys[here]),
                core=CellSet(recurrent.cells.keys[core]),
                surprise=float(recurrent.surprise[peak]),
                p_corrected=float(recurrent.p_corrected[peak]),
                expected_days=float(expected[number + 1]),
                looked_on=frozenset(np.flatnonzero(looked_at[:, number + 1]).tolist()),
            )
        )
    return described


def _looked_at(looked: MarkedDays, place_of_cell: Indices) -> np.ndarray:
    """Whether half of each place's cells were looked at on each day, (days, places + 1)."""
    places = int(place_of_cell.max(initial=0)) + 1
    cells = np.bincount(place_of_cell, minlength=places)
    rows = []
    for day in looked.days:
        of_day = place_of_cell[np.searchsorted(looked.universe.keys, day.looked.keys)]
        rows.append(2 * np.bincount(of_day, minlength=places) >= cells)
    return np.array(rows, bool).reshape(-1, places)
