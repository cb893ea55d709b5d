"""The tiles of a scene as one raster."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from affine import Affine
from rasterio.io import MemoryFile

from seep_lightning.errors import UserError
from seep_lightning.files import real_path
from seep_lightning.scene.band_names import Band
from seep_lightning.scene.georeference import Georeference
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import SceneFile
from seep_lightning.scene.vrt import VrtSource, add_georeference, add_mosaic_band, new_vrt, vrt_text

# Pixels by which a tile may lie elsewhere than its cell says: what rounding makes of corners.
PLACE_TOLERANCE = 0.5


@dataclass(frozen=True)
class _Tile:
    """What is known of a tile without its pixels."""

    path: Path
    row: int
    column: int
    height: int
    width: int
    data_type: str
    band_names: Mapping[int, str]
    declared_nodatas: frozenset[float]
    scalings: Mapping[int, tuple[float, float]]
    place: Georeference

    @property
    def source(self) -> VrtSource:
        """The tile as a part of a virtual raster."""
        return VrtSource(
            location=str(real_path(self.path)),
            left=self.column * self.width,
            top=self.row * self.height,
            width=self.width,
            height=self.height,
            data_type=self.data_type,
        )

    @property
    def origin(self) -> Affine:
        """The transform of the whole scene, by this tile's own transform and cell."""
        left = self.column * self.width
        top = self.row * self.height
        return self.place.transform @ Affine.translation(-left, -top)


@contextmanager
def mosaic(
    tiles: Mapping[Path, tuple[int, int]],
    name: str,
    bands: Sequence[Band] = (1,),
    nodata: float | None = None,
    nodata_bands: str = "any",
    *,
    placed: bool = True,
) -> Iterator[Raster]:
    """Open tiles of one size as one raster (a VRT in memory).

    Args:
        tiles: (row, column) of each file, in tiles.
        name: The name of the raster.
        bands: The bands to read: numbers from 1, or names.
        nodata: The value of missing tiles, besides the files' own nodata.
        nodata_bands: `all` or `any`, see `scene.nodata`.
        placed: False where the cells say nothing of the ground, as for statistics of all pixels.

    Yields:
        The raster, on the ground where the tiles lie; `placed=False` leaves it without a place.

    Raises:
        UserError: Tiles differ in size, type, bands or coordinate system, lie elsewhere on the ground than their cells
            say, have a mask, or are missing although there is no nodata value.
    """
    rows = 1 + max(row for row, _ in tiles.values())
    columns = 1 + max(column for _, column in tiles.values())
    if nodata is None and len(tiles) < rows * columns:
        raise UserError(f"{name} lacks tiles, and the run has no nodata value for them. Pass mosaic=false.")
    read_tiles = [_read_tile(path, cell, bands, nodata) for path, cell in tiles.items()]
    _check_alike(read_tiles, placed=placed)
    if placed:
        _check_places(read_tiles, name)
    vrt = _mosaic_vrt(read_tiles, (rows, columns), nodata, placed=placed)
    with (
        MemoryFile(vrt.encode(), filename=f"{name}.vrt") as file,
        Raster(SceneFile(name, file.name, Path(name)), bands, nodata, nodata_bands) as raster,
    ):
        of_tiles = set().union(*(tile.declared_nodatas for tile in read_tiles))
        raster.nodatas |= of_tiles
        # of missing tiles the virtual raster declares the value itself
        if len(tiles) == rows * columns:
            raster.declared_nodatas = of_tiles
        raster.layout = sorted((tile.path.name, tile.row, tile.column) for tile in read_tiles)
        yield raster


def _read_tile(path: Path, cell: tuple[int, int], bands: Sequence[Band], nodata: float | None) -> _Tile:
    """What is known of a tile without its pixels; `UserError` for one with a mask."""
    with Raster(path, bands, nodata) as tile:
        if tile.masked:
            raise UserError(f"{path} has a mask or alpha band, which a mosaic would lose. Pass mosaic=false.")
        if tile.palette is not None:
            raise UserError(f"{path} has a palette, which a mosaic would lose. Pass mosaic=false.")
        row, column = cell
        return _Tile(
            path=path,
            row=row,
            column=column,
            height=tile.height,
            width=tile.width,
            data_type=tile.gdal_type,
            band_names=dict(zip(tile.indexes, tile.band_names, strict=True)),
            declared_nodatas=frozenset(tile.declared_nodatas),
            scalings=_scalings(tile),
            place=tile.place,
        )


def _scalings(tile: Raster) -> dict[int, tuple[float, float]]:
    """Scale and offset of each band, by its number; nothing where stored values mean themselves."""
    if tile.scaling.is_identity:
        return {}
    pairs = zip(tile.scaling.scales, tile.scaling.offsets, strict=True)
    return dict(zip(tile.indexes, pairs, strict=True))


def _check_alike(tiles: Sequence[_Tile], *, placed: bool) -> None:
    """Raise `UserError` for the first tile that differs from the first one."""
    first = tiles[0]
    expected = _kind(first, placed=placed)
    for tile in tiles[1:]:
        if _kind(tile, placed=placed) != expected:
            raise UserError(
                f"{tile.path} and {first.path.name} differ in size, type, scale, bands or coordinate system: "
                "tiles of a scene must be alike. Cut them again, or pass mosaic=false."
            )


def _kind(tile: _Tile, *, placed: bool) -> tuple[object, ...]:
    """What all tiles of a scene have in common."""
    crs = None
    if placed and tile.place.crs is not None:
        crs = tile.place.crs.to_wkt()
    return tile.width, tile.height, tile.data_type, tile.scalings, max(tile.band_names), crs


def _check_places(tiles: Sequence[_Tile], name: str) -> None:
    """Raise `UserError` for a tile that lies elsewhere on the ground than its cell says, by the first tile placed."""
    with_transform = [tile for tile in tiles if tile.place.has_transform]
    for tile in with_transform:
        # the scene's first pixel by this tile, in pixels of the scene by the first tile
        offset = ~with_transform[0].origin @ tile.origin
        distance = max(abs(offset.c), abs(offset.f))
        if distance > PLACE_TOLERANCE:
            raise UserError(
                f"{tile.path} does not lie at row {tile.row}, column {tile.column} of the tiles of {name}, "
                "by its transform. Pass the right columns=N, mosaic=false, or drop it: gdal_edit.py -unsetgt."
            )


def _mosaic_vrt(tiles: Sequence[_Tile], grid: tuple[int, int], nodata: float | None, *, placed: bool) -> str:
    """The virtual raster of tiles that are alike, as the text of its file; grid: rows and columns of tiles."""
    rows, columns = grid
    first = tiles[0]
    vrt = new_vrt(columns * first.width, rows * first.height)
    if placed:
        add_georeference(vrt, first.place, first.row * first.height, first.column * first.width)
    names: dict[int, str] = {}
    for tile in tiles:
        names.update(tile.band_names)
    sources = [tile.source for tile in tiles]
    for number in range(1, max(names) + 1):
        add_mosaic_band(vrt, number, names.get(number, ""), nodata, sources, first.scalings.get(number))
    return vrt_text(vrt)
