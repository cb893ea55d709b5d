"""The numbers of a product as calibrated backscatter."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio import windows

from seep_lightning.errors import UserError, first_line
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_for_reading
from seep_lightning.scene.inputs.sentinel1.annotation import Annotation
from seep_lightning.scene.inputs.sentinel1.border import Border, BorderFinder
from seep_lightning.scene.inputs.sentinel1.files import ProductFiles
from seep_lightning.scene.inputs.sentinel1.product import BandFiles
from seep_lightning.scene.inputs.sentinel1.tables import Noise, Table, Window, read_calibration, read_noise
from seep_lightning.scene.interfaces import Floats, Mask, Values

USUAL_NOISE = 1e-3
"""Sigma nought of the noise where a product has no table of it: -30 dB, about the least of Sentinel-1."""

# raise it when the same product would give other values
_VERSION = 1


@dataclass(frozen=True)
class BandTables:
    """What makes backscatter of one band's numbers.

    Attributes:
        calibration: A, see `read_calibration`.
        noise: The power of the noise; None where the product does not tell.
    """

    calibration: Table
    noise: Noise | None

    def noise_power(self, window: Window) -> Floats:
        """The power of the noise (h, w); where it is not told, about what it is at least."""
        usual: Floats = np.float32(USUAL_NOISE) * self.calibration.at(window) ** 2
        if self.noise is None:
            return usual
        told = self.noise.at(window)
        # tables may hold zeros outside of the swath
        return np.where(told > 0, told, usual)


@dataclass(frozen=True)
class Form:
    """What is made of a product's numbers.

    Attributes:
        as_power: Whether values are sigma nought; else its root, the amplitude. The networks of the package know
            amplitude: their chips are saturated from about 2.8 standard deviations above the median on, and so is the
            amplitude at twice its median, the power at 1.4.
        without_noise: Whether the thermal noise is subtracted; what would be below 0 becomes 0.
    """

    as_power: bool = False
    without_noise: bool = False


class Sigma0:
    """Calibrated backscatter of a product's numbers; a `scene.raster.Decoder`.

    Args:
        files: The product's files.
        bands: The bands that are read.
        annotation: Of any band: all have one size and place.
        form: What is made of its numbers.

    Raises:
        UserError: A table or a measurement is missing or damaged, or there is no table of the noise to subtract.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, files: ProductFiles, bands: Sequence[BandFiles], annotation: Annotation, form: Form) -> None:
        self._files = files
        self._bands = list(bands)
        self._annotation = annotation
        self._as_power = form.as_power
        self._subtracts_noise = form.without_noise and not annotation.without_noise
        self._tables = [self._read_tables(band) for band in bands]
        self._lock = threading.Lock()
        self._check_files()

    def _read_tables(self, band: BandFiles) -> BandTables:
        """The tables of a band."""
        height, width = self._annotation.height, self._annotation.width
        if not band.calibration:
            path = self._files.path
            raise UserError(f"{path}: it lists no calibration of {band.polarisation}. Download the product again.")
        calibration = read_calibration(self._files, band.calibration, width)
        noise = None
        if self._tells_noise(band):
            noise = read_noise(self._files, band.noise, height, width)
        if noise is None and self._subtracts_noise:
            raise UserError(f"{self._files.path} has no table of its thermal noise. Leave remove_noise= out.")
        return BandTables(calibration, noise)

    def _tells_noise(self, band: BandFiles) -> bool:
        """Whether there is a table of a band's noise: a product can do without."""
        return bool(band.noise) and self._files.has(band.noise)

    def _check_files(self) -> None:
        """Raise `UserError` where a file is missing, or a measurement not of the size that the annotation tells."""
        expected = (self._annotation.height, self._annotation.width)
        for band in self._bands:
            # a band without its own annotation is not whole
            self._files.stamp(band.annotation)
            with open_for_reading(self._files.location(band.measurement)) as dataset:
                shape = dataset.shape
            if shape != expected:
                size = f"{shape[1]} x {shape[0]} px, its annotation says {expected[1]} x {expected[0]}"
                raise UserError(f"{self._files.path}: {band.measurement} has {size}. Download the product again.")

    @cached_property
    def key(self) -> str:
        """The version of this reading, the bands, and the files by size and time of change."""
        files: list[str] = []
        for band in self._bands:
            files += [band.measurement, band.annotation, band.calibration]
            files += [band.noise] if self._tells_noise(band) else []
        stamps = [self._files.stamp(file) for file in files]
        names = [band.polarisation for band in self._bands]
        return f"sigma0 {_VERSION} {names} {self._as_power} {self._subtracts_noise} {stamps}"

    def decode(self, stored: Values, valid: Mask, top: int, left: int) -> tuple[Values, Mask]:
        """Backscatter (C, h, w) float32 of a window, and which pixels (h, w) lie in the swath and hold data."""
        height, width = valid.shape
        window = Window(top, top + height, left, left + width)
        bands = [
            self._backscatter(numbers, tables, window) for numbers, tables in zip(stored, self._tables, strict=True)
        ]
        return np.stack(bands), valid & self._border.inside(window)

    def _backscatter(self, numbers: NDArray[Any], tables: BandTables, window: Window) -> Floats:
        """Sigma nought of one band, or its root."""
        amplitude: Floats = numbers.astype(np.float32)
        if self._subtracts_noise:
            assert tables.noise is not None
            power = np.square(amplitude, out=amplitude)
            power -= tables.noise.at(window)
            amplitude = np.sqrt(power.clip(0, out=power), out=power)
        amplitude /= tables.calibration.at(window)
        return np.square(amplitude, out=amplitude) if self._as_power else amplitude

    @property
    def _border(self) -> Border:
        """The border of the first band; found when it is first asked for."""
        with self._lock:
            return self._found_border

    @cached_property
    def _found_border(self) -> Border:
        band = self._bands[0]
        annotation = self._annotation
        noise = None if annotation.without_noise else self._tables[0].noise_power
        with open_for_reading(self._files.location(band.measurement)) as dataset:

            def read(window: Window) -> NDArray[np.uint16]:
                part = windows.Window.from_slices((window.top, window.bottom), (window.left, window.right))
                return np.asarray(dataset.read(1, window=part))

            try:
                return BorderFinder(annotation.height, annotation.width, read, noise).find()
            except (*UNREADABLE_RASTER, OSError) as error:
                problem = f"{self._files.path}: {band.measurement} cannot be read ({first_line(error)})"
                raise UserError(f"{problem}. It is cut off or damaged; download the product again.") from error
