"""Chips that lie edge to edge on the ground, whatever they are called: found by the georeference of their files."""

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from affine import Affine

from seep_lightning.data.grid import Cell
from seep_lightning.errors import UserError
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset
from seep_lightning.scene.scene_file import RASTER, SceneFile

# px; what rounding makes of corners
CORNER_TOLERANCE = 0.1
# relative; likewise of pixel sizes
SIZE_DIGITS = 9
# from a cell to those that share an edge or a corner with it
NEIGHBOURS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))


@dataclass(frozen=True)
class _Placed:
    """A file on the ground.

    Attributes:
        file: The file.
        grid: What all files of one grid have in common.
        size: Height and width, px.
        transform: Of its first pixel.
    """

    file: SceneFile
    grid: tuple[object, ...]
    size: tuple[int, int]
    transform: Affine


@dataclass(frozen=True)
class AdjoiningChips:
    """Chips of one size and one grid that lie edge to edge.

    Attributes:
        name: What their names have in common, or else their folder.
        cells: (row, column) of each, from (0, 0).
    """

    name: str
    cells: dict[SceneFile, Cell]

    @property
    def overlapping(self) -> list[SceneFile]:
        """Files that lie where another one does, after that one; images of two days do."""
        first: dict[Cell, SceneFile] = {}
        return [file for file, cell in self.cells.items() if first.setdefault(cell, file) != file]


def adjoining_chips(files: Sequence[SceneFile]) -> list[AdjoiningChips]:
    """Find the images that lie edge to edge on one grid of pixels.

    Args:
        files: Scenes; only those that are one local raster file with a transform are looked at.

    Returns:
        Groups of two images or more, in the order of their first files.
    """
    by_grid: dict[tuple[object, ...], list[_Placed]] = {}
    for placed in _placed(files):
        by_grid.setdefault(placed.grid, []).append(placed)
    groups: list[AdjoiningChips] = []
    for chips in by_grid.values():
        groups += [_group(cells) for cells in _connected(_cells(chips)) if len(set(cells.values())) > 1]
    return groups


def adjoining_text(groups: Sequence[AdjoiningChips]) -> str:
    """What to tell of images that adjoin and are mapped one by one."""
    count = sum(len(group.cells) for group in groups)
    first, second, *_ = groups[0].cells
    return (
        f"{count} images lie edge to edge on the ground, such as {first.path.name} and {second.path.name}, and are "
        "mapped one by one: a seep that crosses an edge becomes two polygons. mosaic=georeference maps those of one "
        "scene as one; mosaic=false says that this is meant."
    )


def _placed(files: Sequence[SceneFile]) -> Iterator[_Placed]:
    """The files that have a place on the ground."""
    for file in files:
        if file.kind != RASTER or file.location.startswith("/vsi"):
            continue
        # a file that cannot be read is told when its turn comes
        with suppress(*UNREADABLE_RASTER, OSError, UserError), open_dataset(file.location) as dataset:
            transform = dataset.transform
            size = (dataset.height, dataset.width)
            if transform != Affine.identity() and not transform.is_degenerate:
                yield _Placed(file, _grid(dataset.crs, transform, size), size, transform)


def _grid(crs: object, transform: Affine, size: tuple[int, int]) -> tuple[object, ...]:
    """What all chips of one grid have in common, without the place of its first pixel."""
    pixel = (transform.a, transform.b, transform.d, transform.e)
    largest = max(map(abs, pixel))
    return str(crs), size, f"{largest:.{SIZE_DIGITS}g}", *(round(length / largest, SIZE_DIGITS) for length in pixel)


def _cells(chips: Sequence[_Placed]) -> dict[SceneFile, Cell]:
    """Row and column of each chip by the first one; without those that lie between two cells."""
    height, width = chips[0].size
    cells: dict[SceneFile, Cell] = {}
    for chip in chips:
        offset = ~chips[0].transform @ chip.transform
        row, column = round(offset.f / height), round(offset.c / width)
        distance = max(abs(offset.f - row * height), abs(offset.c - column * width))
        if distance <= CORNER_TOLERANCE:
            cells[chip.file] = (row, column)
    return cells


def _connected(cells: dict[SceneFile, Cell]) -> list[dict[SceneFile, Cell]]:
    """The groups of chips in which each touches another one, or lies where it does."""
    files_of_cell: dict[Cell, list[SceneFile]] = {}
    for file, cell in cells.items():
        files_of_cell.setdefault(cell, []).append(file)
    groups: list[dict[SceneFile, Cell]] = []
    while files_of_cell:
        reached = [next(iter(files_of_cell))]
        group: dict[SceneFile, Cell] = {}
        while reached:
            row, column = reached.pop()
            files = files_of_cell.pop((row, column), [])
            group |= dict.fromkeys(files, (row, column))
            if files:
                reached += [(row + down, column + right) for down, right in NEIGHBOURS]
        # in the order in which they were listed
        groups.append({file: cells[file] for file in cells if file in group})
    return groups


def _group(cells: dict[SceneFile, Cell]) -> AdjoiningChips:
    """Chips with their cells counted from the first row and column of them."""
    top = min(row for row, _ in cells.values())
    left = min(column for _, column in cells.values())
    shifted = {file: (row - top, column - left) for file, (row, column) in cells.items()}
    return AdjoiningChips(_common_name(list(cells)), shifted)


def _common_name(files: Sequence[SceneFile]) -> str:
    """What the names of files begin with, up to a separator or a number; else the name of their folder."""
    names = [file.name for file in files]
    same = itertools.takewhile(_are_equal, zip(*names, strict=False))
    common = "".join(characters[0] for characters in same)
    words = re.match(r"(?P<words>.+)[_\-. ]", common)
    name = words["words"] if words else common.rstrip("0123456789")
    return name.rstrip("_-. ") or files[0].path.parent.name or files[0].name


def _are_equal(characters: Sequence[str]) -> bool:
    """Whether all are the same."""
    return len(set(characters)) == 1
