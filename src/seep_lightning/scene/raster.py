"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

import hashlib
import json
import threading
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import MaskFlags
from rasterio.env import set_gdal_config
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from seep_lightning import compat
from seep_lightning.errors import UserError, as_user_error, first_line
from seep_lightning.scene.interfaces import Mask, Values

ROWS = 256  # rows read in one go, at least: 13 MB of a 25,000 px wide uint16 scene
CACHE = 64 << 20  # bytes of GDAL's block cache; by default it takes 5 % of the memory, more than our strips
TYPES = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "float32": "Float32"}  # ours to GDAL's
ASSIGN = "Assign the right one with gdal_edit.py -a_srs (or -unsetgt to drop the georeference)."
compat.silence_gdal()
_WARNINGS = threading.Lock()  # the list of warning filters belongs to the process


def open_dataset(path: Path, mode: str = "r", **more: Any) -> Any:
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
            advice = "Expected a GeoTIFF, a VRT or the like."
            with as_user_error(f"{self.path} {what}", RasterioError, OSError, advice=advice):
                self._local.handle = open_dataset(self.path)
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
        with as_user_error(f"{self.path}: its CRS cannot be read", CRSError, advice=ASSIGN):
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
    with open_dataset(path, "w", driver="GTiff", compress="deflate", nodata=nodata, **size, **more) as out:
        out.write(array)
        if names:
            out.descriptions = names


def _facts(paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file, (0, 0) of what is none; not of what viewers write, such as statistics."""
    paths = [path for path in paths if not path.endswith((".aux.xml", ".ovr"))]
    stats = {path: Path(path).stat() if Path(path).exists() else None for path in paths}
    return {path: (stat.st_size, stat.st_mtime_ns) if stat else (0, 0) for path, stat in stats.items()}
