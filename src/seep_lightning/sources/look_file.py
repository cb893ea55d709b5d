"""The file of a look, read against its declared shape: it may be damaged, or come from a stranger.

Nothing is unpickled. An array is read only where its header is the declared one: a small file cannot claim much.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.lib import format as npy
from numpy.typing import NDArray

from seep_lightning.documents.json_files import parsed_json
from seep_lightning.documents.regular_files import check_regular
from seep_lightning.documents.shapes import as_shape
from seep_lightning.errors import UserError, first_line
from seep_lightning.scene.vector_layers import Shapes
from seep_lightning.sources.bounds import MOST_SLICK_CELLS
from seep_lightning.sources.cells import CellSet
from seep_lightning.sources.looks import LookFacts, LookSlicks, is_class
from seep_lightning.sources.tiles import TILE, Marks, TileKey

STORE_FORMAT = 1
HEAD = "head"
NUMBERS = ("area", "length", "p_mean", "class_number")
LARGEST_ARRAY = 256 * 2**20
"""Bytes; the outlines and cells of a scene with a million slicks are below it."""
LARGEST_HEAD = 16 * 2**20
LARGEST_KEYS = 8 * MOST_SLICK_CELLS
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, shapely.errors.GEOSException),
    # packed in a way that Python does not know, or encrypted
    *(NotImplementedError, RuntimeError),
)
ADVICE = "Remove it and give the command seep sources again: its map is read again"
POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclass(frozen=True)
class LookFile:
    """An open file of a look.

    Attributes:
        path: The file.
        archive: Its arrays.
    """

    path: Path
    archive: zipfile.ZipFile

    def facts(self) -> LookFacts:
        """What is known of the look without its cells; ValueError where it is not that of the file's arrays."""
        source = str(self.path)
        head = parsed_json(self._array(HEAD, np.uint8, (None,), LARGEST_HEAD).tobytes().decode(), source)
        values = as_shape(head, dict[str, Any], source)
        if values.get("format") != STORE_FORMAT:
            raise ValueError(f"format {values.get('format')}; expected {STORE_FORMAT}")
        facts = as_shape(head, LookFacts, source)
        self._check_tiles(facts)
        return facts

    def tile(self, key: TileKey) -> tuple[Marks, Marks]:
        """The cells of a tile that were looked at, and those with a slick, each (TILE, TILE)."""
        packed = self._array(tile_name(key), np.uint8, (2, TILE, TILE // 8))
        looked, seen = np.unpackbits(packed, axis=-1).astype(bool)
        return looked, seen

    def slicks(self, facts: LookFacts) -> LookSlicks:
        """The slicks."""
        count = (facts.slicks,)
        numbers = {name: self._array(name, np.float64, count) for name in NUMBERS}
        if any(np.isinf(values).any() for values in numbers.values()):
            raise ValueError("a slick has an infinite measure")
        if not (np.isnan(numbers["class_number"]) | is_class(numbers["class_number"])).all():
            raise ValueError("a slick has a class that is none")
        keys = _split(
            self._array("cell_keys", np.int64, (None,), LARGEST_KEYS), self._array("cell_counts", np.int64, count)
        )
        wkb = _split(self._array("wkb", np.uint8, (None,)), self._array("wkb_lengths", np.int64, count), 1)
        cells = [CellSet(part) for part in keys]
        _check_cells(cells, facts)
        return LookSlicks(_shapes([part.tobytes() for part in wkb]), cells, **numbers)

    def _array(
        self, name: str, dtype: Any, shape: tuple[int | None, ...], largest: int = LARGEST_ARRAY
    ) -> NDArray[Any]:
        """An array of a declared type and shape, where None is any length; ValueError for another one."""
        entry = self.archive.getinfo(f"{name}.npy")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is packed in a way that is not ours")
        with self.archive.open(entry) as member:
            if npy.read_magic(member) != (1, 0):
                raise ValueError(f"{name} is of another version of NumPy's format")
            found, by_columns, found_type = npy.read_array_header_1_0(member)
            fits = len(found) == len(shape) and all(
                want in (None, have) for want, have in zip(shape, found, strict=True)
            )
            if found_type != np.dtype(dtype) or not fits or by_columns:
                raise ValueError(f"{name} is {found_type} {found}")
            size = int(np.prod(found, dtype=object)) * found_type.itemsize
            if size > largest:
                raise ValueError(f"{name} claims {size:,} bytes; expected {largest:,} at most")
            # one more, so that its checksum is looked at
            content = member.read(size + 1)
        if len(content) != size:
            raise ValueError(f"{name} has {len(content):,} bytes; its header says {size:,}")
        return np.frombuffer(content, found_type).reshape(found)

    def _check_tiles(self, facts: LookFacts) -> None:
        """Raise ValueError unless the tiles of the head are those that lie in the file, and its box is around them."""
        named = {tile_name(TileKey(*tile)) for tile in facts.tiles}
        held = {name.removesuffix(".npy") for name in self.archive.namelist() if name.startswith("tile ")}
        if named != held:
            raise ValueError(f"its head names {len(named)} tiles, it holds {len(held)}")
        tiles = np.array(facts.tiles or [(0, 0)]).reshape(-1, 2)
        first = np.array(facts.box[:2]) // TILE
        last = (np.array(facts.box[2:]) - 1) // TILE
        is_around = (first == tiles.min(axis=0)).all() and (last == tiles.max(axis=0)).all()
        if facts.tiles and not is_around:
            raise ValueError("its box is not that of its tiles")


@contextmanager
def look_file(path: Path) -> Iterator[LookFile]:
    """Open a look's file.

    Args:
        path: The file.

    Raises:
        UserError: It is damaged, or of another version.
    """
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            yield LookFile(path, archive)
    except (*DAMAGE, UserError) as error:
        raise UserError(f"{path} is damaged ({first_line(error)}). {ADVICE}.") from error


def tile_name(key: TileKey) -> str:
    """The name of a tile's array."""
    return f"tile {key.row} {key.column}"


def _split(joined: NDArray[Any], lengths: NDArray[np.int64], least: int = 0) -> list[NDArray[Any]]:
    """The parts of an array; ValueError where they do not fill it, or one is shorter than `least`."""
    fills = (lengths >= least).all() and (lengths <= len(joined)).all() and lengths.sum() == len(joined)
    if not fills:
        raise ValueError("parts are missing")
    return np.split(joined, np.cumsum(lengths)[:-1]) if len(lengths) else []


def _check_cells(cells: list[CellSet], facts: LookFacts) -> None:
    """Raise ValueError unless the cells of slicks rise, and lie in tiles that were looked at."""
    tiles = set(facts.tiles)
    for part in cells:
        if not (np.diff(part.keys) > 0).all():
            raise ValueError("the cells of a slick are out of order")
        found = np.unique(part.positions // TILE, axis=0).tolist()
        if not tiles.issuperset((row, column) for row, column in found):
            raise ValueError("a slick lies where nobody looked")


def _shapes(wkb: list[bytes]) -> Shapes:
    """Polygons, each with an area; ValueError for something else."""
    shapes = np.array(shapely.from_wkb(wkb), dtype=object)
    are_polygons = np.isin(shapely.get_type_id(shapes), POLYGONS).all()
    if not are_polygons or not np.isfinite(shapely.bounds(shapes)).all() or not (shapely.area(shapes) > 0).all():
        raise ValueError("a slick is no polygon")
    return shapes
