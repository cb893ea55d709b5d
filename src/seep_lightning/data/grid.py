"""Chips on disk: pair images with masks by name, check every one, keep them decoded where they fit."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from seep_lightning.config.data import DataConfig, GridConfig
from seep_lightning.errors import as_user_error

T = TypeVar("T")


def cell(config: DataConfig, scene: str, tile: int) -> tuple[int, int] | None:
    """(row, column) of a tile in its scene's grid, row-major; None where `data.grid` does not know the scene."""
    grid = grid_of_scene(config.grid, scene)
    return divmod(tile, grid.columns) if grid and tile >= 0 else None


def place(config: DataConfig, scene: str, tile: int) -> tuple[int, int] | None:
    """The cell of a tile on the ground grid that scenes share: its column less the scene's `offset`."""
    grid, here = grid_of_scene(config.grid, scene), cell(config, scene, tile)
    return (here[0], here[1] - grid.offset) if grid and here else None


def grid_of_scene(grid: Mapping[str, T], scene: str) -> T | None:
    """What `data.grid` says of a scene: under the longest key that its name and a dot begin with (`SCENE.` is all)."""
    known = [key for key in grid if f"{scene}.".startswith(key)]
    return grid[max(known, key=len)] if known else None


def written_grid(root: Path) -> dict[str, GridConfig] | None:
    """The columns of each scene by its whole name and a dot, where `prepare` or the generator wrote them; None where it
    says that chips overlap: they lie on no grid, whatever their names are like."""
    path = root / "dataset.json"
    with as_user_error(f"{path} is not JSON", ValueError, advice="Write it again, or remove it."):
        found = json.loads(path.read_text()) if path.is_file() else {}
    found = found if isinstance(found, dict) else {}  # or a file of another program
    if found.get("overlap"):
        return None
    given = found.get("columns")
    columns = {s: n for s, n in given.items() if type(n) is int and n >= 1} if isinstance(given, dict) else {}
    return {f"{scene}.": GridConfig(n) for scene, n in columns.items()}
