"""An analyst's polygons as the classes of a scene's pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.scene.outline_file import OutlineFile
    from seep_lightning.scene.outlines import Outlines
    from seep_lightning.scene.raster import Raster

# that a mask of 8 bit can hold
LARGEST_CLASS = 255
# where `predict` names the network that drew an outline
MODEL_COLUMN = "model"


@dataclass(frozen=True)
class LabelFile:
    """The file of polygons as a whole, as the config reads it. N features in the order of the file.

    Attributes:
        outlines: The features.
        scenes: The scene that each names, N texts; empty where it names none, or where no column is asked.
        models: The network that drew each, N texts; empty where a person did.
        is_doubtful: Whether nobody is sure of it, (N,).
        has_scene_column: Whether a column was asked for the scenes.
        scene_count: In how many scenes the polygons are looked for.
    """

    outlines: "OutlineFile"
    scenes: list[str]
    models: list[str]
    is_doubtful: NDArray[np.bool_]
    has_scene_column: bool
    scene_count: int

    def takes_unnamed(self, raster: "Raster") -> bool:
        """Whether polygons without a scene's name, as they are newly drawn in a GIS, are of the scene they lie in.

        Several scenes without georeference all lie at one place.
        """
        return raster.georeferenced or self.scene_count == 1


@dataclass(frozen=True)
class SceneLabels:
    """The polygons that lie in one scene.

    Attributes:
        names: The scene's names, by which a polygon may name it; that of its file first.
        takes_unnamed: Whether polygons that name no scene may be of this one, see `LabelFile.takes_unnamed`.
        outlines: The polygons, N.
        classes: The class of each polygon that counts, (N,) uint8; 0 for the others.
        doubtful: 1 for each polygon of which nobody is sure, else 0, (N,) uint8.
        is_inside: Whether a polygon is of the scene and lies in it, (N,).
        holds_pixel: Whether it holds the centre of one of the scene's pixels besides, (N,).
        shows_data: Whether it holds a pixel with data, (N,); known when the scene has been cut, see `note_data`.
    """

    names: tuple[str, ...]
    takes_unnamed: bool
    outlines: "Outlines"
    classes: NDArray[np.uint8]
    doubtful: NDArray[np.uint8]
    is_inside: NDArray[np.bool_]
    holds_pixel: NDArray[np.bool_]
    shows_data: NDArray[np.bool_]

    def note_data(self, has_data: NDArray[np.bool_], top: int) -> None:
        """Note which polygons that count hold pixels with data.

        Args:
            has_data: Where rows of the scene hold data, (rows, width).
            top: The first row.
        """
        unseen = (self.classes > 0) & ~self.shows_data
        self.shows_data[self.outlines.holding(unseen, has_data, top)] = True

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


def scene_names(path: Path) -> tuple[str, str]:
    """The names by which a polygon may name a scene: that of the file, and that of its chips and its map."""
    return path.stem, scene_name(path)


def read_label_file(config: PrepareConfig, scene_count: int) -> LabelFile:
    """Read the file of polygons as a whole.

    Args:
        config: The file of polygons, and which of its columns mean what.
        scene_count: In how many scenes its polygons are looked for.

    Returns:
        All that stands in it, but for the polygons themselves.

    Raises:
        UserError: The file cannot be read, has no such column, or `ignore` is no condition on its columns.
    """
    from seep_lightning.scene.outline_file import outlines_where, read_outline_file

    path = Path(config.labels)
    outlines = read_outline_file(path, _named_columns(config), optional=[MODEL_COLUMN])
    count = len(outlines.numbers)
    doubtful = np.zeros(0, np.int64)
    if config.ignore:
        doubtful = outlines_where(path, config.ignore, "ignore")
    return LabelFile(
        outlines=outlines,
        scenes=_texts(outlines.columns.get(config.scene_attribute or ""), count),
        models=_texts(outlines.columns.get(MODEL_COLUMN), count),
        is_doubtful=np.isin(outlines.numbers, doubtful),
        has_scene_column=bool(config.scene_attribute),
        scene_count=scene_count,
    )


def read_labels(raster: "Raster", file: LabelFile, config: PrepareConfig) -> SceneLabels:
    """Read the polygons that lie in a scene.

    Args:
        raster: The scene.
        file: The file of polygons as a whole.
        config: The file of polygons, and which of its columns mean what.

    Returns:
        The polygons with their classes.

    Raises:
        UserError: The file cannot be read, has no such column, or a class is none of 1..255.
    """
    from seep_lightning.scene.outlines import read_outlines

    path = Path(config.labels)
    outlines = read_outlines(path, raster, _named_columns(config))
    # GeoJSON always has a CRS, needed or not
    labels_need_crs = bool(outlines.crs) and path.suffix.lower() != ".geojson"
    if labels_need_crs and not raster.georeferenced:
        raise UserError(f"{raster.path} has no CRS, {path} has one. Assign it with gdal_edit.py -a_srs -a_ullr.")
    doubtful_numbers = file.outlines.numbers[file.is_doubtful]
    lies_inside = outlines.inside(raster.height, raster.width)
    is_inside = lies_inside & _is_of_scene(outlines, raster, file, config)
    is_doubtful = is_inside & np.isin(outlines.numbers, doubtful_numbers)
    every_pixel = np.broadcast_to(np.True_, (raster.height, raster.width))
    return SceneLabels(
        names=scene_names(raster.path),
        takes_unnamed=file.takes_unnamed(raster),
        outlines=outlines,
        classes=_classes(outlines, is_inside & ~is_doubtful, config),
        doubtful=is_doubtful.astype(np.uint8),
        is_inside=is_inside,
        holds_pixel=outlines.holding(is_inside, every_pixel),
        shows_data=np.zeros(len(is_inside), bool),
    )


def _named_columns(config: PrepareConfig) -> list[str]:
    """The columns that the config names."""
    return [name for name in (config.scene_attribute, config.class_attribute) if name]


def _is_of_scene(outlines: "Outlines", raster: "Raster", file: LabelFile, config: PrepareConfig) -> NDArray[np.bool_]:
    """Which polygons are of the scene if they lie in it: all, or those that name it, or that name none."""
    count = len(outlines.shapes)
    if not config.scene_attribute:
        return np.ones(count, bool)
    expected = set(scene_names(raster.path))
    if file.takes_unnamed(raster):
        expected.add("")
    texts = _texts(outlines.columns[config.scene_attribute], count)
    return np.array([text in expected for text in texts], bool)


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


def _texts(column: NDArray[Any] | None, count: int) -> list[str]:
    """The values of a column (N,) as texts; empty ones for NULL, for spaces, and where there is no such column."""
    if column is None:
        return [""] * count
    return [_text(value) for value in column.tolist()]


def _text(value: Any) -> str:
    """A value of a column as text: empty for NULL; a scene may be called 7, which a column of floats spells 7.0."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.15g}"
    return str(value).strip()
