"""What the days tell: the cells that were looked at, and the slicks that were seen there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seep_lightning.scene.projections import Points
from seep_lightning.sources.cells import CellSet


@dataclass(frozen=True)
class Slick:
    """One slick of one day.

    Attributes:
        day: Number of its day among the days, from 0.
        number: Its number in the day, from 0.
        scene: Name of the scene in which it lies.
        outline: Its largest ring in the coordinates of the grid, (M, 2): x, y; the first point is not repeated.
        cells: The cells that it touches.
        area: In m2 or px2.
        length: In m or px, along the centre line where the map tells it, else the longer side of its rectangle.
        p_mean: Mean probability; None where nobody gave one (an analyst's outline).
        class_number: Its class, from 1; None without classes.
    """

    day: int
    number: int
    scene: str
    outline: Points
    cells: CellSet
    area: float
    length: float
    p_mean: float | None = None
    class_number: int | None = None


@dataclass(frozen=True)
class Day:
    """One day: all scenes of one date. A scene whose date nobody knows is a day of its own.

    Attributes:
        name: The date, or the name of the scene.
        date: As YYYY-MM-DD; empty where it is not known.
        looked: The cells whose middle was mapped, and those with a slick.
        slicks: The slicks.
    """

    name: str
    date: str
    looked: CellSet
    slicks: tuple[Slick, ...]

    @cached_property
    def seen(self) -> CellSet:
        """The cells with a slick."""
        if not self.slicks:
            return CellSet.none()
        keys = np.concatenate([slick.cells.keys for slick in self.slicks])
        return CellSet(np.unique(keys))


Days = Sequence[Day]
"""The days in the order of time. A day is read from its file when it is asked for, by number or by a loop: keep
`seen` and the slicks, never `looked` of many days at once, or memory grows with the number of scenes."""
