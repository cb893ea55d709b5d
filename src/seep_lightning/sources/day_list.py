"""The days of a store: all looks of one date are one day. Each is read when it is asked for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import shapely

from seep_lightning.sources.cells import CellSet
from seep_lightning.sources.days import Day, Slick
from seep_lightning.sources.looks import LookFacts, LookSlicks
from seep_lightning.sources.store import LookStore
from seep_lightning.sources.tiles import Marks, TiledMarks, TileKey


@dataclass(frozen=True)
class DayFacts:
    """What is known of a day without its cells.

    Attributes:
        number: Its number, from 0, in the order of time; days without a date come last.
        name: Its date, or the name of its scene.
        date: YYYY-MM-DD; empty where it is not known.
        looks: What is known of its looks, in the order of their names.
    """

    number: int
    name: str
    date: str
    looks: tuple[LookFacts, ...]

    @property
    def slick_count(self) -> int:
        """How many slicks it has."""
        return sum(look.slicks for look in self.looks)

    @property
    def tiles(self) -> set[TileKey]:
        """The tiles that hold cells of it."""
        return {TileKey(row, column) for look in self.looks for row, column in look.tiles}


class DayList(Sequence[Day]):
    """The days of a store, in the order of time.

    Args:
        store: The looks.

    Attributes:
        store: As given.
        facts: What is known of each day.
    """

    def __init__(self, store: LookStore) -> None:
        self.store = store
        self.facts = _days_of(store.facts.values())

    def __len__(self) -> int:
        return len(self.facts)

    @overload
    def __getitem__(self, number: int) -> Day: ...
    @overload
    def __getitem__(self, number: slice) -> list[Day]: ...
    def __getitem__(self, number: int | slice) -> Day | list[Day]:
        if isinstance(number, slice):
            return [self[position] for position in range(len(self))[number]]
        return self._read(self.facts[number])

    def __iter__(self) -> Iterator[Day]:
        return map(self._read, self.facts)

    def slicks_of(self, number: int) -> Iterator[tuple[LookFacts, LookSlicks]]:
        """The slicks of a day by its looks, in the order of their numbers."""
        for look in self.facts[number].looks:
            yield look, self.store.slicks(look.name)

    def tile(self, number: int, key: TileKey) -> tuple[Marks, Marks] | None:
        """The cells of a tile that a day looked at, and where it saw slicks; None for none."""
        parts = [self.store.tile(look.name, key) for look in self.facts[number].looks if tuple(key) in look.tiles]
        if not parts:
            return None
        looked = np.logical_or.reduce([part[0] for part in parts])
        seen = np.logical_or.reduce([part[1] for part in parts])
        return looked, seen

    def _read(self, facts: DayFacts) -> Day:
        looked = TiledMarks()
        slicks: list[Slick] = []
        for look in facts.looks:
            for key, marks in self.store.looked(look.name).tiles.items():
                looked.add(marks, key.box.top, key.box.left)
            slicks += _slicks(self.store.slicks(look.name), look.name, facts.number, len(slicks))
        cells: CellSet = looked.cells()
        return Day(facts.name, facts.date, cells, tuple(slicks))


def _days_of(looks: Iterable[LookFacts]) -> list[DayFacts]:
    """The days of some looks."""
    by_day: dict[tuple[bool, str], list[LookFacts]] = defaultdict(list)
    for look in looks:
        # those without a date come last
        by_day[not look.date, look.date or look.name].append(look)
    days = []
    for number, ((is_undated, name), members) in enumerate(sorted(by_day.items())):
        in_order = sorted(members, key=lambda look: look.name)
        days.append(DayFacts(number, name, "" if is_undated else name, tuple(in_order)))
    return days


def _slicks(slicks: LookSlicks, scene: str, day: int, first: int) -> Iterator[Slick]:
    """The slicks of a look as those of a day; first: the number of the first of them."""
    for position in range(len(slicks)):
        p_mean = float(slicks.p_mean[position])
        class_number = float(slicks.class_number[position])
        yield Slick(
            day=day,
            number=first + position,
            scene=scene,
            outline=largest_ring(slicks.shapes[position]),
            cells=slicks.cells[position],
            area=float(slicks.area[position]),
            length=float(slicks.length[position]),
            p_mean=None if np.isnan(p_mean) else p_mean,
            class_number=None if np.isnan(class_number) else int(class_number),
        )


def largest_ring(shape: shapely.Geometry) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The outer ring of the largest part of a polygon, (M, 2), without its first point at the end."""
    parts = shapely.get_parts(shape)
    largest = parts[int(shapely.area(parts).argmax())]
    coordinates = shapely.get_coordinates(shapely.get_exterior_ring(largest))
    return np.asarray(coordinates[:-1], np.float64)
