"""An analyst's polygons as the classes of a scene's pixels."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.class_words import DOUBTFUL, LARGEST_CLASS, parsed_class_words
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.errors import UserError, shortened

if TYPE_CHECKING:
    from seep_lightning.scene.outline_file import OutlineFile
    from seep_lightning.scene.outlines import Outlines
    from seep_lightning.scene.raster import Raster

# in place of a class: what stands in the column means none
NO_CLASS = 0
# of the words in a column, how many are named
MOST_WORDS = 8
# where `predict` names the network that drew an outline
MODEL_COLUMN = "model"


@dataclass(frozen=True)
class LabelFile:
    """The file of polygons as a whole, as the config reads it. N features in the order of the file.

    Attributes:
        outlines: The features.
        scenes: The scene that each names, N texts; empty where it names none, or where no column is asked.
        models: The network that drew each, N texts; empty where a person did.
        classes: The class of each, (N,) uint8; `NO_CLASS` where the column of classes tells none.
        is_doubtful: Whether nobody is sure of it, (N,).
        has_scene_column: Whether a column was asked for the scenes.
        scene_count: In how many scenes the polygons are looked for.
    """

    outlines: "OutlineFile"
    scenes: list[str]
    models: list[str]
    classes: NDArray[np.uint8]
    is_doubtful: NDArray[np.bool_]
    has_scene_column: bool
    scene_count: int

    def among(self, outlines: "Outlines") -> NDArray[np.int64]:
        """The positions in this file of the outlines (K,) that lie in a scene, (K,)."""
        order = np.argsort(self.outlines.numbers)
        positions = np.searchsorted(self.outlines.numbers, outlines.numbers, sorter=order)
        return np.asarray(order[positions])

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


def chip_scene_name(name: str) -> str:
    """The part of a chip's name, which ends at the first dot, that names its scene."""
    return name.replace(".", "_")


def scene_names(name: str) -> tuple[str, str]:
    """The names by which a polygon may name a scene: its own, which is that of its map, and that of its chips."""
    return name, chip_scene_name(name)


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
    meanings = _meanings(outlines, config)
    doubtful = np.zeros(0, np.int64)
    if config.ignore:
        doubtful = outlines_where(path, config.ignore, "ignore")
    is_doubtful = np.isin(outlines.numbers, doubtful) | (meanings == DOUBTFUL)
    return LabelFile(
        outlines=outlines,
        scenes=_texts(outlines.columns.get(config.scene_attribute or ""), count),
        models=_texts(outlines.columns.get(MODEL_COLUMN), count),
        classes=np.maximum(meanings, NO_CLASS).astype(np.uint8),
        is_doubtful=is_doubtful,
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
        UserError: The file cannot be read, or a polygon that counts has no class.
    """
    from seep_lightning.scene.outlines import read_outlines

    path = Path(config.labels)
    outlines = read_outlines(path, raster)
    # GeoJSON always has a CRS, needed or not
    labels_need_crs = bool(outlines.crs) and path.suffix.lower() != ".geojson"
    if labels_need_crs and not raster.georeferenced:
        raise UserError(f"{raster.path} has no CRS, {path} has one. Assign it with gdal_edit.py -a_srs -a_ullr.")
    positions = file.among(outlines)
    lies_inside = outlines.inside(raster.height, raster.width)
    is_inside = lies_inside & _is_of_scene(positions, raster, file, config)
    is_doubtful = is_inside & file.is_doubtful[positions]
    is_sure = is_inside & ~is_doubtful
    _check_classes(positions[is_sure], file, config)
    every_pixel = np.broadcast_to(np.True_, (raster.height, raster.width))
    return SceneLabels(
        names=scene_names(raster.name),
        takes_unnamed=file.takes_unnamed(raster),
        outlines=outlines,
        classes=np.where(is_sure, file.classes[positions], np.uint8(0)),
        doubtful=is_doubtful.astype(np.uint8),
        is_inside=is_inside,
        holds_pixel=outlines.holding(is_inside, every_pixel),
        shows_data=np.zeros(len(is_inside), bool),
    )


def _named_columns(config: PrepareConfig) -> list[str]:
    """The columns that the config names."""
    return [name for name in (config.scene_attribute, config.class_attribute) if name]


def _is_of_scene(
    positions: NDArray[np.int64], raster: "Raster", file: LabelFile, config: PrepareConfig
) -> NDArray[np.bool_]:
    """Which polygons of the file are of the scene if they lie in it: all, or those that name it, or that name none."""
    if not config.scene_attribute:
        return np.ones(len(positions), bool)
    expected = set(scene_names(raster.name))
    if file.takes_unnamed(raster):
        expected.add("")
    return np.array([file.scenes[position] in expected for position in positions], bool)


def _meanings(outlines: "OutlineFile", config: PrepareConfig) -> NDArray[np.int16]:
    """The class of each polygon of the file (N,), `DOUBTFUL`, or `NO_CLASS`, by `class_attribute` and `classes`."""
    count = len(outlines.numbers)
    if not config.class_attribute:
        return np.ones(count, np.int16)
    words = parsed_class_words(config.classes) or _words_for_numbers()
    texts = _texts(outlines.columns[config.class_attribute], count)
    return np.array([words.get(text, NO_CLASS) for text in texts], np.int16)


def _words_for_numbers() -> dict[str, int]:
    """The classes by their numbers as a column of texts may hold them, also as 1.0."""
    numbers = range(1, LARGEST_CLASS + 1)
    return {f"{number}{ending}": number for number in numbers for ending in ("", ".0")}


def _check_classes(positions: NDArray[np.int64], file: LabelFile, config: PrepareConfig) -> None:
    """Raise `UserError` where one of the polygons that count has no class."""
    without_class = positions[file.classes[positions] == NO_CLASS]
    if not len(without_class):
        return
    first = without_class[0]
    texts = _texts(file.outlines.columns[str(config.class_attribute)], len(file.scenes))
    subject = f"{config.labels}: {config.class_attribute} of polygon {file.outlines.numbers[first]} is"
    value = texts[first] or "empty"
    counts = Counter(text for text in texts if text).most_common()
    listed = shortened([f"{text} ({count})" for text, count in counts], MOST_WORDS)
    if config.classes is not None:
        raise UserError(
            f"{subject} {value}, which classes does not list. The column holds {listed}. "
            "Add it to classes with its class or with ignore, or leave it out with ignore=CONDITION."
        )
    problem = f"{subject} {value}; expected 1 to {LARGEST_CLASS}."
    if all(_is_number(text) for text, _ in counts):
        raise UserError(f"{problem} Correct it, or leave it out with ignore=CONDITION.")
    example = ", ".join(f"{text}: {number}" for number, (text, _) in enumerate(counts[:MOST_WORDS], 1))
    raise UserError(f"{problem} The column holds {listed}. Say which class each is: 'classes={{{example}}}'.")


def _is_number(text: str) -> bool:
    """Whether a text is a number."""
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


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
