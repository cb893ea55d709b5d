"""Seeps as features: outlines and attributes of the objects of a written map, in files that a GIS opens."""

import logging
import re
from typing import Any, NamedTuple

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage
from skimage.morphology import remove_small_holes, remove_small_objects

from seep_lightning.errors import UserError
from seep_lightning.scene import objects
from seep_lightning.scene.contrast import SEA_DISTANCE, contrast, decibels, linear
from seep_lightning.scene.ground import Ground, Move
from seep_lightning.scene.levels import LEVELS, level
from seep_lightning.scene.options import PolygonOptions
from seep_lightning.scene.raster import Raster

MOST_PIECES = 50_000  # parts and holes of one object: a net that gives noise must not fill the memory with corners
MEASURES = (
    "area_{}2", "length_{}", "width_{}", "orientation_deg", "aspect", "perimeter_{}", "compactness", "p_mean", "p_max",
    "nodata_share",
)  # fmt: skip
TIME_TAGS = ("ACQUISITION_TIME", "ACQUISITION_START_TIME", "PRODUCT_START_TIME", "START_TIME", "DATETIME")
Attributes = dict[str, float | int | str | None]
Box = tuple[int, int, int, int]  # rows top..bottom, columns left..right

log = logging.getLogger(__name__)
logging.getLogger("pyogrio").setLevel(logging.WARNING)  # it tells how many records it wrote


class Seep(NamedTuple):
    """One feature: outline in the scene's coordinates, and attributes in the order in which they are written."""

    outline: shapely.MultiPolygon
    attributes: Attributes


class SeepLayer(NamedTuple):
    """Features in reading order, their columns (name to float or str), and the ground."""

    seeps: list[Seep]
    columns: dict[str, type]
    ground: Ground


def find_seeps(
    probability: Raster, options: PolygonOptions | None = None, *, threshold: float = 0.5, image: Raster | None = None,
    classes: Raster | None = None, model: str = "",
) -> SeepLayer:  # fmt: skip
    """The seeps of a probability raster that `mapping.map_scene` wrote, each read once, by its box.

    threshold: of the model, from which `options.thresholds` follow. image: the scene itself, for the contrast (its
    first band). classes: a mask of class numbers. Attributes: see docs/maps.md; None where one is not known.
    """
    options = options or PolygonOptions()
    size = f"{probability.width} x {probability.height} px"
    for other in filter(None, (image, classes)):
        if size != f"{other.width} x {other.height} px":
            said = f"{other.path} is {other.width} x {other.height} px, {probability.path} {size}; expected one size."
            raise UserError(f"{said} Give the scene that was mapped.")
    if probability.dtype != np.uint8:
        raise UserError(f"{probability.path} stores {probability.dtype}; expected the 8-bit probabilities of a map.")
    origin = image or probability
    ground = Ground.of(origin)
    chosen = options.thresholds.around(threshold)
    group, trim, keep = map(level, chosen)
    fixed: Attributes = {"scene": origin.name, "time": scene_time(origin.tags, origin.name), "model": model}
    fixed["thresholds"] = "group {:.4g}, trim {:.4g}, keep {:.4g}".format(*chosen)
    measures = [measure.format(ground.unit) for measure in MEASURES]
    optional = {"contrast_db": options.calibration, "class": classes, "class_share": classes}
    numbers = [*measures, "contrast", *(column for column, given in optional.items() if given is not None)]
    columns = {**dict.fromkeys(numbers, float), **dict.fromkeys(fixed, str)}
    smallest = 20 if options.min_area is None else options.min_area
    seeps: dict[int, Seep] = {}
    for one in objects.find_objects(probability, group, trim, keep, smallest):
        core, stored, box = _cut_out(probability, one, group, trim, fill_holes=options.fill_holes)
        outline, measured = _measured(core, stored, box, ground, options)
        if not measured:
            continue
        known = fixed | dict(zip(measures, measured, strict=True))
        if image is not None:
            values, valid = _plane(image, box)
            sea = valid & (stored > 0) & (stored < trim)  # other objects left out
            ratio = contrast(linear(values, options.calibration), core & valid, sea)
            known["contrast"] = ratio
            if ratio is not None and options.calibration is not None:
                known["contrast_db"] = decibels(ratio, options.calibration)
        if classes is not None:
            counts = np.bincount(_plane(classes, box)[0][core], minlength=2)[1:]
            if counts.any():
                known |= {"class": int(counts.argmax()) + 1, "class_share": float(counts.max() / core.sum())}
        seeps[one.first] = Seep(outline, {column: known.get(column) for column in columns})
    return SeepLayer([seeps[first] for first in sorted(seeps)], columns, ground)


def scene_time(tags: dict[str, str], name: str) -> str | None:
    """When the scene was taken, ISO 8601, from the metadata or else from the name (`..._20180114T054412_...`)."""
    upper = {key.upper(): value for key, value in tags.items()}
    found = re.search(r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)T([0-2]\d)([0-5]\d)([0-5]\d)", name)
    named = "{}-{}-{}T{}:{}:{}Z".format(*found.groups()) if found else None
    return next((upper[key] for key in TIME_TAGS if upper.get(key)), named)


def _cut_out(
    probability: Raster, one: objects.Found, group: int, trim: int, *, fill_holes: bool
) -> tuple[NDArray[np.bool_], NDArray[np.uint8], Box]:
    """An object's trimmed pixels (without the smallest of very many pieces), stored probabilities, (h, w), and box."""
    pad = SEA_DISTANCE[1] + 1
    top, left = max(one.top - pad, 0), max(one.left - pad, 0)
    box = top, min(one.bottom + pad, probability.height), left, min(one.right + pad, probability.width)
    stored = _plane(probability, box)[0]
    own = slice(one.top - top, one.bottom - top), slice(one.left - left, one.right - left)
    labels = cv2.connectedComponents((stored[own] >= group).astype(np.uint8), connectivity=8)[1]
    row, column = divmod(one.first, probability.width)
    core = np.zeros(stored.shape, bool)
    core[own] = (labels == labels[row - one.top, column - one.left]) & (stored[own] >= trim)
    if fill_holes:
        core = ndimage.binary_fill_holes(core) & (stored > 0)
    smallest = 1
    while sum(cv2.connectedComponents(x.astype(np.uint8), connectivity=4)[0] - 1 for x in (core, ~core)) > MOST_PIECES:
        smallest *= 4
        log.warning("Object at row %d, column %d: parts and holes below %d px left out.", row, column, smallest)
        core = remove_small_holes(remove_small_objects(core, max_size=smallest - 1), max_size=smallest - 1)
    return core, stored, box


def _plane(raster: Raster, box: Box) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Band 1 in a box, 0 where it is not valid; and where it is."""
    values, valid = raster.read(*box)
    return np.where(valid, values[0], np.zeros(1, values.dtype)), valid


def _measured(
    core: NDArray[np.bool_], stored: NDArray[np.uint8], box: Box, ground: Ground, options: PolygonOptions
) -> tuple[shapely.MultiPolygon, tuple[float, ...]]:
    """Outline of an object, and its `MEASURES`; none of them if it is too short, or nothing is left of it."""
    top, bottom, left, right = box
    metres = ground.metres(ground.place(np.array([[(left + right) / 2, (top + bottom) / 2]])))
    place: Move = lambda pixels: ground.place(pixels + np.array([left, top]))  # noqa: E731
    to_metres: Move = lambda pixels: metres(place(pixels))  # noqa: E731
    in_pixels, length = objects.centre_line(core, to_metres) if core.any() else (-1.0, 0.0)
    if in_pixels < options.min_length:
        return shapely.MultiPolygon(), ()
    found = features.shapes(core.astype(np.uint8), mask=core, connectivity=4)  # touching corners do not join
    outline = shapely.MultiPolygon([shapely.geometry.shape(part) for part, _ in found])
    area = float(shapely.transform(outline, to_metres).area)
    perimeter = float(shapely.transform(objects.rim(outline), to_metres).length)
    compactness = min(1.0, 4 * np.pi * area / perimeter**2)
    mean, largest = ((float(value) - 1) / LEVELS for value in (stored[core].mean(), stored[core].max()))
    placed = shapely.transform(shapely.simplify(outline, options.simplify), place)
    return shapely.MultiPolygon(shapely.get_parts(placed).tolist()), (
        area, length, area / length, *objects.axes(core, to_metres), perimeter, compactness, mean, largest,
        objects.rim_share(core, stored == 0),
    )  # fmt: skip
