"""What a look is read from: the protocol of its kinds, and the ground that it tells before it is read."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seep_lightning.data.decoding import SIDECAR_SUFFIXES
from seep_lightning.documents.regular_files import check_regular, is_there
from seep_lightning.scene.projections import WGS84, Points, Reprojection, equal_area_about
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.looks import Look

METRES = 80.0
"""Side of a cell where nobody says another."""
PIXELS = 8.0
"""The same where there is no coordinate system."""
DECIMALS = 2
"""Of the degrees of the grid's middle."""
SHAPEFILE_PARTS = (".dbf", ".shx", ".prj", ".cpg")
PART_SUFFIXES = (*SIDECAR_SUFFIXES, *SHAPEFILE_PARTS, "-wal")
"""Of files that say where a raster lies or has no data, of a shapefile's parts, of a database's last changes."""


@dataclass(frozen=True)
class LookGround:
    """Where a look lies.

    Attributes:
        wkt: Its coordinate system; empty where it has none.
        middle: Coordinates of its middle, (1, 2).
    """

    wkt: str
    middle: Points

    def grid(self, size: float | None) -> CellGrid:
        """A new grid about the middle.

        Args:
            size: Side of a cell; None: 80 m, or 8 px without a coordinate system.
        """
        if not self.wkt:
            return CellGrid("", 0.0, 0.0, PIXELS if size is None else size)
        degrees = Reprojection(self.wkt, WGS84)(self.middle).round(DECIMALS)
        return CellGrid(equal_area_about(degrees, WGS84), 0.0, 0.0, METRES if size is None else size)


class LookSource(Protocol):
    """What one look is read from.

    Attributes:
        name: Name of the scene.
        path: Its file, for messages.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def path(self) -> Path: ...  # noqa: D102

    def key(self) -> str:
        """A hash of what it depends on, without reading it: with the same key, what was stored of it still holds.

        Raises:
            UserError: A file is not there.
        """
        ...

    def ground(self) -> LookGround:
        """Where it lies.

        Raises:
            UserError: A file cannot be read.
        """
        ...

    def read(self, grid: CellGrid) -> Look:
        """Read it.

        Args:
            grid: The grid of the cells.

        Raises:
            UserError: A file cannot be read, or does not fit the grid.
        """
        ...


def state_of(*paths: Path) -> list[tuple[str, int, int]]:
    """By what files are known to be unchanged: name, size, time of change.

    Args:
        paths: The files.

    Raises:
        UserError: One is not there.
    """
    states = []
    for path in paths:
        status = check_regular(path)
        states.append((path.name, status.st_size, status.st_mtime_ns))
    return states


def parts_beside(*paths: Path) -> list[Path]:
    """The files beside others that are read as parts of them, in the order of their names.

    Args:
        paths: Rasters or vector files.
    """
    endings = [*PART_SUFFIXES, *(suffix.upper() for suffix in PART_SUFFIXES)]
    parts: set[Path] = set()
    for path in paths:
        names = [f"{name}{ending}" for name in (path.name, path.stem) for ending in endings]
        parts.update(part for name in names if is_there(part := path.with_name(name)))
    return sorted(parts)


def key_of(*parts: Any) -> str:
    """A hash of what a look depends on.

    Args:
        parts: Plain values, or what is written as text.
    """
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
