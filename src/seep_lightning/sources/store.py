"""The store beside the output: a small file for each look, so that a new day needs no old map.

`grid.json` says what the cells are, and that the folder is ours. Each look is a NumPy archive: `head` (JSON of
`LookFacts`), two bits a cell in each tile that it looked at, and its slicks.
"""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyproj
import shapely
from msgspec import Meta
from numpy.typing import NDArray

from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.shapes import Finite
from seep_lightning.errors import UserError, shortened
from seep_lightning.files import check_stays_inside, make_inner_folder, remove_leftovers, write_text, write_whole
from seep_lightning.sources.bounds import LookedGround
from seep_lightning.sources.cells import CellBox, CellGrid
from seep_lightning.sources.look_file import HEAD, NUMBERS, STORE_FORMAT, look_file, tile_name
from seep_lightning.sources.looks import Look, LookFacts, LookSlicks
from seep_lightning.sources.tiles import Marks, TiledMarks, TileKey

GRID_NAME = "grid.json"
LOOK_SUFFIX = ".npz"
DIGEST_LENGTH = 20
LOOK_NAME = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}{re.escape(LOOK_SUFFIX)}")
CellSize = Annotated[float, Meta(gt=0, le=1e9)]


@dataclass(frozen=True)
class StoredGrid:
    """What `grid.json` holds."""

    format: int
    wkt: str
    left: Finite
    top: Finite
    size: CellSize

    @property
    def grid(self) -> CellGrid:
        """The grid."""
        return CellGrid(self.wkt, self.left, self.top, self.size)


@dataclass
class LookStore:
    """The looks of one output.

    Attributes:
        folder: Where they lie.
        facts: What is known of each look, by its name.
    """

    folder: Path
    facts: dict[str, LookFacts] = field(default_factory=dict)

    @property
    def grid_path(self) -> Path:
        """The file that tells the grid."""
        return self.folder / GRID_NAME

    def exists(self) -> bool:
        """Whether looks were stored here before."""
        return is_there(self.grid_path)

    def grid(self) -> CellGrid:
        """The grid of the stored looks.

        Raises:
            UserError: `grid.json` is damaged, or of a later version.
        """
        advice = "Pass overwrite=true to read all maps again."
        stored = read_json(self.grid_path, StoredGrid, advice=f"Remove {self.folder}. {advice}")
        if stored.format != STORE_FORMAT:
            raise UserError(f"{self.grid_path} is of format {stored.format}; expected {STORE_FORMAT}. {advice}")
        if stored.wkt:
            _check_wkt(stored.wkt, self.grid_path, advice)
        return stored.grid

    def begin(self, grid: CellGrid) -> None:
        """Make the folder for looks on a grid."""
        make_inner_folder(self.folder)
        stored = StoredGrid(STORE_FORMAT, grid.wkt, grid.left, grid.top, grid.size)
        write_text(self.grid_path, json.dumps(asdict(stored), indent=1) + "\n")

    def check_replaceable(self) -> None:
        """Check that the folder, if it is there, may be replaced by another store.

        Raises:
            UserError: It holds a file that is not ours, or is no folder.
        """
        if not is_there(self.folder):
            return
        if not self.folder.is_dir():
            raise UserError(f"{self.folder} is no folder. Choose another output, or move it elsewhere.")
        strangers = sorted(path.name for path in self.folder.iterdir() if not self._is_ours(path))
        if strangers:
            raise UserError(
                f"{self.folder} holds {shortened(strangers)}, which this command did not write. Choose another output, "
                "or move it elsewhere."
            )

    def _is_ours(self, path: Path) -> bool:
        """Whether a file of the folder is one that a store writes."""
        if path != self.grid_path:
            return LOOK_NAME.fullmatch(path.name) is not None
        with suppress(UserError):
            read_json(path, StoredGrid)
            return True
        return False

    def open(self) -> None:
        """Read what is known of all looks.

        Raises:
            UserError: A file is damaged, or the folder is a link to another place.
        """
        check_stays_inside(self.folder)
        remove_leftovers(self.folder)
        for path in sorted(path for path in self.folder.iterdir() if LOOK_NAME.fullmatch(path.name)):
            with look_file(path) as file:
                facts = file.facts()
                if self._path(facts.name) != path:
                    raise ValueError(f"it is of the scene {facts.name[:40]}, whose file has another name")
            self.facts[facts.name] = facts

    def add(self, look: Look) -> None:
        """Store a look, in the place of one of the same name.

        Raises:
            DiskError: The disk is full or refuses it.
        """
        content = BytesIO()
        np.savez_compressed(content, allow_pickle=False, **_arrays(look))
        write_whole(self._path(look.facts.name), content.getbuffer())
        self.facts[look.facts.name] = _told(look)

    def tile(self, name: str, key: TileKey) -> tuple[Marks, Marks]:
        """The cells of a tile that a look looked at, and those where it saw slicks, each (TILE, TILE).

        Raises:
            UserError: The look's file is damaged.
        """
        with look_file(self._path(name)) as file:
            return file.tile(key)

    def looked(self, name: str) -> TiledMarks:
        """The cells that a look looked at.

        Raises:
            UserError: The look's file is damaged.
        """
        marks = TiledMarks()
        with look_file(self._path(name)) as file:
            for row, column in self.facts[name].tiles:
                key = TileKey(row, column)
                marks.tiles[key] = file.tile(key)[0]
        return marks

    def ground(self, grid: CellGrid) -> LookedGround:
        """What all looks together looked at.

        Args:
            grid: The grid of their cells.

        Raises:
            UserError: It is more than can be handled.
        """
        ground = LookedGround(grid)
        for look in self.facts.values():
            ground.add([TileKey(*tile) for tile in look.tiles], CellBox(*look.box))
        return ground

    def slicks(self, name: str) -> LookSlicks:
        """The slicks of a look.

        Raises:
            UserError: The look's file is damaged.
        """
        with look_file(self._path(name)) as file:
            return file.slicks(self.facts[name])

    def _path(self, name: str) -> Path:
        """The file of a look: names of scenes may be too long for a file's, or hold what none may."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
        return self.folder / f"{digest}{LOOK_SUFFIX}"


def _check_wkt(wkt: str, path: Path, advice: str) -> None:
    """Raise `UserError` unless a text is the WKT of a plane coordinate system; GDAL would fetch an address."""
    try:
        crs = pyproj.CRS.from_wkt(wkt)
    except pyproj.exceptions.CRSError as error:
        raise UserError(f"{path}: wkt is no coordinate system. {advice}") from error
    if not crs.is_projected:
        raise UserError(f"{path}: wkt is {crs.name[:40]}; expected a plane coordinate system in metres. {advice}")


def _told(look: Look) -> LookFacts:
    """The facts of a look with its tiles, its box and the number of its slicks."""
    tiles = sorted((key.row, key.column) for key in look.looked.tiles)
    return replace(look.facts, slicks=len(look.slicks), tiles=tiles, box=astuple(look.looked.box()))


def _arrays(look: Look) -> dict[str, Any]:
    """All that is stored of a look."""
    head = json.dumps({"format": STORE_FORMAT, **asdict(_told(look))}).encode()
    arrays: dict[str, Any] = {HEAD: np.frombuffer(head, np.uint8)}
    seen = TiledMarks()
    for cells in look.slicks.cells:
        seen.add_cells(cells)
    for key, looked in look.looked.tiles.items():
        both = np.stack([looked, seen.tiles.get(key, np.zeros_like(looked))])
        arrays[tile_name(key)] = np.packbits(both, axis=-1)
    slicks = look.slicks
    wkb = [np.frombuffer(shape, np.uint8) for shape in shapely.to_wkb(slicks.shapes)]
    keys = [cells.keys for cells in slicks.cells]
    arrays["wkb"], arrays["wkb_lengths"] = _joined(wkb, np.uint8)
    arrays["cell_keys"], arrays["cell_counts"] = _joined(keys, np.int64)
    for column in NUMBERS:
        arrays[column] = getattr(slicks, column)
    return arrays


def _joined(parts: list[NDArray[Any]], dtype: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Arrays end to end, and the length of each."""
    lengths = np.array([len(part) for part in parts], np.int64)
    return np.concatenate([np.zeros(0, dtype), *parts]), lengths
