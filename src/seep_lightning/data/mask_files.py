"""The mask of a scene as a file: what its values mean, read by windows, since it may be as large as a scene."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORE, IGNORED, MOST_CLASSES, StoredValue
from seep_lightning.data.decoding import DecodedFile, decode_window
from seep_lightning.data.masks import WHITE, MaskValuesError, met_values, read_classes, stored_mask, unknown_values_text
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.budgets import check_scene
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_for_reading

# rows that are decoded in one go
ROWS = 256

Classes = NDArray[np.uint8]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class MaskFile:
    """A mask whose values have a meaning.

    Attributes:
        path: The file.
        height: Rows.
        width: Columns.
        meaning: What its values mean, as a data set's config says it.
        counts: How many pixels each class has, (256,): at 0 those of no seep, at 255 those to be ignored.
    """

    path: Path
    height: int
    width: int
    meaning: DataConfig
    counts: NDArray[np.int64]

    @property
    def seep_pixels(self) -> int:
        """How many pixels show seep."""
        return int(self.counts[1:IGNORED].sum())

    def read(self, window: Window) -> tuple[Classes, Flags]:
        """Read a part.

        Args:
            window: The part; it lies within the mask.

        Returns:
            The class of each pixel, 0 for no seep, and where somebody knows it; both (n, m).
        """
        with _reading(self.path) as file:
            return _classes(decode_window(self.path, file, window), self.meaning)


def read_mask_file(path: Path, config: PrepareConfig) -> MaskFile:
    """Find out what the values of a mask mean.

    Args:
        path: The file.
        config: `mask_values`, if they were told.

    Raises:
        UserError: It cannot be read, is no mask, or holds values that nobody said the meaning of.
    """
    met: Counter[StoredValue] = Counter()
    with _reading(path) as file:
        for window in _windows(file):
            met.update(met_values(decode_window(path, file, window), DataConfig()))
        first = decode_window(path, file, Window(0, 0, 1, 1))
        meaning = DataConfig(classes=MOST_CLASSES, mask_values=_values(first, met, config))
        counts = np.zeros(IGNORED + 1, np.int64)
        try:
            for window in _windows(file):
                classes, is_known = _classes(decode_window(path, file, window), meaning)
                counts += np.bincount(np.where(is_known, classes, IGNORED).ravel(), minlength=len(counts))
        except MaskValuesError as error:
            raise UserError(unknown_values_text(path, met, meaning, prefix="")) from error
        return MaskFile(path, file.height, file.width, meaning, counts)


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """The file as rasterio opens it; `UserError` where it cannot be opened or read."""
    unreadable = as_user_error(f"labels: cannot read {path}", *UNREADABLE_RASTER, OSError, advice="Copy it again.")
    with unreadable, open_for_reading(str(path)) as file:
        check_scene(file, path, file.count)
        yield file


def _windows(file: Any) -> Iterator[Window]:
    """All of an open file, some rows at a time."""
    for top in range(0, file.height, ROWS):
        yield Window(0, top, file.width, min(ROWS, file.height - top))


def _classes(part: DecodedFile, meaning: DataConfig) -> tuple[Classes, Flags]:
    """The class of each pixel of a part, and where it is known."""
    pixels = read_classes(stored_mask(part, meaning), meaning)
    is_known = np.ones(pixels.classes.shape, bool) if pixels.labelled is None else pixels.labelled
    if part.file_mask is not None:
        is_known = is_known & (part.file_mask > 0)
    return np.where(is_known, pixels.classes, np.uint8(0)), is_known


def _values(file: DecodedFile, met: Mapping[StoredValue, int], config: PrepareConfig) -> dict[Any, Any]:
    """What the values of a mask mean: as told, or the usual, and what it declares as nodata is ignored unless it is 0.

    0 is no seep, also where it is declared: programs that burn polygons declare it.
    """
    declared = [int(value) for value in file.nodatas[:1] if value is not None and float(value).is_integer()]
    ignored = dict.fromkeys([value for value in declared if value != 0], IGNORE)
    if config.mask_values is not None:
        return {**ignored, **config.mask_values}
    if file.is_lossy:
        raise UserError(
            f"labels: mask {file.path} is compressed with loss, so its values are not those that were drawn. Save it "
            "as PNG or TIFF, or say which values there should be: 'mask_values={255: 1}' takes the nearest one."
        )
    values = met.keys() - ignored.keys() - {0}
    for seep in (1, WHITE):
        if values <= {seep}:
            return {**ignored, seep: 1}
    raise UserError(unknown_values_text(file.path, met, DataConfig(), prefix=""))
