"""One look at the ground: what one scene shows, on the cells that all share. Days are made of looks."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import shapely
from msgspec import Meta
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.vector_layers import Shapes
from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.drawing import cells_of_polygons
from seep_lightning.sources.tiles import TILE, TiledMarks

Numbers = NDArray[np.float64]
"""A number for each slick, (N,); NaN where there is none."""


# as they are read from a file, which may be damaged
StoredDate = Annotated[str, Meta(pattern=r"^(-?\d{4,}-\d\d-\d\d)?$", max_length=20)]
MOST_SLICKS = 500_000
"""Of a scene: those of a day are in memory together."""
MOST_CLASS = 2**31 - 1
SlickCount = Annotated[int, Meta(ge=0, le=MOST_SLICKS)]
CellNumber = Annotated[int, Meta(ge=-(2**31), le=2**31)]
TileNumber = Annotated[int, Meta(ge=-(2**31) // TILE, lt=2**31 // TILE)]


@dataclass(frozen=True)
class LookSlicks:
    """The slicks of one look, N of them.

    Attributes:
        shapes: Their polygons in the coordinates of the grid, (N,).
        cells: The cells that each touches.
        area: m2 or px2, (N,).
        length: m or px, (N,).
        p_mean: Mean probability, (N,).
        class_number: Class from 1, (N,).
    """

    shapes: Shapes
    cells: list[CellSet]
    area: Numbers
    length: Numbers
    p_mean: Numbers
    class_number: Numbers

    def __len__(self) -> int:
        return len(self.shapes)


@dataclass(frozen=True)
class LookFacts:
    """What is known of a look without its cells.

    Attributes:
        name: Name of the scene, by which a look is known.
        date: YYYY-MM-DD; empty where nobody knows it.
        time: As the map tells it; empty likewise.
        key: A hash of what it was read from: with another one it is read again.
        source: The file that it was read from, for messages.
        slicks: How many slicks it has.
        tiles: Row and column of each tile that holds cells of it.
        box: First row and column of its cells, and the row and column after the last.
    """

    name: str
    date: StoredDate
    time: str
    key: str
    source: str
    slicks: SlickCount = 0
    tiles: list[tuple[TileNumber, TileNumber]] = field(default_factory=list)
    box: tuple[CellNumber, CellNumber, CellNumber, CellNumber] = (0, 0, 0, 0)


@dataclass(frozen=True)
class Look:
    """What one scene shows.

    Attributes:
        facts: What is known of it without its cells.
        looked: The cells whose middle was mapped, and those with a slick.
        slicks: Its slicks.
    """

    facts: LookFacts
    looked: TiledMarks
    slicks: LookSlicks


def whole_look(facts: LookFacts, looked: TiledMarks, slicks: LookSlicks) -> Look:
    """A look of its parts: a cell with a slick counts as looked at.

    Args:
        facts: What is known of it.
        looked: The cells whose middle was mapped; the others are added.
        slicks: Its slicks.
    """
    for cells in slicks.cells:
        looked.add_cells(cells)
    return Look(facts, looked, slicks)


def measured_slicks(shapes: Shapes, grid: CellGrid, columns: dict[str, NDArray[Any]]) -> LookSlicks:
    """Slicks of their polygons, and of what their file says about them.

    Args:
        shapes: Polygons in the coordinates of the grid, (N,), each with an area.
        grid: The grid.
        columns: Any of `area`, `length`, `p_mean`, `class`, each (N,). An area that is not there is measured, and so is
            a length: the longer side of the smallest rectangle around the polygon.

    Raises:
        UserError: They are more, or larger, than the slicks of a scene can be.
    """
    if len(shapes) > MOST_SLICKS:
        raise UserError(f"a scene has {len(shapes):,} outlines; expected {MOST_SLICKS:,} at most.")
    numbers = {name: as_numbers(values) for name, values in columns.items()}
    none = np.full(len(shapes), np.nan)
    area = numbers.get("area", none)
    length = numbers.get("length", none)
    return LookSlicks(
        shapes=shapes,
        cells=cells_of_polygons(shapes, grid),
        area=np.where(np.isfinite(area), area, shapely.area(shapes)),
        length=np.where(np.isfinite(length), length, longer_sides(shapes, np.isnan(length))),
        p_mean=numbers.get("p_mean", none),
        class_number=_classes(numbers.get("class", none)),
    )


def _classes(values: Numbers) -> Numbers:
    """Numbers of classes; NaN for what is none."""
    return np.where(is_class(values), values, np.nan)


def is_class(values: Numbers) -> NDArray[np.bool_]:
    """Which values are numbers of classes."""
    return np.asarray((values >= 0) & (values <= MOST_CLASS) & (values == np.floor(values)))


def longer_sides(shapes: Shapes, asked: NDArray[np.bool_]) -> Numbers:
    """The longer side of the smallest rectangle around each polygon that is asked about, (N,); NaN for the others."""
    sides = np.full(len(shapes), np.nan)
    if asked.any():
        rectangles = shapely.oriented_envelope(shapes[asked])
        corners = [shapely.get_coordinates(rectangle)[:3] for rectangle in rectangles]
        edges = np.linalg.norm(np.diff(np.array(corners), axis=1), axis=2)
        sides[asked] = edges.max(axis=1)
    return sides


def as_numbers(values: NDArray[Any]) -> Numbers:
    """Values of a column as numbers; NaN for what is none, or is infinite."""
    is_numeric = values.dtype.kind in "biuf"
    numbers = values if is_numeric else np.array([_number(value) for value in values.tolist()])
    return np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float64)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
