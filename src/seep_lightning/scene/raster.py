"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

import hashlib
import json
import logging
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError as CPLE_BaseError  # what GDAL itself says; not derived from RasterioError
from rasterio.control import GroundControlPoint
from rasterio.enums import MaskFlags
from rasterio.env import set_gdal_config
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from seep_lightning.errors import UserError, explained, first_line

Values = NDArray[Any]
Mask = NDArray[np.bool_]
Item = TypeVar("Item")
Result = TypeVar("Result")
ROWS = 256  # rows read in one go, at least: 13 MB of a 25,000 px wide uint16 scene
CACHE = 64 << 20  # bytes of GDAL's block cache; by default it takes 5 % of the memory, more than our strips
SAMPLE = 1 << 22  # pixels that quantiles are taken of, at most
TYPES = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "float32": "Float32"}  # ours to GDAL's
ASSIGN = "Assign the right one with gdal_edit.py -a_srs (or -unsetgt to drop the georeference)."
logging.getLogger("rasterio._env").setLevel(logging.CRITICAL)  # what GDAL says stands in the errors that are raised
_WARNINGS = threading.Lock()  # the list of warning filters belongs to the process


def opened(path: Path, mode: str = "r", **more: Any) -> Any:
    """A rasterio dataset, without its warning about a missing georeference: `Raster.georeferenced` says it."""
    set_gdal_config("GDAL_CACHEMAX", CACHE)
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, mode, **more)


class Raster(AbstractContextManager["Raster"]):
    """A raster file, open for reading; each thread gets a handle of its own. `UserError` for one that cannot be used.

    bands: numbers from 1, or names (band descriptions, such as `VV`). nodata: a value besides the file's own; a pixel
    is valid where no band has either of them, or is not finite, and where the file's mask or alpha band says so.
    """

    def __init__(self, path: str | Path, bands: Sequence[int | str] = (1,), nodata: float | None = None) -> None:
        self.path = Path(path)
        self.name = self.path.stem
        self.layout: list[tuple[str, int, int]] = []  # of a mosaic: name, row and column of each tile
        self._local, self._handles = threading.local(), list[Any]()
        dataset = self._handle()
        try:
            self._choose(dataset, bands)
            self.height, self.width = int(dataset.height), int(dataset.width)
            self.block_rows = max(int(dataset.block_shapes[i - 1][0]) for i in self.indexes)
            declared = {nodata, *(dataset.nodatavals[i - 1] for i in self.indexes)} - {None}
            if self.dtype.kind != "f":  # as integers: then comparing copies no pixels
                declared = {int(value) for value in declared if float(value).is_integer()}
            self.nodatas: set[float] = declared
            self.masked = any(MaskFlags.per_dataset in dataset.mask_flag_enums[i - 1] for i in self.indexes)
            self.tags: dict[str, str] = dict(dataset.tags())
            self._georeference(dataset)
            self._facts = _facts(dataset.files or [str(self.path)])
        except UserError:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Close the handles of all threads; none may be reading."""
        for handle in self._handles:
            handle.close()
        self._handles, self._local = [], threading.local()

    def read(self, start: int, stop: int, left: int = 0, right: int | None = None) -> tuple[Values, Mask]:
        """Rows start..stop, columns left..right: values (C, n, w) as stored, valid (n, w)."""
        window = Window(left, start, (self.width if right is None else right) - left, stop - start)
        dataset = self._handle()
        try:
            values = dataset.read(self.indexes, window=window)
            mask = dataset.dataset_mask(window=window) if self.masked else None
        except (RasterioError, OSError) as error:
            self.check_unchanged()
            said = f"{self.path}: rows {start} to {stop} cannot be read ({first_line(error)})"
            raise UserError(f"{said}. It is damaged or cut off, or its disk is gone; copy it again.") from error
        valid: Mask = np.ones(values.shape[1:], bool) if mask is None else mask > 0
        for plane in values:
            if self.dtype.kind == "f":
                valid &= np.isfinite(plane)
            for nodata in self.nodatas:
                valid &= plane != nodata
        return values, valid

    def check_unchanged(self) -> None:
        """Raise `UserError` if the file, or one that a VRT draws on, is not what it was when this was opened."""
        changed = [path for path, facts in self._facts.items() if _facts([path]) != {path: facts}]
        if changed:
            said = f"{changed[0]} changed while it was read: what was made of it is of no use"
            raise UserError(f"{said}. Let the file be finished, then give the same command again.")

    def check_scale(self, scale: str | None) -> None:
        """Raise `UserError` unless a `scale` is given for types without full scale (float32, int16), and only then."""
        if scale and self.dtype.kind == "u":
            raise UserError(f"scale={scale} is for float32 and int16; {self.path} stores {self.dtype}.")
        if not scale and self.dtype.kind != "u":
            raise UserError(f"{self.path} stores {self.dtype}: pass scale=linear, or scale=db if its values are dB.")

    def points(self, rows: int, columns: int) -> list[GroundControlPoint]:
        """Its ground control points, moved by rows and columns: those of a part of it, or of what it is a part of."""
        return [GroundControlPoint(p.row + rows, p.col + columns, p.x, p.y, p.z, p.id, p.info) for p in self.gcps]

    @property
    def fingerprint(self) -> str:
        """A hash of what pixels and places depend on: files by name, size and time of change; type, bands, nodata."""
        files = [(Path(path).name, *facts) for path, facts in sorted(self._facts.items())]
        nodatas = sorted(map(str, self.nodatas))
        crs, points = self.crs and self.crs.to_wkt(), [(p.row, p.col, p.x, p.y, p.z) for p in self.gcps]
        facts = [files, self.height, self.width, self.dtype.name, self.indexes, nodatas, self.masked]
        facts += [self.layout, crs, tuple(self.transform), points]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _handle(self) -> Any:
        if not hasattr(self._local, "handle"):
            what = "is no raster" if str(self.path).startswith("/vsi") or self.path.exists() else "is not there"
            said = f"{self.path} {what} ({{}}). Expected a GeoTIFF, a VRT or the like."
            with explained(said, RasterioError, OSError):
                self._local.handle = opened(self.path)
            self._handles.append(self._local.handle)
        return self._local.handle

    def _choose(self, dataset: Any, bands: Sequence[int | str]) -> None:
        self.indexes = band_numbers(self.path, dataset.descriptions, bands)
        kinds = {dataset.dtypes[i - 1] for i in self.indexes}
        if len(kinds) > 1 or not kinds <= TYPES.keys():
            said = f"{self.path} stores {' and '.join(sorted(kinds))}; expected one of {', '.join(TYPES)} for all bands"
            raise UserError(f"{said}. Convert it with gdal_translate -ot Float32.")
        self.dtype: np.dtype[Any] = np.dtype(kinds.pop())
        self.band_names = [dataset.descriptions[i - 1] or "" for i in self.indexes]

    def _georeference(self, dataset: Any) -> None:
        with explained(f"{self.path}: its CRS cannot be read ({{}}). {ASSIGN}", CRSError):
            self.crs, self.transform, (self.gcps, points_crs) = dataset.crs, dataset.transform, dataset.gcps
        placed = self.transform != Affine.identity()
        self.placed_by_points = bool(self.gcps) and not placed
        self.crs = (points_crs if self.placed_by_points else self.crs) or None
        if self.crs is not None and not (self.crs.is_geographic or self.crs.is_projected):
            kind = f"neither geographic nor projected ({self.crs.to_wkt()[:60]}...)"
            raise UserError(f"{self.path}: its coordinate system is {kind}. {ASSIGN}")
        if placed and not (np.isfinite(self.transform).all() and abs(self.transform.determinant) > 0):
            raise UserError(f"{self.path}: its transform {tuple(self.transform)[:6]} is not invertible. {ASSIGN}")
        self.georeferenced = self.crs is not None and (placed or self.placed_by_points)


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


def band_numbers(path: Path, names: Sequence[str | None], bands: Sequence[int | str]) -> list[int]:
    """The numbers, from 1, of bands by number or name; `UserError` for one that is not among those of the file."""
    numbers = [b if isinstance(b, int) else names.index(b) + 1 if b in names else 0 for b in bands]
    missing = [str(b) for b, i in zip(bands, numbers, strict=True) if not 1 <= i <= len(names)]
    if missing:
        named = f" named {', '.join(filter(None, names))}" if any(names) else ""
        said = f"{path} has {len(names)} band(s){named}; wanted {', '.join(map(str, bands))}, of which "
        said += f"{', '.join(missing)} is missing"
        raise UserError(f"{said}. Choose with (data.)bands=[...], or use a run trained on these bands.")
    return numbers


def write_geotiff(path: Path, array: Values, nodata: int | None, names: Sequence[str] = (), **more: Any) -> None:
    """Write (C, H, W) as a deflated GeoTIFF. names: of the bands; more: rasterio's keywords, `crs` and `transform`."""
    size = dict(zip(("count", "height", "width"), array.shape, strict=True), dtype=array.dtype.name)
    with opened(path, "w", driver="GTiff", compress="deflate", nodata=nodata, **size, **more) as out:
        out.write(array)
        if names:
            out.descriptions = names


def _facts(paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file, (0, 0) of what is none; not of what viewers write, such as statistics."""
    paths = [path for path in paths if not path.endswith((".aux.xml", ".ovr"))]
    stats = {path: Path(path).stat() if Path(path).exists() else None for path in paths}
    return {path: (stat.st_size, stat.st_mtime_ns) if stat else (0, 0) for path, stat in stats.items()}


def ahead(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with `work(item)`, in order, by threads of `pool`, `depth` items ahead. Raises what they raise."""
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > depth:
                yield waiting[0][0], waiting.popleft()[1].result()
        while waiting:
            yield waiting[0][0], waiting.popleft()[1].result()
    finally:
        for _, future in waiting:
            future.cancel()


def scene_quantiles(source: Raster, q: Sequence[float] = (0.25, 0.5, 0.75), threads: int = 2) -> NDArray[np.float64]:
    """Quantiles of each band's valid pixels in one streaming pass: (C, len(q)), in the scene's own units.

    Of a scene larger than `SAMPLE` pixels that many are taken, in equal steps: right to 1/1000 of the distance between
    the quartiles. Raises `UserError` where the scene has no valid pixel.
    """
    thin = int(np.ceil(np.sqrt(source.height * source.width / SAMPLE)))
    block = source.block_rows if source.block_rows <= 4 * ROWS else ROWS
    step = max(1, ROWS // block) * block  # whole blocks of the file: none is decoded twice

    def sample(top: int) -> Values:
        values, valid = source.read(top, min(top + step, source.height))
        part = slice(-top % thin, None, thin), slice(None, None, thin)
        return values[:, *part][:, valid[part]]

    with ThreadPoolExecutor(threads) as pool:
        parts = [part for _, part in ahead(pool, sample, range(0, source.height, step), threads)]
    pixels = np.concatenate(parts, axis=1)
    if not pixels.size:
        raise UserError(f"{source.name} has no valid pixel: all of it is nodata. Check the nodata value of the file.")
    return np.asarray(np.quantile(pixels, q, axis=1, method="inverted_cdf").T, np.float64)
