"""How many tiles a row a scene of loose chips has: by what the data say first, and by its name last.

A scene's name is weak evidence: a stranger's scene may be called like one of the training. So the chips' own
georeference, the `dataset.json` beside them and their matching edges overrule it, and a contradiction is logged.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from seep_lightning.data.grid import Cell, grid_key, grid_of_scene, written_grid
from seep_lightning.data.images import read_image
from seep_lightning.errors import UserError
from seep_lightning.scene.raster import Raster

log = logging.getLogger(__name__)

Edges = Mapping[int, NDArray[np.generic]]
"""The first and the last row of pixels of each tile, (2, w), by the tile's number."""

# px along an edge: slicks and gusts go on across it, speckle does not
SMOOTH = 17
# a width is taken if its edges fit this much better than those of any other
CLEAR = 1.5
# the least score of a width that is taken
LEAST_SCORE = 1.0
LEAST_PAIRS = 3
# standard deviations of the score of unrelated edges: by so many it must be exceeded to overrule a scene's name
OVERRULING_DEVIATIONS = 4.0


class ColumnsEvidence(NamedTuple):
    """A number of columns, and what says so, in words."""

    columns: int
    source: str


@dataclass(frozen=True)
class LooseChips:
    """The chips of one scene, before anything is known of their layout.

    Attributes:
        scene: The scene's name.
        tiles: The number of each chip's tile, by its file.
        bands: The bands to read, by number or name; None for the only one.
        nodata: The value of pixels without data.
    """

    scene: str
    tiles: Mapping[Path, int]
    bands: Sequence[int | str] | None = None
    nodata: int | None = 0


def columns_of_scene(chips: LooseChips, grids: Mapping[str, int], told: int | None = None) -> int | None:
    """Decide how many tiles a row a scene has.

    Args:
        chips: The scene's chips.
        grids: Columns that a network's training knew, by the scene's name and a dot, or by the beginning of its name
            (networks that were trained before whole names were kept).
        told: What the person at the keyboard says, which is not doubted.

    Returns:
        Tiles a row, or None where the chips overlap or nothing tells.
    """
    root = next(iter(chips.tiles)).parents[1]
    written = written_grid(root)
    if written is None:
        log.info("%s: its chips overlap, and are mapped one by one.", chips.scene)
        return None
    if told is not None:
        return told
    by_name = _columns_by_name(chips.scene, grids)
    evidence = [
        _columns_by_georeference(chips),
        _columns_by_description(chips.scene, {key: grid.columns for key, grid in written.items()}),
    ]
    if evidence == [None, None]:
        evidence.append(_columns_by_edges(chips, doubts_name=by_name is not None))
    evidence.append(by_name)
    return _strongest(chips.scene, [item for item in evidence if item is not None])


def _strongest(scene: str, evidence: Sequence[ColumnsEvidence]) -> int | None:
    """The first of the evidence, which is sorted by strength; all that contradicts it is logged."""
    if not evidence:
        log.info("%s: its chips are mapped one by one; columns=N lays them together.", scene)
        return None
    columns, source = evidence[0]
    log.info("%s: %d columns, by %s. Pass columns=N for another number.", scene, columns, source)
    for weaker in evidence[1:]:
        if weaker.columns != columns:
            log.warning(
                "%s: %d columns by %s, but %d by %s. %d are taken; pass columns=N for another number.",
                scene, columns, source, weaker.columns, weaker.source, columns,
            )  # fmt: skip
    return columns


def _columns_by_name(scene: str, grids: Mapping[str, int]) -> ColumnsEvidence | None:
    """What the training of the network knew of a scene of this name."""
    key = grid_key(grids, scene)
    if key is None:
        return None
    how = "the scene's name" if key == f"{scene}." else f"the beginning {key!r} of the scene's name"
    return ColumnsEvidence(grids[key], f"{how}, as the network's training had it")


def _columns_by_description(scene: str, written: Mapping[str, int]) -> ColumnsEvidence | None:
    """What the `dataset.json` beside the chips says."""
    columns = grid_of_scene(written, scene)
    return None if columns is None else ColumnsEvidence(columns, "dataset.json beside its chips")


def _columns_by_edges(chips: LooseChips, *, doubts_name: bool) -> ColumnsEvidence | None:
    """What the edges of the chips say; clearer where they would overrule a name."""
    edges = _read_edges(chips)
    if not edges:
        return None
    width = next(iter(edges.values())).shape[-1]
    least_score = _overruling_score(width) if doubts_name else LEAST_SCORE
    columns = None
    # chips of several sizes do not fit; that is told when they are mapped
    with suppress(ValueError):
        columns = find_columns(edges, chips.nodata, least_score)
    return None if columns is None else ColumnsEvidence(columns, "the edges of its chips")


def _overruling_score(width: int) -> float:
    """The score that unrelated edges of `width` px exceed by accident only."""
    independent_pixels = max(width / SMOOTH, 1.0)
    return max(LEAST_SCORE, OVERRULING_DEVIATIONS / float(np.sqrt(independent_pixels)))


def _read_edges(chips: LooseChips) -> dict[int, NDArray[Any]]:
    """First and last row of each chip's first band; nothing where a chip cannot be read."""
    edges: dict[int, NDArray[Any]] = {}
    # a chip that cannot be read is told when it is mapped
    with suppress(UserError):
        for path, tile in chips.tiles.items():
            edges[tile] = read_image(path, chips.bands)[0, [0, -1]]
        return edges
    return {}


def _columns_by_georeference(chips: LooseChips) -> ColumnsEvidence | None:
    """What the transforms of the chips say, where each has one and all of them fit one grid."""
    cells = _cells_on_ground(chips.tiles)
    if not cells:
        return None
    first = min(cells)
    candidates: set[int] = set()
    for tile, (row, column) in cells.items():
        if row != 0:
            columns, rest = divmod(tile - first - column, row)
            if rest or columns < 1:
                return None
            candidates.add(columns)
    if len(candidates) != 1:
        return None
    columns = candidates.pop()
    first_row, first_column = divmod(first, columns)
    for tile, (row, column) in cells.items():
        if divmod(tile, columns) != (first_row + row, first_column + column):
            return None
    return ColumnsEvidence(columns, "the georeference of its chips")


def _cells_on_ground(tiles: Mapping[Path, int]) -> dict[int, Cell]:
    """(row, column) of each tile from that of the smallest number, by transforms; nothing where one has none."""
    transforms: dict[int, Affine] = {}
    sizes: set[tuple[int, int]] = set()
    try:
        for path, tile in tiles.items():
            with Raster(path) as raster:
                transforms[tile] = raster.transform
                sizes.add((raster.width, raster.height))
    except UserError:
        return {}
    if Affine.identity() in transforms.values() or len(sizes) != 1:
        return {}
    width, height = sizes.pop()
    to_first = ~transforms[min(transforms)]
    cells: dict[int, Cell] = {}
    for tile, transform in transforms.items():
        x, y = to_first @ (transform.c, transform.f)
        cells[tile] = round(y / height), round(x / width)
    return cells


def find_columns(edges: Edges, nodata: float | None = 0, least_score: float = LEAST_SCORE) -> int | None:
    """Find the number of tiles a row from the edges of tiles.

    For each width, the last row of a tile is correlated with the first of the one that would lie below it. The score
    is the mean over such pairs times the root of their number, as noise would have it.

    Args:
        edges: The first and last row of pixels of each tile, (2, w), by the tile's number.
        nodata: The value of pixels without data, None for none.
        least_score: What the best width must score.

    Returns:
        Tiles a row, or None if that is not clear.
    """
    fluctuations: dict[int, NDArray[np.float32]] = {}
    for tile, edge in edges.items():
        fluctuations[tile] = _fluctuation(np.asarray(edge, np.float32), nodata)
    best_columns = None
    best_score = second_score = 0.0
    # only widths that occur: numbers may be dates, and far apart
    widths = {later - earlier for earlier, later in combinations(sorted(fluctuations), 2)}
    for columns in sorted(widths):
        score = _score_of_width(fluctuations, columns)
        if score is None:
            continue
        if score > best_score:
            best_columns, best_score, second_score = columns, score, best_score
        else:
            second_score = max(second_score, score)
    is_clear = best_score > max(CLEAR * second_score, least_score)
    return best_columns if is_clear else None


def _score_of_width(fluctuations: Mapping[int, NDArray[np.float32]], columns: int) -> float | None:
    """How well tiles fit those `columns` numbers later, which would lie below them; None for too few pairs."""
    fits: list[float] = []
    for tile, (_, bottom) in fluctuations.items():
        if tile + columns not in fluctuations:
            continue
        top_below = fluctuations[tile + columns][0]
        if bottom.any() and top_below.any():
            fits.append(float(bottom @ top_below))
    if len(fits) < LEAST_PAIRS:
        return None
    return float(np.mean(fits) * np.sqrt(len(fits)))


def _fluctuation(edge: NDArray[np.float32], nodata: float | None) -> NDArray[np.float32]:
    """Edges (2, w) as smoothed deviations of the logarithm, of unit length; 0 where there is nodata."""
    valid = np.ones(edge.shape, bool) if nodata is None else edge != nodata
    level = np.log(np.maximum(edge, 1))
    count = np.maximum(valid.sum(1, keepdims=True), 1)
    mean = (level * valid).sum(1, keepdims=True) / count
    deviation = np.where(valid, level - mean, np.float32(0))
    smooth = cv2.blur(deviation, (SMOOTH, 1))
    length = np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
    return np.asarray(smooth / length, np.float32)
