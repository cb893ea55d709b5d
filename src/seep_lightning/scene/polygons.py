"""Seeps as features: outlines and attributes of the objects of a written map."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import remove_small_holes, remove_small_objects

from seep_lightning.errors import UserError
from seep_lightning.scene.boxes import Box
from seep_lightning.scene.contrast import SEA_DISTANCE
from seep_lightning.scene.field_texts import DescribedColumn
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.levels import level
from seep_lightning.scene.measured_object import MeasuredObject, MeasuredScene, read_band
from seep_lightning.scene.objects import Core, SceneObject, find_objects
from seep_lightning.scene.options import PolygonOptions, ThresholdValues
from seep_lightning.scene.polygon_attributes import (
    AttributeValue,
    PolygonAttribute,
    column_kinds,
    measure,
    scene_attributes,
)
from seep_lightning.scene.raster import Raster

MOST_PIECES = 50_000
"""Parts and holes of one object: the noise of a bad net must not fill the memory with corners."""
DEFAULT_MIN_AREA = 20
"""Pixels of the smallest object, where neither the options nor a validation say."""
MARGIN = SEA_DISTANCE[1] + 1
"""Pixels around an object that are read with it."""
TIME_TAGS = ("ACQUISITION_TIME", "ACQUISITION_START_TIME", "PRODUCT_START_TIME", "START_TIME", "DATETIME")
TIME_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)[Tt]([0-2]\d)([0-5]\d)([0-5]\d)")

log = logging.getLogger(__name__)


class ObjectLevels(NamedTuple):
    """The thresholds by which objects are found, as stored values 1..255."""

    group: int
    trim: int
    keep: int

    @classmethod
    def of(cls, thresholds: ThresholdValues) -> "ObjectLevels":
        """The stored values of probabilities."""
        return cls(level(thresholds.group), level(thresholds.trim), level(thresholds.keep))


class Seep(NamedTuple):
    """One feature: outline in the scene's coordinates, and attributes in the order in which they are written."""

    outline: shapely.MultiPolygon
    attributes: dict[str, AttributeValue]


class SeepLayer(NamedTuple):
    """The features of one scene.

    Attributes:
        seeps: The features in reading order of their first pixels.
        columns: The type (float or str) of each attribute by its name.
        ground: The ground of the scene.
        attributes: What the columns are.
        metadata: What a GeoPackage tells of all of them, by name.
    """

    seeps: list[Seep]
    columns: dict[str, type]
    ground: Ground
    attributes: Sequence[DescribedColumn] = ()
    metadata: Mapping[str, str] = MappingProxyType({})


def find_seeps(
    probability: Raster,
    options: PolygonOptions | None = None,
    *,
    threshold: float = 0.5,
    image: Raster | None = None,
    classes: Raster | None = None,
    model: str = "",
) -> SeepLayer:
    """The seeps of a probability raster that `map_scene` wrote. Each is read once, by its box.

    Args:
        probability: The 8-bit probabilities of a map.
        options: The choice of what becomes a feature; None for the defaults.
        threshold: The network's own threshold, 0..1, from which `options.thresholds` follow.
        image: The scene itself, whose first band gives the contrast.
        classes: A mask of class numbers.
        model: Name of the network.

    Returns:
        Features with their attributes (docs/maps.md); an attribute without a value is None.

    Raises:
        UserError: The rasters differ in size, or the first one is no map; the scene's place is unknown to PROJ;
            thresholds do not ascend; an attribute of the user's own does not fit.
    """
    options = options or PolygonOptions()
    _check_rasters(probability, image, classes)
    origin = image or probability
    scene = MeasuredScene(
        probability,
        ground=Ground.of(origin),
        options=options,
        thresholds=options.thresholds.around(threshold),
        image=image,
        classes=classes,
        model=model,
        time=origin.facts.time or scene_time(origin.tags, origin.name),
    )
    attributes = scene_attributes(scene)
    seeps = dict(_measured_seeps(scene, attributes))
    in_reading_order = [seeps[first] for first in sorted(seeps)]
    return SeepLayer(in_reading_order, column_kinds(scene, attributes), scene.ground, attributes)


def scene_time(tags: dict[str, str], name: str) -> str | None:
    """When a scene was taken.

    Args:
        tags: Tags of its file. One of `TIME_TAGS`, in upper or lower case, comes before the name.
        name: Name of the scene, which may hold a time (`..._20180114T054412_...`).

    Returns:
        The tag as it is, or the name's time in ISO 8601; None where neither says.
    """
    by_upper_case = {key.upper(): value for key, value in tags.items()}
    for tag in TIME_TAGS:
        if by_upper_case.get(tag):
            return by_upper_case[tag]
    match = TIME_IN_NAME.search(name)
    if match is None:
        return None
    return "{}-{}-{}T{}:{}:{}Z".format(*match.groups())


def _check_rasters(probability: Raster, image: Raster | None, classes: Raster | None) -> None:
    """Raise `UserError` for rasters that do not belong to one map."""
    expected = (probability.width, probability.height)
    for raster in (image, classes):
        if raster is None or (raster.width, raster.height) == expected:
            continue
        size = f"{raster.path} is {raster.width} x {raster.height} px"
        expected_size = f"{probability.path} {probability.width} x {probability.height} px"
        raise UserError(f"{size}, {expected_size}; expected one size. Give the scene that was mapped.")
    if probability.dtype != np.uint8:
        raise UserError(f"{probability.path} stores {probability.dtype}; expected the 8-bit probabilities of a map.")


def _measured_seeps(scene: MeasuredScene, attributes: Sequence[PolygonAttribute]) -> Iterator[tuple[int, Seep]]:
    """The first pixel and the feature of each object that is large and long enough."""
    options = scene.options
    levels = ObjectLevels.of(scene.thresholds)
    smallest = DEFAULT_MIN_AREA if options.min_area is None else options.min_area
    for scene_object in find_objects(scene.probability, *levels, smallest):
        seep = _cut_out(scene, scene_object, levels)
        if not seep.core.any() or seep.centre_line.pixels < options.min_length:
            continue
        outline = seep.placed_outline(options.simplify)
        yield scene_object.first, Seep(outline, measure(seep, attributes))


def _cut_out(scene: MeasuredScene, scene_object: SceneObject, levels: ObjectLevels) -> MeasuredObject:
    """An object with what surrounds it, ready to be measured; its core may be empty."""
    box = _box_around(scene_object, scene.probability)
    stored, _ = read_band(scene.probability, box)
    core = _core(scene_object, box, stored, levels, scene.probability.width)
    if scene.options.fill_holes:
        core = ndimage.binary_fill_holes(core) & (stored > 0)
    core = _without_smallest_pieces(core, scene_object, scene.probability.width)
    return MeasuredObject(scene, box, core, stored, levels.trim)


def _box_around(scene_object: SceneObject, raster: Raster) -> Box:
    """An object's box with a margin, within the raster."""
    return Box(
        top=max(scene_object.top - MARGIN, 0),
        bottom=min(scene_object.bottom + MARGIN, raster.height),
        left=max(scene_object.left - MARGIN, 0),
        right=min(scene_object.right + MARGIN, raster.width),
    )


def _core(
    scene_object: SceneObject, box: Box, stored: NDArray[np.uint8], levels: ObjectLevels, scene_width: int
) -> Core:
    """The pixels of one object at the trim level, (h, w): not those of others that reach into its box."""
    rows = slice(scene_object.top - box.top, scene_object.bottom - box.top)
    columns = slice(scene_object.left - box.left, scene_object.right - box.left)
    own = stored[rows, columns]
    grouped = (own >= levels.group).astype(np.uint8)
    labels = cv2.connectedComponents(grouped, connectivity=8)[1]
    row, column = divmod(scene_object.first, scene_width)
    label = labels[row - scene_object.top, column - scene_object.left]
    core = np.zeros(stored.shape, bool)
    core[rows, columns] = (labels == label) & (own >= levels.trim)
    return core


def _without_smallest_pieces(core: Core, scene_object: SceneObject, scene_width: int) -> Core:
    """An object of at most `MOST_PIECES` parts and holes: the smallest of very many are left out or filled."""
    smallest = 1
    while _parts(core) + _parts(~core) > MOST_PIECES:
        smallest *= 4
        row, column = divmod(scene_object.first, scene_width)
        log.warning("Object at row %d, column %d: parts and holes below %d px left out.", row, column, smallest)
        core = remove_small_objects(core, max_size=smallest - 1)
        core = remove_small_holes(core, max_size=smallest - 1)
    return core


def _parts(pixels: Core) -> int:
    """Number of parts whose pixels touch with a side."""
    count: int = cv2.connectedComponents(pixels.astype(np.uint8), connectivity=4)[0]
    # the background counts as one
    return count - 1
