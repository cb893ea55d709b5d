"""Polygons and scenes as cells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.scene.datasets import silent_about_georeference
from seep_lightning.scene.projections import Points
from seep_lightning.scene.vector_layers import Shapes
from seep_lightning.sources.bounds import DrawingRoom, cell_count, check_cells, check_tiles
from seep_lightning.sources.cells import CellBox, CellGrid, CellSet, Keys
from seep_lightning.sources.tiles import TiledMarks, tiles_of

BLOCK = 2048
"""Pixels along the side of the part of a scene that is read at once."""
EDGE_POINTS = 17
"""Points along each side of a block by which its extent in the grid is found."""
DRAWN_AT_ONCE = 1 << 20
"""Cells of a rectangle; larger ones are drawn in parts."""
ReadValid = Callable[[int, int, int, int], NDArray[np.bool_]]
"""Of top, bottom, left, right: which pixels are valid, (bottom - top, right - left)."""


@dataclass(frozen=True)
class ScenePixels:
    """The pixels of a scene, and the way between them and the coordinates of the grid.

    Attributes:
        height: Rows.
        width: Columns.
        read_valid: Reads which pixels are valid.
        to_grid: Pixels (N, 2) (column, row) to coordinates of the grid.
        from_grid: The reverse.
    """

    height: int
    width: int
    read_valid: ReadValid
    to_grid: Callable[[Points], Points]
    from_grid: Callable[[Points], Points]


def looked_cells(scene: ScenePixels, grid: CellGrid) -> TiledMarks:
    """The cells whose middle lies on a valid pixel of a scene; read by blocks.

    Args:
        scene: The scene.
        grid: The grid.

    Raises:
        UserError: It covers more cells than days can.
    """
    looked = TiledMarks()
    for top in range(0, scene.height, BLOCK):
        for left in range(0, scene.width, BLOCK):
            bottom = min(top + BLOCK, scene.height)
            right = min(left + BLOCK, scene.width)
            _add_block(looked, scene, grid, CellBox(top, left, bottom, right))
    return looked


def _add_block(looked: TiledMarks, scene: ScenePixels, grid: CellGrid, block: CellBox) -> None:
    """Mark the cells whose middle lies on a valid pixel of a block of a scene."""
    valid = scene.read_valid(block.top, block.bottom, block.left, block.right)
    cells = _cells_around(block, scene, grid)
    if not valid.any() or cells is None:
        return
    check_cells(cells)
    for tile in tiles_of(cells):
        part = tile.box.common(cells)
        rows, columns = np.mgrid[part.top : part.bottom, part.left : part.right]
        middles = np.column_stack([rows.ravel(), columns.ravel()]) + 0.5
        pixels = scene.from_grid(grid.points(middles))
        marks = _values_at(valid, pixels - [block.left, block.top])
        looked.add(marks.reshape(part.shape), part.top, part.left)
        check_tiles(len(looked.tiles), grid)


def _values_at(valid: NDArray[np.bool_], pixels: Points) -> NDArray[np.bool_]:
    """The values at column and row (N, 2) of an array; False outside of it."""
    height, width = valid.shape
    inside = (pixels >= 0).all(axis=1) & (pixels[:, 0] < width) & (pixels[:, 1] < height)
    marks = np.zeros(len(pixels), bool)
    columns, rows = np.floor(pixels[inside]).astype(np.int64).T
    marks[inside] = valid[rows, columns]
    return marks


def _cells_around(block: CellBox, scene: ScenePixels, grid: CellGrid) -> CellBox | None:
    """The rectangle of cells that holds a block of pixels; None where no place is known for any of it."""
    columns = np.linspace(block.left, block.right, EDGE_POINTS)
    rows = np.linspace(block.top, block.bottom, EDGE_POINTS)
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    positions = grid.positions(scene.to_grid(points))
    finite = positions[np.isfinite(positions).all(axis=1)]
    if not len(finite):
        return None
    # the block's sides bend between the points, by less than a cell
    top, left = (np.floor(finite.min(axis=0)).astype(int) - 1).tolist()
    bottom, right = (np.ceil(finite.max(axis=0)).astype(int) + 1).tolist()
    return CellBox(top, left, bottom, right)


def cells_of_polygons(polygons: Shapes, grid: CellGrid) -> list[CellSet]:
    """The cells that each polygon of a scene touches.

    Args:
        polygons: Polygons in coordinates of the grid, (N,).
        grid: The grid.

    Raises:
        UserError: They reach over more cells than the slicks of a scene can.
    """
    found: list[CellSet] = []
    room = DrawingRoom()
    for polygon, bounds in zip(polygons, shapely.bounds(polygons), strict=True):
        found.append(_touched_cells(polygon, box_of_bounds(bounds, grid), grid, room))
    return found


def _touched_cells(polygon: shapely.Geometry, box: CellBox, grid: CellGrid, room: DrawingRoom) -> CellSet:
    """The cells that a polygon touches."""
    keys: list[Keys] = [CellSet.none().keys]
    shapely.prepare(polygon)
    for part in _parts_to_draw(polygon, box, grid):
        room.take(drawn=cell_count(part))
        one_cell = part.shape == (1, 1)
        marks = np.ones((1, 1), bool) if one_cell else _draw(polygon, part, grid, all_touched=True)
        keys.append(CellSet.of_mask(marks, part.top, part.left).keys)
        room.take(cells=len(keys[-1]))
    return CellSet(keys[-1] if len(keys) == 2 else np.sort(np.concatenate(keys)))


def _parts_to_draw(polygon: shapely.Geometry, box: CellBox, grid: CellGrid) -> Iterator[CellBox]:
    """The rectangle around a prepared polygon; a large one is halved, as often as needed, and empty halves left out."""
    if cell_count(box) <= DRAWN_AT_ONCE:
        yield box
        return
    for half in box.halves():
        if shapely.intersects(polygon, _outline(half, grid)):
            yield from _parts_to_draw(polygon, half, grid)


def inner_cells(polygons: shapely.Geometry, grid: CellGrid) -> TiledMarks:
    """The cells whose middle lies in polygons, tile by tile.

    Args:
        polygons: Polygons in coordinates of the grid.
        grid: The grid.

    Raises:
        UserError: They reach over more cells than days can.
    """
    marks = TiledMarks()
    if shapely.is_empty(polygons):
        return marks
    shapely.prepare(polygons)
    for tile in tiles_of(box_of_bounds(shapely.bounds(polygons), grid)):
        if shapely.intersects(polygons, _outline(tile.box, grid)):
            marks.add(_draw(polygons, tile.box, grid, all_touched=False), tile.box.top, tile.box.left)
            check_tiles(len(marks.tiles), grid)
    return marks


def box_of_bounds(bounds: NDArray[np.float64], grid: CellGrid) -> CellBox:
    """The rectangle of cells that holds west, south, east, north in coordinates of the grid.

    Raises:
        UserError: It has too many cells.
    """
    west, south, east, north = bounds
    corners = grid.positions(np.array([[west, north], [east, south]]))
    (top, left), (bottom, right) = np.floor(corners).astype(np.int64).tolist()
    box = CellBox(top, left, bottom + 1, right + 1)
    check_cells(box)
    return box


def _outline(box: CellBox, grid: CellGrid) -> shapely.Polygon:
    """A rectangle of cells in coordinates of the grid."""
    (west, north), (east, south) = grid.points(np.array([[box.top, box.left], [box.bottom, box.right]]))
    return shapely.box(west, south, east, north)


def _draw(polygon: shapely.Geometry, box: CellBox, grid: CellGrid, *, all_touched: bool) -> NDArray[np.bool_]:
    """Which cells of a rectangle a polygon touches, or else those whose middle it holds, (rows, columns)."""
    transform: Affine = grid.transform(box.top, box.left)
    with silent_about_georeference():
        drawn = features.rasterize([polygon], box.shape, transform=transform, all_touched=all_touched, dtype=np.uint8)
    return np.asarray(drawn > 0)
