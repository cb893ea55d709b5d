"""The store beside the output: a small file for each look, so that a new day needs no old map.

`grid.json` says what the cells are, and that the folder is ours. Each look is a NumPy archive: `head` (JSON of
`LookFacts`), two bits a cell in each tile that it looked at, and its slicks.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from seep_lightning.documents.json_files import parsed_json, read_json
from seep_lightning.documents.regular_files import check_regular, is_there
from seep_lightning.documents.shapes import as_shape
from seep_lightning.errors import UserError, first_line
from seep_lightning.files import remove_leftovers, write_text, write_whole
from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.looks import Look, LookFacts, LookSlicks
from seep_lightning.sources.tiles import TILE, Marks, TiledMarks, TileKey

STORE_FORMAT = 1
GRID_NAME = "grid.json"
LOOK_SUFFIX = ".npz"
DIGEST_LENGTH = 20
NUMBERS = ("area", "length", "p_mean", "class_number")
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, shapely.errors.GEOSException)


@dataclass(frozen=True)
class StoredGrid:
    """What `grid.json` holds."""

    format: int
    wkt: str
    left: float
    top: float
    size: float

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
        stored = read_json(self.grid_path, StoredGrid, advice=advice)
        if stored.format != STORE_FORMAT:
            raise UserError(f"{self.grid_path} is of format {stored.format}; expected {STORE_FORMAT}. {advice}")
        return stored.grid

    def begin(self, grid: CellGrid) -> None:
        """Make the folder for looks on a grid."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stored = StoredGrid(STORE_FORMAT, grid.wkt, grid.left, grid.top, grid.size)
        write_text(self.grid_path, json.dumps(asdict(stored), indent=1) + "\n")

    def clear(self) -> None:
        """Remove all looks."""
        self.facts = {}
        for path in [self.grid_path, *self.folder.glob(f"*{LOOK_SUFFIX}")]:
            path.unlink(missing_ok=True)

    def open(self) -> None:
        """Read what is known of all looks.

        Raises:
            UserError: A file is damaged.
        """
        remove_leftovers(self.folder)
        for path in sorted(self.folder.glob(f"*{LOOK_SUFFIX}")):
            with _archive(path) as archive:
                facts = _facts(archive, path)
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
        with _archive(self._path(name)) as archive:
            return _unpacked(archive[_tile_name(key)])

    def looked(self, name: str) -> TiledMarks:
        """The cells that a look looked at.

        Raises:
            UserError: The look's file is damaged.
        """
        marks = TiledMarks()
        with _archive(self._path(name)) as archive:
            for row, column in self.facts[name].tiles:
                key = TileKey(row, column)
                marks.tiles[key] = _unpacked(archive[_tile_name(key)])[0]
        return marks

    def slicks(self, name: str) -> LookSlicks:
        """The slicks of a look.

        Raises:
            UserError: The look's file is damaged.
        """
        with _archive(self._path(name)) as archive:
            numbers = {column: archive[column] for column in NUMBERS}
            keys = _split(archive["cell_keys"], archive["cell_counts"])
            wkb = [part.tobytes() for part in _split(archive["wkb"], archive["wkb_lengths"])]
            shapes = np.array(shapely.from_wkb(wkb), dtype=object)
            return LookSlicks(shapes, [CellSet(part) for part in keys], **numbers)

    def _path(self, name: str) -> Path:
        """The file of a look: names of scenes may be too long for a file's, or hold what none may."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
        return self.folder / f"{digest}{LOOK_SUFFIX}"


def _told(look: Look) -> LookFacts:
    """The facts of a look with its tiles, its box and the number of its slicks."""
    tiles = sorted((key.row, key.column) for key in look.looked.tiles)
    return replace(look.facts, slicks=len(look.slicks), tiles=tiles, box=astuple(look.looked.box()))


def _arrays(look: Look) -> dict[str, Any]:
    """All that is stored of a look."""
    head = json.dumps({"format": STORE_FORMAT, **asdict(_told(look))}).encode()
    arrays: dict[str, Any] = {"head": np.frombuffer(head, np.uint8)}
    seen = TiledMarks()
    for cells in look.slicks.cells:
        seen.add_cells(cells)
    for key, looked in look.looked.tiles.items():
        both = np.stack([looked, seen.tiles.get(key, np.zeros_like(looked))])
        arrays[_tile_name(key)] = np.packbits(both, axis=-1)
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


def _split(joined: NDArray[Any], lengths: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Arrays as they were before `_joined`."""
    if lengths.sum() != len(joined):
        raise ValueError("parts are missing")
    if not len(lengths):
        return []
    return np.split(joined, np.cumsum(lengths)[:-1])


def _tile_name(key: TileKey) -> str:
    return f"tile {key.row} {key.column}"


def _unpacked(packed: NDArray[np.uint8]) -> tuple[Marks, Marks]:
    """Two tiles of bits."""
    looked, seen = np.unpackbits(packed, axis=-1).reshape(2, TILE, TILE).astype(bool)
    return looked, seen


def _facts(archive: Any, path: Path) -> LookFacts:
    """The facts of a look's file."""
    source = str(path)
    head = parsed_json(archive["head"].tobytes().decode(), source)
    values = as_shape(head, dict[str, Any], source)
    if values.get("format") != STORE_FORMAT:
        raise ValueError(f"format {values.get('format')}; expected {STORE_FORMAT}")
    return as_shape(head, LookFacts, source)


@contextmanager
def _archive(path: Path) -> Iterator[Any]:
    """Open a look's file.

    Raises:
        UserError: It is damaged, or of another version.
    """
    advice = "Remove it and give the same command again: its map is read again"
    try:
        check_regular(path)
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except (*DAMAGE, UserError) as error:
        raise UserError(f"{path} is damaged ({first_line(error)}). {advice}.") from error
