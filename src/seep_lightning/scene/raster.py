"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

import hashlib
import json
import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.env import hasenv
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from seep_lightning.errors import UserError
from seep_lightning.scene.source import Mask, Values

CACHE_MB = 64
DTYPES = ("uint8", "uint16", "int16", "float32")
logging.getLogger("rasterio._env").setLevel(logging.CRITICAL)  # what GDAL says stands in the errors that are raised
_WARNINGS = threading.Lock()  # the list of warning filters belongs to the process


@contextmanager
def gdal(cache_mb: int = CACHE_MB, **options: Any) -> Iterator[None]:
    """GDAL with a small block cache (the process's); by default it takes 5 % of the memory, more than our strips."""
    with rasterio.Env(GDAL_CACHEMAX=cache_mb << 20, **options):  # bytes here, MB in GDAL's manual
        yield


def opened(path: Path, mode: str = "r") -> Any:
    """A rasterio dataset, without its warning about a missing georeference: `Raster.georeferenced` says it."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, mode)


class Raster:
    """A raster file, open for reading; a `Source`. Each thread that reads gets a handle of its own.

    bands: numbers from 1, or names (band descriptions, such as `VV`). nodata: a value that means nodata besides the
    one that the file declares; a pixel is valid where no band has either of them, or is not finite, and where the
    file's own mask or alpha band says so.

    Attributes: path, name (without folder and suffix), height, width, dtype, band_names (empty where not named),
    block_rows, crs (None without), transform, gcps, tags, georeferenced (by transform or ground control points).
    Raises `UserError` for a file that is no raster, lacks the bands, has a type or coordinate system that cannot be
    used.
    """

    def __init__(
        self, path: str | Path, bands: Sequence[int | str] = (1,), nodata: float | None = None, cache_mb: int = CACHE_MB
    ) -> None:
        self.path, self.cache_mb = Path(path), cache_mb
        self.name = self.path.stem
        self._local = threading.local()
        self._handles: list[Any] = []
        self._lock = threading.Lock()
        dataset = self._handle()
        try:
            self._choose(dataset, bands)
            self.height, self.width = int(dataset.height), int(dataset.width)
            self.block_rows = max(int(dataset.block_shapes[i - 1][0]) for i in self.indexes)
            declared = {dataset.nodatavals[i - 1] for i in self.indexes} | {nodata}
            self.nodatas = {_as(value, self.dtype) for value in declared} - {None}
            self.masked = any(MaskFlags.per_dataset in dataset.mask_flag_enums[i - 1] for i in self.indexes)
            self.tags: dict[str, str] = dict(dataset.tags())
            self._georeference(dataset)
            self._facts = _facts(dataset.files or [str(self.path)])
        except UserError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the handles of all threads; none may be reading."""
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()
            self._local = threading.local()

    def read(self, start: int, stop: int, left: int = 0, right: int | None = None) -> tuple[Values, Mask]:
        """Rows start..stop, columns left..right: values (C, n, w) as stored, valid (n, w)."""
        window = Window(left, start, (self.width if right is None else right) - left, stop - start)
        dataset = self._handle()
        try:
            with nullcontext() if hasenv() else gdal(self.cache_mb):
                values = dataset.read(self.indexes, window=window)
                mask = dataset.dataset_mask(window=window) if self.masked else None
        except (RasterioError, OSError) as error:
            self.check_unchanged()
            raise UserError(
                f"{self.path}: rows {start} to {stop} cannot be read ({first_line(error)}). The file is damaged or cut "
                "off, or its disk is gone; copy it again."
            ) from error
        return values, self._valid(values, mask)

    def check_unchanged(self) -> None:
        """Raise `UserError` if the file, or one that a VRT draws on, is not what it was when this was opened."""
        for path, facts in self._facts.items():
            if _facts([path]) != {path: facts}:
                raise UserError(
                    f"{path} changed while it was read. What was mapped is of no use; let the file be finished, then "
                    "give the same command again."
                )

    @property
    def fingerprint(self) -> str:
        """A hash of what the pixels depend on: files by name, size and time of change, size, type, bands, nodata."""
        files = [(Path(path).name, *facts) for path, facts in sorted(self._facts.items())]
        nodatas = sorted(map(str, self.nodatas))
        facts = [files, self.height, self.width, self.dtype.name, self.indexes, nodatas, self.masked]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _handle(self) -> Any:
        handle = getattr(self._local, "handle", None)
        if handle is None:
            try:
                with gdal(self.cache_mb):
                    handle = opened(self.path)
            except (RasterioError, OSError) as error:
                here = str(self.path).startswith("/vsi") or self.path.exists()
                what = "is no raster" if here else "is not there"
                raise UserError(
                    f"{self.path} {what} ({first_line(error)}). Expected a GeoTIFF, a VRT or the like."
                ) from error
            self._local.handle = handle
            with self._lock:
                self._handles.append(handle)
        return handle

    def _choose(self, dataset: Any, bands: Sequence[int | str]) -> None:
        if dataset.count == 0:
            raise UserError(f"{self.path} has no band. Expected one band at least.")
        self.indexes = band_numbers(self.path, dataset.descriptions, bands)
        kinds = {dataset.dtypes[i - 1] for i in self.indexes}
        if len(kinds) > 1 or not kinds <= set(DTYPES):
            raise UserError(
                f"{self.path} stores {' and '.join(sorted(kinds))}; expected one of {', '.join(DTYPES)} for all bands. "
                "Convert it with gdal_translate -ot Float32."
            )
        self.dtype: np.dtype[Any] = np.dtype(kinds.pop())
        self.band_names = [dataset.descriptions[i - 1] or "" for i in self.indexes]

    def _georeference(self, dataset: Any) -> None:
        try:
            self.crs, self.transform, (self.gcps, points_crs) = dataset.crs, dataset.transform, dataset.gcps
        except CRSError as error:
            raise UserError(f"{self.path}: its CRS cannot be read ({first_line(error)}). {_ASSIGN}") from error
        placed = self.transform != Affine.identity()
        self.placed_by_points = bool(self.gcps) and not placed
        self.crs = (points_crs if self.placed_by_points else self.crs) or None
        if self.crs is not None and not (self.crs.is_geographic or self.crs.is_projected):
            start = self.crs.to_wkt()[:60]
            raise UserError(
                f"{self.path}: its coordinate system is neither geographic nor projected ({start}...). {_ASSIGN}"
            )
        if placed and not (np.isfinite(self.transform).all() and abs(self.transform.determinant) > 0):
            raise UserError(f"{self.path}: its transform {tuple(self.transform)[:6]} is not invertible. {_ASSIGN}")
        self.georeferenced = self.crs is not None and (placed or self.placed_by_points)

    def _valid(self, values: Values, mask: Values | None) -> Mask:
        bad: Mask = np.zeros(values.shape[1:], bool) if mask is None else mask == 0
        for plane in values:
            if values.dtype.kind == "f":
                bad |= ~np.isfinite(plane)
            for nodata in self.nodatas:
                bad |= plane == nodata
        return np.logical_not(bad, out=bad)


def band_numbers(path: Path, names: Sequence[str | None], bands: Sequence[int | str]) -> list[int]:
    """The numbers, from 1, of bands by number or name; `UserError` for one that is not among those of the file."""
    numbers = [b if isinstance(b, int) else names.index(b) + 1 if b in names else 0 for b in bands]
    missing = [str(b) for b, i in zip(bands, numbers, strict=True) if not 1 <= i <= len(names)]
    if missing:
        named = f" named {', '.join(filter(None, names))}" if any(names) else ""
        raise UserError(
            f"{path} has {len(names)} band(s){named}; wanted {', '.join(map(str, bands))}, of which "
            f"{', '.join(missing)} is missing. Choose with data.bands, or use a run trained on these bands."
        )
    return numbers


_ASSIGN = "Assign the right one with gdal_edit.py -a_srs (or -unsetgt to drop the georeference)."


def first_line(error: BaseException) -> str:
    """What an error says, without what follows."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _as(nodata: float | None, dtype: np.dtype[Any]) -> float | None:
    """A nodata value as this type can hold it, so that comparing copies no pixels; None where it cannot."""
    if nodata is None or dtype.kind == "f":
        return nodata
    info = np.iinfo(dtype)
    return int(nodata) if info.min <= nodata <= info.max and nodata == int(nodata) else None


def _facts(paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file; those that are no files (/vsi...) or are gone count as empty.

    Side files with statistics are left out: viewers write them whenever they open a raster.
    """
    found = {}
    for path in paths:
        if not path.endswith(".aux.xml"):
            stat = Path(path).stat() if Path(path).exists() else None
            found[path] = (stat.st_size, stat.st_mtime_ns) if stat else (0, 0)
    return found
