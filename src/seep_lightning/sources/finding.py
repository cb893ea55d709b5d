"""Sources of days: where slicks recur more often than chance gives."""

from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.days import Days
from seep_lightning.sources.source import Source, SourceSettings


def find_sources(days: Days, grid: CellGrid, settings: SourceSettings) -> list[Source]:
    """Find the sources of some days.

    Args:
        days: The days, in the order of time.
        grid: The grid of their cells.
        settings: How sources are told from chance.

    Returns:
        The sources, the surest first.
    """
    return []
