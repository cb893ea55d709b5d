"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from affine import Affine
from rasterio.io import MemoryFile

from seep_lightning.errors import UserError
from seep_lightning.scene.raster import TYPES, Raster


@contextmanager
def mosaic(
    tiles: Mapping[Path, tuple[int, int]], name: str, bands: Sequence[int | str] = (1,), nodata: float | None = None,
    *, placed: bool = True,
) -> Iterator[Raster]:  # fmt: skip
    """Tiles of one size by their (row, column), as one raster (a VRT) on the ground; missing ones are `nodata`.

    placed: False where the cells say nothing of the ground, as for statistics of all pixels.
    `UserError` for tiles that differ in size, type or bands, or lie elsewhere on the ground than their cells say.
    """
    rows, columns = (1 + max(cell[axis] for cell in tiles.values()) for axis in (0, 1))
    if nodata is None and len(tiles) < rows * columns:
        raise UserError(f"{name} lacks tiles, and the run has no nodata value for them. Pass mosaic=false.")
    facts: dict[tuple[Any, ...], str] = {}
    sources, place, first = "", "", None
    names, nodatas = dict[int, str](), set[float]()
    for path, (row, column) in tiles.items():
        with Raster(path, bands, nodata) as tile:
            width, height, kind, count = tile.width, tile.height, TYPES[tile.dtype.name], max(tile.indexes)
            fact = width, height, kind, count, placed and tile.crs and tile.crs.to_wkt()
            if placed and not facts:
                place = _place(tile, row * height, column * width)
            if placed and tile.transform != Affine.identity():
                origin = tile.transform @ Affine.translation(-column * width, -row * height)
                first = first or origin
                off = (~first) @ origin
                if max(abs(off.c), abs(off.f)) > 0.5:
                    said = f"{path} does not lie at row {row}, column {column} of the tiles of {name}, by its transform"
                    raise UserError(
                        f"{said}. Pass the right columns=N, mosaic=false, or drop it: gdal_edit.py -unsetgt."
                    )
            names |= dict(zip(tile.indexes, tile.band_names, strict=True))
            nodatas |= tile.nodatas
            if tile.masked:
                raise UserError(f"{path} has a mask or alpha band, which a mosaic would lose. Pass mosaic=false.")
        facts.setdefault(fact, path.name)
        if len(facts) > 1:
            said = f"{path} and {next(iter(facts.values()))} differ in size, type, bands or coordinate system"
            raise UserError(f"{said}: tiles of a scene must be alike. Cut them again, or pass mosaic=false.")
        size, file = f'xSize="{width}" ySize="{height}"', escape(str(path.resolve()))
        sources += (
            f"<SimpleSource><SourceFilename>{file}</SourceFilename><SourceBand>BAND</SourceBand>"
            f'<SourceProperties RasterXSize="{width}" RasterYSize="{height}" DataType="{kind}"/><SrcRect xOff="0" '
            f'yOff="0" {size}/><DstRect xOff="{column * width}" yOff="{row * height}" {size}/></SimpleSource>'
        )
    empty = "" if nodata is None else f"<NoDataValue>{nodata:g}</NoDataValue>"
    text = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}"><Description>{escape(names.get(i, ""))}</Description>{empty}'
        f"{sources.replace('>BAND<', f'>{i}<')}</VRTRasterBand>"
        for i in range(1, count + 1)
    )
    vrt = f'<VRTDataset rasterXSize="{columns * width}" rasterYSize="{rows * height}">{place}{text}</VRTDataset>'
    with MemoryFile(vrt.encode(), filename=f"{name}.vrt") as file, Raster(file.name, bands, nodata) as raster:
        raster.nodatas |= nodatas
        raster.layout = sorted((path.name, *cell) for path, cell in tiles.items())
        yield raster


def _place(tile: Raster, row: int, column: int) -> str:
    """The ground of a mosaic, as GDAL writes it, from a tile whose first pixel lies at a row and a column of it."""
    crs = escape(tile.crs.to_wkt(), {'"': "&quot;"}) if tile.crs else ""
    if tile.placed_by_points:
        points = [(p.col, p.row, p.x, p.y, p.z or 0) for p in tile.points(row, column)]
        listed = ('<GCP Pixel="{}" Line="{}" X="{!r}" Y="{!r}" Z="{}"/>'.format(*point) for point in points)
        return f'<GCPList Projection="{crs}">{"".join(listed)}</GCPList>'
    if tile.transform == Affine.identity():
        return ""
    corner = (tile.transform @ Affine.translation(-column, -row)).to_gdal()
    return f"{f'<SRS>{crs}</SRS>' if crs else ''}<GeoTransform>{str(corner)[1:-1]}</GeoTransform>"
