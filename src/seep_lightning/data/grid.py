"""Where a chip lies: the cell of a tile in its scene, and the place on the ground grid that scenes share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from seep_lightning.config.data import DataConfig, GridConfig
from seep_lightning.data.description import read_description

GridValue = TypeVar("GridValue")
Cell = tuple[int, int]
"""(row, column), counted from 0."""


def cell(config: DataConfig, scene: str, tile: int) -> Cell | None:
    """Find the cell of a tile in its scene's row-major grid.

    Args:
        config: The data set's config, of which `grid` is used.
        scene: The scene's name.
        tile: The tile's number, row * columns + column; -1 for none.

    Returns:
        (row, column), or None where the tile has no number or `data.grid` does not know the scene.
    """
    grid = grid_of_scene(config.grid, scene)
    if grid is None or tile < 0:
        return None
    return divmod(tile, grid.columns)


def place(config: DataConfig, scene: str, tile: int) -> Cell | None:
    """Find a tile on the ground grid that scenes share.

    Args:
        config: The data set's config, of which `grid` is used.
        scene: The scene's name.
        tile: The tile's number, row * columns + column; -1 for none.

    Returns:
        (row, column), where the column is the cell's less the scene's `offset`; None where the cell is not known.
    """
    grid = grid_of_scene(config.grid, scene)
    in_scene = cell(config, scene, tile)
    if grid is None or in_scene is None:
        return None
    row, column = in_scene
    return row, column - grid.offset


def grid_of_scene(grids: Mapping[str, GridValue], scene: str) -> GridValue | None:
    """Look up a scene's grid by its name.

    Args:
        grids: Values by the beginning of a scene's name; the key `SCENE.` stands for the whole name.
        scene: The scene's name.

    Returns:
        The value under the longest key that fits, or None.
    """
    key = grid_key(grids, scene)
    if key is None:
        return None
    return grids[key]


def grid_key(grids: Mapping[str, Any], scene: str) -> str | None:
    """Return the longest key with which a scene's name and a dot begin, or None."""
    name = f"{scene}."
    # the beginnings of a name are few; the grids of a stranger's data set may be many
    beginnings = (name[:length] for length in range(len(name), -1, -1))
    return next((beginning for beginning in beginnings if beginning in grids), None)


def whole_name_grids(grids: Mapping[str, GridConfig], scenes: set[str]) -> dict[str, GridConfig]:
    """Spell out grids by prefix for scenes that exist, so that no stranger's scene is taken for one of them.

    Args:
        grids: Grids by the beginning of a scene's name, as in `data.grid`.
        scenes: The names of all scenes of a data set.

    Returns:
        The grid of each scene by its whole name and a dot; scenes without a grid are left out.
    """
    table: dict[str, GridConfig] = {}
    for scene in sorted(scenes):
        grid = grid_of_scene(grids, scene)
        if grid is not None:
            table[f"{scene}."] = grid
    return table


def written_grid(root: Path) -> dict[str, GridConfig] | None:
    """Read the grids that `prepare` or the generator wrote into `dataset.json`.

    Args:
        root: The data set's folder.

    Returns:
        The grid of each scene by its whole name and a dot, empty where nothing was written. None where the chips
        overlap: they lie on no grid, whatever their names are like.

    Raises:
        UserError: `dataset.json` is not JSON.
    """
    description = read_description(root)
    if description.get("overlap"):
        return None
    columns_by_scene = description.get("columns")
    if not isinstance(columns_by_scene, dict):
        return {}
    stored_offsets = description.get("offsets")
    offsets = stored_offsets if isinstance(stored_offsets, dict) else {}
    grids: dict[str, GridConfig] = {}
    for scene, columns in columns_by_scene.items():
        if type(columns) is int and columns >= 1:
            offset = offsets.get(scene, 0)
            grids[f"{scene}."] = GridConfig(columns, offset if type(offset) is int else 0)
    return grids
