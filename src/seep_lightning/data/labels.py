"""An analyst's polygons as the classes of a scene's pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.scene.outlines import Outlines
    from seep_lightning.scene.raster import Raster

# that a mask of 8 bit can hold
LARGEST_CLASS = 255


@dataclass(frozen=True)
class SceneLabels:
    """The polygons that lie in one scene.

    Attributes:
        outlines: The polygons, N.
        classes: The class of each polygon that counts, (N,) uint8; 0 for the others.
        doubtful: 1 for each polygon of which nobody is sure, else 0, (N,) uint8.
    """

    outlines: "Outlines"
    classes: NDArray[np.uint8]
    doubtful: NDArray[np.uint8]

    def burn(self, top: int, stop: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Draw the polygons into rows of the scene.

        Args:
            top: The first row.
            stop: The row after the last.
            width: The scene's width, px.

        Returns:
            The class of each pixel, 0 for no seep, and whether only doubtful polygons hold it; both (rows, width).
        """
        classes = self.outlines.burn(self.classes, top, stop, width)
        doubtful = self.outlines.burn(self.doubtful, top, stop, width)
        only_doubtful = (doubtful > 0) & (classes == 0)
        return classes, only_doubtful


def scene_name(path: Path) -> str:
    """Return the scene's part of a chip's name, which ends at the first dot."""
    return path.stem.replace(".", "_")


def read_labels(raster: "Raster", config: PrepareConfig) -> SceneLabels:
    """Read the polygons that lie in a scene.

    Args:
        raster: The scene.
        config: The file of polygons, and which of its columns mean what.

    Returns:
        The polygons with their classes.

    Raises:
        UserError: The file cannot be read, has no such column, or a class is none of 1..255.
    """
    from seep_lightning.scene.outlines import read_outlines

    path = Path(config.labels)
    attributes = (config.scene_attribute, config.class_attribute)
    columns = [name for name in attributes if name]
    outlines = read_outlines(path, raster, columns)
    # GeoJSON always has a CRS, needed or not
    labels_need_crs = bool(outlines.crs) and path.suffix.lower() != ".geojson"
    if labels_need_crs and not raster.georeferenced:
        raise UserError(f"{raster.path} has no CRS, {path} has one. Assign it with gdal_edit.py -a_srs -a_ullr.")
    is_of_scene = _is_of_scene(outlines, raster, config.scene_attribute)
    is_doubtful = np.zeros(len(outlines.shapes), bool)
    if config.ignore:
        doubtful_numbers = read_outlines(path, raster, where=config.ignore).numbers
        is_doubtful = is_of_scene & np.isin(outlines.numbers, doubtful_numbers)
    is_sure = is_of_scene & ~is_doubtful
    classes = _classes(outlines, is_sure, config)
    return SceneLabels(outlines, classes, is_doubtful.astype(np.uint8))


def _is_of_scene(outlines: "Outlines", raster: "Raster", attribute: str | None) -> NDArray[np.bool_]:
    """Which polygons are of the scene: all that lie in it, or those that name it."""
    if not attribute:
        return np.ones(len(outlines.shapes), bool)
    names = [raster.name, scene_name(raster.path)]
    return _equals_text(outlines.columns[attribute], names)


def _classes(outlines: "Outlines", is_sure: NDArray[np.bool_], config: PrepareConfig) -> NDArray[np.uint8]:
    """The class of each polygon that counts, (N,), 0 for the others."""
    classes = np.zeros(len(is_sure), np.uint8)
    if not config.class_attribute:
        classes[is_sure] = 1
        return classes
    column = outlines.columns[config.class_attribute]
    is_wrong = is_sure & ~_equals_number(column, range(1, LARGEST_CLASS + 1))
    if is_wrong.any():
        polygon = outlines.numbers[is_wrong][0]
        value = column[is_wrong][0]
        raise UserError(
            f"{config.labels}: {config.class_attribute} of polygon {polygon} is {value}; expected 1 to "
            f"{LARGEST_CLASS}. Correct it, or leave it out with ignore=CONDITION."
        )
    classes[is_sure] = column[is_sure].astype(float)
    return classes


def _equals_number(column: NDArray[Any], numbers: Sequence[int]) -> NDArray[np.bool_]:
    """Which values of a column (N,) are one of the numbers, also as text or as 1.0."""
    as_integers = [f"{number}" for number in numbers]
    as_floats = [f"{number}.0" for number in numbers]
    return np.isin(column.astype(str), as_integers + as_floats)


def _equals_text(column: NDArray[Any], texts: Sequence[str]) -> NDArray[np.bool_]:
    """Which values of a column (N,) are one of the texts; in a column of floats, 7 is spelt 7.0."""
    spellings = list(texts)
    if column.dtype.kind == "f":
        spellings += [f"{text}.0" for text in texts]
    return np.isin(column.astype(str), spellings)
