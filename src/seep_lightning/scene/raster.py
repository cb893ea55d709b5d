"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

import hashlib
import json
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from seep_lightning.documents.regular_files import entries_below
from seep_lightning.errors import UserError, first_line
from seep_lightning.scene.band_names import Band, band_numbers, labels_of
from seep_lightning.scene.budgets import check_scene
from seep_lightning.scene.colours import grey_bands, grey_palette, grey_values
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_for_reading
from seep_lightning.scene.georeference import read_georeference
from seep_lightning.scene.interfaces import Mask, Values
from seep_lightning.scene.locations import archive_of
from seep_lightning.scene.nodata import is_measurement, nodata_values, pixels_with_data
from seep_lightning.scene.options import GREY
from seep_lightning.scene.scaling import Scaling
from seep_lightning.scene.scene_file import AMPLITUDE_FACTS, SceneFacts, SceneFile

# Rows that are read in one go, at least: 13 MB of a uint16 scene 25,000 px wide.
READ_ROWS = 256

# The data types that we read, of scenes and of chips, by numpy's name, as GDAL calls them.
GDAL_TYPES = {
    "uint8": "Byte",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "int16": "Int16",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}

# Of these the types whose values have a full scale, and are neither power nor dB.
TYPES_OF_FULL_SCALE = ("uint8", "uint16")

# Types of phase and amplitude, of which the amplitude is read, by rasterio's name, as GDAL calls them.
COMPLEX_TYPES = {"complex_int16": "CInt16", "complex64": "CFloat32", "complex128": "CFloat64"}
COMPLEX = "complex"
AMPLITUDE = np.dtype(np.float32)
# What a person is told of it.
AMPLITUDE_NOTE = "It stores complex values: their amplitude is read."

# What viewers and GDAL itself write beside a file, such as statistics: pixels do not depend on it.
SIDECAR_SUFFIXES = (".aux.xml", ".ovr")

FileStamps = dict[str, tuple[int, int]]
"""Size (bytes) and time of change (ns) of files by path; (0, 0) for what is no file."""


class Decoder(Protocol):
    """What makes a scene's values of the numbers that its file stores, such as a calibration.

    Attributes:
        dtype: The data type of the values.
        key: All that the values depend on beside the file, as a text; a part of the scene's fingerprint.
    """

    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102

    @property
    def key(self) -> str: ...  # noqa: D102

    def decode(self, stored: Values, valid: Mask, top: int, left: int) -> tuple[Values, Mask]:
        """Decode a window; called from several threads.

        Args:
            stored: Numbers of the bands that are read (C, h, w), as the file stores them.
            valid: Which pixels (h, w) hold data by the file's mask and nodata values.
            top: The window's first row.
            left: The window's first column.

        Returns:
            Values (C, h, w) and which pixels (h, w) hold data.
        """
        ...


class Raster(AbstractContextManager["Raster"]):
    """A raster file, open for reading; each thread reads by a handle of its own.

    A pixel is valid where every band is finite, where no band has a nodata value (or not all of them have, see
    `nodata_bands`), and where the file's mask or alpha band says so.

    Attributes:
        location: What GDAL opens.
        path: The file, for messages.
        name: The file's name without its suffix, or the name of the scene.
        facts: What is known of the scene beside its file.
        decoder: What makes values of the numbers in the file; None where it stores the values themselves.
        layout: Of a mosaic: name, row and column of each tile; empty for a file.
        indexes: The numbers, from 1, of the bands that are read.
        labels: What the file says of each of its bands.
        bands: What was asked for.
        band_names: The names of those that are read, or their polarisation; empty where the file tells neither.
        stored_dtype: Their data type in the file; that of the amplitude for complex values.
        is_complex: Whether the file stores complex values, of which the amplitude is read.
        gdal_type: GDAL's name of the data type in the file.
        scaling: From their stored values to those that are read.
        height: Rows.
        width: Columns.
        block_rows: Rows that are decoded together.
        block_columns: Columns that are decoded together.
        nodatas: The stored values of pixels without data.
        declared_nodatas: Those of them that the file or its product declares.
        nodata_bands: Whether a pixel has no data where `all` bands have such a value, or `any`.
        is_grey: Whether one band is read, the luminance of the file's colours.
        palette: The luminance of each index, where values are indices that are read as grey; else None.
        masked: True where the file has a mask or an alpha band.
        tags: The file's own metadata.
        pages: GDAL's names of the rasters in the file, where it holds several and this is the first of them.
        place: Where it lies on the ground.
    """

    def __init__(
        self,
        path: str | Path | SceneFile,
        bands: Sequence[Band] = (1,),
        nodata: float | None = None,
        nodata_bands: str = "any",
        *,
        as_stored: bool = False,
        decoder: Decoder | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: The file, or any name that GDAL opens: a text stays as it is, with both slashes of `/vsizip//home`. A
                `SceneFile` brings its facts and the path that a person knows it by.
            bands: The bands to read, see `scene.band_names`: numbers from 1, or names such as `VV`; `grey` alone is the
                luminance of colours where no band is called so.
            nodata: The stored value of pixels without data, besides the file's own.
            nodata_bands: `all` or `any`, see `scene.nodata`.
            as_stored: Read stored values, as of our own maps, without the scale and the offset that the file declares.
            decoder: What makes values of the numbers in the file; None where it stores the values themselves.

        Raises:
            UserError: The file cannot be used.
        """
        self.nodata_bands = nodata_bands
        self._as_stored = as_stored
        self.decoder = decoder
        scene = path if isinstance(path, SceneFile) else SceneFile(Path(path).stem, str(path), Path(path))
        self.facts: SceneFacts = scene.facts
        self.location = scene.location
        self.path = scene.path
        self.name = scene.name
        self.layout: list[tuple[str, int, int]] = []
        self._local = threading.local()
        self._handles: list[Any] = []
        dataset = self._handle()
        try:
            self._read_header(dataset, bands, nodata)
        except UserError:
            self.close()
            raise

    def _read_header(self, dataset: Any, bands: Sequence[Band], nodata: float | None) -> None:
        """Read all that is known without a pixel."""
        self.bands = list(bands)
        self.labels = labels_of(dataset, self.location)
        self.is_grey = list(bands) == [GREY] and GREY not in dataset.descriptions
        if self.is_grey:
            self.indexes = grey_bands(self.path, dataset.colorinterp)
        else:
            self.indexes = band_numbers(self.path, self.labels, bands)
        self.palette = grey_palette(dataset) if self.is_grey else None
        self.band_names = [self.labels[i - 1].full_name for i in self.indexes]
        stored_types = {dataset.dtypes[i - 1] for i in self.indexes}
        self.is_complex = stored_types <= COMPLEX_TYPES.keys()
        self.stored_dtype = AMPLITUDE if self.is_complex else _common_dtype(self.path, stored_types)
        self.gdal_type = (GDAL_TYPES | COMPLEX_TYPES)[min(stored_types)]
        if self.is_complex:
            self.facts = self.facts.or_else(AMPLITUDE_FACTS)
        self.scaling = self._declared_scaling(dataset)
        check_scene(dataset, self.path, len(self.indexes))
        self.height = int(dataset.height)
        self.width = int(dataset.width)
        self.block_rows = max(int(dataset.block_shapes[i - 1][0]) for i in self.indexes)
        self.block_columns = max(int(dataset.block_shapes[i - 1][1]) for i in self.indexes)
        # the given value comes first: fingerprints depend on which of two equal values is kept
        by_file = {dataset.nodatavals[i - 1] for i in self.indexes}
        self.masked = any(MaskFlags.per_dataset in dataset.mask_flag_enums[i - 1] for i in self.indexes)
        if self.palette is not None:
            # the nodata value of a file with a palette is an index, which its mask tells of
            self.masked = self.masked or dataset.nodata is not None
            by_file = set()
        self.declared_nodatas = nodata_values({self.facts.nodata, *by_file}, self.stored_dtype)
        self.nodatas = nodata_values({nodata, self.facts.nodata, *by_file}, self.stored_dtype)
        self.tags: dict[str, str] = dict(dataset.tags())
        self.pages: list[str] = list(dataset.subdatasets)
        self.place = read_georeference(self.path, dataset)
        self._stamps = _file_stamps(dataset.files or [self.location])

    def _declared_scaling(self, dataset: Any) -> Scaling:
        """The scaling that the file declares; none of colours, which have become their luminance."""
        is_luminance = self.is_grey and (len(self.indexes) > 1 or self.palette is not None)
        if self._as_stored or is_luminance:
            return Scaling()
        return Scaling.of_bands(dataset.scales, dataset.offsets, [i - 1 for i in self.indexes])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of the values that are read."""
        if self.decoder is not None:
            return self.decoder.dtype
        return self.stored_dtype if self.scaling.is_identity else np.dtype(np.float32)

    @property
    def notes(self) -> list[str]:
        """What a person should know of how it is read, a sentence each."""
        notes = [AMPLITUDE_NOTE] if self.is_complex else []
        read_as = self.facts.calibration
        if read_as in self.facts.calibrations[1:]:
            notes.append(f"It is read as {read_as}, for networks that were trained on it; calibration= says so.")
        return notes

    def multiply_by(self, factor: float) -> None:
        """Read stored values times a factor from now on, whatever the file declares; no thread may be reading."""
        self.scaling = Scaling.by_factor(factor, len(self.indexes))

    def add_nodata(self, values: Iterable[float]) -> None:
        """Take pixels of further stored values for such without data from now on; no thread may be reading."""
        self.nodatas |= nodata_values(values, self.stored_dtype)

    def __exit__(self, *_: object) -> None:
        """Close the file, see `close`."""
        self.close()

    def watch(self, path: Path) -> None:
        """Take a file, or all of a folder, for what must not change, though GDAL does not say so."""
        files = [str(file) for file in entries_below(path)] if path.is_dir() else [str(path)]
        self._stamps.update(_file_stamps(files))

    def close(self) -> None:
        """Close the handles of all threads; none may be reading."""
        for handle in self._handles:
            handle.close()
        self._handles = []
        self._local = threading.local()

    def _handle(self) -> Any:
        """The dataset that the calling thread reads from."""
        if not hasattr(self._local, "handle"):
            self._local.handle = open_for_reading(self.location)
            self._handles.append(self._local.handle)
        return self._local.handle

    @property
    def crs(self) -> Any:
        """The coordinate system; None where there is none."""
        return self.place.crs

    @property
    def transform(self) -> Affine:
        """(column, row) of a pixel's corner to (x, y); the identity where there is none."""
        return self.place.transform

    @property
    def gcps(self) -> Sequence[GroundControlPoint]:
        """The ground control points."""
        return self.place.gcps

    @property
    def placed_by_points(self) -> bool:
        """Whether control points, and no transform, place the raster."""
        return self.place.placed_by_points

    @property
    def georeferenced(self) -> bool:
        """Whether its place on the earth is known."""
        return self.place.is_complete

    @property
    def fingerprint(self) -> str:
        """A hash of what pixels and places depend on: files by name, size and time of change; type, bands, nodata."""
        files = [(Path(path).name, *stamp) for path, stamp in sorted(self._stamps.items())]
        nodatas = sorted(str(value) for value in self.nodatas)
        crs = None if self.crs is None else self.crs.to_wkt()
        points = [(point.row, point.col, point.x, point.y, point.z) for point in self.gcps]
        pixels = [files, self.height, self.width, self.stored_dtype.name, self.indexes, nodatas, self.masked]
        # maps that were made before there were these readings keep their hashes
        if self.is_grey:
            pixels.append(GREY)
        elif len(self.indexes) > 1 and self.nodata_bands != "any":
            pixels.append(self.nodata_bands)
        if self.is_complex:
            pixels.append(COMPLEX)
        if not self.scaling.is_identity:
            pixels.append([self.scaling.scales, self.scaling.offsets])
        if self.decoder is not None:
            pixels.append(self.decoder.key)
        ground = [self.layout, crs, tuple(self.transform), points]
        return hashlib.sha256(json.dumps(pixels + ground).encode()).hexdigest()

    def read(self, start: int, stop: int, left: int = 0, right: int | None = None) -> tuple[Values, Mask]:
        """Read a window.

        Args:
            start: The first row.
            stop: The row after the last one.
            left: The first column.
            right: The column after the last one; None for the right edge.

        Returns:
            Values (C, n, w), and which pixels (n, w) are valid.

        Raises:
            UserError: The file is damaged, changed or gone.
        """
        stored, mask = self.read_stored(start, stop, left, right)
        valid = pixels_with_data(stored, self.nodatas, self.nodata_bands, mask)
        values = self.measured(stored)
        if self.decoder is None:
            return values, valid
        return self.decoder.decode(values, valid, start, left)

    def measured(self, stored: Values) -> Values:
        """What stored values (C, ...) of the bands that are read mean."""
        return stored if self.scaling.is_identity else self.scaling.apply(stored)

    def read_stored(
        self, start: int, stop: int, left: int = 0, right: int | None = None
    ) -> tuple[Values, Values | None]:
        """Read a window as `read` does, but before anything is known of nodata values and scales.

        Returns:
            Values (C, n, w) as stored, and the file's own mask (n, w), above 0 where there are data; None without one.
        """
        right = self.width if right is None else right
        window = Window(left, start, right - left, stop - start)
        dataset = self._handle()
        try:
            values = dataset.read(self.indexes, window=window)
            mask = dataset.dataset_mask(window=window) if self.masked else None
        except (*UNREADABLE_RASTER, OSError) as error:
            self.check_unchanged()
            raise UserError(
                f"{self.path}: rows {start} to {stop} cannot be read ({first_line(error)}). "
                "It is damaged or cut off, or its disk is gone; copy it again."
            ) from error
        if self.is_grey:
            values = grey_values(values, self.palette)
        return amplitude(values, self.nodatas), mask

    def check_unchanged(self) -> None:
        """Check that the files that it draws on are still what they were when it was opened.

        Raises:
            UserError: A file changed.
        """
        for path, stamp in self._stamps.items():
            if _file_stamp(path) != stamp:
                raise UserError(
                    f"{path} changed while it was read: what was made of it is of no use. "
                    "Let the file be finished, then give the same command again."
                )

    def check_scale(self, scale: str | None) -> None:
        """Check that `scale` is given for types without a full scale, and only for them: all but 8 and 16 bit unsigned.

        A scene whose scale is known (`facts.scale`) needs none.

        Args:
            scale: `linear`, `db`, or None.

        Raises:
            UserError: It is missing, or not needed, or not what the scene itself says.
        """
        known = self.facts.scale
        if known is not None:
            if scale not in (None, known):
                raise UserError(f"scale={scale}: the values of {self.path} are {known}. Leave scale= out.")
            return
        has_full_scale = self.dtype.name in TYPES_OF_FULL_SCALE
        if scale and has_full_scale:
            raise UserError(f"scale={scale} is for float32 and int16; {self.path} stores {self._storage}.")
        if not scale and not has_full_scale:
            raise UserError(f"{self.path} stores {self._storage}: pass scale=linear, or scale=db if its values are dB.")

    @property
    def _storage(self) -> str:
        """How values are stored, for messages."""
        if self.scaling.is_identity:
            return str(self.stored_dtype)
        return f"{self.stored_dtype} with {self.scaling}"


def _common_dtype(path: Path, dtypes: set[str]) -> np.dtype[Any]:
    """The one type of all bands that are read; `UserError` where they differ or are of a kind that we do not read."""
    if len(dtypes) > 1:
        stored = " and ".join(sorted(dtypes))
        raise UserError(f"{path} stores {stored}; expected one type for all bands. Choose such by bands=[...].")
    if not dtypes <= GDAL_TYPES.keys():
        stored, expected = next(iter(dtypes)), ", ".join(GDAL_TYPES)
        raise UserError(
            f"{path} stores {stored}; expected one of {expected}, or complex values, for all bands. "
            "Convert it with gdal_translate -ot Float32."
        )
    return np.dtype(next(iter(dtypes)))


def amplitude(values: Values, nodatas: Iterable[float | None]) -> Values:
    """The amplitude of complex values as float32; others stay as they are.

    Args:
        values: Of any shape.
        nodatas: The values of pixels without data; None for none.

    Returns:
        NaN for what is no measurement and for nodata values but 0, since the amplitude of -9999 is 9999.
    """
    if values.dtype.kind != "c":
        return values
    is_data = is_measurement(values)
    for nodata in nodatas:
        if nodata:
            is_data &= values != nodata
    # what overflows is no measurement
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(is_data, np.abs(values), np.nan).astype(AMPLITUDE)


def _file_stamps(paths: Sequence[str]) -> FileStamps:
    """The stamps of files and of archives that hold them, without those beside them that pixels do not depend on."""
    files = [path for path in paths if not path.endswith(SIDECAR_SUFFIXES)]
    archives = [str(archive) for archive in map(archive_of, files) if archive is not None]
    return {path: _file_stamp(path) for path in (*files, *archives)}


def _file_stamp(path: str) -> tuple[int, int]:
    """Size (bytes) and time of change (ns) of a file; (0, 0) for what is none, such as `/vsimem/...`."""
    try:
        status = Path(path).stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
